package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/moby/moby/client"

	"github.com/fairlead/fairlead"
)

// Apply takes one pass: it does what can be done now and returns. The same pass makes the first container, replaces old ones
// by new ones and repairs what somebody else broke, because it only looks at what is there and what is wanted.
func (p *Provider) Apply(ctx context.Context, change fairlead.Change) (fairlead.Record, error) {
	rec := change.Record
	if change.Verb == fairlead.OpDelete {
		return rec, p.Delete(ctx, rec)
	}
	m, o, err := p.understand(rec)
	if err != nil {
		return rec, err
	}
	defer p.elements.lock(o.key())()
	attrs := p.staticAttributes(o, m)
	if err := p.clearOthers(ctx, o); err != nil {
		return rec, p.wrap("element "+rec.Element, err)
	}
	switch {
	case m.work != nil:
		err = p.applyWorkload(ctx, o, m.work, rec.Identity)
	case m.service != nil:
		err = p.applyService(ctx, o, m, attrs)
	}
	if err != nil {
		if _, ok := errors.AsType[*missingConfig](err); !ok && !errors.Is(err, errRepeat) {
			return rec, p.wrap("element "+rec.Element, err)
		}
		p.note(o, err.Error())
	}
	rec.State, rec.Attributes, rec.UpdatedAt = fairlead.RecordMade, attrs, p.now()
	return rec, nil
}

// clearOthers removes what the element was before it changed its kind, name or namespace.
func (p *Provider) clearOthers(ctx context.Context, o owner) error {
	list, err := p.containers(ctx, o.with())
	if err != nil {
		return err
	}
	for _, c := range list {
		if !o.same(c.Labels) && c.Labels[labelPod] == "" {
			if err := p.discard(ctx, c.ID); err != nil {
				return err
			}
		}
	}
	if slices.ContainsFunc(list, func(c containerSummary) bool { return !o.same(c.Labels) && c.Labels[labelPod] != "" }) {
		pods, err := p.observe(ctx, o.with())
		if err != nil {
			return err
		}
		for _, po := range pods {
			if !o.same(po.anyMember().info.Config.Labels) {
				if err := p.terminate(ctx, "", po); err != nil {
					return err
				}
			}
		}
	}
	vols, err := p.volumes(ctx, o.with(labelRole, roleMarker))
	if err != nil {
		return err
	}
	for _, v := range vols {
		if !o.same(v.Labels) {
			if _, err := p.api.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{}); err != nil && !gone(err) {
				return err
			}
		}
	}
	return nil
}

func (p *Provider) applyWorkload(ctx context.Context, o owner, w *workload, identity map[string]string) error {
	p.note(o, "")
	r, err := p.revise(ctx, o, w, identity)
	if err != nil {
		return err
	}
	if r.network, err = p.ensureNetwork(ctx, o.scope); err != nil {
		return err
	}
	pods, err := p.observe(ctx, o.with())
	if err != nil {
		return err
	}
	if err := p.serve(ctx, r, pods); err != nil {
		return err
	}
	return p.roll(ctx, r, pods, identity)
}

// serve brings pods to life that are there: it goes on with unfinished ones, probes those that are not ready, and gives
// aliases to those that are.
func (p *Provider) serve(ctx context.Context, r *revision, pods []*pod) error {
	for _, po := range pods {
		if !p.isLeaving(po) && !p.podReady(po) {
			p.check(ctx, po, true)
		}
	}
	here := slices.DeleteFunc(slices.Clone(pods), p.isLeaving)
	if err := p.revive(ctx, r, here); err != nil {
		return err
	}
	if err := p.syncAliases(ctx, r.scope, r.network, here); err != nil {
		return err
	}
	return p.syncForwarders(ctx, r.scope, r.network)
}

// revive starts containers that somebody stopped by hand; engines start those again that ended by themselves.
func (p *Provider) revive(ctx context.Context, r *revision, pods []*pod) error {
	for _, po := range pods {
		if po.hash != r.hash {
			continue
		}
		for _, m := range po.working() {
			if !m.exited() || m.care.Ends || m.care.Tries >= 0 {
				continue
			}
			if _, err := p.api.ContainerStart(ctx, m.id, client.ContainerStartOptions{}); err != nil && !gone(err) {
				return fmt.Errorf("container %s cannot start: %w", m.name, err)
			}
		}
	}
	return nil
}

// roll makes and removes pods as the rollout calls for.
func (p *Provider) roll(ctx context.Context, r *revision, pods []*pod, identity map[string]string) error {
	s := r.work.next(r.kind, p.instancesOf(pods, r.hash))
	if len(s.create)+len(unfinished(pods, r.hash)) > 0 {
		first := !slices.ContainsFunc(pods, func(po *pod) bool { return po.hash == r.hash })
		waiting, err := p.ensureImages(ctx, r.owner, identity, &r.work.template.Spec, first)
		if err != nil {
			return err
		}
		if waiting != "" {
			p.note(r.owner, "image "+waiting+" is on its way to the engine")
			return nil
		}
	}
	for _, pos := range s.remove {
		if err := p.terminate(ctx, r.network, pods[pos]); err != nil {
			return err
		}
	}
	for _, index := range s.create {
		if err := p.stepPod(ctx, r, index, nil); err != nil {
			return err
		}
	}
	for _, po := range unfinished(pods, r.hash) {
		if !p.isLeaving(po) && !po.failed() {
			if err := p.stepPod(ctx, r, po.index, po); err != nil {
				return err
			}
		}
	}
	return p.sweepFiles(ctx, r, pods)
}

