package helm_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/helm"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
	"github.com/fairlead/fairlead/internal/template"
)

// packages are the files of template packages, by "template@version" and path.
type packages map[string]map[string]string

func (p packages) TemplateFile(_ context.Context, template, version, path string) ([]byte, error) {
	text, ok := p[template+"@"+version][path]
	if !ok {
		return nil, fairlead.Errorf(fairlead.NotFound, "template %s@%s has no file %s", template, version, path)
	}
	return []byte(text), nil
}

func (p packages) TemplateContents(_ context.Context, template, version string) (map[string][]byte, error) {
	files, ok := p[template+"@"+version]
	if !ok {
		return nil, fairlead.Errorf(fairlead.NotFound, "template %s@%s is a text alone", template, version)
	}
	contents := map[string][]byte{}
	for path, text := range files {
		contents[path] = []byte(text)
	}
	return contents, nil
}

func (p packages) TemplateFiles(_ context.Context, template, version string) ([]string, error) {
	return slices.Sorted(maps.Keys(p[template+"@"+version])), nil
}

// chart is the files of a small chart that makes a ConfigMap and, with values.replicas, a Deployment.
func chart(version string, more map[string]string) map[string]string {
	files := map[string]string{
		"Chart.yaml":  "apiVersion: v2\nname: web\nversion: " + version + "\nappVersion: \"9\"\n",
		"values.yaml": "greeting: hello\nreplicas: 0\nextra: {a: 1, b: 2}\n",
		"templates/config.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-config"}
data:
  greeting: {{ .Values.greeting | quote }}
  extra: {{ .Values.extra | toJson | quote }}
`,
		"templates/deployment.yaml": `{{- if .Values.replicas }}
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: "{{ .Release.Name }}"}}
    spec: {containers: [{name: web, image: "demo/web:1"}]}
{{- end }}
`,
	}
	maps.Copy(files, more)
	return files
}

// in puts a chart's files below a folder.
func in(folder string, files map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range files {
		out[folder+"/"+name] = text
	}
	return out
}

// pack makes an archive of files.
func pack(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var buf bytes.Buffer
	zipped := gzip.NewWriter(&buf)
	w := tar.NewWriter(zipped)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// world is a namespace of the cluster with what charts are made from.
type world struct {
	t         *testing.T
	namespace string
	files     packages
	images    helm.ImageSource
	client    kubernetes.Interface
}

func newWorld(t *testing.T) *world {
	return &world{t: t, namespace: kubetest.Namespace(t), client: kubetest.Client(t),
		files: packages{"shop@1": in("charts/web", chart("1.0.0", nil)), "shop@2": in("charts/web", chart("1.1.0", nil))}}
}

func (w *world) provider() *helm.Provider {
	w.t.Helper()
	p, err := helm.New(helm.Config{Kubeconfig: kubetest.Kubeconfig(w.t), Instance: "test", Charts: helm.Charts{Files: w.files, Images: w.images}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.Close)
	return p
}

// element is an element of template shop@1 in the world's namespace.
func (w *world) element(properties map[string]any) template.Element {
	return template.Element{Name: "rel", Type: helm.Type, Stack: "shop", StackID: "0190a000-0000-7000-8000-00000000e8e7", Target: "kube",
		Namespace: w.namespace, Template: "shop", Version: "1", Properties: properties}
}

// web is a release of the package's chart with values.
func (w *world) web(values map[string]any) template.Element {
	return w.element(map[string]any{"name": "web", "chart": map[string]any{"name": "charts/web"}, "values": values})
}

// plan plans an element and wants a verb.
func (w *world) plan(p *helm.Provider, el template.Element, prior *fairlead.Record, want fairlead.OperationVerb) fairlead.Change {
	w.t.Helper()
	c, err := p.Plan(w.t.Context(), el, prior)
	if err != nil {
		w.t.Fatalf("plan: %v", err)
	}
	if c.Verb != want {
		w.t.Fatalf("plan says %s (%s), want %s", c.Verb, c.Reason, want)
	}
	return c
}

// settle applies a change as often as it takes until it is healthy.
func (w *world) settle(p *helm.Provider, c fairlead.Change) fairlead.Record {
	w.t.Helper()
	r, err := p.Apply(w.t.Context(), c)
	if err != nil {
		w.t.Fatalf("apply: %v", err)
	}
	w.until("healthy", func() (bool, string) {
		h, err := p.Health(w.t.Context(), r)
		if err != nil {
			return false, err.Error()
		}
		if h.State == fairlead.Unhealthy {
			w.t.Fatalf("unhealthy: %s", h.Reason)
		}
		if h.Again {
			if r, err = p.Apply(w.t.Context(), c); err != nil {
				w.t.Fatalf("apply again: %v", err)
			}
		}
		return h.State == fairlead.Healthy, h.Reason
	})
	return r
}

// make plans and applies an element.
func (w *world) make(p *helm.Provider, el template.Element, prior *fairlead.Record) fairlead.Record {
	w.t.Helper()
	c, err := p.Plan(w.t.Context(), el, prior)
	if err != nil {
		w.t.Fatalf("plan: %v", err)
	}
	return w.settle(p, c)
}

func (w *world) delete(p *helm.Provider, r fairlead.Record) {
	w.t.Helper()
	w.until("deleted", func() (bool, string) {
		err := p.Delete(w.t.Context(), r)
		if err != nil && !errors.Is(err, fairlead.ErrDeleting) {
			w.t.Fatalf("delete: %v", err)
		}
		return err == nil, "it goes on"
	})
}

// until calls done until it says so.
func (w *world) until(what string, done func() (ok bool, why string)) {
	w.t.Helper()
	late := time.After(30 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, why := done()
		if ok {
			return
		}
		select {
		case <-late:
			w.t.Fatalf("not %s: %s", what, why)
		case <-tick.C:
		}
	}
}

// wantError wants an error of a code that says all of that.
func wantError(t *testing.T, err error, code fairlead.Code, texts ...string) {
	t.Helper()
	if fairlead.ErrorCode(err) != code {
		t.Fatalf("error %v has code %s, want %s", err, fairlead.ErrorCode(err), code)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}
