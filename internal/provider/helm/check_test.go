package helm_test

import (
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/helm"
	"github.com/fairlead/fairlead/internal/template"
)

// offline is a provider of a cluster that nothing shall be asked of.
func offline(t *testing.T, charts helm.Charts) *helm.Provider {
	t.Helper()
	const kubeconfig = `{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}],
contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {token: t}}]}`
	p, err := helm.New(helm.Config{Kubeconfig: []byte(kubeconfig), Charts: charts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// TestCheck has every mistake of the original's error list that needs no look at the chart.
func TestCheck(t *testing.T) {
	t.Parallel()
	p := offline(t, helm.Charts{})
	web := map[string]any{"name": "charts/web"}
	tests := []struct {
		name       string
		properties map[string]any
		path, want string
	}{
		{"4000504 chart address empty", map[string]any{"name": "web", "chart": map[string]any{"name": "web", "url": ""}},
			"chart.url", "the chart's address is empty"},
		{"4000507 neither chart name nor address", map[string]any{"name": "web", "chart": map[string]any{"version": "1.0.0"}},
			"chart", "the chart has neither a name nor an address"},
		{"5002518 helm element without value", map[string]any{"name": "web", "chart": web, "values": nil},
			"values", "values has no value"},
		{"5002518 of the wrong type", map[string]any{"name": "web", "chart": web, "values": []any{"a"}},
			"values", "values must be a map, not a list"},
		{"5002519 helm element without chart", map[string]any{"name": "web"},
			"chart", "a Helm release needs a chart"},
		{"5002520 chart without version and name or url", map[string]any{"name": "web", "chart": map[string]any{}},
			"chart", "the chart has neither a name nor an address"},
		{"chart as a text", map[string]any{"name": "web", "chart": "charts/web"},
			"chart", "chart must be a map, not a text"},
		{"repository without a chart", map[string]any{"name": "web", "chart": map[string]any{"url": "https://charts.example.com"}},
			"chart.name", "a chart of the repository https://charts.example.com needs a name"},
		{"registry without a version", map[string]any{"name": "web", "chart": map[string]any{"url": "oci://reg.example.com/team/web"}},
			"chart.version", "the chart oci://reg.example.com/team/web has no version"},
		{"strange address", map[string]any{"name": "web", "chart": map[string]any{"name": "web", "url": "ftp://example.com"}},
			"chart.url", `the chart's address "ftp://example.com" begins with neither oci:// nor https:// nor http://`},
		{"chart outside of the package", map[string]any{"name": "web", "chart": map[string]any{"name": "../web"}},
			"chart.name", `chart "../web" does not lie in the template's package`},
		{"values outside of the package", map[string]any{"name": "web", "chart": web, "valuesFile": "/etc/passwd"},
			"valuesFile", `valuesFile "/etc/passwd" does not lie in the template's package`},
		{"no name", map[string]any{"chart": web}, "name", "a Helm release needs a name"},
		{"bad name", map[string]any{"name": "Web_1", "chart": web}, "name", `release name "Web_1" is not valid`},
		{"bad timeout", map[string]any{"name": "web", "chart": web, "timeout": "2h"}, "timeout", `timeout "2h" is not a valid time span`},
		{"bad wait", map[string]any{"name": "web", "chart": web, "wait": "yes"}, "wait", "wait must be true or false, not a text"},
		{"unknown property", map[string]any{"name": "web", "chart": web, "value": map[string]any{}}, "value", `CCE.HelmRelease has no property "value"`},
		{"cluster", map[string]any{"name": "web", "chart": web, "clusterId": "abc"}, "clusterId", "clusterId is not used: the release is made on the stack's target, kube"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := p.Check(template.Element{Name: "rel", Type: helm.Type, Target: "kube", Namespace: "default", Properties: tt.properties})
			if len(got) != 1 || got[0].Path != tt.path || got[0].Summary != tt.want {
				t.Errorf("got %v, want one finding at %s: %s", got, tt.path, tt.want)
			}
		})
	}
	t.Run("another type", func(t *testing.T) {
		t.Parallel()
		if got := p.Check(template.Element{Type: "CCE.Pod"}); !got.HasErrors() {
			t.Error("a Pod has no findings")
		}
	})
}

func TestUnreachableCluster(t *testing.T) {
	t.Parallel()
	p := offline(t, helm.Charts{Files: packages{"shop@1": in("charts/web", chart("1.0.0", nil))}})
	el := template.Element{Name: "rel", Type: helm.Type, Stack: "shop", StackID: "id", Target: "kube", Namespace: "default", Template: "shop", Version: "1",
		Properties: map[string]any{"name": "web", "chart": map[string]any{"name": "charts/web"}}}
	_, err := p.Plan(t.Context(), el, nil)
	wantError(t, err, fairlead.Unavailable, "element rel: the cluster does not answer", "connection refused")
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]helm.Config{
		"no kubeconfig":     {},
		"no valid document": {Kubeconfig: []byte("{")},
		"unknown context":   {Kubeconfig: []byte("apiVersion: v1\nkind: Config\n"), Context: "prod"},
	} {
		_, err := helm.New(c)
		if fairlead.ErrorCode(err) != fairlead.Invalid {
			t.Errorf("%s: %v, want an Invalid error", name, err)
		}
	}
}
