package engine_test

import (
	"testing"
	"time"

	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/template"
)

// TestConformance leaves out ConfigMap and Secret: on an engine they exist only as records.
func TestConformance(t *testing.T) {
	image := []string{"", "demo/web:1", "demo/web:2"}
	set := func(revision int) object {
		m := deployment("web", 1, webContainer(image[revision]))
		m["kind"] = "StatefulSet"
		return m
	}
	tests := []struct {
		typ         string
		manifest    func(revision int) object
		replacement func() object
	}{
		{"CCE.Deployment", func(r int) object { return deployment("web", 1, webContainer(image[r])) },
			func() object { return deployment("shop", 1, webContainer(image[1])) }},
		{"CCE.StatefulSet", set, nil},
		{"CCE.Service", func(r int) object {
			return edit(nodePort("web", "web"), array{object{"port": int64(80 + r)}}, "spec", "ports")
		}, func() object { return nodePort("shop", "web") }},
	}
	for _, tt := range tests {
		t.Run(tt.typ, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			element := func(m object) template.Element { return w.element("subject", tt.typ, m) }
			suite := stacktest.Suite{
				New: func(t *testing.T) stack.Provider {
					return w.another()
				},
				Element: func(_ *testing.T, revision int) template.Element { return element(tt.manifest(revision)) },
				Timeout: 90 * time.Second,
			}
			if tt.replacement != nil {
				suite.Replacement = func(*testing.T) template.Element { return element(tt.replacement()) }
			}
			stacktest.Exercise(t, suite)
		})
	}
}
