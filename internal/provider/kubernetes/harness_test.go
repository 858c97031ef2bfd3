package kubernetes_test

import (
	"context"
	"maps"
	"testing"
	"time"

	storagev1 "k8s.io/api/storage/v1"
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

func secret(name string, data object) object {
	return object{"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": name}, "stringData": data}
}

func statefulSet(name, image string) object {
	m := deployment(name, image, 1)
	m["kind"] = "StatefulSet"
	return edit(m, name, "spec", "serviceName")
}

func daemonSet(name, image string) object {
	m := deployment(name, image, 1)
	m["kind"] = "DaemonSet"
	delete(m["spec"].(object), "replicas")
	return m
}

func job(name, image string) object {
	template := edit(pods(name, image), "Never", "spec", "restartPolicy")
	return object{"apiVersion": "batch/v1", "kind": "Job", "metadata": object{"name": name}, "spec": object{"template": template}}
}

func service(name string, port int64) object {
	return object{"apiVersion": "v1", "kind": "Service", "metadata": object{"name": name},
		"spec": object{"selector": object{"app": name}, "ports": array{object{"port": port, "targetPort": "8080"}}}}
}

func ingress(name string, port int64) object {
	backend := object{"service": object{"name": name, "port": object{"number": port}}}
	return object{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": object{"name": name},
		"spec": object{"rules": array{object{"http": object{"paths": array{object{"path": "/", "pathType": "Prefix", "backend": backend}}}}}}}
}

func claim(name, class string) object {
	return object{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": object{"name": name},
		"spec": object{"accessModes": array{"ReadWriteOnce"}, "storageClassName": class, "resources": object{"requests": object{"storage": "1Gi"}}}}
}

// edit returns a copy of a manifest with another value at a path of maps.
func edit(m object, v any, path ...string) object {
	out := maps.Clone(m)
	if out == nil {
		out = object{}
	}
	if len(path) == 1 {
		out[path[0]] = v
		return out
	}
	below, _ := m[path[0]].(object)
	out[path[0]] = edit(below, v, path[1:]...)
	return out
}

// customKind is a kind of a CustomResourceDefinition.
type customKind struct{ group string }

// widgetKind defines a kind whose field color cannot be changed, until the test ends.
func widgetKind(t *testing.T) customKind {
	t.Helper()
	k := customKind{kubetest.Name("widgets") + ".example.com"}
	all, err := dynamic.NewForConfig(kubetest.Rest(t))
	if err != nil {
		t.Fatal(err)
	}
	crds := all.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	def := &unstructured.Unstructured{Object: k.definition()}
	if _, err := crds.Create(t.Context(), def, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := crds.Delete(context.Background(), def.GetName(), metav1.DeleteOptions{}); err != nil {
			t.Errorf("the definition of widgets was not deleted: %v", err)
		}
	})
	eventually(t, func() (bool, string) {
		_, err := all.Resource(schema.GroupVersionResource{Group: k.group, Version: "v1", Resource: "widgets"}).List(t.Context(), metav1.ListOptions{})
		return err == nil, "widgets are not served"
	})
	return k
}

func (k customKind) definition() object {
	color := object{"type": "string", "default": "blue", "x-kubernetes-validations": array{object{"rule": "self == oldSelf", "message": "color cannot be changed"}}}
	spec := object{"type": "object", "properties": object{"size": object{"type": "integer"}, "color": color}}
	status := object{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
	return object{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": object{"name": "widgets." + k.group},
		"spec": object{"group": k.group, "scope": "Namespaced", "names": object{"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
			"versions": array{object{"name": "v1", "served": true, "storage": true, "subresources": object{"status": object{}},
				"schema": object{"openAPIV3Schema": object{"type": "object", "properties": object{"spec": spec, "status": status}}}}}}}
}

func (k customKind) object(name string, spec object) object {
	return object{"apiVersion": k.group + "/v1", "kind": "Widget", "metadata": object{"name": name}, "spec": spec}
}

// storageClass makes a class whose volumes are bound when they are first used, until the test ends.
func storageClass(t *testing.T) string {
	t.Helper()
	classes := kubetest.Client(t).StorageV1().StorageClasses()
	name := kubetest.Name("later")
	_, err := classes.Create(t.Context(), &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name},
		Provisioner: "example.com/none", VolumeBindingMode: new(storagev1.VolumeBindingWaitForFirstConsumer)}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := classes.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Errorf("storage class %s was not deleted: %v", name, err)
		}
	})
	return name
}

func kubernetesConfig(t *testing.T, pullSecret func(context.Context, string) ([]byte, bool, error)) kubernetes.Config {
	return kubernetes.Config{Kubeconfig: kubetest.Kubeconfig(t), Instance: "test", PullSecret: pullSecret}
}

// cleaning is the context of what a test does when it ends.
func cleaning(t *testing.T) context.Context { return context.WithoutCancel(t.Context()) }
