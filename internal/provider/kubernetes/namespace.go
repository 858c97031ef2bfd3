package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fairlead/fairlead"
)

// namespaces remembers what was found out about namespaces.
type namespaces struct {
	mu      sync.Mutex
	foreign map[string]bool                        // namespaces that somebody else made
	left    map[string]*sync.Mutex                 // one look for what is left in a namespace at a time
	hint    map[string]schema.GroupVersionResource // where something was found last
	again   map[owner]time.Time                    // elements that are planned to be made anew
}

// replaceTime is how long a plan to make an object anew is expected to be carried out.
const replaceTime = time.Hour

// replaces remembers that an element's object will be deleted to be made anew, so that its namespace need not go in between.
// After a crash that is forgotten, and the namespace is made anew too.
func (n *namespaces) replaces(r fairlead.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.again[owner{r.StackID, r.Element}] = time.Now()
}

// replaced reports, once, whether an element's object was deleted to be made anew.
func (n *namespaces) replaced(r fairlead.Record) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := owner{r.StackID, r.Element}
	at, ok := n.again[key]
	delete(n.again, key)
	return ok && time.Since(at) < replaceTime
}

func namespaceResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
}

// makeNamespace makes the stack's namespace. Its label says that it was made for a stack, so that it goes when it is empty.
func (p *Provider) makeNamespace(ctx context.Context, q request, rec fairlead.Record) error {
	n := &unstructured.Unstructured{}
	n.SetAPIVersion("v1")
	n.SetKind("Namespace")
	n.SetName(q.namespace)
	n.SetLabels(map[string]string{labelRole: roleNamespace, labelManagedBy: manager})
	n.SetAnnotations(map[string]string{annotationStack: rec.Stack, annotationMadeBy: p.instance})
	_, err := p.objects.Resource(namespaceResource()).Create(ctx, n, metav1.CreateOptions{FieldManager: manager})
	p.namespaces.mu.Lock()
	delete(p.namespaces.foreign, q.namespace)
	p.namespaces.mu.Unlock()
	if apierrors.IsAlreadyExists(err) { // another element was faster
		return nil
	}
	if err != nil {
		q.place = place{mapping: mapping{namespaceResource(), schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}, false}, name: q.namespace}
		q.verbs, q.source = []string{"create"}, ""
	}
	return p.explain(ctx, q, err)
}

// leaveNamespace removes the stack's namespace when we made it and nothing is in it but what the cluster puts into every
// namespace: neither objects of stacks nor anything that somebody else, a release or a StatefulSet's claim keeps there. It is
// called when an object is gone, and returns [fairlead.ErrDeleting] until the namespace is gone too.
func (p *Provider) leaveNamespace(ctx context.Context, q request, rec fairlead.Record) error {
	name := q.namespace
	if name == "" || name != rec.Namespace || p.isForeign(name) || p.namespaces.replaced(rec) {
		return nil
	}
	unlock := p.namespaces.lock(name)
	defer unlock()
	n, err := p.objects.Resource(namespaceResource()).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil && !apierrors.IsForbidden(err):
		return p.explain(ctx, q, err)
	case err != nil, n.GetLabels()[labelRole] != roleNamespace, n.GetAnnotations()[annotationMadeBy] != p.instance:
		p.namespaces.mu.Lock()
		p.namespaces.foreign[name] = true
		p.namespaces.mu.Unlock()
		return nil
	case n.GetDeletionTimestamp() != nil:
		return stillDeleting(q.subject, "namespace "+name, n)
	}
	used, err := p.inUse(ctx, name)
	if err != nil || used {
		return p.explain(ctx, q, err)
	}
	uid := n.GetUID()
	err = p.objects.Resource(namespaceResource()).Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // it stays, or is another one already
	}
	if err != nil {
		return p.explain(ctx, q, err)
	}
	return stillDeleting(q.subject, "namespace "+name, n)
}

func (p *Provider) isForeign(name string) bool {
	p.namespaces.mu.Lock()
	defer p.namespaces.mu.Unlock()
	return p.namespaces.foreign[name]
}

func (n *namespaces) lock(name string) (unlock func()) {
	n.mu.Lock()
	m := n.left[name]
	if m == nil {
		m = &sync.Mutex{}
		n.left[name] = m
	}
	n.mu.Unlock()
	m.Lock()
	return m.Unlock
}

// inUse reports whether a namespace holds anything worth keeping. While a stack is being deleted the answer is mostly yes, and
// the kind that gave it last gives it again.
func (p *Provider) inUse(ctx context.Context, name string) (bool, error) {
	p.namespaces.mu.Lock()
	hint, hinted := p.namespaces.hint[name]
	p.namespaces.mu.Unlock()
	if hinted {
		if used, err := p.holds(ctx, hint, name); used || err != nil {
			return used, err
		}
	}
	all, err := p.kinds.all(ctx)
	if err != nil {
		return true, err
	}
	var used atomic.Bool
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, gvr := range all {
		group.Go(func() error {
			if used.Load() || fleeting(gvr) {
				return nil
			}
			found, err := p.holds(ctx, gvr, name)
			if apierrors.IsForbidden(err) { // what cannot be seen may be there
				found, err = true, nil
			}
			if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
				return nil
			}
			if found {
				used.Store(true)
				p.namespaces.mu.Lock()
				p.namespaces.hint[name] = gvr
				p.namespaces.mu.Unlock()
			}
			return err
		})
	}
	err = group.Wait()
	return used.Load(), err
}

// fleeting are the kinds that the cluster itself makes and removes.
func fleeting(gvr schema.GroupVersionResource) bool {
	return slices.Contains([]string{"events", "endpoints", "endpointslices", "leases", "controllerrevisions"}, gvr.Resource) || gvr.Group == "metrics.k8s.io"
}

// holds reports whether a namespace holds an object of a kind that somebody put there.
func (p *Provider) holds(ctx context.Context, gvr schema.GroupVersionResource, namespace string) (bool, error) {
	list, err := p.meta.Resource(gvr).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: 100})
	if err != nil {
		return false, err
	}
	for i := range list.Items {
		if !comesAlong(gvr.Resource, &list.Items[i]) {
			return true, nil
		}
	}
	return list.Continue != "", nil
}

// comesAlong reports whether an object goes with its owner or its namespace.
func comesAlong(resource string, o metav1.Object) bool {
	switch {
	case o.GetDeletionTimestamp() != nil, len(o.GetOwnerReferences()) > 0, o.GetLabels()[labelRole] == rolePullSecret:
		return true
	case resource == "serviceaccounts":
		return o.GetName() == "default"
	case resource == "configmaps":
		return o.GetName() == "kube-root-ca.crt"
	case resource == "secrets":
		return o.GetAnnotations()["kubernetes.io/service-account.name"] == "default"
	}
	return false
}

// stillDeleting says what is going away and what holds it.
func stillDeleting(subject, what string, o *unstructured.Unstructured) error {
	return &fairlead.Error{Code: fairlead.Unavailable, Err: fairlead.ErrDeleting, Message: fmt.Sprintf("%s: %s is being deleted%s", subject, what, finalizersOf(o))}
}
