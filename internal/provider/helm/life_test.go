package helm_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
)

// releases are Helm's records in the world's namespace.
func (w *world) releases() *storage.Storage {
	return storage.Init(driver.NewSecrets(w.client.CoreV1().Secrets(w.namespace)))
}

func (w *world) last() *release.Release {
	w.t.Helper()
	r, err := w.releases().Last("web")
	if err != nil {
		w.t.Fatal(err)
	}
	return r.(*release.Release)
}

// mark gives the newest revision a state, as a process that was killed leaves it.
func (w *world) mark(status common.Status) {
	w.t.Helper()
	w.markRevision(w.last().Version, status)
}

func (w *world) markRevision(n int, status common.Status) {
	w.t.Helper()
	r, err := w.releases().Get("web", n)
	if err != nil {
		w.t.Fatal(err)
	}
	r.(*release.Release).Info.Status = status
	if err := w.releases().Update(r); err != nil {
		w.t.Fatal(err)
	}
}

// config is the data of the release's ConfigMap, nil when there is none.
func (w *world) config(name string) map[string]string {
	w.t.Helper()
	c, err := w.client.CoreV1().ConfigMaps(w.namespace).Get(w.t.Context(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Data
}

// left lists what is in the namespace besides what the cluster makes by itself.
func (w *world) left() (names []string) {
	w.t.Helper()
	configs, err := w.client.CoreV1().ConfigMaps(w.namespace).List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range configs.Items {
		if c.Name != "kube-root-ca.crt" {
			names = append(names, "ConfigMap "+c.Name)
		}
	}
	secrets, err := w.client.CoreV1().Secrets(w.namespace).List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range secrets.Items {
		names = append(names, "Secret "+s.Name)
	}
	jobs, err := w.client.BatchV1().Jobs(w.namespace).List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, j := range jobs.Items {
		names = append(names, "Job "+j.Name)
	}
	return names
}

func TestValues(t *testing.T) {
	w := newWorld(t)
	w.files["shop@1"]["values/prod.yaml"] = "greeting: prod\nextra: {b: 3}\n"
	p := w.provider()
	el := w.web(map[string]any{"extra": map[string]any{"a": nil, "c": int64(4)}})
	el.Properties["valuesFile"] = "values/prod.yaml"
	first := w.make(p, el, nil)
	if got := w.config("web-config"); got["greeting"] != "prod" || got["extra"] != `{"b":3,"c":4}` {
		t.Errorf("values merged to %v; want chart < file < element, and null to take a value away", got)
	}
	w.plan(p, el, &first, fairlead.OpNone)

	changed := w.web(map[string]any{"greeting": "bye"})
	c := w.plan(p, changed, &first, fairlead.OpUpdate)
	if c.Reason != "changes ConfigMap web-config" {
		t.Errorf("reason %q", c.Reason)
	}
	second := w.settle(p, c)
	if got := w.config("web-config"); got["greeting"] != "bye" || got["extra"] != `{"a":1,"b":2}` {
		t.Errorf("values %v; want nothing of the earlier ones", got)
	}
	second.Attributes = nil
	back := w.make(p, el, &second)
	if got := w.config("web-config"); got["greeting"] != "prod" {
		t.Errorf("after going back: %v", got)
	}
	w.delete(p, back)
	if left := w.left(); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestWrongValues(t *testing.T) {
	w := newWorld(t)
	w.files["shop@1"]["charts/web/values.schema.json"] = `{"properties": {"greeting": {"type": "string"}}}`
	w.files["shop@1"]["charts/web/templates/guard.yaml"] = `{{ if eq .Values.greeting "bad" }}{{ fail "greet better" }}{{ end }}`
	p := w.provider()
	_, err := p.Plan(t.Context(), w.web(map[string]any{"greeting": int64(1)}), nil)
	wantError(t, err, fairlead.Invalid, "chart web 1.0.0 cannot be rendered", "/greeting", "got number, want string")
	_, err = p.Plan(t.Context(), w.web(map[string]any{"greeting": "bad"}), nil)
	wantError(t, err, fairlead.Invalid, "greet better")
}

func TestForeignRelease(t *testing.T) {
	w := newWorld(t)
	p := w.provider()
	mine := w.make(p, w.web(nil), nil)

	t.Run("of another stack", func(t *testing.T) {
		el := w.web(nil)
		el.StackID, el.Adopt = "another", true
		_, err := p.Plan(t.Context(), el, nil)
		wantError(t, err, fairlead.Conflict, "release web in namespace "+w.namespace+" belongs to stack shop")
		r := mine
		r.StackID = "another"
		w.delete(p, r)
		if w.config("web-config") == nil {
			t.Fatal("the deletion of another stack's record removed the release")
		}
	})
	t.Run("of another element", func(t *testing.T) {
		el := w.web(nil)
		el.Name = "second"
		_, err := p.Apply(t.Context(), w.plan(p, el, nil, fairlead.OpCreate))
		wantError(t, err, fairlead.Conflict, "belongs to element rel of this stack")
	})
	t.Run("of somebody else", func(t *testing.T) {
		r := w.last()
		r.Labels = nil
		if err := w.releases().Update(r); err != nil {
			t.Fatal(err)
		}
		_, err := p.Plan(t.Context(), w.web(nil), nil)
		wantError(t, err, fairlead.Conflict, "exists and was not made by this stack (chart web 1.0.0, revision 1)", "adopt it")
		if h, err := p.Health(t.Context(), mine); err != nil || h.State != fairlead.Unhealthy {
			t.Errorf("health %+v, %v", h, err)
		}
		if l, err := p.Read(t.Context(), mine); err != nil || !strings.Contains(l.Reason, "somebody else made revision 1") {
			t.Errorf("read %+v, %v", l, err)
		}
	})
	t.Run("adopted, but not while its client works on it", func(t *testing.T) {
		el := w.web(map[string]any{"greeting": "adopted"})
		el.Adopt = true
		w.mark(common.StatusPendingUpgrade)
		_, err := p.Plan(t.Context(), el, nil)
		wantError(t, err, fairlead.Conflict, "is pending-upgrade by another Helm client since")
		w.mark(common.StatusDeployed)
		c := w.plan(p, el, nil, fairlead.OpUpdate)
		if c.Reason != "takes over revision 1, chart web 1.0.0" {
			t.Errorf("reason %q", c.Reason)
		}
		r := w.settle(p, c)
		if w.config("web-config")["greeting"] != "adopted" {
			t.Error("the adopted release was not upgraded")
		}
		el.Adopt = false
		w.plan(p, el, &r, fairlead.OpNone)

		// Somebody upgrades the release by hand: Helm carries our labels on.
		next := *w.last()
		next.Version++
		next.Info.Status, next.Info.LastDeployed = common.StatusPendingUpgrade, time.Now()
		if err := w.releases().Create(&next); err != nil {
			t.Fatal(err)
		}
		_, err = p.Plan(t.Context(), w.web(nil), &r)
		wantError(t, err, fairlead.Conflict, "is pending-upgrade by another Helm client since")
		w.mark(common.StatusFailed)

		if err := p.Release(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		other := w.web(nil)
		other.StackID, other.Adopt = "another", true
		w.delete(p, w.make(p, other, nil))
	})
	t.Run("objects of somebody else", func(t *testing.T) {
		c := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "web-config"}}
		if _, err := w.client.CoreV1().ConfigMaps(w.namespace).Create(t.Context(), c, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		_, err := p.Apply(t.Context(), w.plan(p, w.web(nil), nil, fairlead.OpCreate))
		wantError(t, err, fairlead.Conflict, `ConfigMap "web-config"`, "exists and cannot be imported")
		el := w.web(nil)
		el.Adopt = true
		r := w.make(p, el, nil)
		if w.config("web-config")["greeting"] != "hello" {
			t.Error("the object was not adopted")
		}
		w.delete(p, r)
	})
}

func TestNamespace(t *testing.T) {
	w := newWorld(t)
	p := w.provider()
	name := kubetest.Name("test")
	kubetest.DeleteNamespace(t, name)
	el := w.web(nil)
	el.Properties["namespace"] = name
	_, err := p.Apply(t.Context(), w.plan(p, el, nil, fairlead.OpCreate))
	wantError(t, err, fairlead.Failed, "the namespace does not exist", "createNamespace: true")
	el.Properties["createNamespace"] = true
	r := w.make(p, el, nil)
	if r.Attributes["namespace"] != name {
		t.Errorf("attributes %v", r.Attributes)
	}
	el.Properties["namespace"] = w.namespace
	if c := w.plan(p, el, &r, fairlead.OpReplace); c.Reason != "its namespace changes from "+name+" to "+w.namespace {
		t.Errorf("reason %q", c.Reason)
	}
	w.delete(p, r)
}

func TestHealthAndDrift(t *testing.T) {
	w := newWorld(t)
	p := w.provider()
	el := w.web(map[string]any{"replicas": int64(1)})
	r := w.make(p, el, nil)

	t.Run("an object is gone", func(t *testing.T) {
		if err := w.client.CoreV1().ConfigMaps(w.namespace).Delete(t.Context(), "web-config", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		h, err := p.Health(t.Context(), r)
		if err != nil || h.State != fairlead.Unhealthy || h.Reason != "ConfigMap web-config: it is gone from the cluster" {
			t.Errorf("health %+v, %v", h, err)
		}
		l, err := p.Read(t.Context(), r)
		if err != nil || !l.Exists || l.Reason != "ConfigMap web-config: gone from the cluster" {
			t.Errorf("read %+v, %v", l, err)
		}
		c := w.plan(p, el, &r, fairlead.OpUpdate)
		if c.Reason != "ConfigMap web-config: gone from the cluster" {
			t.Errorf("reason %q", c.Reason)
		}
		r = w.settle(p, c)
		w.plan(p, el, &r, fairlead.OpNone)
	})
	t.Run("a field was changed", func(t *testing.T) {
		if l, err := p.Read(t.Context(), r); err != nil || l.Reason != "" {
			t.Errorf("read before: %+v, %v", l, err)
		}
		_, err := w.client.CoreV1().ConfigMaps(w.namespace).Patch(t.Context(), "web-config", "application/merge-patch+json", []byte(`{"data":{"greeting":"drifted"}}`), metav1.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.client.AppsV1().Deployments(w.namespace).Patch(t.Context(), "web", "application/merge-patch+json", []byte(`{"spec":{"replicas":2}}`), metav1.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		l, err := p.Read(t.Context(), r)
		if err != nil || l.Reason != `ConfigMap web-config: data.greeting is "drifted", not "hello"; Deployment web: spec.replicas is 2, not 1` {
			t.Errorf("read %+v, %v", l, err)
		}
		c := w.plan(p, el, &r, fairlead.OpUpdate)
		if c.Reason != l.Reason {
			t.Errorf("reason %q, want %q", c.Reason, l.Reason)
		}
		r = w.settle(p, c)
		if l, err := p.Read(t.Context(), r); err != nil || l.Reason != "" || w.config("web-config")["greeting"] != "hello" {
			t.Errorf("read after the same was applied again: %+v, %v", l, err)
		}
		w.plan(p, el, &r, fairlead.OpNone)
		_, err = w.client.CoreV1().ConfigMaps(w.namespace).Patch(t.Context(), "web-config", "application/merge-patch+json", []byte(`{"data":{"greeting":"again"}}`), metav1.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		next := w.web(map[string]any{"replicas": int64(1), "extra": map[string]any{"a": int64(2)}})
		r = w.make(p, next, &r)
		if l, err := p.Read(t.Context(), r); err != nil || l.Reason != "" || w.config("web-config")["greeting"] != "hello" {
			t.Errorf("read after the upgrade, which takes it back: %+v, %v", l, err)
		}
	})
	t.Run("pods that cannot start", func(t *testing.T) {
		w.files["shop@1"]["charts/web/templates/stuck.yaml"] = `apiVersion: apps/v1
kind: Deployment
metadata: {name: stuck}
spec:
  selector: {matchLabels: {app: stuck}}
  template:
    metadata: {labels: {app: stuck}}
    spec: {nodeSelector: {no: such-node}, containers: [{name: web, image: "demo/web:1"}]}
`
		el := w.web(nil)
		r, err := p.Apply(t.Context(), w.plan(p, el, &r, fairlead.OpUpdate))
		if err != nil {
			t.Fatal(err)
		}
		var h fairlead.Health
		w.until("unschedulable", func() (bool, string) {
			if h, err = p.Health(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			return strings.Contains(h.Reason, "Unschedulable"), h.Reason
		})
		if h.State != fairlead.HealthProgressing || !strings.HasPrefix(h.Reason, "Deployment stuck: 0 of 1 pods ready: Unschedulable: ") {
			t.Errorf("health %+v", h)
		}
		el.Properties["wait"] = false
		r = w.make(p, el, &r)
		delete(w.files["shop@1"], "charts/web/templates/stuck.yaml")
	})
	w.delete(p, r)
	if h, err := p.Health(t.Context(), r); err != nil || h.State != fairlead.Unhealthy {
		t.Errorf("health of what is gone: %+v, %v", h, err)
	}
}

func TestDeleteWaits(t *testing.T) {
	w := newWorld(t)
	w.files["shop@1"]["charts/web/templates/held.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [fairlead.io/test]}\n"
	w.files["shop@1"]["charts/web/templates/kept.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept, annotations: {helm.sh/resource-policy: keep}}\n"
	p := w.provider()
	r := w.make(p, w.web(nil), nil)
	for range 2 {
		err := p.Delete(t.Context(), r)
		if !errors.Is(err, fairlead.ErrDeleting) || !strings.Contains(err.Error(), "ConfigMap held") {
			t.Fatalf("delete: %v, want it to wait for ConfigMap held", err)
		}
	}
	_, err := w.client.CoreV1().ConfigMaps(w.namespace).Patch(t.Context(), "held", "application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.delete(p, r)
	if left := w.left(); len(left) != 1 || left[0] != "ConfigMap kept" {
		t.Errorf("left behind: %v, want only what the chart keeps", left)
	}
}

func TestTimeoutOfHook(t *testing.T) {
	w := newWorld(t)
	w.files["shop@1"]["charts/web/templates/hook.yaml"] = strings.ReplaceAll(hookJob, "demo/web:1", "demo/web:1\n      nodeSelector: {no: such-node}")
	p := w.provider()
	el := w.web(nil)
	el.Properties["timeout"] = "1s"
	begun := time.Now()
	_, err := p.Apply(t.Context(), w.plan(p, el, nil, fairlead.OpCreate))
	wantError(t, err, fairlead.Failed, "cannot be installed: a hook of the chart took longer than 1s", "failed pre-install", "Job/"+w.namespace+"/before")
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}
