package kubernetes_test

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/kubernetes"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
	"github.com/fairlead/fairlead/internal/template"
)

type (
	object = map[string]any
	array  = []any
)

// world is a namespace of the cluster with a provider whose watches run.
type world struct {
	t         *testing.T
	namespace string
	provider  *kubernetes.Provider
	objects   dynamic.Interface
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, namespace: kubetest.Namespace(t)}
	var err error
	if w.objects, err = dynamic.NewForConfig(kubetest.Rest(t)); err != nil {
		t.Fatal(err)
	}
	w.provider = w.another(t)
	return w
}

// another returns a provider as after a restart of the server; its watches run until the test ends.
func (w *world) another(t *testing.T) *kubernetes.Provider {
	t.Helper()
	return start(t, kubernetes.Config{Kubeconfig: kubetest.Kubeconfig(t), Instance: "test"})
}

func start(t *testing.T, c kubernetes.Config) *kubernetes.Provider {
	t.Helper()
	p, err := kubernetes.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		p.Close()
	})
	return p
}

func (w *world) element(name, kind string, manifest object) template.Element {
	return template.Element{Name: name, Type: kind, Stack: "shop", StackID: "0190a000-0000-7000-8000-" + w.namespace[len(w.namespace)-10:], Target: "cluster",
		Namespace: w.namespace, Properties: object{"k8sManifest": manifest}}
}

// plan wants a verb.
func (w *world) plan(el template.Element, prior *fairlead.Record, want fairlead.OperationVerb) fairlead.Change {
	w.t.Helper()
	c, err := w.provider.Plan(w.t.Context(), el, prior)
	if err != nil {
		w.t.Fatalf("plan %s: %v", el.Name, err)
	}
	if c.Verb != want {
		w.t.Fatalf("plan of %s says %s (%s), want %s", el.Name, c.Verb, c.Reason, want)
	}
	return c
}

func (w *world) apply(c fairlead.Change) fairlead.Record {
	w.t.Helper()
	r, err := w.provider.Apply(w.t.Context(), c)
	if err != nil {
		w.t.Fatalf("apply %s: %v", c.Record.Element, err)
	}
	r.State = fairlead.RecordMade
	return r
}

// made makes an element and waits until it is healthy.
func (w *world) made(el template.Element) fairlead.Record {
	w.t.Helper()
	r := w.apply(w.plan(el, nil, fairlead.OpCreate))
	h := w.until(r, fairlead.Healthy)
	if h.Attributes != nil {
		r.Attributes = h.Attributes
	}
	r.Health = fairlead.Healthy
	return r
}

// until waits for a state of health.
func (w *world) until(r fairlead.Record, want fairlead.HealthState) fairlead.Health {
	w.t.Helper()
	return w.untilSeen(r, func(h fairlead.Health) bool { return h.State == want })
}

func (w *world) untilSeen(r fairlead.Record, ok func(fairlead.Health) bool) fairlead.Health {
	w.t.Helper()
	var h fairlead.Health
	eventually(w.t, func() (bool, string) {
		var err error
		if h, err = w.provider.Health(w.t.Context(), r); err != nil {
			return false, err.Error()
		}
		return ok(h), string(h.State) + ": " + h.Reason
	})
	return h
}

func (w *world) deleted(r fairlead.Record) {
	w.t.Helper()
	eventually(w.t, func() (bool, string) {
		err := w.provider.Delete(context.WithoutCancel(w.t.Context()), r)
		if err == nil {
			return true, ""
		}
		return false, err.Error()
	})
}

func (w *world) resource(group, version, resource string) dynamic.ResourceInterface {
	return w.objects.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: resource}).Namespace(w.namespace)
}

func (w *world) create(group, version, resource string, o object) *unstructured.Unstructured {
	w.t.Helper()
	u, err := w.resource(group, version, resource).Create(w.t.Context(), &unstructured.Unstructured{Object: o}, metav1.CreateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// eventually calls done until it says so.
func eventually(t *testing.T, done func() (ok bool, why string)) {
	t.Helper()
	late := time.After(60 * time.Second)
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, why := done()
		if ok {
			return
		}
		select {
		case <-late:
			t.Fatalf("not yet: %s", why)
		case <-tick.C:
		}
	}
}

func configMap(name string, data object) object {
	return object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": name}, "data": data}
}

func pods(app, image string) object {
	return object{"metadata": object{"labels": object{"app": app}},
		"spec": object{"containers": array{object{"name": "web", "image": image, "resources": object{"requests": object{"cpu": 0.01}}}}}}
}

func deployment(name, image string, replicas int) object {
	return object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": name, "labels": object{"app": name}},
		"spec": object{"replicas": int64(replicas), "selector": object{"matchLabels": object{"app": name}}, "template": pods(name, image)}}
}
