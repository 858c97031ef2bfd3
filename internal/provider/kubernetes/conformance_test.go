package kubernetes_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/template"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	image := []string{"", "demo/web:1", "demo/web:2"}
	tests := []struct {
		typ         string
		manifest    func(revision int) object
		replacement func() object
	}{
		{"CCE.ConfigMap", func(r int) object { return configMap("settings", object{"revision": fmt.Sprint(r)}) },
			func() object { return configMap("others", object{"revision": "1"}) }},
		{"CCE.Deployment", func(r int) object { return deployment("web", image[r], 1) }, func() object {
			m := deployment("web", image[1], 1)
			m["spec"].(object)["selector"] = object{"matchLabels": object{"app": "shop"}}
			m["spec"].(object)["template"] = pods("shop", image[1])
			return m
		}},
	}
	for _, tt := range tests {
		t.Run(tt.typ, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			element := func(m object) template.Element { return w.element("subject", tt.typ, m) }
			suite := stacktest.Suite{
				New:        func(t *testing.T) stack.Provider { return w.another(t) },
				Element:    func(_ *testing.T, revision int) template.Element { return element(tt.manifest(revision)) },
				Attributes: []string{"refName", "refID", "metadata"},
				Timeout:    90 * time.Second,
			}
			if tt.replacement != nil {
				suite.Replacement = func(*testing.T) template.Element { return element(tt.replacement()) }
			}
			stacktest.Exercise(t, suite)
		})
	}
}
