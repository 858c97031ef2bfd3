package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// Check finds what an engine can never do with an element.
func (p *Provider) Check(el template.Element) fairlead.Diagnostics {
	_, diags := parse(el)
	return diags
}

// Plan reads the engine and decides what Apply shall do.
func (p *Provider) Plan(ctx context.Context, want template.Element, prior *fairlead.Record) (fairlead.Change, error) {
	m, diags := parse(want)
	if err := diags.Err("element " + want.Name); err != nil {
		return fairlead.Change{}, err
	}
	c := fairlead.Change{Verb: fairlead.OpCreate, Prior: prior, Record: fairlead.Record{
		StackID: want.StackID, Stack: want.Stack, Element: want.Name, Type: want.Type, Target: want.Target, Namespace: want.Namespace,
		State: fairlead.RecordPlanned, Properties: want.Properties, Requires: want.Requires, Position: want.Position,
		Identity: map[string]string{"kind": m.kind, "name": m.name, "namespace": m.namespace, "instance": p.instance},
	}}
	o := p.ownerOfRecord(c.Record)
	c.Record.Attributes = p.staticAttributes(o, m)
	if prior != nil {
		c.Verb, c.Reason = fairlead.OpUpdate, ""
	}
	if template.HasUnknown(want.Properties) {
		if prior != nil {
			c.Reason = "some values become known only when other elements are made"
		}
		return c, nil
	}
	if m.work != nil {
		images, err := p.resolveImages(ctx, &m.work.template.Spec, prior)
		if err != nil {
			return fairlead.Change{}, p.wrap("element "+want.Name, err)
		}
		maps.Copy(c.Record.Identity, images)
	}
	if prior == nil {
		// Asking now means that an engine that does not answer is known before anything begins.
		_, err := p.about(ctx)
		return c, p.wrap("element "+want.Name, err)
	}
	var err error
	c.Verb, c.Reason, err = p.compare(ctx, m, o, c.Record, prior)
	if c.Verb == fairlead.OpNone {
		c.Record.Attributes, c.Record.State = prior.Attributes, prior.State
	}
	return c, p.wrap("element "+want.Name, err)
}

// staticAttributes are those known before anything is made.
func (p *Provider) staticAttributes(o owner, m *manifest) map[string]any {
	attrs := map[string]any{"refName": m.name, "refID": o.refID()}
	if app := m.labels["app"]; app != "" {
		attrs["refLabelsApp"] = app
	}
	return attrs
}

// compare decides between none, update and replace for an element that was recorded before.
func (p *Provider) compare(ctx context.Context, m *manifest, o owner, want fairlead.Record, prior *fairlead.Record) (fairlead.OperationVerb, string, error) {
	for _, k := range []string{"kind", "name", "namespace"} {
		if before := prior.Identity[k]; before != "" && before != want.Identity[k] {
			return fairlead.OpReplace, fmt.Sprintf("its %s changes from %s to %s", k, before, want.Identity[k]), nil
		}
	}
	changed := toJSON(prior.Properties) != toJSON(want.Properties)
	switch {
	case m.data != nil:
		if changed || prior.State != fairlead.RecordMade {
			return fairlead.OpUpdate, "", nil
		}
		return fairlead.OpNone, "", nil
	case m.service != nil:
		reason, err := p.serviceDrift(ctx, m, o)
		if reason == serviceMissing {
			return fairlead.OpCreate, reason, nil
		}
		return verbFor(changed || reason != ""), reason, err
	}
	r, err := p.revise(ctx, o, m.work, want.Identity)
	if _, ok := errors.AsType[*missingConfig](err); ok {
		return fairlead.OpUpdate, err.Error(), nil
	}
	if err != nil {
		return fairlead.OpUpdate, "", err
	}
	pods, err := p.observe(ctx, o.with())
	if err != nil {
		return fairlead.OpUpdate, "", err
	}
	if len(pods) == 0 && m.work.replicas > 0 {
		return fairlead.OpCreate, "nothing of it is left on the engine", nil
	}
	reason := r.drift(pods, p.podsRun(pods))
	if m.kind == kindJob && len(pods) > 0 && slices.ContainsFunc(pods, func(po *pod) bool { return po.hash != r.hash }) {
		return fairlead.OpReplace, "a Job runs once; a changed one is a new one", nil
	}
	return verbFor(changed || reason != "" || prior.State != fairlead.RecordMade), reason, nil
}

