package stack_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/kubernetes"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
	"github.com/fairlead/fairlead/internal/stack"
)

// newKubeBench is an engine whose target is the cluster for tests, and a namespace of it.
func newKubeBench(t testing.TB) (b *bench, namespace string) {
	t.Helper()
	p := newKubeProvider(t)
	namespace = kubetest.Namespace(t)
	return newBench(t, p), namespace
}

// newKubeProvider is a provider whose watches run.
func newKubeProvider(t testing.TB) *kubernetes.Provider {
	t.Helper()
	p, err := kubernetes.New(kubernetes.Config{Kubeconfig: kubetest.Kubeconfig(t), Instance: "test",
		PullSecret: func(context.Context, string) ([]byte, bool, error) { return []byte(`{"auths":{}}`), true, nil }})
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

// TestLargeOnKubernetes creates 300 objects in 10 layers, changes nothing, changes one field, and deletes them. The versions of
// all objects tell what was touched.
func TestLargeOnKubernetes(t *testing.T) {
	b, namespace := newKubeBench(t)
	ctx := t.Context()
	client := kubetest.Client(t).CoreV1().ConfigMaps(namespace)
	versions := func() map[string]string {
		t.Helper()
		list, err := client.List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, c := range list.Items {
			if strings.HasPrefix(c.Name, "l") {
				found[c.Name] = c.ResourceVersion
			}
		}
		return found
	}
	b.push("shop", "1.0", layered(10, 30, ""))
	b.push("shop", "2.0", layered(10, 30, "l4-7"))
	r := request("1.0")
	r.Namespace = namespace
	begun := time.Now()
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, r)))
	t.Logf("created in %s", time.Since(begun).Round(time.Millisecond))
	first := versions()
	if len(first) != 300 {
		t.Fatalf("%d objects, want 300", len(first))
	}

	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, stack.Request{Name: "shop"})))
	if now := versions(); !maps.Equal(first, now) {
		t.Errorf("an upgrade without a change touched objects: %v", changedKeys(first, now))
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, request("2.0"))))
	if got := changedKeys(first, versions()); !slices.Equal(got, []string{"l4-7"}) {
		t.Errorf("an upgrade in one field touched %v, want only l4-7", got)
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop"})))
	if left := versions(); len(left) > 0 {
		t.Errorf("%d objects are left", len(left))
	}
}

