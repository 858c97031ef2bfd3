package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// Check finds what a cluster can never do with an element.
func (p *Provider) Check(el template.Element) fairlead.Diagnostics {
	_, r := p.understand(el)
	return r.diags
}

// Plan reads the cluster and decides what Apply shall do.
func (p *Provider) Plan(ctx context.Context, want template.Element, prior *fairlead.Record) (fairlead.Change, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	o, r := p.understand(want)
	if err := r.diags.Err("element " + want.Name); err != nil {
		return fairlead.Change{}, err
	}
	c := fairlead.Change{Verb: fairlead.OpCreate, Prior: prior, Record: fairlead.Record{
		StackID: want.StackID, Stack: want.Stack, Element: want.Name, Type: want.Type, Target: want.Target, Namespace: want.Namespace,
		State: fairlead.RecordPlanned, Properties: want.Properties, Requires: want.Requires, Position: want.Position,
		Identity: map[string]string{"instance": p.instance}, AdoptAs: want.AdoptAs,
	}}
	if o == nil { // not even its kind is known yet
		return guess(c, prior), nil
	}
	pl, err := p.placeOf(ctx, o)
	if isMissingKind(err) && prior == nil && (len(want.Requires) > 0 || r.unknown) {
		err = nil // what it requires can bring the kind; Apply asks again
		pl = place{mapping: mapping{kind: o.GroupVersionKind()}, namespace: o.namespace, name: o.GetName()}
		c.Reason = "the cluster does not know its kind yet"
	}
	if err != nil {
		return c, p.explain(ctx, request{subject: "element " + want.Name, place: pl}, err)
	}
	c.Record.Identity = p.identity(pl)
	if want.Adopt {
		c.Record.Identity["adopt"] = "true"
	}
	if prior != nil {
		if why := moved(prior.Identity, c.Record.Identity); why != "" {
			p.namespaces.replaces(c.Record)
			return anew(c, why), nil
		}
		c.Record.Identity["uid"] = prior.Identity["uid"]
	}
	c.Record.Attributes = names(o.Unstructured)
	if r.unknown || c.Reason != "" {
		return guess(c, prior), nil
	}
	if p.surelyNew(ctx, want, o, pl, prior) {
		return c, nil
	}
	return p.decide(ctx, c, o, pl)
}

// surelyNew reports whether an object is to be made and need not be tried on the API server first: in a plan that is sparing with
// calls, where another of its kind is tried in the namespace, its fields are known here, and there is none of its name.
func (p *Provider) surelyNew(ctx context.Context, want template.Element, o *object, l place, prior *fairlead.Record) bool {
	sort := scope{GroupVersionResource: l.GroupVersionResource, namespace: l.namespace}
	if prior != nil || want.Adopt || !known(o.GroupVersionKind()) || want.Pass.Tries(fmt.Sprint(sort)) {
		return false
	}
	names, err := want.Pass.Once(sort, func() (any, error) { return p.namesIn(ctx, sort) })
	there, all := names.(map[string]bool)
	return err == nil && all && !there[l.name]
}

// namesIn lists the names of a kind's objects in a namespace; nil when there are so many that asking for each is better.
func (p *Provider) namesIn(ctx context.Context, s scope) (any, error) {
	const most = 1000
	list, err := p.meta.Resource(s.GroupVersionResource).Namespace(s.namespace).List(ctx, metav1.ListOptions{Limit: most})
	if err != nil || list.Continue != "" {
		return nil, err
	}
	names := make(map[string]bool, len(list.Items))
	for i := range list.Items {
		names[list.Items[i].Name] = true
	}
	return names, nil
}

// guess is the verb while values are unknown.
func guess(c fairlead.Change, prior *fairlead.Record) fairlead.Change {
	if prior != nil {
		c.Verb, c.Reason = fairlead.OpUpdate, "some values become known only when other elements are made"
	}
	return c
}

