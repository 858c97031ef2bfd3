package kubernetes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/kubernetes"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
	"github.com/fairlead/fairlead/internal/template"
)

// workers is how many calls go on at the same time, in every loop.
const workers = 16

// each calls fn for all numbers below n.
func each(b *testing.B, n int, fn func(i int) error) {
	b.Helper()
	var group errgroup.Group
	group.SetLimit(workers)
	for i := range n {
		group.Go(func() error { return fn(i) })
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
}

// batch is what one turn of a benchmark makes, in a namespace of its own.
type batch struct {
	b         *testing.B
	namespace string
	gvr       schema.GroupVersionResource
	typ       string
	manifests []object
}

func configMaps(b *testing.B, n int) batch {
	out := batch{b: b, namespace: kubetest.Namespace(b), gvr: schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, typ: "CCE.ConfigMap"}
	for i := range n {
		out.manifests = append(out.manifests, configMap(fmt.Sprintf("settings-%03d", i), object{"number": fmt.Sprint(i), "text": "some text that is a little longer"}))
	}
	return out
}

func deployments(b *testing.B, n int) batch {
	out := batch{b: b, namespace: kubetest.Namespace(b), gvr: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, typ: "CCE.Deployment"}
	for i := range n {
		out.manifests = append(out.manifests, deployment(fmt.Sprintf("web-%03d", i), "demo/web:1", 0))
	}
	return out
}

func (s batch) element(i int) template.Element {
	m := s.manifests[i]
	return template.Element{Name: m["metadata"].(object)["name"].(string), Type: s.typ, Stack: "bench", StackID: s.namespace, Namespace: s.namespace,
		Properties: object{"k8sManifest": m}}
}

// bare applies the manifests with nothing but the client library.
func (s batch) bare(client dynamic.Interface) {
	each(s.b, len(s.manifests), func(i int) error {
		body, err := json.Marshal(s.manifests[i])
		if err != nil {
			return err
		}
		_, err = client.Resource(s.gvr).Namespace(s.namespace).Patch(context.Background(), s.manifests[i]["metadata"].(object)["name"].(string), types.ApplyPatchType, body,
			metav1.PatchOptions{FieldManager: "bare"})
		return err
	})
}

func (s batch) plan(p *kubernetes.Provider, prior []fairlead.Record) []fairlead.Change {
	out := make([]fairlead.Change, len(s.manifests))
	each(s.b, len(out), func(i int) (err error) {
		var r *fairlead.Record
		if prior != nil {
			r = &prior[i]
		}
		out[i], err = p.Plan(context.Background(), s.element(i), r)
		return err
	})
	return out
}

func (s batch) apply(p *kubernetes.Provider, changes []fairlead.Change) []fairlead.Record {
	out := make([]fairlead.Record, len(changes))
	each(s.b, len(out), func(i int) (err error) {
		out[i], err = p.Apply(context.Background(), changes[i])
		out[i].State = fairlead.RecordMade
		return err
	})
	return out
}

func newClient(b *testing.B) dynamic.Interface {
	client, err := dynamic.NewForConfig(kubetest.Rest(b))
	if err != nil {
		b.Fatal(err)
	}
	return client
}

// provider returns a provider whose watches run.
func provider(b *testing.B) *kubernetes.Provider {
	p, err := kubernetes.New(kubernetes.Config{Kubeconfig: kubetest.Kubeconfig(b)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Run(ctx)
	}()
	b.Cleanup(func() {
		cancel()
		<-done
		p.Close()
	})
	return p
}

func BenchmarkApply(b *testing.B) {
	for _, tt := range []struct {
		name string
		make func(b *testing.B, n int) batch
		n    int
	}{{"200 ConfigMaps", configMaps, 200}, {"100 Deployments", deployments, 100}} {
		b.Run(tt.name+"/bare", func(b *testing.B) {
			client := newClient(b)
			for b.Loop() {
				b.StopTimer()
				s := tt.make(b, tt.n)
				b.StartTimer()
				s.bare(client)
			}
		})
		b.Run(tt.name+"/provider", func(b *testing.B) {
			p := provider(b)
			for b.Loop() {
				b.StopTimer()
				s := tt.make(b, tt.n)
				changes := s.plan(p, nil)
				b.StartTimer()
				s.apply(p, changes)
			}
		})
		b.Run(tt.name+"/provider with plan", func(b *testing.B) {
			p := provider(b)
			for b.Loop() {
				b.StopTimer()
				s := tt.make(b, tt.n)
				b.StartTimer()
				s.apply(p, s.plan(p, nil))
			}
		})
	}
}

func BenchmarkPlanWithoutChange(b *testing.B) {
	p := provider(b)
	s := configMaps(b, 300)
	records := s.apply(p, s.plan(p, nil))
	none := func(changes []fairlead.Change) bool {
		for _, c := range changes {
			if c.Verb != fairlead.OpNone {
				b.Fatalf("plan of %s says %s (%s)", c.Record.Element, c.Verb, c.Reason)
			}
		}
		return true
	}
	b.Run("asking", func(b *testing.B) {
		cold, err := kubernetes.New(kubernetes.Config{Kubeconfig: kubetest.Kubeconfig(b)})
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			none(s.plan(cold, records))
		}
	})
	b.Run("watching", func(b *testing.B) {
		for b.Loop() {
			none(s.plan(p, records))
		}
	})
}
