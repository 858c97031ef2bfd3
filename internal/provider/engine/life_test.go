package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/engine"
	"github.com/fairlead/fairlead/internal/template"
)

func TestReadinessGatesTheService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run()
	w.make(w.element("web", "CCE.Deployment", deployment("web", 1, webContainer("demo/web:1"))))
	w.make(w.element("svc", "CCE.Service", nodePort("web", "web")))
	url := w.url("svc")
	// A new version that never becomes ready gets no request, and the old one stays.
	c := w.plan(w.element("web", "CCE.Deployment", deployment("web", 1, webContainer("demo/web:2", object{"env": array{object{"name": "UNREADY", "value": "1"}}}))))
	var h fairlead.Health
	eventually(t, "the probe's answer as the reason", func() bool {
		r, err := w.pass(c)
		if err != nil {
			t.Fatal(err)
		}
		if h, err = w.provider.Health(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(h.Reason, "readiness probe: GET /ready answered 503")
	})
	if h.State != fairlead.HealthProgressing || !h.Again || !strings.HasPrefix(h.Reason, "0 of 1 container ready") {
		t.Errorf("health %+v", h)
	}
	for range 5 {
		if got := mustGet(t, url); !strings.HasPrefix(got, "one ") {
			t.Fatalf("page %q", got)
		}
	}
	// Back again: the old one was never touched.
	w.make(w.element("web", "CCE.Deployment", deployment("web", 1, webContainer("demo/web:1"))))
}

func TestSupervisorWithdrawsAndGivesAliases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run()
	w.make(w.element("web", "CCE.Deployment", deployment("web", 2, webContainer("demo/web:1"))))
	w.make(w.element("svc", "CCE.Service", nodePort("web", "web")))
	url := w.url("svc")
	first := mustGet(t, url)
	eventually(t, "one container made unready", func() bool {
		s, err := get(url)
		if err != nil || s != first {
			return false
		}
		_, err = get(url + "/set?ready=false")
		return err == nil
	})
	seen := func() map[string]bool {
		out := map[string]bool{}
		for range 8 {
			s, err := get(url)
			if err != nil {
				return nil
			}
			out[s] = true
		}
		return out
	}
	eventually(t, "only one container serves", func() bool { return len(seen()) == 1 })
}

func TestLivenessRestartsTheContainer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run()
	live := object{"livenessProbe": object{"httpGet": object{"path": "/live", "port": int64(8080)}, "periodSeconds": int64(1), "failureThreshold": int64(2)}}
	w.make(w.element("web", "CCE.Deployment", deployment("web", 1, webContainer("demo/web:1", live))))
	w.make(w.element("svc", "CCE.Service", nodePort("web", "web")))
	name := w.containers("main")[0]
	started := func() string { return inspect(t, w, name).State.StartedAt }
	before := started()
	mustGet(t, w.url("svc")+"/set?dead=true")
	eventually(t, "a restart", func() bool { return started() != before })
	eventually(t, "it serves again", func() bool { s, err := get(w.url("svc")); return err == nil && strings.HasPrefix(s, "one ") })
}

