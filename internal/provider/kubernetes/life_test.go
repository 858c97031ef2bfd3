package kubernetes_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
)

func (w *world) get(group, version, resource, name string) *unstructured.Unstructured {
	w.t.Helper()
	o, err := w.resource(group, version, resource).Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

func (w *world) merge(group, version, resource, name, manager, patch string, sub ...string) {
	w.t.Helper()
	_, err := w.resource(group, version, resource).Patch(w.t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: manager}, sub...)
	if err != nil {
		w.t.Fatal(err)
	}
}

// wantError wants a code and texts in the message.
func wantError(t *testing.T, err error, code fairlead.Code, texts ...string) {
	t.Helper()
	if fairlead.ErrorCode(err) != code {
		t.Fatalf("error is %s: %v; want %s", fairlead.ErrorCode(err), err, code)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

func TestWhatIsNotOursIsNotTouched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	el := w.element("settings", "CCE.ConfigMap", configMap("settings", object{"a": "1"}))
	planned := w.plan(el, nil, fairlead.OpCreate)
	foreign := w.create("", "v1", "configmaps", configMap("settings", object{"a": "theirs", "b": "2"}))

	_, err := w.provider.Plan(t.Context(), el, nil)
	wantError(t, err, fairlead.Conflict, "ConfigMap "+w.namespace+"/settings exists already and belongs to no stack", "adopt it")
	_, err = w.provider.Apply(t.Context(), planned)
	wantError(t, err, fairlead.Conflict, "belongs to no stack")
	w.deleted(planned.Record)
	if now := w.get("", "v1", "configmaps", "settings"); now.GetResourceVersion() != foreign.GetResourceVersion() {
		t.Error("the foreign object was touched")
	}

	el.Adopt = true
	c := w.plan(el, nil, fairlead.OpUpdate)
	l, err := w.provider.Read(t.Context(), c.Record)
	if data, _ := l.Properties["k8sManifest"].(object)["data"].(object); err != nil || !l.Exists || len(data) != 1 || data["a"] != "theirs" {
		t.Errorf("what is adopted reads as %+v, %v", l, err)
	}
	r := w.apply(c)
	now := w.get("", "v1", "configmaps", "settings")
	if data, _, _ := unstructured.NestedStringMap(now.Object, "data"); data["a"] != "1" || data["b"] != "2" || now.GetUID() != foreign.GetUID() {
		t.Errorf("after adoption: %v", now.Object)
	}
	w.plan(el, &r, fairlead.OpNone)

	other := el
	other.StackID, other.Stack, other.Adopt = "another", "bank", true
	_, err = w.provider.Plan(t.Context(), other, nil)
	wantError(t, err, fairlead.Conflict, "belongs to element settings of stack shop")
	w.deleted(r)
}

func TestWhatWasMadeAnewIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.made(w.element("settings", "CCE.ConfigMap", configMap("settings", object{"a": "1"})))
	maps := w.resource("", "v1", "configmaps")
	if err := maps.Delete(t.Context(), "settings", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	h := w.until(r, fairlead.Unhealthy)
	if !strings.Contains(h.Reason, "gone") {
		t.Errorf("health of what is gone: %s", h.Reason)
	}
	w.create("", "v1", "configmaps", configMap("settings", object{"mine": "1"}))
	if h := w.until(r, fairlead.Unhealthy); !strings.Contains(h.Reason, "somebody else") {
		w.untilSeen(r, func(h fairlead.Health) bool { return strings.Contains(h.Reason, "somebody else") })
	}
	w.deleted(r)
	w.get("", "v1", "configmaps", "settings")
}

func TestMarksTakenOffAreNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	el := w.element("settings", "CCE.ConfigMap", configMap("settings", object{"a": "1"}))
	r := w.made(el)
	w.merge("", "v1", "configmaps", "settings", "thief", `{"metadata":{"labels":null}}`)
	eventually(t, func() (bool, string) {
		c, err := w.provider.Plan(t.Context(), el, &r)
		return err == nil && c.Verb == fairlead.OpUpdate, fmt.Sprint(c.Verb, err)
	})
	w.deleted(r)
	if _, err := w.resource("", "v1", "configmaps").Get(t.Context(), "settings", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("it was not deleted: %v", err)
	}
}

func TestFieldsOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	el := w.element("web", "CCE.Deployment", deployment("web", "demo/web:1", 1))
	r := w.made(el)
	w.merge("apps", "v1", "deployments", "web", "kubectl-scale", `{"spec":{"replicas":2}}`)
	var c fairlead.Change
	eventually(t, func() (_ bool, _ string) {
		var err error
		c, err = w.provider.Plan(t.Context(), el, &r)
		return c.Refused != nil, fmt.Sprint(c.Verb, err)
	})
	wantError(t, c.Refused, fairlead.Conflict, "spec.replicas is set by kubectl-scale", "--adopt=web")
	if want := []fairlead.FieldChange{{Path: "k8sManifest.spec.replicas", After: int64(1), Live: int64(2), Drifted: true, Owner: "kubectl-scale"}}; !reflect.DeepEqual(c.Held, want) {
		t.Errorf("held: %+v, want %+v", c.Held, want)
	}
	l, err := w.provider.Read(t.Context(), r)
	if err != nil || !l.Exists || !strings.Contains(l.Reason, "spec.replicas is 2, not 1 (set by kubectl-scale)") {
		t.Errorf("read: %+v, %v", l, err)
	}
	if spec, _ := l.Properties["k8sManifest"].(object)["spec"].(object); spec["replicas"] != int64(2) {
		t.Errorf("live properties: %v", l.Properties)
	}
	_, err = w.provider.Apply(t.Context(), fairlead.Change{Verb: fairlead.OpUpdate, Record: r, Prior: &r})
	wantError(t, err, fairlead.Conflict, "spec.replicas is set by kubectl-scale", "--adopt=web")

	same := w.element("web", "CCE.Deployment", deployment("web", "demo/web:1", 2))
	r = w.apply(w.plan(same, &r, fairlead.OpUpdate))
	w.until(r, fairlead.Healthy)
	w.plan(same, &r, fairlead.OpNone)

	adopted := el
	adopted.Adopt = true
	r = w.apply(w.plan(adopted, &r, fairlead.OpUpdate))
	if n, _, _ := unstructured.NestedInt64(w.get("apps", "v1", "deployments", "web").Object, "spec", "replicas"); n != 1 {
		t.Errorf("after adoption spec.replicas is %d", n)
	}
}

func TestTooMuchData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.provider.Plan(t.Context(), w.element("big", "CCE.ConfigMap", configMap("big", object{"a": strings.Repeat("y", 1<<20+1)})), nil)
	failure, ok := errors.AsType[*fairlead.Error](err)
	if !ok {
		t.Fatal(err)
	}
	found := failure.Problems
	if want := "ConfigMap " + w.namespace + "/big: Too long: "; len(found) != 1 || !strings.HasPrefix(found[0].Summary, want) || found[0].Path != "k8sManifest" {
		t.Errorf("found %+v, want %s...", found, want)
	}
}

func TestNoChangeTouchesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	el := w.element("web", "CCE.Deployment", deployment("web", "demo/web:1", 1))
	r := w.made(el)
	var version string
	eventually(t, func() (bool, string) { // controllers write status a little longer
		before := version
		version = w.get("apps", "v1", "deployments", "web").GetResourceVersion()
		return before == version, version
	})
	w.plan(el, &r, fairlead.OpNone)
	w.provider = w.another(t) // without copies
	c := w.plan(el, &r, fairlead.OpNone)
	c.Verb = fairlead.OpUpdate
	w.apply(c)
	if now := w.get("apps", "v1", "deployments", "web").GetResourceVersion(); now != version {
		t.Errorf("resource version %s became %s", version, now)
	}
}

func TestWhatTheTemplateNoLongerSaysGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.made(w.element("settings", "CCE.ConfigMap", configMap("settings", object{"a": "1", "b": "2"})))
	w.merge("", "v1", "configmaps", "settings", "somebody", `{"data":{"theirs":"3"}}`)
	w.apply(w.plan(w.element("settings", "CCE.ConfigMap", configMap("settings", object{"a": "1"})), &r, fairlead.OpUpdate))
	data, _, _ := unstructured.NestedStringMap(w.get("", "v1", "configmaps", "settings").Object, "data")
	if fmt.Sprint(data) != "map[a:1 theirs:3]" {
		t.Errorf("data is %v", data)
	}
}