func verbFor(changed bool) fairlead.OperationVerb {
	if changed {
		return fairlead.OpUpdate
	}
	return fairlead.OpNone
}

// podsRun tells of each pod whether it runs or ended well, whatever probes say.
func (p *Provider) podsRun(pods []*pod) map[*pod]bool {
	out := map[*pod]bool{}
	for _, po := range pods {
		out[po] = po.done() || po.complete() && !slices.ContainsFunc(po.working(), func(m *member) bool { return !m.running() })
	}
	return out
}

// drift says how what is there differs from what is wanted; "" when it does not.
func (r *revision) drift(pods []*pod, runs map[*pod]bool) string {
	var current, old int
	for _, po := range pods {
		switch {
		case !r.same(po.anyMember().info.Config.Labels) || po.hash != r.hash:
			old++
		case runs[po]:
			current++
		}
	}
	switch {
	case old > 0:
		return fmt.Sprintf("%s of another revision", plural(old, "container"))
	case r.kind == kindJob && current >= r.work.completions:
		return ""
	case current != r.work.replicas:
		return fmt.Sprintf("%d of %s run", current, plural(r.work.replicas, "container"))
	}
	return ""
}

// anyMember is any container of the pod, the first one if there is one.
func (po *pod) anyMember() *member {
	if po.main != nil {
		return po.main
	}
	return po.members[0]
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

const serviceMissing = "its mark on the engine is missing"

// serviceDrift says how a Service on the engine differs from what is wanted; "" when it does not.
func (p *Provider) serviceDrift(ctx context.Context, m *manifest, o owner) (string, error) {
	s, err := p.serviceOf(o, m)
	if err != nil {
		return "", err
	}
	vols, err := p.volumes(ctx, o.with(labelRole, roleMarker))
	if err != nil {
		return "", err
	}
	if len(vols) == 0 {
		return serviceMissing, nil
	}
	if len(vols) != 1 || vols[0].Labels[labelService] != toJSON(s) || !o.same(vols[0].Labels) {
		return "its mark on the engine differs", nil
	}
	named, err := p.namedPorts(ctx, s)
	if err != nil {
		return "", err
	}
	f := s.forwarding(named)
	have, err := p.forwarderOf(ctx, o)
	switch {
	case err != nil:
		return "", err
	case f.waits != "":
		return "", nil
	case (have != nil) != (f.cmd != nil):
		return "its forwarder is missing or not needed any more", nil
	case have != nil && (have.Config.Labels[labelHash] != f.hash || !have.State.Running):
		return "its forwarder differs or does not run", nil
	}
	return "", nil
}

// understand reads a record back. Records hold only what Plan accepted.
func (p *Provider) understand(r fairlead.Record) (*manifest, owner, error) {
	m, diags := parse(template.Element{Name: r.Element, Type: r.Type, Stack: r.Stack, StackID: r.StackID, Namespace: r.Namespace, Properties: r.Properties})
	if err := diags.Err("element " + r.Element); err != nil {
		return nil, owner{}, err
	}
	if template.HasUnknown(r.Properties) {
		return nil, owner{}, fairlead.Errorf(fairlead.Internal, "element %s: applied before all its values were known", r.Element)
	}
	o := p.ownerOfRecord(r)
	if o.kind == "" || o.name == "" {
		o.kind, o.name, o.namespace = m.kind, m.name, m.namespace
	}
	return m, o, nil
}
