package kubernetes

import (
	"context"
	"encoding/json"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/fairlead/fairlead"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// place is where one object is.
type place struct {
	mapping
	namespace string // "" for kinds without namespace
	name      string
}

// String is what people call it: ConfigMap shop/settings.
func (l place) String() string {
	if l.namespace == "" {
		return l.kind.Kind + " " + l.name
	}
	return l.kind.Kind + " " + l.namespace + "/" + l.name
}

// placeOf finds where a wanted object goes.
func (p *Provider) placeOf(ctx context.Context, o *object) (place, error) {
	m, err := p.kinds.of(ctx, o.GroupVersionKind())
	l := place{mapping: m, namespace: o.namespace, name: o.GetName()}
	if err == nil && !m.namespaced {
		l.namespace = ""
	}
	return l, err
}

// placeOfRecord finds where a recorded object is, from its identity alone.
func (p *Provider) placeOfRecord(ctx context.Context, r fairlead.Record) (place, error) {
	gv, err := schema.ParseGroupVersion(r.Identity["apiVersion"])
	if err != nil || r.Identity["kind"] == "" || r.Identity["name"] == "" {
		return place{}, fairlead.Errorf(fairlead.Internal, "element %s: its record names no object", r.Element)
	}
	m, err := p.kinds.of(ctx, gv.WithKind(r.Identity["kind"]))
	if missing, ok := err.(*missingKind); ok && len(missing.versions) > 0 { // the version was removed by an upgrade of the cluster
		if gv, err = schema.ParseGroupVersion(missing.versions[len(missing.versions)-1]); err == nil {
			m, err = p.kinds.of(ctx, gv.WithKind(r.Identity["kind"]))
		}
	}
	return place{mapping: m, namespace: r.Identity["namespace"], name: r.Identity["name"]}, err
}

func (p *Provider) at(l place) dynamic.ResourceInterface {
	if l.namespace == "" {
		return p.objects.Resource(l.GroupVersionResource)
	}
	return p.objects.Resource(l.GroupVersionResource).Namespace(l.namespace)
}

// get reads an object from the API server; nil when it does not exist.
func (p *Provider) get(ctx context.Context, l place) (*unstructured.Unstructured, error) {
	o, err := p.at(l).Get(ctx, l.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return o, err
}

// live returns an object as it is: from a watch that has caught up, else from the API server. What a watch does not see can
// exist all the same, because only marked objects are watched. The object is shared: it must not be changed.
func (p *Provider) live(ctx context.Context, l place) (*unstructured.Unstructured, error) {
	if o := p.watches.object(l); o != nil {
		return o, nil
	}
	return p.get(ctx, l)
}

// patching are the ways to apply an object.
type patching struct {
	dry   bool
	force bool
}

// patch applies an object on the server's side.
func (p *Provider) patch(ctx context.Context, l place, o *object, how patching) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(o.Object)
	if err != nil {
		return nil, err
	}
	options := metav1.PatchOptions{FieldManager: manager, FieldValidation: metav1.FieldValidationStrict}
	if how.force {
		options.Force = &how.force
	}
	if how.dry {
		options.DryRun = []string{metav1.DryRunAll}
	}
	out, err := p.at(l).Patch(ctx, l.name, types.ApplyPatchType, body, options)
	if !nameless(err) {
		return out, err
	}
	// The API server gives its own troubles the same kind of error as a manifest that cannot be applied. When it would take the
	// object otherwise, the manifest is at fault.
	if tried := p.try(ctx, l, o); tried != nil && !apierrors.IsAlreadyExists(tried) {
		return nil, tried
	}
	if out, err = p.at(l).Patch(ctx, l.name, types.ApplyPatchType, body, options); nameless(err) {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return out, err
}

// nameless reports whether an error of the API server says neither of what kind it is nor what it is about.
func nameless(err error) bool {
	s, ok := errors.AsType[*apierrors.StatusError](err)
	return ok && s.ErrStatus.Reason == metav1.StatusReasonUnknown && s.ErrStatus.Details == nil
}

// try asks the API server whether it would make the object if there were none of its name.
func (p *Provider) try(ctx context.Context, l place, o *object) error {
	_, err := p.at(l).Create(ctx, o.Unstructured, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldManager: manager, FieldValidation: metav1.FieldValidationStrict})
	return err
}
