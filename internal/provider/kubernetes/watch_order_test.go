package kubernetes

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// A pod's news reach the stack also when its ReplicaSet was told before the Deployment that it belongs to.
func TestNewsInAnyOrder(t *testing.T) {
	newObject := func(kind, name, parentKind, parent string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": kind}}
		o.SetNamespace("shop")
		o.SetName(name)
		o.SetUID(types.UID(kind + name))
		if parent != "" {
			o.Object["metadata"].(map[string]any)["ownerReferences"] = []any{map[string]any{
				"apiVersion": "apps/v1", "kind": parentKind, "name": parent, "uid": parentKind + parent, "controller": true,
			}}
		}
		return o
	}
	w := newWatches(nil, slog.New(slog.DiscardHandler))
	deployment, set, pod := newObject("Deployment", "web", "", ""), newObject("ReplicaSet", "web-1", "Deployment", "web"), newObject("Pod", "web-1-x", "ReplicaSet", "web-1")
	deployment.SetLabels(map[string]string{labelStackID: labelValue("s1")})
	deployment.SetAnnotations(map[string]string{annotationElement: "web"})
	for _, o := range []*unstructured.Unstructured{set, deployment} {
		resource := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: strings.ToLower(o.GetKind()) + "s"}
		informer := cache.NewSharedIndexInformer(&cache.ListWatch{}, &unstructured.Unstructured{}, 0, cache.Indexers{
			byName: func(o any) ([]string, error) { return []string{nameOf(o)}, nil },
		})
		w.running[scope{GroupVersionResource: resource, namespace: "shop", all: true}] = &copies{informer: informer}
		if err := informer.GetIndexer().Add(o); err != nil {
			t.Fatal(err)
		}
		if o == set {
			w.changed(set, false) // nothing is known of its Deployment yet
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	news := (&Provider{watches: w}).Watch(ctx, "s1")
	w.changed(pod, false)
	select {
	case name := <-news:
		if name != "web" {
			t.Errorf("news of %q", name)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no news of a changed pod")
	}
}
