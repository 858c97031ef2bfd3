package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/fairlead/fairlead"
)

type containerSummary = container.Summary

// crashes is how often a container may end before it counts as one that never will run.
const crashes = 3

// Health looks at what the record names.
func (p *Provider) Health(ctx context.Context, rec fairlead.Record) (fairlead.Health, error) {
	m, o, err := p.understand(rec)
	if err != nil {
		return fairlead.Health{State: fairlead.HealthUnknown}, err
	}
	var h fairlead.Health
	switch {
	case m.work != nil:
		h, err = p.workloadHealth(ctx, o, m.work, rec.Identity, rec.Begun)
	case m.service != nil:
		h, err = p.serviceHealth(ctx, o, m)
	default:
		h = fairlead.Health{State: fairlead.Healthy}
	}
	if err != nil {
		return fairlead.Health{State: fairlead.HealthUnknown, Reason: err.Error()}, p.wrap("element "+rec.Element, err)
	}
	return h, nil
}

func progressing(format string, args ...any) fairlead.Health {
	return fairlead.Health{State: fairlead.HealthProgressing, Reason: fmt.Sprintf(format, args...), Again: true}
}

func unhealthy(format string, args ...any) fairlead.Health {
	return fairlead.Health{State: fairlead.Unhealthy, Reason: fmt.Sprintf(format, args...)}
}

func (p *Provider) workloadHealth(ctx context.Context, o owner, w *workload, identity map[string]string, begun *time.Time) (fairlead.Health, error) {
	defer p.elements.lock(o.key())()
	r, err := p.revise(ctx, o, w, identity)
	if _, ok := errors.AsType[*missingConfig](err); ok {
		return progressing("%v", err), nil
	}
	if err != nil {
		return fairlead.Health{}, err
	}
	pods, err := p.observe(ctx, o.with())
	if err != nil {
		return fairlead.Health{}, err
	}
	for _, po := range pods {
		if po.hash == r.hash && !p.isLeaving(po) && !p.podReady(po) {
			p.check(ctx, po, false)
		}
	}
	if o.kind == kindJob {
		return p.jobHealth(ctx, r, pods), nil
	}
	return p.runningHealth(ctx, r, pods, begun), nil
}

// tally counts the pods of a workload.
type tally struct {
	current, ready, done, failed, old, leaving int
	newest                                     time.Time // creation of the newest current pod
}

// stuck reports whether the time for progress is over. It counts from the newest container, and for an operation that began later
// from its beginning.
func (t tally) stuck(begun *time.Time, limit time.Duration, now time.Time) bool {
	since := t.newest
	if begun != nil && begun.After(since) {
		since = *begun
	}
	return limit > 0 && t.current > 0 && !t.newest.IsZero() && now.Sub(since) > limit
}

func (p *Provider) count(pods []*pod, hash string) tally {
	var t tally
	for _, po := range pods {
		switch {
		case p.isLeaving(po):
			t.leaving++
			continue
		case po.hash != hash:
			t.old++
			continue
		}
		t.current++
		switch {
		case po.done():
			t.done++
		case p.podReady(po):
			t.ready++
		case po.failed():
			t.failed++
		}
		for _, m := range po.members {
			if c := m.createdAt(); c.After(t.newest) {
				t.newest = c
			}
		}
	}
	return t
}

// runningHealth looks at containers that are to run on. begun is since when an operation works on them, if one does: it has all the
// time that there is for progress, however old the containers are.
func (p *Provider) runningHealth(ctx context.Context, r *revision, pods []*pod, begun *time.Time) fairlead.Health {
	t := p.count(pods, r.hash)
	want := r.work.replicas
	switch {
	case t.ready+t.done >= want && t.current == want && t.old+t.leaving == 0:
		return fairlead.Health{State: fairlead.Healthy}
	case t.ready+t.done >= want && t.current >= want:
		return progressing("%s on the way out", plural(t.old+t.leaving+t.current-want, "old container"))
	}
	why, hopeless := p.trouble(ctx, r, pods)
	head := fmt.Sprintf("%d of %s ready", t.ready+t.done, plural(want, "container"))
	if why == "" {
		why = p.noted(r.owner)
	}
	if why != "" {
		head += "; " + why
	}
	if hopeless {
		return unhealthy("%s", head)
	}
	if d := r.work.deadline; t.stuck(begun, d, p.now()) {
		return unhealthy("%s; no progress for %s", head, d)
	}
	return progressing("%s", head)
}

