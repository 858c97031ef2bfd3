package helm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"helm.sh/helm/v4/pkg/kube"
	release "helm.sh/helm/v4/pkg/release/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
)

// Annotations with which Helm marks what belongs to a release.
const (
	annotationName      = "meta.helm.sh/release-name"
	annotationNamespace = "meta.helm.sh/release-namespace"
)

// looks bounds how many objects of a release are looked at at once.
const looks = 8

// key names an object.
type key struct {
	group, kind, namespace, name string
}

func (k key) String() string { return k.kind + " " + k.name }

// object is an object of a release's manifest.
type object struct {
	key
	want     *unstructured.Unstructured
	resource dynamic.ResourceInterface // nil when the cluster does not serve the kind
}

// objects reads a manifest. Objects without a namespace get the session's where their kind has one.
func (s *session) objects(manifest string) ([]object, error) {
	var list []object
	d := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	for {
		var u unstructured.Unstructured
		err := d.Decode(&u.Object)
		switch {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("manifest: %w", err)
		case len(u.Object) == 0:
			continue
		}
		items := []unstructured.Unstructured{u}
		if u.IsList() {
			l, err := u.ToList()
			if err != nil {
				return nil, fmt.Errorf("manifest: %w", err)
			}
			items = l.Items
		}
		for i := range items {
			o, err := s.object(&items[i])
			if err != nil {
				return nil, err
			}
			list = append(list, o)
		}
	}
}

func (s *session) object(u *unstructured.Unstructured) (object, error) {
	gvk := u.GroupVersionKind()
	o := object{key: key{gvk.Group, gvk.Kind, u.GetNamespace(), u.GetName()}, want: u}
	mapping, err := s.mapping(gvk)
	switch {
	case meta.IsNoMatchError(err):
		return o, nil
	case err != nil:
		return o, err
	}
	resource := s.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		o.namespace, o.resource = "", resource
		return o, nil
	}
	if o.namespace == "" {
		o.namespace = s.namespace
	}
	o.resource = resource.Namespace(o.namespace)
	return o, nil
}

// mapping finds the resource of a kind; in another version when the cluster has given up that one.
func (s *session) mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	m, err := s.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		return s.mapper.RESTMapping(gvk.GroupKind())
	}
	return m, err
}

// get looks at an object on the cluster; nil when it is not there.
func (o object) get(ctx context.Context) (*unstructured.Unstructured, error) {
	if o.resource == nil || o.name == "" {
		return nil, nil
	}
	u, err := o.resource.Get(ctx, o.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return u, err
}

// kept tells that the chart wants the object to stay when the release goes.
func kept(u *unstructured.Unstructured) bool {
	return strings.EqualFold(strings.TrimSpace(u.GetAnnotations()[kube.ResourcePolicyAnno]), kube.KeepPolicy)
}

// belongs tells that a live object is marked as one of the release.
func belongs(u *unstructured.Unstructured, name, namespace string) bool {
	a := u.GetAnnotations()
	return a[annotationName] == name && a[annotationNamespace] == namespace
}

// each calls f for 0..n-1, several at a time, and returns the first error by index.
func each(n int, f func(i int) error) error {
	errs := make([]error, n)
	next := make(chan int)
	var group sync.WaitGroup
	for range min(looks, n) {
		group.Go(func() {
			for i := range next {
				errs[i] = f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// live looks at several objects at once.
func (s *session) live(list []object) ([]*unstructured.Unstructured, error) {
	out := make([]*unstructured.Unstructured, len(list))
	err := each(len(list), func(i int) (err error) {
		if out[i], err = list[i].get(s.ctx); err != nil {
			err = fmt.Errorf("%s: %w", list[i].key, err)
		}
		return err
	})
	return out, err
}

// union is the objects of several revisions, each once.
func (s *session) union(revisions history) ([]object, error) {
	var all []object
	seen := map[key]bool{}
	for _, r := range slices.Backward(revisions) {
		list, err := s.objects(r.Manifest)
		if err != nil {
			return nil, fmt.Errorf("revision %d: %w", r.Version, err)
		}
		for _, o := range list {
			if !seen[o.key] {
				seen[o.key] = true
				all = append(all, o)
			}
		}
	}
	return all, nil
}

// left are those objects that are still there, belong to the release and shall not be kept.
func (s *session) left(list []object, r *release.Release) ([]object, error) {
	found, err := s.live(list)
	if err != nil {
		return nil, err
	}
	var left []object
	for i, u := range found {
		if u != nil && belongs(u, r.Name, r.Namespace) && !kept(u) && !kept(list[i].want) {
			left = append(left, list[i])
		}
	}
	return left, nil
}

// remove deletes objects without waiting until they are gone.
func (s *session) remove(list []object) error {
	background := metav1.DeletePropagationBackground
	return each(len(list), func(i int) error {
		err := list[i].resource.Delete(s.ctx, list[i].name, metav1.DeleteOptions{PropagationPolicy: &background})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("%s: %w", list[i].key, err)
		}
		return nil
	})
}

// without are the objects of a list that are not in any of the others.
func without(list []object, others ...[]object) []object {
	in := map[key]bool{}
	for _, other := range others {
		for _, o := range other {
			in[o.key] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(list), func(o object) bool { return in[o.key] })
}

func names(list []object, most int) string {
	var out []string
	for _, o := range list {
		out = append(out, o.String())
	}
	return listed(out, most)
}
