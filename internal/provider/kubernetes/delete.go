package kubernetes

import (
	"context"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead"
)

// Delete removes the object that the record names, if it is still the one, and after the last one the namespace.
func (p *Provider) Delete(ctx context.Context, rec fairlead.Record) error {
	if rec.Identity["name"] == "" { // it was never said which object it is, so none was made
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	q := request{subject: "element " + rec.Element, verbs: []string{"get", "delete"}}
	l, err := p.placeOfRecord(ctx, rec)
	q.place = l
	if isMissingKind(err) { // objects go with their kind
		q.namespace = rec.Identity["namespace"]
		return p.leaveNamespace(ctx, q, rec)
	}
	if err != nil {
		return p.explain(ctx, q, err)
	}
	live, err := p.get(ctx, l)
	if err != nil {
		return p.explain(ctx, q, err)
	}
	if live != nil && belongs(live, rec) == ours && live.GetDeletionTimestamp() == nil {
		if live, err = p.remove(ctx, l, live); err != nil {
			return p.explain(ctx, q, err)
		}
	}
	if live != nil && belongs(live, rec) == ours {
		return stillDeleting(q.subject, l.String(), live)
	}
	return p.leaveNamespace(ctx, q, rec)
}

// remove deletes an object and returns what is left of it.
func (p *Provider) remove(ctx context.Context, l place, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	uid, how := live.GetUID(), metav1.DeletePropagationBackground
	if l.kind.Group == "apps" || l.kind.Group == "batch" || !known(l.kind) {
		how = metav1.DeletePropagationForeground // it is gone when its pods are
	}
	err := p.at(l).Delete(ctx, l.name, metav1.DeleteOptions{PropagationPolicy: &how, Preconditions: &metav1.Preconditions{UID: &uid}})
	// A conflict means that another object has the name by now.
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return nil, err
	}
	p.watches.erased(l, uid)
	return p.get(ctx, l)
}

// finalizersOf says what holds an object that is being deleted.
func finalizersOf(o *unstructured.Unstructured) string {
	names := slices.DeleteFunc(o.GetFinalizers(), func(f string) bool { return f == metav1.FinalizerDeleteDependents })
	if len(names) > 0 {
		return "; it waits for the finalizer " + strings.Join(names, ", ")
	}
	if o.GetKind() == "Namespace" {
		conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
		for _, c := range conditions {
			if c, ok := c.(map[string]any); ok && c["status"] == "True" && c["message"] != nil {
				return "; " + strings.TrimSpace(scalarText(c["message"]))
			}
		}
	}
	return ""
}
