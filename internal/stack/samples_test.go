package stack_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/store"
)

// sample is a complete sample of the original service, and one value in it that a later version changes.
type sample struct {
	file, element, input string // the input takes the namespace
	gvr                  schema.GroupVersionResource
	name                 string
	field                []string
	before, after        string // of the field
	text                 string // the line of it
}

// TestSamplesLiveOnKubernetes takes the complete samples of the original service, unchanged, through the whole life of a stack.
func TestSamplesLiveOnKubernetes(t *testing.T) {
	samples := []sample{
		{"cce-ingress.yaml", "my-ingress", "namespace", schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"}, "ingress-test",
			[]string{"metadata", "labels", "stack-name"}, "aos-aos", "aos-new", "stack-name: aos-aos"},
		{"cce-statefulset.yaml", "ccess2u6", "", schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}, "statefulsettest",
			[]string{"metadata", "labels", "cce/appgroup"}, "mystatefulset", "newset", "'cce/appgroup': mystatefulset"},
		{"cci-configmap.yaml", "ccei4xws", "namespace", schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, "configmap-test1",
			[]string{"data", "property_1"}, "test", "other", "property_1: test"},
		{"cci-service.yaml", "service", "ns", schema.GroupVersionResource{Version: "v1", Resource: "services"}, "service-hy",
			[]string{"metadata", "labels", "appgroup"}, "cde-cde_aos", "cde-new", "appgroup: cde-cde_aos"},
	}
	for _, s := range samples {
		t.Run(s.file, func(t *testing.T) {
			b, namespace := newKubeBench(t)
			config := kubetest.Rest(t)
			config.WarningHandlerWithContext = rest.NoWarnings{}
			client, err := dynamic.NewForConfig(config)
			if err != nil {
				t.Fatal(err)
			}
			l := sampleLife{b, s, namespace, client}
			l.push()
			l.live()
		})
	}
}

type sampleLife struct {
	*bench
	sample
	namespace string
	client    dynamic.Interface
}

// push stores the sample as it is, and as version 2.0 with another value and with outputs.
func (l sampleLife) push() {
	l.t.Helper()
	text, err := os.ReadFile("../template/testdata/samples/" + l.file)
	if err != nil || strings.Count(string(text), l.text+"\n") != 1 {
		l.t.Fatalf("%v; %q is not once in the sample", err, l.text)
	}
	l.bench.push("sample", "1.0", string(text))
	changed := strings.Replace(l.text, ": "+l.before, ": "+l.after, 1)
	l.bench.push("sample", "2.0", strings.Replace(string(text), l.text, changed, 1)+fmt.Sprintf(`
outputs:
  name: {value: {get_attribute: [%[1]s, refName]}, description: name}
  id: {value: {get_attribute: [%[1]s, refID]}, description: id}
`, l.element))
}

func (l sampleLife) request(version string) stack.Request {
	r := stack.Request{Name: "shop", Template: "sample", Version: version, Namespace: l.namespace}
	if l.input != "" {
		r.Inputs = map[string]any{l.input: l.namespace}
	}
	return r
}

func (l sampleLife) live() {
	l.t.Helper()
	ctx := l.t.Context()
	before := l.inNamespace()

	l.want(fairlead.ActionSucceeded, l.wait(l.engine.Create(ctx, l.request("1.0"))))
	first := l.is(l.before)
	l.has(first)
	if all := l.inNamespace(); !slices.Contains(all, l.gvr.Resource+"/"+l.name) {
		l.t.Errorf("%s is not among all that is in the namespace: %q", l.name, all)
	}
	l.want(fairlead.ActionSucceeded, l.wait(l.engine.Upgrade(ctx, stack.Request{Name: "shop"})))
	if again := l.is(l.before); again.GetResourceVersion() != first.GetResourceVersion() && l.gvr.Resource != "statefulsets" { // whose status goes on
		l.t.Error("an upgrade without a change touched it")
	}

	l.want(fairlead.ActionSucceeded, l.wait(l.engine.Upgrade(ctx, l.request("2.0"))))
	l.has(l.is(l.after), fairlead.Output{Name: "name", Value: l.name}, fairlead.Output{Name: "id", Value: string(first.GetUID())})
	l.want(fairlead.ActionSucceeded, l.wait(l.engine.Rollback(ctx, stack.Request{Name: "shop"})))
	l.has(l.is(l.before))

	l.fails(l.request("2.0"))
	l.want(fairlead.ActionSucceeded, l.wait(l.engine.Retry(ctx, stack.Request{Name: "shop"})))
	l.has(l.is(l.after), fairlead.Output{Name: "name", Value: l.name}, fairlead.Output{Name: "id", Value: string(first.GetUID())})

	l.want(fairlead.ActionSucceeded, l.wait(l.engine.Delete(ctx, stack.Request{Name: "shop"})))
	var left []string
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) {
		left = slices.DeleteFunc(l.inNamespace(), func(o string) bool { return slices.Contains(before, o) })
		return len(left) == 0, nil // the cluster collects what belonged to the object
	})
	if err != nil {
		l.t.Errorf("%v: left in the namespace: %q", err, left)
	}
}