// trouble finds the worst thing about the current pods, and whether waiting cannot cure it.
func (p *Provider) trouble(ctx context.Context, r *revision, pods []*pod) (why string, hopeless bool) {
	for _, po := range pods {
		if po.hash != r.hash || p.isLeaving(po) || p.podReady(po) || po.done() {
			continue
		}
		text := p.troubleOf(ctx, po)
		if po.failed() || p.restarts(po) >= crashes {
			if text == "" {
				text = p.probeTrouble(po)
			}
			return text, true
		}
		if text == "" {
			text = p.probeTrouble(po)
		}
		if why == "" {
			why = text
		}
	}
	return why, false
}

func (p *Provider) probeTrouble(po *pod) string {
	for _, m := range po.working() {
		if r := p.watchOf(m).reason(); r != "" {
			return r
		}
	}
	return ""
}

func (p *Provider) jobHealth(ctx context.Context, r *revision, pods []*pod) fairlead.Health {
	t := p.count(pods, r.hash)
	w := r.work
	switch {
	case t.done >= w.completions && t.old+t.leaving == 0:
		return fairlead.Health{State: fairlead.Healthy, Reason: "completed"}
	case t.failed > 0 && (t.failed > w.backoff || w.tries(r.kind) > 0):
		why, _ := p.trouble(ctx, r, pods)
		return unhealthy("the Job failed; %s", strings.TrimSuffix(why, "; "))
	}
	if w.active > 0 {
		for _, po := range pods {
			if po.hash == r.hash && po.main != nil && po.main.running() && p.now().Sub(po.main.startedAt()) > w.active {
				return unhealthy("the Job runs longer than its activeDeadlineSeconds (%s)", w.active)
			}
		}
	}
	head := fmt.Sprintf("%d of %s done", t.done, plural(w.completions, "run"))
	if why, _ := p.trouble(ctx, r, pods); why != "" {
		head += "; " + why
	} else if note := p.noted(r.owner); note != "" {
		head += "; " + note
	}
	return progressing("%s", head)
}

func (p *Provider) serviceHealth(ctx context.Context, o owner, m *manifest) (fairlead.Health, error) {
	s, err := p.serviceOf(o, m)
	if err != nil {
		return fairlead.Health{}, err
	}
	forwarder, err := p.forwarderOf(ctx, o)
	if err != nil {
		return fairlead.Health{}, err
	}
	attrs := p.staticAttributes(o, m)
	maps.Copy(attrs, s.attributes(forwarder))
	h := fairlead.Health{State: fairlead.Healthy, Reason: p.noted(o), Attributes: attrs}
	reason, err := p.serviceDrift(ctx, m, o)
	if err != nil {
		return fairlead.Health{}, err
	}
	if reason != "" {
		h.State, h.Reason, h.Again = fairlead.HealthProgressing, reason, true
		if forwarder != nil && forwarder.RestartCount >= crashes {
			h.State, h.Again = fairlead.Unhealthy, false
			h.Reason = "the forwarder does not run: " + p.lastLine(ctx, forwarder.ID)
		}
		return h, nil
	}
	if forwarder != nil && !p.listens(ctx, forwarder, s) {
		h.State, h.Reason = fairlead.HealthProgressing, "the forwarder does not listen yet"
	}
	return h, nil
}

// listens reports whether a forwarder takes connections. Only a refusal counts as no: where the engine's network cannot be
// reached from here, nothing can be told.
func (p *Provider) listens(ctx context.Context, forwarder *container.InspectResponse, s *service) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, e := range forwarder.NetworkSettings.Networks {
		for _, sp := range s.Ports {
			if e == nil || !e.IPAddress.IsValid() || !strings.EqualFold(sp.Protocol, "tcp") {
				continue
			}
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(e.IPAddress.String(), strconv.Itoa(sp.Port)))
			if errors.Is(err, syscall.ECONNREFUSED) {
				return false
			}
			if err == nil {
				conn.Close()
			}
		}
	}
	return true
}
