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
	widgets := widgetKind(t)
	class := storageClass(t)
	tests := []struct {
		typ         string
		manifest    func(revision int) object
		replacement func() object
	}{
		{"CCE.ConfigMap", func(r int) object { return configMap("settings", object{"revision": fmt.Sprint(r)}) },
			func() object { return configMap("others", object{"revision": "1"}) }},
		{"CCE.Secret", func(r int) object { return secret("key", object{"revision": fmt.Sprint(r)}) },
			func() object { return edit(secret("key", object{"revision": "1"}), "example.com/other", "type") }},
		{"CCE.Deployment", func(r int) object { return deployment("web", image[r], 1) }, func() object {
			m := edit(deployment("web", image[1], 1), object{"matchLabels": object{"app": "shop"}}, "spec", "selector")
			return edit(m, pods("shop", image[1]), "spec", "template")
		}},
		{"CCE.StatefulSet", func(r int) object { return statefulSet("db", image[r]) },
			func() object { return edit(statefulSet("db", image[1]), "another", "spec", "serviceName") }},
		{"CCE.DaemonSet", func(r int) object { return daemonSet("agent", image[r]) }, func() object {
			m := edit(daemonSet("agent", image[1]), object{"matchLabels": object{"app": "other"}}, "spec", "selector")
			return edit(m, pods("other", image[1]), "spec", "template")
		}},
		{"CCE.Job", func(r int) object { return edit(job("once", image[1]), int64(r), "spec", "backoffLimit") },
			func() object { return job("once", image[2]) }},
		{"CCE.Service", func(r int) object { return service("web", int64(80+r)) },
			func() object { return edit(service("web", 81), "None", "spec", "clusterIP") }},
		{"CCE.Ingress", func(r int) object { return ingress("web", int64(80+r)) }, func() object { return ingress("shop", 81) }},
		{"CCE.Storage.EVS", func(r int) object {
			return edit(claim("disk", class), fmt.Sprint(r), "metadata", "annotations", "example.com/revision")
		},
			func() object {
				m := edit(claim("disk", class), "1", "metadata", "annotations", "example.com/revision")
				return edit(m, array{"ReadWriteMany"}, "spec", "accessModes")
			}},
		{"Kubernetes.Object", func(r int) object { return widgets.object("one", object{"size": int64(r)}) },
			func() object { return widgets.object("one", object{"size": int64(1), "color": "red"}) }},
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
				Timeout:    30 * time.Second,
			}
			if tt.replacement != nil {
				suite.Replacement = func(*testing.T) template.Element { return element(tt.replacement()) }
			}
			stacktest.Exercise(t, suite)
		})
	}
}