func changedKeys(before, after map[string]string) (keys []string) {
	for k, v := range before {
		if after[k] != v {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func webTemplate(image string) string {
	return fmt.Sprintf(`tosca_definitions_version: huaweicloud_tosca_version_1_0
node_templates:
  web:
    type: HuaweiCloud.CCE.Deployment
    properties:
      k8sManifest:
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web, labels: {app: web}}
        spec:
          replicas: 3
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              containers:
                - {name: web, image: %q}
`, image)
}

// TestBrokenUpgradeOnKubernetes upgrades a Deployment to an image that does not exist: the stack ends on the old version, and
// every old pod was ready all the time.
func TestBrokenUpgradeOnKubernetes(t *testing.T) {
	b, namespace := newKubeBench(t)
	ctx := t.Context()
	b.push("shop", "1.0", webTemplate("demo/web:1"))
	b.push("shop", "2.0", webTemplate("demo/missing:2"))
	r := request("1.0")
	r.Namespace = namespace
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, r)))

	pods := kubetest.Client(t).CoreV1().Pods(namespace)
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
	if err != nil {
		t.Fatal(err)
	}
	old := map[string]bool{}
	for _, p := range list.Items {
		if !ready(&p) {
			t.Errorf("pod %s is not ready after the create", p.Name)
		}
		old[p.Name] = true
	}
	if len(old) != 3 {
		t.Fatalf("%d pods, want 3", len(old))
	}
	watched, err := pods.Watch(ctx, metav1.ListOptions{LabelSelector: "app=web", ResourceVersion: list.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan observed)
	go func() { result <- observe(watched, old) }()

	bad := request("2.0")
	bad.OnFailure, bad.Timeout = fairlead.Rollback, 15*time.Second
	a := b.wait(b.engine.Upgrade(ctx, bad))
	if a.State != fairlead.ActionFailed && a.State != fairlead.ActionTimedOut || !strings.HasSuffix(a.Message, "rolled back to shop@1.0") {
		t.Errorf("the upgrade ended %s: %s", a.State, a.Message)
	}
	if s := b.stack("shop"); s.Version != "1.0" || s.Status != fairlead.StackRunning || s.Health != fairlead.Healthy {
		t.Errorf("stack %+v", s)
	}
	watched.Stop()
	seen := <-result
	for _, trouble := range seen.trouble {
		t.Error(trouble)
	}
	if seen.fresh == 0 {
		t.Error("no pod of the new version was ever seen, so the test tells nothing")
	}
	list, err = pods.List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list.Items {
		if old[p.Name] && (!ready(&p) || p.DeletionTimestamp != nil) {
			t.Errorf("old pod %s no longer serves", p.Name)
		}
	}
}

func ready(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// observed is what a watch on pods saw.
type observed struct {
	fresh   int      // pods that are not old
	trouble []string // old pods that did not serve
}

func observe(w watch.Interface, old map[string]bool) (o observed) {
	for e := range w.ResultChan() {
		p, ok := e.Object.(*corev1.Pod)
		switch {
		case !ok:
		case !old[p.Name]:
			o.fresh++
		case e.Type == watch.Deleted || p.DeletionTimestamp != nil || !ready(p):
			o.trouble = append(o.trouble, fmt.Sprintf("old pod %s was %s, ready %t", p.Name, strings.ToLower(string(e.Type)), ready(p)))
		}
	}
	return o
}

const followingTemplate = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  text: {type: string, default: one, description: text}
  replicas: {type: integer, default: 1, description: replicas}
node_templates:
  settings:
    type: HuaweiCloud.CCE.ConfigMap
    properties: {k8sManifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {text: {get_input: text}}}}
  web:
    type: HuaweiCloud.CCE.Deployment
    requirements: [{dependency: {node: settings}}]
    properties:
      k8sManifest:
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: {get_input: replicas}
          selector: {matchLabels: {app: web}}
          template:
            metadata:
              labels: {app: web}
              annotations: {settings: {get_attribute: [settings, checksum]}}
            spec: {containers: [{name: web, image: "demo/web:1"}]}
`

// TestConfigRollsOnKubernetes changes a ConfigMap whose checksum is an annotation of a Deployment's pods, and then has somebody else
// scale the Deployment: a preview shows who, an upgrade is refused, and adoption takes the field back.
func TestConfigRollsOnKubernetes(t *testing.T) {
	b, namespace := newKubeBench(t)
	ctx := t.Context()
	b.push("shop", "1.0", followingTemplate)
	api := kubetest.Client(t).AppsV1().Deployments(namespace)
	generation := func() int64 {
		t.Helper()
		d, err := api.Get(ctx, "web", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return d.Generation
	}
	r := stack.Request{Name: "shop", Template: "shop", Version: "1.0", Namespace: namespace}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, r)))
	first := generation()
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, r)))
	if got := generation(); got != first {
		t.Errorf("an upgrade without a change took the Deployment from generation %d to %d", first, got)
	}
	r.Inputs = map[string]any{"text": "two"}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, r)))
	if got := generation(); got != first+1 {
		t.Errorf("after a change of the ConfigMap the Deployment is at generation %d, want %d", got, first+1)
	}

	_, err := api.Patch(ctx, "web", types.MergePatchType, []byte(`{"spec":{"replicas":2}}`), metav1.PatchOptions{FieldManager: "kubectl-scale"})
	if err != nil {
		t.Fatal(err)
	}
	r.Inputs = map[string]any{"replicas": 3}
	plan, err := b.engine.Preview(ctx, r)
	if err != nil {
		t.Fatal(describe(err))
	}
	var held []fairlead.FieldChange
	for _, f := range plan.Operations[1].Fields {
		if f.Owner != "" {
			held = append(held, f)
		}
	}
	if len(held) != 1 || held[0].Owner != "kubectl-scale" || held[0].Path != "k8sManifest.spec.replicas" || fmt.Sprint(held[0].Before, held[0].Live, held[0].After) != "1 2 3" {
		t.Errorf("held fields: %+v", held)
	}
	if text := plan.Warnings.Error(); !strings.Contains(text, "spec.replicas is set by kubectl-scale") || !strings.Contains(text, "--adopt=web") {
		t.Errorf("warnings: %s", text)
	}
	if _, err := b.engine.Upgrade(ctx, r); fairlead.ErrorCode(err) != fairlead.Conflict || !strings.Contains(describe(err), "kubectl-scale") {
		t.Errorf("an upgrade: %v", err)
	}
	r.Adopt = []string{"web"}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, r)))
	if d, err := api.Get(ctx, "web", metav1.GetOptions{}); err != nil || *d.Spec.Replicas != 3 {
		t.Errorf("after adoption: %v, %v", d.Spec.Replicas, err)
	}
}