// fails upgrades while somebody else holds the field, from after the plan until the action has failed for it.
func (l sampleLife) fails(r stack.Request) {
	l.t.Helper()
	ctx := l.t.Context()
	p, err := l.engine.Prepare(ctx, r)
	if err != nil {
		l.t.Fatal(describe(err))
	}
	l.somebody("theirs")
	var a fairlead.Action
	l.write(func(ctx context.Context, tx *store.Tx) (err error) { a, err = l.engine.Begin(ctx, tx, p); return err })
	a = l.want(fairlead.ActionFailed, l.wait(a, nil))
	if !strings.Contains(a.Message, "somebody") || !strings.Contains(a.Message, l.field[len(l.field)-1]) {
		l.t.Errorf("message %q does not say who holds which field", a.Message)
	}
	l.is("theirs")
	l.somebody("")
}

// somebody is another program, which takes the field, or with "" gives it back.
func (l sampleLife) somebody(value string) {
	l.t.Helper()
	o := &unstructured.Unstructured{Object: map[string]any{}}
	kind, err := l.client.Resource(l.gvr).Namespace(l.namespace).Get(l.t.Context(), l.name, metav1.GetOptions{})
	if err == nil {
		o.SetGroupVersionKind(kind.GroupVersionKind())
		o.SetName(l.name)
		if value != "" {
			err = unstructured.SetNestedField(o.Object, value, l.field...)
		}
	}
	if err == nil {
		_, err = l.client.Resource(l.gvr).Namespace(l.namespace).Apply(l.t.Context(), l.name, o, metav1.ApplyOptions{FieldManager: "somebody", Force: true})
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// is fails unless the object has the value.
func (l sampleLife) is(value string) *unstructured.Unstructured {
	l.t.Helper()
	o, err := l.client.Resource(l.gvr).Namespace(l.namespace).Get(l.t.Context(), l.name, metav1.GetOptions{})
	if err != nil {
		l.t.Fatal(err)
	}
	if got, _, _ := unstructured.NestedString(o.Object, l.field...); got != value {
		l.t.Errorf("%s is %q, want %q", strings.Join(l.field, "."), got, value)
	}
	return o
}

// has fails unless the stack is healthy and has the outputs, and its element the attributes of the object.
func (l sampleLife) has(o *unstructured.Unstructured, outputs ...fairlead.Output) {
	l.t.Helper()
	if s := l.stack("shop"); s.Status != fairlead.StackRunning || s.Health != fairlead.Healthy {
		l.t.Errorf("the stack is %s, %s: %s", s.Status, s.Health, s.Reason)
	}
	elements, err := l.engine.Elements(l.t.Context(), "shop")
	if err != nil || len(elements) != 1 {
		l.t.Fatalf("elements %v, %v", elements, err)
	}
	if at := elements[0].Attributes; at["refName"] != l.name || at["refID"] != string(o.GetUID()) {
		l.t.Errorf("attributes: refName %v, refID %v; the object is %s, %s", at["refName"], at["refID"], l.name, o.GetUID())
	}
	got, err := l.engine.Outputs(l.t.Context(), "shop")
	if err != nil || !slices.EqualFunc(got, outputs, func(a, b fairlead.Output) bool { return a.Name == b.Name && a.Value == b.Value }) {
		l.t.Errorf("outputs %+v, %v; want %+v", got, err, outputs)
	}
}

// inNamespace lists all there is in the namespace, of every kind, except events.
func (l sampleLife) inNamespace() (found []string) {
	l.t.Helper()
	kinds, err := kubetest.Client(l.t).Discovery().ServerPreferredNamespacedResources()
	if err != nil {
		l.t.Fatal(err)
	}
	lists := discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list"}}, kinds)
	resources, err := discovery.GroupVersionResources(lists)
	if err != nil {
		l.t.Fatal(err)
	}
	for gvr := range resources {
		if gvr.Resource == "events" {
			continue
		}
		list, err := l.client.Resource(gvr).Namespace(l.namespace).List(l.t.Context(), metav1.ListOptions{})
		if err != nil {
			continue // a kind that another test has taken away meanwhile
		}
		for _, o := range list.Items {
			found = append(found, gvr.Resource+"/"+o.GetName())
		}
	}
	return found
}