func (p *Provider) identity(l place) map[string]string {
	id := map[string]string{"apiVersion": l.kind.GroupVersion().String(), "kind": l.kind.Kind, "name": l.name, "instance": p.instance}
	if l.namespace != "" {
		id["namespace"] = l.namespace
	}
	return id
}

// moved says how the wanted object is another one than the recorded.
func moved(before, after map[string]string) string {
	if before["kind"] == "" {
		return ""
	}
	for _, k := range []string{"kind", "name", "namespace"} {
		if before[k] != after[k] && after[k] != "" {
			return fmt.Sprintf("its %s changes from %s to %s", k, before[k], after[k])
		}
	}
	was, _ := schema.ParseGroupVersion(before["apiVersion"])
	is, _ := schema.ParseGroupVersion(after["apiVersion"])
	if was.Group != is.Group {
		return fmt.Sprintf("its API group changes from %s to %s", was.Group, is.Group)
	}
	return ""
}

// decide compares what is wanted with what is there.
func (p *Provider) decide(ctx context.Context, c fairlead.Change, o *object, l place) (fairlead.Change, error) {
	p.mark(o, c.Record)
	q := request{subject: "element " + c.Record.Element, verbs: []string{"get"}, place: l, source: o.source, adoptAs: c.Record.AdoptAs}
	if c.Prior == nil {
		err := p.try(ctx, l, o)
		if !apierrors.IsAlreadyExists(err) {
			q.verbs = []string{"create", "patch"}
			return c, p.curable(c, o, err, p.explain(ctx, q, err))
		}
	} else if live := p.watches.object(l); live != nil && settled(c.Prior, c.Record) && p.asWanted(live, o, c) {
		return none(c), nil
	}
	live, err := p.get(ctx, l)
	if err != nil {
		return c, p.explain(ctx, q, err)
	}
	if live == nil && c.Prior != nil && expired(*c.Prior) && settled(c.Prior, c.Record) {
		return none(c), nil
	}
	if live == nil {
		c.Verb = fairlead.OpCreate
		if c.Prior != nil && c.Prior.State == fairlead.RecordMade {
			c.Reason = "it is gone from the cluster"
		}
		return c, nil
	}
	return p.decideOn(ctx, c, o, q, live)
}

// decideOn compares what is wanted with the object of its name that exists.
func (p *Provider) decideOn(ctx context.Context, c fairlead.Change, o *object, q request, live *unstructured.Unstructured) (fairlead.Change, error) {
	adopt := c.Record.Identity["adopt"] != ""
	known := c.Record
	if c.Prior != nil {
		known.Identity = c.Prior.Identity
	}
	b := belongs(live, known)
	switch {
	case b == another, b == nobodys && !adopt:
		return c, taken(q, live, b)
	case live.GetDeletionTimestamp() != nil:
		p.namespaces.replaces(c.Record)
		return anew(c, "it is being deleted"), nil
	case b == ours && settled(c.Prior, c.Record) && p.asWanted(live, o, c):
		return none(c), nil
	}
	c.Verb, c.Record.Attributes = fairlead.OpUpdate, nil
	q.verbs = []string{"patch"}
	tried, err := p.patchWith(ctx, q.place, o, patching{dry: true, force: adopt})
	if s, ok := errors.AsType[*apierrors.StatusError](err); ok && len(conflicts(s.ErrStatus)) > 0 {
		c.Refused, c.Held = p.explain(ctx, q, err), heldFields(q, s.ErrStatus, o.Object, live.Object)
		tried, err = p.patch(ctx, q.place, o, patching{dry: true, force: true}) // what else there would be to say
	}
	switch {
	case apierrors.IsInvalid(err):
		return p.replaceable(ctx, c, o, q, err)
	case err != nil:
		return c, p.explain(ctx, q, err)
	case c.Prior == nil && b == nobodys:
		c.Reason = "it exists already and is adopted"
	case !sameInEffect(live, tried):
	case settled(c.Prior, c.Record):
		return none(c), nil
	default:
		c.Reason = "the cluster has it as wanted already; it is written down"
	}
	return c, nil
}