func inspect(t *testing.T, w *world, name string) inspected {
	t.Helper()
	res, err := w.api.ContainerInspect(t.Context(), name, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return res.Container
}

func TestConfigurationAsVariablesAndFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cm := func(text string) template.Element {
		return w.element("cm", "CCE.ConfigMap", object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": "conf"}, "data": object{"greeting": text, "app.conf": "x=" + text}})
	}
	web := w.element("web", "CCE.Deployment", deployment("web", 1, webContainer("demo/web:1", object{
		"env":          array{object{"name": "GREETING", "valueFrom": object{"configMapKeyRef": object{"name": "conf", "key": "greeting"}}}, object{"name": "BOTH", "value": "$(GREETING) $(password)"}},
		"envFrom":      array{object{"secretRef": object{"name": "keys"}}},
		"volumeMounts": array{object{"name": "conf", "mountPath": "/etc/conf"}, object{"name": "keys", "mountPath": "/etc/pw.txt", "subPath": "password"}, object{"name": "scratch", "mountPath": "/scratch"}},
	}), object{"volumes": array{object{"name": "conf", "configMap": object{"name": "conf"}}, object{"name": "keys", "secret": object{"secretName": "keys", "defaultMode": int64(0o400)}},
		object{"name": "scratch", "emptyDir": object{}}}}))

	// Without its configuration the Deployment waits and says for what.
	r, err := w.pass(w.plan(web))
	if err != nil {
		t.Fatal(err)
	}
	h, err := w.provider.Health(t.Context(), r)
	if err != nil || h.State != fairlead.HealthProgressing || !strings.Contains(h.Reason, "ConfigMap conf") || !strings.Contains(h.Reason, "Secret keys") {
		t.Errorf("health %+v, %v", h, err)
	}
	w.make(cm("hello"))
	el := w.element("keys", "CCE.Secret", nil)
	el.Properties = object{"name": "keys", "data": object{"password": "pass word"}}
	w.make(el)
	w.make(web)
	w.make(w.element("svc", "CCE.Service", nodePort("web", "web")))
	for path, want := range map[string]string{
		"/env?name=GREETING": "hello", "/env?name=BOTH": "hello pass word", "/env?name=password": "pass word",
		"/file?path=/etc/conf/greeting": "hello", "/file?path=/etc/conf/app.conf": "x=hello", "/file?path=/etc/pw.txt": "pass word",
	} {
		if got := mustGet(t, w.url("svc")+path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	// Other content is another revision.
	w.make(cm("bye"))
	if c := w.plan(web); c.Verb != fairlead.OpUpdate {
		t.Errorf("verb %s, want update: its configuration changed", c.Verb)
	}
	w.make(web)
	if got := mustGet(t, w.url("svc")+"/file?path=/etc/conf/greeting"); got != "bye" {
		t.Errorf("file %q, want the new content", got)
	}
}

func TestNamesOfServicesAndPortTranslation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	svc := func(name string, spec object) template.Element {
		spec["selector"] = object{"app": "db"}
		return w.element(name, "CCE.Service", object{"apiVersion": "v1", "kind": "Service", "metadata": object{"name": name}, "spec": spec})
	}
	w.make(svc("direct", object{"ports": array{object{"port": int64(8080)}}}))
	w.make(svc("mapped", object{"ports": array{object{"port": int64(80), "targetPort": "http"}}}))
	w.make(svc("headless", object{"clusterIP": "None", "ports": array{object{"port": int64(80), "targetPort": "http"}}}))
	w.make(w.element("db", "CCE.Deployment", deployment("db", 1, webContainer("demo/web:2"))))
	w.make(w.element("web", "CCE.Deployment", deployment("web", 1, webContainer("demo/web:1"))))
	w.make(w.element("svc", "CCE.Service", nodePort("web", "web")))
	for _, url := range []string{"http://direct:8080/", "http://direct.default.svc.cluster.local:8080/", "http://mapped/", "http://mapped.default/", "http://headless:8080/"} {
		eventually(t, url, func() bool {
			s, err := get(w.url("svc") + "/get?url=" + url)
			return err == nil && strings.HasPrefix(s, "two db-")
		})
	}
}

func TestStatefulSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set := func(image string) template.Element {
		m := deployment("db", 2, webContainer(image, object{"volumeMounts": array{object{"name": "data", "mountPath": "/data"}}}))
		m["kind"] = "StatefulSet"
		spec := m["spec"].(object)
		spec["serviceName"] = "db"
		spec["volumeClaimTemplates"] = array{object{"metadata": object{"name": "data"}, "spec": object{"accessModes": array{"ReadWriteOnce"}}}}
		return w.element("db", "CCE.StatefulSet", m)
	}
	c := w.plan(set("demo/web:1"))
	eventually(t, "the first container", func() bool {
		if _, err := w.pass(c); err != nil {
			t.Fatal(err)
		}
		return len(w.containers("main")) > 0
	})
	if got := w.containers("main"); len(got) != 1 || !strings.HasSuffix(got[0], "-0") {
		t.Errorf("containers %v after the first pass, want only the first", got)
	}
	if h := w.settle(c); h.State != fairlead.Healthy {
		t.Fatalf("health %+v", h)
	}
	name := w.containers("main")[0]
	execIn(t, w, name, "/app", "write", "/data/kept", "for ever")
	if host := inspect(t, w, name).Config.Hostname; host != "db-0" && host != "db-1" {
		t.Errorf("hostname %q", host)
	}
	w.make(set("demo/web:2"))
	if got := w.containers("main"); len(got) != 2 {
		t.Errorf("containers %v", got)
	}
	found := 0
	for _, c := range w.containers("main") {
		if execCode(t, w, c, "/app", "exists", "/data/kept") == 0 {
			found++
		}
	}
	if found != 1 {
		t.Errorf("the file is in %d volumes after the update, want 1", found)
	}
	w.delete("db")
	vols, err := w.api.VolumeList(t.Context(), client.VolumeListOptions{Filters: w.filter()})
	if err != nil || len(vols.Items) != 2 {
		t.Errorf("volumes %v, %v; want the two claims", vols.Items, err)
	}
}

func TestJob(t *testing.T) {
	job := func(w *world, policy string, args ...any) template.Element {
		return w.element("once", "CCE.Job", object{"apiVersion": "batch/v1", "kind": "Job", "metadata": object{"name": "once"}, "spec": object{"backoffLimit": int64(1),
			"template": object{"spec": object{"restartPolicy": policy, "containers": array{object{"name": "c", "image": shelfHost + "demo/web:1", "args": args}}}}}})
	}
	t.Run("succeeds", func(t *testing.T) {
		w := newWorld(t)
		w.make(job(w, "Never", "exit", "0"))
		if c := w.plan(job(w, "Never", "exit", "0")); c.Verb != fairlead.OpNone {
			t.Errorf("verb %s, want none: it ran", c.Verb)
		}
		if c := w.plan(job(w, "Never", "exit", "0", "again")); c.Verb != fairlead.OpReplace {
			t.Errorf("verb %s, want replace", c.Verb)
		}
	})
	for _, policy := range []string{"Never", "OnFailure"} {
		t.Run("fails with "+policy, func(t *testing.T) {
			w := newWorld(t)
			h := w.settle(w.plan(job(w, policy, "exit", "3")))
			if h.State != fairlead.Unhealthy || !strings.Contains(h.Reason, "exited with code 3") || !strings.Contains(h.Reason, "last words") {
				t.Errorf("health %+v", h)
			}
		})
	}
}

func TestPodWithInitAndSecondContainer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shared := object{"volumeMounts": array{object{"name": "shared", "mountPath": "/shared"}}}
	with := func(c object, more ...object) object {
		for _, m := range append(more, shared) {
			for k, v := range m {
				c[k] = v
			}
		}
		return c
	}
	image := shelfHost + "demo/web:1"
	w.make(w.element("pod", "CCE.Pod", object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "pod", "labels": object{"app": "pod"}}, "spec": object{
		"terminationGracePeriodSeconds": int64(5), "volumes": array{object{"name": "shared", "emptyDir": object{}}},
		"initContainers": array{with(object{"name": "prepare", "image": image, "args": array{"write", "/shared/made", "by init"}})},
		"containers": array{with(webContainer("demo/web:1")), with(object{"name": "side", "image": image, "env": array{object{"name": "PORT", "value": "9090"}},
			"readinessProbe": object{"exec": object{"command": array{"/app", "exists", "/shared/made"}}}})}}}))
	w.make(w.element("svc", "CCE.Service", nodePort("pod", "pod")))
	if got := mustGet(t, w.url("svc")+"/file?path=/shared/made"); got != "by init" {
		t.Errorf("file %q", got)
	}
	if got := mustGet(t, w.url("svc")+"/get?url=http://127.0.0.1:9090/"); !strings.HasPrefix(got, "one ") {
		t.Errorf("the other container over loopback says %q", got)
	}
}

func TestCrashingContainerIsUnhealthyEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.settle(w.plan(w.element("web", "CCE.Deployment", deployment("web", 1, object{"name": "web", "image": shelfHost + "demo/web:1", "args": array{"exit", "7"}}))))
	if h.State != fairlead.Unhealthy || !strings.Contains(h.Reason, "container web exited") || !strings.Contains(h.Reason, "last words") {
		t.Errorf("health %+v", h)
	}
}

func TestMissingImages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.provider.Plan(t.Context(), w.element("web", "CCE.Deployment", deployment("web", 1, webContainer("demo/web:9"))), nil)
	if fairlead.ErrorCode(err) != fairlead.Failed || !strings.Contains(err.Error(), "demo/web:9") {
		t.Errorf("error %v, want one that names the image", err)
	}
	never := webContainer("x")
	never["image"], never["imagePullPolicy"] = "nowhere.invalid/x:1", "Never"
	if _, err := w.pass(w.plan(w.element("other", "CCE.Deployment", deployment("other", 1, never)))); fairlead.ErrorCode(err) != fairlead.Failed || !strings.Contains(err.Error(), "nowhere.invalid/x:1") {
		t.Errorf("error %v, want one that names the image", err)
	}
}

func TestRepushedTagIsNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.element("web", "CCE.Deployment", deployment("web", 1, webContainer("demo/web:1")))
	w.make(web)
	w.images.push(t, "demo/web:1", "VERSION=three")
	if c := w.plan(web); c.Verb != fairlead.OpUpdate {
		t.Errorf("verb %s, want update", c.Verb)
	}
	w.make(web)
	w.make(w.element("svc", "CCE.Service", nodePort("web", "web")))
	if got := mustGet(t, w.url("svc")); !strings.HasPrefix(got, "three ") {
		t.Errorf("page %q", got)
	}
}