func (p *Provider) stepPod(ctx context.Context, r *revision, index int, have *pod) error {
	waits, err := p.ensurePod(ctx, r, index, have)
	if waits != "" {
		p.note(r.owner, waits)
	}
	if gone(err) { // an image or network that somebody removed in between
		return fmt.Errorf("%w (%v)", errRepeat, err)
	}
	return err
}

// sweepFiles removes the file volumes of revisions that no pod has any more.
func (p *Provider) sweepFiles(ctx context.Context, r *revision, pods []*pod) error {
	vols, err := p.volumes(ctx, r.with(labelRole, roleFiles))
	if err != nil {
		return err
	}
	inUseBy := map[string]bool{r.hash: true}
	for _, po := range pods {
		inUseBy[po.hash] = true
	}
	for _, v := range vols {
		if h := v.Labels[labelHash]; !inUseBy[h] {
			if err := p.removeVolumes(ctx, r.with(labelRole, roleFiles, labelHash, h)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Provider) applyService(ctx context.Context, o owner, m *manifest, attrs map[string]any) error {
	p.note(o, "")
	s, err := p.serviceOf(o, m)
	if err != nil {
		return err
	}
	networkID, err := p.ensureNetwork(ctx, o.scope)
	if err != nil {
		return err
	}
	if err := p.ensureMarker(ctx, s); err != nil {
		return err
	}
	if err := p.aliasScope(ctx, o.scope, networkID); err != nil {
		return err
	}
	if prog, err := p.program(); s.Publish != "" && err == nil {
		p.mu.Lock()
		p.needs[o.key()] = []string{prog.name}
		p.mu.Unlock()
	}
	waits, err := p.syncForwarder(ctx, s, networkID)
	if err != nil {
		return err
	}
	p.note(o, waits)
	forwarder, err := p.forwarderOf(ctx, o)
	if err != nil {
		return err
	}
	maps.Copy(attrs, s.attributes(forwarder))
	return nil
}

// aliasScope brings the aliases of all pods of a scope in line with its Services.
func (p *Provider) aliasScope(ctx context.Context, sc scope, networkID string) error {
	pods, err := p.observe(ctx, sc.with())
	if err != nil {
		return err
	}
	for _, po := range pods {
		if !p.podReady(po) {
			p.check(ctx, po, false)
		}
	}
	return p.syncAliases(ctx, sc, networkID, slices.DeleteFunc(pods, p.isLeaving))
}

// Delete removes what the record names. It reads nothing but the record.
func (p *Provider) Delete(ctx context.Context, rec fairlead.Record) error {
	o := p.ownerOfRecord(rec)
	defer p.elements.lock(o.key())()
	err := p.delete(ctx, o)
	if errors.Is(err, fairlead.ErrDeleting) {
		return err
	}
	return p.wrap("element "+rec.Element, err)
}

func (p *Provider) delete(ctx context.Context, o owner) error {
	networkID, err := p.findNetwork(ctx, o.scope)
	if err != nil {
		return err
	}
	p.mu.Lock()
	delete(p.needs, o.key())
	delete(p.notes, o.key())
	p.mu.Unlock()
	pods, err := p.observe(ctx, o.with())
	if err != nil {
		return err
	}
	for _, po := range pods {
		// Nobody follows them: there is no service to keep up and nothing to wait for.
		if err := p.terminate(ctx, "", po); err != nil {
			return err
		}
	}
	if err := p.deleteService(ctx, o, networkID); err != nil {
		return err
	}
	list, err := p.containers(ctx, o.with())
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.Labels[labelPod] == "" || c.Labels[labelRole] == roleLoader { // a loader that a crash left
			if err := p.discard(ctx, c.ID); err != nil {
				return err
			}
		}
	}
	if len(pods) > 0 {
		p.waitGone(ctx, pods)
		return fairlead.ErrDeleting
	}
	for _, role := range []string{roleEmpty, roleFiles} {
		if err := p.removeVolumes(ctx, o.with(labelRole, role)); err != nil {
			return err
		}
	}
	if err := p.releaseNetwork(ctx, o.scope); err != nil {
		return err
	}
	return p.releaseImages(ctx)
}

// waitGone gives pods that stop quickly the time to do so, so that the next call finds nothing.
func (p *Provider) waitGone(ctx context.Context, pods []*pod) {
	deadline := time.Now().Add(2 * time.Second)
	for time.Now().Before(deadline) && ctx.Err() == nil && slices.ContainsFunc(pods, p.isLeaving) {
		pause(ctx, 50*time.Millisecond)
	}
}

// deleteService removes a Service's marker, its aliases and its forwarder; nothing happens for other kinds.
func (p *Provider) deleteService(ctx context.Context, o owner, networkID string) error {
	markers, err := p.volumes(ctx, o.with(labelRole, roleMarker))
	if err != nil {
		return err
	}
	forwarder, err := p.forwarderOf(ctx, o)
	if err != nil {
		return err
	}
	if forwarder != nil {
		if err := p.discard(ctx, forwarder.ID); err != nil {
			return err
		}
	}
	for _, v := range markers {
		if _, err := p.api.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{}); err != nil && !gone(err) {
			return err
		}
	}
	if len(markers) > 0 && networkID != "" {
		return p.aliasScope(ctx, o.scope, networkID)
	}
	return nil
}