// patchWith applies an object and takes fields over from managers of ours.
func (p *Provider) patchWith(ctx context.Context, l place, o *object, how patching) (*unstructured.Unstructured, error) {
	out, err := p.patch(ctx, l, o, how)
	if err != nil && !how.force && onlyOurs(err) {
		how.force = true
		return p.patch(ctx, l, o, how)
	}
	return out, err
}

func none(c fairlead.Change) fairlead.Change {
	c.Verb, c.Reason = fairlead.OpNone, ""
	if c.Prior != nil {
		c.Record.Attributes, c.Record.State, c.Record.Identity = c.Prior.Attributes, c.Prior.State, c.Prior.Identity
	}
	return c
}

// settled reports whether the wanted properties are those that were applied.
func settled(prior *fairlead.Record, want fairlead.Record) bool {
	return prior != nil && prior.State == fairlead.RecordMade && prior.Identity["uid"] != "" && reflect.DeepEqual(prior.Properties, want.Properties)
}

// asWanted reports whether an object is the one that was made and has every wanted value. What was applied is what is wanted
// then, so there is nothing to take away either.
func (p *Provider) asWanted(live *unstructured.Unstructured, o *object, c fairlead.Change) bool {
	return live.GetDeletionTimestamp() == nil && string(live.GetUID()) == c.Prior.Identity["uid"] && belongs(live, *c.Prior) == ours &&
		len(differences(o.Unstructured, live)) == 0
}

// curable leaves out of a plan what can be different when its turn comes: the namespace of the stack is made, and what an
// element requires can bring rights, quota and service accounts.
func (p *Provider) curable(c fairlead.Change, o *object, err, explained error) error {
	requires := len(c.Record.Requires) > 0
	switch {
	case err == nil, missingNamespace(err) && (o.stackNamespace || requires):
		return nil
	case requires && (apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsInternalError(err)):
		return nil
	}
	return explained
}

// replaceable decides whether an update that the cluster refuses would be fine for a new object. Validation comes before the
// name is looked at, so a create that fails for the name alone, or after validation, tells so.
func (p *Provider) replaceable(ctx context.Context, c fairlead.Change, o *object, q request, refused error) (fairlead.Change, error) {
	fresh := *o
	fresh.Unstructured = o.DeepCopy()
	if q.kind.Group == "" && q.kind.Kind == "Service" { // addresses and ports that it holds itself would count as taken
		freeService(fresh.Object)
	}
	err := p.try(ctx, q.place, &fresh)
	if err == nil || apierrors.IsAlreadyExists(err) || apierrors.IsForbidden(err) {
		p.namespaces.replaces(c.Record)
		return anew(c, immutableFields(refused)), nil
	}
	return c, p.explain(ctx, q, refused)
}

// anew is the change of an object that has to go before it is made again.
func anew(c fairlead.Change, why string) fairlead.Change {
	c.Verb, c.Reason = fairlead.OpReplace, why
	delete(c.Record.Identity, "uid")
	return c
}

func freeService(o map[string]any) {
	for _, f := range []string{"clusterIP", "clusterIPs", "healthCheckNodePort"} {
		unstructured.RemoveNestedField(o, "spec", f)
	}
	ports, _ := child(o, "spec")["ports"].([]any)
	for _, port := range ports {
		if port, ok := port.(map[string]any); ok {
			delete(port, "nodePort")
		}
	}
}

// immutableFields says what cannot be changed in place.
func immutableFields(refused error) string {
	var fields []string
	if s, ok := errors.AsType[*apierrors.StatusError](refused); ok && s.ErrStatus.Details != nil {
		for _, cause := range s.ErrStatus.Details.Causes {
			if cause.Field != "" && !slices.Contains(fields, cause.Field) {
				fields = append(fields, cause.Field)
			}
		}
	}
	switch len(fields) {
	case 0:
		return "the cluster does not change it in place"
	case 1:
		return fields[0] + " cannot be changed in place"
	}
	return strings.Join(fields, ", ") + " cannot be changed in place"
}