func TestNamespaceComesAndGoes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		kept   bool
		before func(w *world)
	}{
		{"made and removed", false, func(*world) {}},
		{"kept with what others put there", true, func(w *world) { w.create("", "v1", "configmaps", configMap("mine", nil)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.namespace = kubetest.Name("made")
			kubetest.DeleteNamespace(t, w.namespace)
			one := w.made(w.element("one", "CCE.ConfigMap", configMap("one", nil)))
			two := w.made(w.element("two", "CCE.ConfigMap", configMap("two", nil)))
			tt.before(w)
			w.deleted(one)
			w.get("", "v1", "configmaps", "two")
			w.deleted(two)
			_, err := kubetest.Client(t).CoreV1().Namespaces().Get(t.Context(), w.namespace, metav1.GetOptions{})
			if gone := apierrors.IsNotFound(err); gone == tt.kept {
				t.Errorf("namespace is gone: %t, want %t (%v)", gone, !tt.kept, err)
			}
		})
	}
	t.Run("only the stack's own is made", func(t *testing.T) {
		w := newWorld(t)
		el := w.element("one", "CCE.ConfigMap", configMap("one", nil))
		el.Properties["namespace"] = kubetest.Name("nowhere")
		_, err := w.provider.Plan(t.Context(), el, nil)
		wantError(t, err, fairlead.Failed, "does not exist", "CCI.Namespace")
	})
}

func TestNamespaceStaysWhileItsObjectIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.namespace = kubetest.Name("made")
	kubetest.DeleteNamespace(t, w.namespace)
	r := w.made(w.element("once", "CCE.Job", job("once", "demo/job:1")))
	namespaces := kubetest.Client(t).CoreV1().Namespaces()
	before, err := namespaces.Get(t.Context(), w.namespace, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := w.plan(w.element("once", "CCE.Job", job("once", "demo/job:2")), &r, fairlead.OpReplace)
	if !strings.Contains(c.Reason, "spec.template cannot be changed in place") {
		t.Errorf("reason: %s", c.Reason)
	}
	w.deleted(r)
	after, err := namespaces.Get(t.Context(), w.namespace, metav1.GetOptions{})
	if err != nil || after.UID != before.UID || after.DeletionTimestamp != nil {
		t.Errorf("the namespace went in between: %v, %v", after, err)
	}
	c.Verb, c.Prior = fairlead.OpCreate, nil
	w.deleted(w.apply(c))
}

func TestNamespaceAsAnElement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := kubetest.Name("element")
	kubetest.DeleteNamespace(t, name)
	ns := w.element("ns", "CCI.Namespace", nil)
	ns.Properties = object{"name": name}
	inside := w.element("pod", "CCI.Pod", object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "one"},
		"spec": object{"containers": array{object{"name": "web", "image": "demo/web:1"}}}})
	inside.Properties["namespace"], inside.Requires = name, []string{"ns"}
	planned := w.plan(inside, nil, fairlead.OpCreate)
	outer := w.made(ns)
	var r fairlead.Record
	eventually(t, func() (bool, string) { // its service account takes a moment
		var err error
		r, err = w.provider.Apply(t.Context(), planned)
		if err != nil && fairlead.ErrorCode(err) != fairlead.Unavailable {
			t.Fatal(err)
		}
		return err == nil, fmt.Sprint(err)
	})
	r.State = fairlead.RecordMade
	w.until(r, fairlead.Healthy)
	w.deleted(r)
	w.deleted(outer)
}

