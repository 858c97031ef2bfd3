package kubernetes

import (
	"cmp"
	"context"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// Apply applies the object and returns at once; Health waits for what the cluster makes of it.
func (p *Provider) Apply(ctx context.Context, change fairlead.Change) (fairlead.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	rec := change.Record
	o, err := p.understood(rec)
	if err != nil {
		return rec, err
	}
	q := request{subject: "element " + rec.Element, verbs: []string{"patch", "create"}, source: o.source, adoptAs: rec.AdoptAs}
	q.place, err = p.placeOf(ctx, o)
	if isMissingKind(err) && len(rec.Requires) > 0 {
		if _, err = p.kinds.soon(ctx, o.GroupVersionKind()); err == nil {
			q.place, err = p.placeOf(ctx, o)
		}
	}
	if err != nil {
		return rec, p.explain(ctx, q, err)
	}
	if q.kind.Group == "" && q.kind.Kind == "Pod" {
		q.account = cmp.Or(textOf(child(o.Object, "spec")["serviceAccountName"]), "default")
	}
	p.mark(o, rec)
	secret, err := p.ensurePullSecret(ctx, o, q)
	if err != nil {
		return rec, err
	}
	live, err := p.put(ctx, o, q, change)
	if err != nil {
		return rec, err
	}
	if live.GetDeletionTimestamp() != nil {
		return rec, fairlead.Errorf(fairlead.Unavailable, "%s: %s is being deleted%s", q.subject, q.place, finalizersOf(live))
	}
	if secret {
		p.holdPullSecret(ctx, q.place, live)
	}
	p.watches.wrote(q.place, live)
	rec.Identity = maps.Clone(rec.Identity)
	delete(rec.Identity, "adopt")
	maps.Copy(rec.Identity, p.identity(q.place))
	rec.Identity["uid"] = string(live.GetUID())
	rec.Attributes = attributesOf(live)
	return rec, nil
}

// put applies the object in whatever state it is.
func (p *Provider) put(ctx context.Context, o *object, q request, change fairlead.Change) (*unstructured.Unstructured, error) {
	adopt := change.Record.Identity["adopt"] != ""
	if change.Verb == fairlead.OpCreate && !adopt {
		live, err := p.create(ctx, o, q, change.Record)
		if live != nil || err != nil {
			return live, err
		}
	}
	if err := p.stillOurs(ctx, q, change, adopt); err != nil {
		return nil, err
	}
	live, err := p.patchWith(ctx, q.place, o, patching{force: adopt})
	if missingNamespace(err) && o.stackNamespace {
		if err = p.makeNamespace(ctx, q, change.Record); err != nil {
			return nil, err
		}
		live, err = p.patchWith(ctx, q.place, o, patching{force: adopt})
	}
	return live, p.explain(ctx, q, err)
}

// create makes the object if there is none; nil without an error when there is one. The resource version of an object that
// does not exist yet makes the apply fail where one exists, so nobody else's object is ever touched.
func (p *Provider) create(ctx context.Context, o *object, q request, rec fairlead.Record) (*unstructured.Unstructured, error) {
	fresh := *o
	fresh.Unstructured = o.DeepCopy()
	fresh.SetResourceVersion("1")
	live, err := p.patch(ctx, q.place, &fresh, patching{})
	if missingNamespace(err) && o.stackNamespace {
		if err = p.makeNamespace(ctx, q, rec); err != nil {
			return nil, err
		}
		live, err = p.patch(ctx, q.place, &fresh, patching{})
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return nil, nil
	}
	return live, p.explain(ctx, q, err)
}

// stillOurs looks whose an object is before it is changed.
func (p *Provider) stillOurs(ctx context.Context, q request, change fairlead.Change, adopt bool) error {
	live, err := p.live(ctx, q.place)
	if err != nil || live == nil {
		return p.explain(ctx, q, err)
	}
	known := change.Record
	if change.Prior != nil && known.Identity["uid"] == "" {
		known = *change.Prior
	}
	if b := belongs(live, known); b == another || b == nobodys && !adopt {
		return taken(q, live, b)
	}
	return nil
}

// textOf is a value that is text, else "".
func textOf(v any) string {
	s, _ := v.(string)
	return s
}

// understood reads a record back. Records hold only what Plan accepted.
func (p *Provider) understood(r fairlead.Record) (*object, error) {
	o, found := p.understand(template.Element{Name: r.Element, Type: r.Type, Stack: r.Stack, StackID: r.StackID, Namespace: r.Namespace, Properties: r.Properties})
	if err := found.diags.Err("element " + r.Element); err != nil {
		return nil, err
	}
	if found.unknown || o == nil {
		return nil, fairlead.Errorf(fairlead.Internal, "element %s: applied before all its values were known", r.Element)
	}
	return o, nil
}
