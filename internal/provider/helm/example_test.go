package helm_test

import (
	"context"
	"io/fs"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/internal/template"
)

// TestExample deploys examples/packages/helm.
func TestExample(t *testing.T) {
	w := newWorld(t)
	dir := os.DirFS("../../../examples/packages/helm")
	w.files["shop@1"] = map[string]string{}
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(dir, name)
		w.files["shop@1"][name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tpl, ds := template.Parse(template.MainFile, []byte(w.files["shop@1"][template.MainFile]))
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	inputs, _, ds := tpl.CheckInputs(map[string]any{"image": "demo/web:1", "password": "correct horse"})
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "web-credentials"}}
	if _, err := w.client.CoreV1().Secrets(w.namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	el, ds := tpl.EvaluateElement("web", template.Env{Inputs: inputs, Attributes: func(string) (map[string]any, bool) {
		return map[string]any{"refName": secret.Name}, true
	}})
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	el.Stack, el.StackID, el.Namespace, el.Template, el.Version = "shop", "0190a000-0000-7000-8000-00000000e8e8", w.namespace, "shop", "1"
	p := w.provider()
	r := w.make(p, el, nil)
	if r.Attributes["version"] != "1.0.0" || w.config("web-page")["index.txt"] != "Hello from production" {
		t.Errorf("attributes %v, page %v", r.Attributes, w.config("web-page"))
	}
	deployment, err := w.client.AppsV1().Deployments(w.namespace).Get(context.WithoutCancel(t.Context()), "web", metav1.GetOptions{})
	if err != nil || deployment.Status.ReadyReplicas != 2 || !strings.Contains(deployment.Spec.Template.Spec.Containers[0].Env[0].ValueFrom.SecretKeyRef.Name, "credentials") {
		t.Errorf("deployment %+v, %v", deployment, err)
	}
	w.delete(p, r)
}