func TestKindThatTheStackBrings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := customKind{kubetest.Name("widgets") + ".example.com"}
	definition := w.element("definition", "Kubernetes.Object", k.definition())
	one := w.element("one", "Kubernetes.Object", k.object("one", object{"size": int64(1)}))
	one.Requires = []string{"definition"}
	planned := w.plan(one, nil, fairlead.OpCreate)
	outer := w.made(definition)
	t.Cleanup(func() { w.deleted(outer) })
	var r fairlead.Record
	eventually(t, func() (bool, string) {
		var err error
		r, err = w.provider.Apply(t.Context(), planned)
		if err != nil && fairlead.ErrorCode(err) != fairlead.Unavailable {
			t.Fatal(err)
		}
		return err == nil, fmt.Sprint(err)
	})
	w.until(r, fairlead.Healthy)
	w.deleted(outer)
	w.until(r, fairlead.Unhealthy)
	w.deleted(r)
}

func TestObjectsWithoutNamespace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role := object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": object{"name": w.namespace + ":reader"},
		"rules": array{object{"apiGroups": array{""}, "resources": array{"pods"}, "verbs": array{"get"}}}}
	el := w.element("role", "Kubernetes.Object", role)
	r := w.made(el)
	if r.Identity["namespace"] != "" || r.Attributes["rules"] == nil {
		t.Errorf("identity %v, attributes %v", r.Identity, r.Attributes)
	}
	w.plan(el, &r, fairlead.OpNone)
	w.deleted(r)
}

func TestJobsThatRemoveThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	el := w.element("once", "CCE.Job", edit(job("once", "demo/job:1"), int64(0), "spec", "ttlSecondsAfterFinished"))
	r := w.apply(w.plan(el, nil, fairlead.OpCreate))
	eventually(t, func() (bool, string) {
		_, err := w.resource("batch", "v1", "jobs").Get(t.Context(), "once", metav1.GetOptions{})
		return apierrors.IsNotFound(err), "the job is still there"
	})
	r.Health = fairlead.Healthy // it was seen to be before it went
	w.until(r, fairlead.Healthy)
	w.plan(el, &r, fairlead.OpNone)
	if l, err := w.provider.Read(t.Context(), r); err != nil || !l.Exists || l.Reason != "" {
		t.Errorf("read: %+v, %v", l, err)
	}
}

func TestFinalizersAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := edit(configMap("held", nil), array{"example.com/hold"}, "metadata", "finalizers")
	r := w.made(w.element("held", "CCE.ConfigMap", m))
	err := w.provider.Delete(t.Context(), r)
	if !errors.Is(err, fairlead.ErrDeleting) || !strings.Contains(err.Error(), "example.com/hold") {
		t.Errorf("delete: %v", err)
	}
	w.merge("", "v1", "configmaps", "held", "test", `{"metadata":{"finalizers":null}}`)
	w.deleted(r)
}

func TestPullSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := []byte(`{"auths":{"registry.test":{"auth":"dXNlcjpwYXNz"}}}`)
	w.provider = start(t, kubernetesConfig(t, func(context.Context, string) ([]byte, bool, error) { return content, true, nil }))
	m := edit(deployment("web", "registry.test/demo/web:1", 1), array{object{"name": "default-secret"}}, "spec", "template", "spec", "imagePullSecrets")
	r := w.made(w.element("web", "CCE.Deployment", m))
	s := w.get("", "v1", "secrets", "default-secret")
	if s.Object["type"] != "kubernetes.io/dockerconfigjson" || len(s.GetOwnerReferences()) != 1 {
		t.Errorf("secret: %v", s.Object)
	}
	w.deleted(r)
	eventually(t, func() (bool, string) {
		_, err := w.resource("", "v1", "secrets").Get(t.Context(), "default-secret", metav1.GetOptions{})
		return apierrors.IsNotFound(err), "the pull secret is still there"
	})
	w.create("", "v1", "secrets", edit(secret("default-secret", object{"of": "the platform"}), "Opaque", "type"))
	w.made(w.element("web", "CCE.Deployment", m))
	if s := w.get("", "v1", "secrets", "default-secret"); s.Object["type"] != "Opaque" {
		t.Errorf("the platform's secret was changed: %v", s.Object)
	}
}

func TestOwnImagesArePulledWithOurSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := kubernetesConfig(t, func(context.Context, string) ([]byte, bool, error) { return []byte(`{"auths":{}}`), true, nil })
	config.PullFrom = "registry.test:5000"
	w.provider = start(t, config)
	named := func(name string) array { return array{object{"name": name}} }
	secrets := []string{"spec", "template", "spec", "imagePullSecrets"}
	tests := map[string]struct {
		manifest object
		added    bool
		want     array
	}{
		"ours":            {deployment("ours", "registry.test:5000/demo/web:1", 1), true, named("default-secret")},
		"names another":   {edit(deployment("another", "registry.test:5000/demo/web:1", 1), named("mine"), secrets...), false, named("mine")},
		"names ours":      {edit(deployment("named", "registry.test:5000/demo/web:1", 1), named("default-secret"), secrets...), false, named("default-secret")},
		"another host":    {deployment("elsewhere", "registry.test:50001/demo/web:1", 1), false, nil},
		"without a host":  {deployment("plain", "demo/web:1", 1), false, nil},
		"a pod by itself": {object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "alone"}, "spec": object{"containers": array{object{"name": "web", "image": "registry.test:5000/demo/web:1"}}}}, true, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			kind := tt.manifest["kind"].(string)
			el := w.element(tt.manifest["metadata"].(object)["name"].(string), "CCE."+kind, tt.manifest)
			ds := w.provider.Check(el)
			if added := len(ds) == 1 && ds[0].Code == "added-pull-secret" && ds[0].Severity == fairlead.SeverityWarning; added != tt.added || !added && len(ds) > 0 {
				t.Errorf("findings: %v", ds)
			}
			r := w.made(el)
			if kind == "Deployment" {
				list, _, _ := unstructured.NestedSlice(w.get("apps", "v1", "deployments", el.Name).Object, secrets...)
				if !slices.EqualFunc(list, tt.want, func(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
					t.Errorf("pull secrets %v, want %v", list, tt.want)
				}
			}
			w.plan(el, &r, fairlead.OpNone)
			if l, err := w.provider.Read(t.Context(), r); err != nil || !l.Exists || l.Reason != "" {
				t.Errorf("read: %+v, %v", l, err)
			}
		})
	}
	if s := w.get("", "v1", "secrets", "default-secret"); s.Object["type"] != "kubernetes.io/dockerconfigjson" {
		t.Errorf("secret: %v", s.Object)
	}
}

func TestWatchTellsWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	el := w.element("web", "CCE.Deployment", deployment("web", "demo/web:1", 1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	news := w.provider.Watch(ctx, el.StackID)
	r := w.made(el)
	eventually(t, func() (bool, string) { // the watches run once health was asked
		h, err := w.provider.Health(t.Context(), r)
		select {
		case name := <-news:
			return name == "web", name
		default:
			return false, fmt.Sprint(h, err)
		}
	})
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	svc := w.made(w.element("svc", "CCE.Service", service("web", 80)))
	live := w.get("", "v1", "services", "web")
	ip, _, _ := unstructured.NestedString(live.Object, "spec", "clusterIP")
	if svc.Attributes["refName"] != "web" || svc.Attributes["refID"] != string(live.GetUID()) || ip == "" || svc.Attributes["spec"].(object)["clusterIP"] != ip {
		t.Errorf("attributes: %v", svc.Attributes)
	}
	key := w.made(w.element("key", "CCE.Secret", secret("key", object{"password": "hunter2"})))
	if key.Attributes["data"] != nil || strings.Contains(fmt.Sprint(key.Attributes), "aHVudGVyMg") {
		t.Errorf("a secret is an attribute: %v", key.Attributes)
	}
	settings := w.made(w.element("settings", "CCE.ConfigMap", configMap("settings", object{"a": "1"})))
	if settings.Attributes["data"].(object)["a"] != "1" {
		t.Errorf("attributes: %v", settings.Attributes)
	}
	web := w.made(w.element("web", "CCE.Deployment", deployment("web", "demo/web:1", 1)))
	if web.Attributes["refLabelsApp"] != "web" || web.Attributes["status"].(object)["readyReplicas"] != int64(1) {
		t.Errorf("attributes: %v", web.Attributes)
	}
}
