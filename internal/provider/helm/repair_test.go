package helm_test

import (
	"context"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/release/common"

	"github.com/fairlead/fairlead"
)

// hookJob is a Job that runs before an installation and is left there.
const hookJob = `apiVersion: batch/v1
kind: Job
metadata: {name: before, annotations: {helm.sh/hook: "pre-install,pre-upgrade"}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: it
        image: demo/web:1
`

// job is a Job whose template cannot change in place.
func job(image string) string {
	return "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nspec:\n  template:\n    spec: {restartPolicy: Never, containers: [{name: it, image: \"" + image + "\"}]}\n"
}

// broken is an object that the cluster refuses.
const broken = "apiVersion: v1\nkind: Service\nmetadata: {name: broken}\nspec: {ports: [{port: 99999999}]}\n"

func TestFailedFirstInstall(t *testing.T) {
	w := newWorld(t)
	p := w.provider()
	files := w.files["shop@1"]
	files["charts/web/templates/job.yaml"], files["charts/web/templates/broken.yaml"] = job("demo/web:1"), broken
	files["charts/web/templates/old.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: old}\n"
	c := w.plan(p, w.web(nil), nil, fairlead.OpCreate)
	for range 2 { // the same again fails the same way
		_, err := p.Apply(t.Context(), c)
		wantError(t, err, fairlead.Failed, "release web in namespace "+w.namespace+" cannot be installed", "broken")
	}
	if h, err := p.Health(t.Context(), c.Record); err != nil || h.State != fairlead.Unhealthy || !strings.Contains(h.Reason, "is failed") {
		t.Errorf("health %+v, %v", h, err)
	}

	// The next try has neither the broken object nor what would be impossible to change in place.
	delete(files, "charts/web/templates/broken.yaml")
	delete(files, "charts/web/templates/old.yaml")
	files["charts/web/templates/job.yaml"] = job("demo/web:2")
	prior := c.Record
	next := w.plan(w.provider(), w.web(nil), &prior, fairlead.OpUpdate)
	if !strings.Contains(next.Reason, "is failed") {
		t.Errorf("reason %q", next.Reason)
	}
	r := w.settle(w.provider(), next)
	if w.config("old") != nil {
		t.Error("what only the failed installation had is still there")
	}
	if got := w.last(); got.Version != 1 || got.Info.Status != common.StatusDeployed {
		t.Errorf("revision %d is %s, want 1 deployed", got.Version, got.Info.Status)
	}
	w.delete(p, r)
	if left := w.left(); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// TestKilled leaves releases as a process does that is killed in the middle of an action.
func TestKilled(t *testing.T) {
	t.Run("while it installed", func(t *testing.T) {
		w := newWorld(t)
		w.files["shop@1"]["charts/web/templates/hook.yaml"] = hookJob
		p := w.provider()
		c := w.plan(p, w.web(nil), nil, fairlead.OpCreate)
		r := w.settle(p, c)
		w.mark(common.StatusPendingInstall)
		p = w.provider()
		h, err := p.Health(t.Context(), r)
		if err != nil || h.State != fairlead.HealthProgressing || !h.Again || h.Reason != "revision 1 was interrupted while pending-install" {
			t.Fatalf("health %+v, %v", h, err)
		}
		r = w.settle(p, c)
		w.plan(p, w.web(nil), &r, fairlead.OpNone)
		w.delete(p, r)
		if left := w.left(); left != nil {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("while it installed, and another is wanted", func(t *testing.T) {
		w := newWorld(t)
		p := w.provider()
		w.settle(p, w.plan(p, w.web(nil), nil, fairlead.OpCreate))
		w.mark(common.StatusPendingInstall)
		r := w.settle(p, w.plan(p, w.web(map[string]any{"greeting": "new"}), nil, fairlead.OpCreate))
		if w.config("web-config")["greeting"] != "new" {
			t.Error("the other values were not installed")
		}
		w.delete(p, r)
	})
	t.Run("while it upgraded, then rolled back", func(t *testing.T) {
		w := newWorld(t)
		p := w.provider()
		first := w.make(p, w.web(nil), nil)
		w.files["shop@2"] = in("charts/web", chart("1.1.0", map[string]string{"templates/added.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: added}\n"}))
		el := w.web(map[string]any{"greeting": "new"})
		el.Version = "2"
		second := w.make(p, el, &first)
		w.mark(common.StatusPendingUpgrade)
		w.markRevision(1, common.StatusDeployed)
		back := w.plan(p, w.web(nil), &second, fairlead.OpUpdate)
		if back.Reason != "revision 2 is pending-upgrade" {
			t.Errorf("reason %q", back.Reason)
		}
		r := w.settle(p, back)
		if w.config("added") != nil {
			t.Error("what the interrupted upgrade added is still there")
		}
		if w.config("web-config")["greeting"] != "hello" {
			t.Error("the values are not those of before")
		}
		w.delete(p, r)
		if left := w.left(); left != nil {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("while it uninstalled", func(t *testing.T) {
		w := newWorld(t)
		p := w.provider()
		r := w.make(p, w.web(nil), nil)
		w.mark(common.StatusUninstalling)
		w.delete(w.provider(), r)
		if left := w.left(); left != nil {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("by a canceled context", func(t *testing.T) {
		w := newWorld(t)
		w.files["shop@1"]["charts/web/templates/hook.yaml"] = strings.ReplaceAll(hookJob, "demo/web:1", "demo/web:1\n      nodeSelector: {no: such-node}")
		p := w.provider()
		c := w.plan(p, w.web(nil), nil, fairlead.OpCreate)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := p.Apply(ctx, c)
			ended <- err
		}()
		w.until("in its hook", func() (bool, string) {
			for _, name := range w.left() {
				if name == "Job before" {
					return true, ""
				}
			}
			return false, "no Job"
		})
		cancel()
		if err := <-ended; err == nil {
			t.Fatal("a canceled Apply returned no error")
		}
		if got := w.last().Info.Status; got != common.StatusPendingInstall {
			t.Errorf("the release is %s, want it left as the kill left it", got)
		}
		w.files["shop@1"]["charts/web/templates/hook.yaml"] = hookJob
		next := w.plan(p, w.web(nil), &c.Record, fairlead.OpUpdate)
		r := w.settle(p, next)
		w.delete(p, r)
		if left := w.left(); left != nil {
			t.Errorf("left behind: %v", left)
		}
	})
}

func TestFailedUpgrade(t *testing.T) {
	w := newWorld(t)
	p := w.provider()
	first := w.make(p, w.web(nil), nil)
	w.files["shop@2"] = in("charts/web", chart("1.1.0", map[string]string{"templates/broken.yaml": broken, "templates/added.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: added}\n"}))
	el := w.web(nil)
	el.Version = "2"
	c := w.plan(p, el, &first, fairlead.OpUpdate)
	if c.Reason != "chart web 1.0.0 -> 1.1.0; adds ConfigMap added, Service broken" && c.Reason != "chart web 1.0.0 -> 1.1.0; adds Service broken, ConfigMap added" {
		t.Errorf("reason %q", c.Reason)
	}
	_, err := p.Apply(t.Context(), c)
	wantError(t, err, fairlead.Failed, "cannot be upgraded", "broken")
	r := w.make(p, w.web(nil), &c.Record)
	if w.config("added") != nil {
		t.Error("what the failed upgrade added is still there")
	}
	w.plan(p, w.web(nil), &r, fairlead.OpNone)
	w.delete(p, r)
	if left := w.left(); left != nil {
		t.Errorf("left behind: %v", left)
	}
}
