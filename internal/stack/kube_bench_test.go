package stack_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/template"
)

const (
	// boxVariable names the program of scripts/kube.sh, which is kubectl and helm.
	boxVariable = "FAIRLEAD_KUBE_BOX"
	// loops is how many calls the bare loop has under way at the same time.
	loops = 16
)

type m = map[string]any

// race is one comparison: the same objects, made by several programs, each time in a namespace of its own.
type race struct {
	b       *testing.B
	gvr     schema.GroupVersionResource
	typ     string
	objects []m
	client  dynamic.Interface
	stacks  *bench
	target  stack.Provider
	changes []fairlead.Change
	box     string
	home    string // of kubectl and helm, which keep caches
}

func nameOf(o m) string { return o["metadata"].(m)["name"].(string) }

func configMapRace(n int) race {
	r := race{gvr: schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, typ: "CCE.ConfigMap"}
	for i := range n {
		r.objects = append(r.objects, m{"apiVersion": "v1", "kind": "ConfigMap", "metadata": m{"name": fmt.Sprintf("settings-%03d", i)},
			"data": m{"number": fmt.Sprint(i), "text": "some text that is a little longer"}})
	}
	return r
}

// deploymentRace has Deployments without pods, so that the nodes have no part in it.
func deploymentRace(n int) race {
	r := race{gvr: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, typ: "CCE.Deployment"}
	for i := range n {
		name := fmt.Sprintf("web-%03d", i)
		labels := m{"app": name}
		r.objects = append(r.objects, m{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": m{"name": name}, "spec": m{
			"replicas": 0, "selector": m{"matchLabels": labels},
			"template": m{"metadata": m{"labels": labels}, "spec": m{"containers": []any{m{"name": "web", "image": "demo/web:1"}}}},
		}})
	}
	return r
}

// bare applies the objects with nothing but the client library.
func (r race) bare(ctx context.Context, namespace string) error {
	var group errgroup.Group
	group.SetLimit(loops)
	for _, o := range r.objects {
		group.Go(func() error {
			body, err := json.Marshal(o)
			if err != nil {
				return err
			}
			_, err = r.client.Resource(r.gvr).Namespace(namespace).Patch(ctx, nameOf(o), types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: "bare"})
			return err
		})
	}
	return group.Wait()
}

// bareReady is the bare loop, and then a watch until the cluster has seen to all of it.
func (r race) bareReady(ctx context.Context, namespace string) error {
	if err := r.bare(ctx, namespace); err != nil {
		return err
	}
	return r.settle(ctx, namespace)
}

// settle waits until the cluster has seen to every Deployment of a namespace.
func (r race) settle(ctx context.Context, namespace string) error {
	if r.gvr.Resource != "deployments" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	api := kubetest.Client(r.b).AppsV1().Deployments(namespace)
	list, err := api.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	waiting := map[string]bool{}
	seen := func(d *appsv1.Deployment) bool { return d.Status.ObservedGeneration >= d.Generation }
	for _, d := range list.Items {
		if !seen(&d) {
			waiting[d.Name] = true
		}
	}
	news, err := api.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		return err
	}
	defer news.Stop()
	for len(waiting) > 0 {
		select {
		case e := <-news.ResultChan():
			if d, ok := e.Object.(*appsv1.Deployment); ok && seen(d) {
				delete(waiting, d.Name)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// plan plans the objects with the provider alone: it tries each of them on the API server.
func (r race) plan(ctx context.Context, namespace string) error {
	var group errgroup.Group
	group.SetLimit(loops)
	for i, o := range r.objects {
		group.Go(func() (err error) {
			r.changes[i], err = r.target.Plan(ctx, template.Element{Name: nameOf(o), Type: r.typ, Stack: "bench", StackID: namespace, Namespace: namespace,
				Properties: m{"k8sManifest": o}}, nil)
			return err
		})
	}
	return group.Wait()
}

// apply applies what was planned with the provider alone.
func (r race) apply(ctx context.Context, _ string) error {
	var group errgroup.Group
	group.SetLimit(loops)
	for _, c := range r.changes {
		group.Go(func() error {
			_, err := r.target.Apply(ctx, c)
			return err
		})
	}
	return group.Wait()
}

// product makes a stack of the objects: plan, apply, health and all records of it.
func (r race) product(ctx context.Context, namespace string) error {
	b := r.stacks
	q := stack.Request{Name: namespace, Template: r.gvr.Resource, Version: "1.0", Namespace: namespace}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, q)))
	return nil
}

