package helm_test

import (
	"testing"
	"time"

	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/template"
)

func TestConformance(t *testing.T) {
	w := newWorld(t)
	values := func(greeting string) map[string]any {
		return map[string]any{"greeting": greeting, "replicas": int64(1)}
	}
	stacktest.Exercise(t, stacktest.Suite{
		New: func(*testing.T) stack.Provider { return w.provider() },
		Element: func(_ *testing.T, revision int) template.Element {
			return w.web(values([]string{"", "good morning", "good night"}[revision]))
		},
		Replacement: func(*testing.T) template.Element {
			el := w.web(values("good morning"))
			el.Properties["name"] = "shop"
			return el
		},
		Attributes: []string{"refName", "clusterId", "namespace", "version", "status"},
		Timeout:    time.Minute,
	})
}