func TestScaleAndRename(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.make(w.element("web", "CCE.Deployment", deployment("web", 3, webContainer("demo/web:1"))))
	names := w.containers("main")
	w.make(w.element("web", "CCE.Deployment", deployment("web", 1, webContainer("demo/web:1"))))
	if got := w.containers("main"); len(got) != 1 || !slices.Contains(names, got[0]) {
		t.Errorf("containers %v, want one of %v", got, names)
	}
	renamed := w.element("web", "CCE.Deployment", deployment("shop", 1, webContainer("demo/web:1")))
	c := w.plan(renamed)
	if c.Verb != fairlead.OpReplace || !strings.Contains(c.Reason, "from web to shop") {
		t.Errorf("verb %s (%s), want replace", c.Verb, c.Reason)
	}
	w.make(renamed)
	if got := w.containers("main"); len(got) != 1 || !strings.Contains(got[0], "-shop-") {
		t.Errorf("containers %v", got)
	}
}

func TestAnotherProcessTakesOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.plan(w.element("web", "CCE.Deployment", deployment("web", 2, webContainer("demo/web:1"))))
	if _, err := w.pass(c); err != nil {
		t.Fatal(err)
	}
	before := w.containers("main")
	w.provider.Close()
	w.provider = w.newProvider()
	if h := w.settle(c); h.State != fairlead.Healthy {
		t.Fatalf("health %+v", h)
	}
	after := w.containers("main")
	for _, n := range before {
		if !slices.Contains(after, n) {
			t.Errorf("%s was made again: %v", n, after)
		}
	}
	// Deleting works for a process that never saw it being made.
	w.provider.Close()
	w.provider = w.newProvider()
	w.delete("web")
	if left := w.left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestDriftIsNoticedAndRepaired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.element("web", "CCE.Deployment", deployment("web", 1, webContainer("demo/web:1")))
	w.make(web)
	if _, err := w.api.ContainerRemove(t.Context(), w.containers("main")[0], client.ContainerRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	c := w.plan(web)
	if c.Verb != fairlead.OpCreate || c.Reason == "" {
		t.Errorf("verb %s (%s), want create with a reason", c.Verb, c.Reason)
	}
	w.make(web)
	if err := stop(w, w.containers("main")[0]); err != nil {
		t.Fatal(err)
	}
	if c := w.plan(web); c.Verb != fairlead.OpUpdate || !strings.Contains(c.Reason, "0 of 1 container run") {
		t.Errorf("verb %s (%s), want update", c.Verb, c.Reason)
	}
	w.make(web)
}

func stop(w *world, name string) error {
	seconds := 1
	_, err := w.api.ContainerStop(w.t.Context(), name, client.ContainerStopOptions{Timeout: &seconds})
	return err
}

func TestDeleteOfNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.plan(w.element("web", "CCE.Deployment", deployment("web", 1, webContainer("demo/web:1"))))
	if err := w.provider.Delete(t.Context(), c.Record); err != nil {
		t.Errorf("delete of what was never made: %v", err)
	}
}

func TestUnreachableEngine(t *testing.T) {
	p, err := engine.New(engine.Config{Host: "unix:///nowhere/docker.sock", InstanceID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	el := template.Element{Name: "web", Type: "CCE.Deployment", StackID: "s", Stack: "s", Namespace: "default",
		Properties: object{"k8sManifest": deployment("web", 1, object{"name": "c", "image": "x"})}}
	_, perr := p.Plan(t.Context(), el, nil)
	_, aerr := p.Apply(t.Context(), fairlead.Change{Verb: fairlead.OpCreate, Record: fairlead.Record{Element: "web", Type: "CCE.Deployment", Properties: el.Properties}})
	derr := p.Delete(t.Context(), fairlead.Record{Element: "web"})
	_, pingErr := p.Ping(t.Context())
	for what, err := range map[string]error{"plan": perr, "apply": aerr, "delete": derr, "ping": pingErr} {
		if fairlead.ErrorCode(err) != fairlead.Unavailable || !strings.Contains(err.Error(), "unix:///nowhere/docker.sock") {
			t.Errorf("%s: %v, want unavailable with the host", what, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := p.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("run: %v", err)
	}
}
