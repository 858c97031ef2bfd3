package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

// Run follows the containers of this server until ctx ends: it probes them, gives aliases to those that become ready, takes
// them from those that no longer are, and restarts those whose liveness probe fails. It sleeps between the engine's events
// and the next probe that is due; where nothing is probed it does nothing.
func (p *Provider) Run(ctx context.Context) error {
	wait := time.Second
	for ctx.Err() == nil {
		begun := p.now()
		err := p.follow(ctx)
		if ctx.Err() != nil {
			break
		}
		if p.now().Sub(begun) > time.Minute {
			wait = time.Second
		}
		p.log.Info("engine: connection lost, trying again", "host", p.host, "error", err, "in", wait)
		pause(ctx, wait)
		wait = min(2*wait, 30*time.Second)
	}
	return ctx.Err()
}

// supervisor is one life of Run's loop. Only the loop touches its fields.
type supervisor struct {
	p       *Provider
	owners  map[string]owner
	due     map[string]time.Time // zero is never
	busy    map[string]bool
	dirty   map[string]bool // something happened while busy
	seen    map[string]*view
	results chan result
}

// view is an element as it was at the last look. It holds until the engine reports an event.
type view struct {
	pods  []*pod
	ready map[string]bool // by id of the first container
}

type result struct {
	key  string
	next time.Time
	view *view // nil when the look failed
}

// follow subscribes first and looks then, so that nothing is missed in between.
func (p *Provider) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	stream := p.api.Events(ctx, client.EventsListOptions{Filters: client.Filters{}.
		Add("type", string(events.ContainerEventType)).
		Add("label", labelInstance+"="+p.instance).
		Add("event", string(events.ActionStart), string(events.ActionDie), string(events.ActionDestroy))})
	s := &supervisor{p: p, owners: map[string]owner{}, due: map[string]time.Time{}, busy: map[string]bool{}, dirty: map[string]bool{},
		seen: map[string]*view{}, results: make(chan result)}
	defer s.drain()
	defer cancel()
	list, err := p.containers(ctx, labelled{labelInstance: p.instance})
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.Labels[labelPod] != "" {
			s.touch(ownerOf(c.Labels))
		}
	}
	for {
		timer := s.timer(ctx)
		select {
		case <-ctx.Done():
		case err = <-stream.Err:
		case ev := <-stream.Messages:
			if ev.Action == events.ActionDestroy {
				p.forget(ev.Actor.ID)
			}
			if ev.Actor.Attributes[labelPod] != "" {
				s.touch(ownerOf(ev.Actor.Attributes))
			}
		case r := <-s.results:
			s.finish(r)
		case <-timer:
		}
		if err != nil || ctx.Err() != nil {
			return err
		}
		s.start(ctx)
	}
}

// touch makes an element due at once.
func (s *supervisor) touch(o owner) {
	k := o.key()
	s.owners[k] = o
	s.due[k] = s.p.now()
	s.dirty[k] = s.busy[k]
	delete(s.seen, k)
}

// timer fires when the next element is due.
func (s *supervisor) timer(ctx context.Context) <-chan time.Time {
	var next time.Time
	for k, t := range s.due {
		if !s.busy[k] {
			next = earliest(next, t)
		}
	}
	if next.IsZero() {
		return nil
	}
	return time.After(max(0, next.Sub(s.p.now())))
}

// start begins a look at every element that is due, each beside the loop.
func (s *supervisor) start(ctx context.Context) {
	for k, t := range s.due {
		if s.busy[k] || t.IsZero() || t.After(s.p.now()) {
			continue
		}
		s.busy[k], s.dirty[k] = true, false
		o, seen := s.owners[k], s.seen[k]
		go func() { s.results <- s.p.attend(ctx, o, seen) }()
	}
}

func (s *supervisor) finish(r result) {
	delete(s.busy, r.key)
	switch {
	case s.dirty[r.key]:
		s.due[r.key] = s.p.now()
	case r.view != nil && len(r.view.pods) == 0:
		delete(s.due, r.key)
		delete(s.owners, r.key)
		delete(s.dirty, r.key)
		delete(s.seen, r.key)
	default:
		s.due[r.key], s.seen[r.key] = r.next, r.view
	}
}

// drain waits for the looks under way; their context has ended.
func (s *supervisor) drain() {
	for range s.busy {
		<-s.results
	}
}

// attend looks after the containers of one element: probes, aliases, restarts. With an earlier view it asks the engine only
// when a probe changed something.
func (p *Provider) attend(ctx context.Context, o owner, seen *view) result {
	defer p.elements.lock(o.key())()
	if seen != nil {
		next, ready := p.probeAll(ctx, seen.pods)
		if maps.Equal(ready, seen.ready) {
			return result{key: o.key(), next: next, view: seen}
		}
	}
	pods, err := p.observe(ctx, o.with())
	if err != nil {
		return result{key: o.key(), next: p.now().Add(5 * time.Second)}
	}
	pods = slices.DeleteFunc(pods, p.isLeaving)
	next, ready := p.probeAll(ctx, pods)
	for _, po := range pods {
		p.rejoin(po)
	}
	if err := p.realign(ctx, o, pods); err != nil {
		if ctx.Err() == nil {
			p.log.Warn("engine: aliases", "element", o.element, "stack", o.stack, "error", err)
		}
		return result{key: o.key(), next: earliest(next, p.now().Add(5*time.Second))}
	}
	return result{key: o.key(), next: next, view: &view{pods: pods, ready: ready}}
}

// probeAll runs the probes that are due and tells which pods are ready, and when the next probe is due.
func (p *Provider) probeAll(ctx context.Context, pods []*pod) (next time.Time, ready map[string]bool) {
	ready = map[string]bool{}
	for _, po := range pods {
		if p.isLeaving(po) {
			continue
		}
		next = earliest(next, p.check(ctx, po, false))
		ready[po.id()] = p.podReady(po)
	}
	return next, ready
}

// realign gives each pod the aliases that its readiness calls for. Pods without probes keep what they have: only their
// running counts, and engines give names only to running containers.
func (p *Provider) realign(ctx context.Context, o owner, pods []*pod) error {
	if !slices.ContainsFunc(pods, (*pod).onNetwork) {
		return nil
	}
	networkID, err := p.findNetwork(ctx, o.scope)
	if err != nil || networkID == "" {
		return err
	}
	return p.syncAliases(ctx, o.scope, networkID, pods)
}

// rejoin restarts containers that share the network of a first container which was restarted after them: they still hold the
// network that is gone.
func (p *Provider) rejoin(po *pod) {
	if po.main == nil || !po.main.running() {
		return
	}
	for _, m := range po.sides {
		if m.running() && m.startedAt().Before(po.main.startedAt()) {
			w := p.watchOf(m)
			w.mu.Lock()
			p.restart(m, w, "the pod's first container was restarted")
			w.restarted--
			w.mu.Unlock()
		}
	}
}

// forget drops what probes knew of a container that is gone.
func (p *Provider) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.watches, id)
}