// text is the objects as a template.
func (r race) text() string {
	elements := m{}
	for _, o := range r.objects {
		elements[nameOf(o)] = m{"type": "HuaweiCloud." + r.typ, "properties": m{"k8sManifest": o}}
	}
	text, err := yaml.Marshal(m{"tosca_definitions_version": "huaweicloud_tosca_version_1_0", "node_templates": elements})
	if err != nil {
		r.b.Fatal(err)
	}
	return string(text)
}

// chart writes the objects as a chart, whose one template kubectl can read as well.
func (r race) chart() (folder, file string) {
	folder = filepath.Join(r.home, r.gvr.Resource)
	file = filepath.Join(folder, "templates", "all.yaml")
	var all bytes.Buffer
	for _, o := range r.objects {
		text, err := yaml.Marshal(o)
		if err != nil {
			r.b.Fatal(err)
		}
		all.WriteString("---\n")
		all.Write(text)
	}
	err := cmp.Or(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, all.Bytes(), 0o600),
		os.WriteFile(filepath.Join(folder, "Chart.yaml"), []byte("apiVersion: v2\nname: all\nversion: 1.0.0\n"), 0o600))
	if err != nil {
		r.b.Fatal(err)
	}
	return folder, file
}

// program runs kubectl or helm.
func (r race) program(args ...string) func(ctx context.Context, namespace string) error {
	return func(ctx context.Context, namespace string) error {
		c := exec.CommandContext(ctx, r.box, append(slices.Clone(args), "--namespace", namespace, "--kubeconfig", os.Getenv(kubetest.Variable))...)
		c.Env = append(os.Environ(), "HOME="+r.home)
		out, err := c.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%v: %w\n%s", args[:2], err, out)
		}
		return nil
	}
}

// runner is who takes part in a race.
type runner struct {
	name   string
	run    func(ctx context.Context, namespace string) error
	before func(ctx context.Context, namespace string) error // is not counted; nil is none
}

func (r race) runners() []runner {
	list := []runner{{name: "loop", run: r.bare}, {name: "apply", run: r.apply, before: r.plan}, {name: "stack", run: r.product}}
	if r.gvr.Resource == "deployments" {
		list = append(list, runner{name: "loop+ready", run: r.bareReady})
	}
	if r.box == "" {
		return list
	}
	folder, file := r.chart()
	return append(list,
		runner{name: "kubectl", run: r.program("kubectl", "apply", "-f", file)},
		runner{name: "kubectl-ssa", run: r.program("kubectl", "apply", "--server-side", "-f", file)},
		runner{name: "helm", run: r.program("helm", "install", "all", folder)})
}

// BenchmarkKubernetes makes the same objects with a bare loop of the client library, with the provider's apply, with the stack
// engine, which also plans and waits until all is healthy, and with kubectl and helm if there are some. All take turns within one run, after a round
// that warms them up. Reported are the medians in milliseconds, and how many times as long as the bare loop each took.
func BenchmarkKubernetes(b *testing.B) {
	for _, r := range []race{configMapRace(200), deploymentRace(100)} {
		b.Run(fmt.Sprintf("%d %s", len(r.objects), r.gvr.Resource), func(b *testing.B) {
			r.b, r.box, r.home = b, os.Getenv(boxVariable), b.TempDir()
			client, err := dynamic.NewForConfig(kubetest.Rest(b))
			if err != nil {
				b.Fatal(err)
			}
			r.client = client
			r.target = newKubeProvider(b)
			r.stacks, r.changes = newBench(b, r.target), make([]fairlead.Change, len(r.objects))
			r.stacks.push(r.gvr.Resource, "1.0", r.text())
			runners := r.runners()
			took := make([][]float64, len(runners))
			turn := 0
			r.round(turn, runners, took)
			clear(took)
			for b.Loop() {
				turn++
				r.round(turn, runners, took)
			}
			for i, runner := range runners {
				b.ReportMetric(median(took[i]), runner.name+"-ms")
				b.ReportMetric(median(took[i])/median(took[0]), runner.name+"/loop")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// round lets each run once; in each turn another is the first.
func (r race) round(turn int, runners []runner, took [][]float64) {
	for k := range runners {
		i := (turn + k) % len(runners)
		runner, namespace := runners[i], kubetest.Namespace(r.b)
		if runner.before != nil {
			if err := runner.before(r.b.Context(), namespace); err != nil {
				r.b.Fatalf("before %s: %v", runner.name, err)
			}
		}
		begun := time.Now()
		if err := runner.run(r.b.Context(), namespace); err != nil {
			r.b.Fatalf("%s: %v", runner.name, err)
		}
		took[i] = append(took[i], float64(time.Since(begun).Microseconds())/1000)
		if err := r.settle(r.b.Context(), namespace); err != nil { // or the next would wait for it
			r.b.Fatalf("after %s: %v", runner.name, err)
		}
	}
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
