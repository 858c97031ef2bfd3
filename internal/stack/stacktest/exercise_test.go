package stacktest_test

import (
	"fmt"
	"testing"

	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/template"
)

func TestFakePassesTheSuite(t *testing.T) {
	w := stacktest.NewWorld()
	element := func(value, immutable string) template.Element {
		return template.Element{Name: "it", Type: "CCE.ConfigMap", Properties: map[string]any{"k8sManifest": map[string]any{
			"metadata": map[string]any{"name": "it", "annotations": map[string]any{"fake/immutable": immutable, "fake/steps": "1"}},
			"data":     map[string]any{"value": value},
		}}}
	}
	stacktest.Exercise(t, stacktest.Suite{
		New:         func(*testing.T) stack.Provider { return w.Provider() },
		Element:     func(_ *testing.T, revision int) template.Element { return element(fmt.Sprint(revision), "1") },
		Replacement: func(*testing.T) template.Element { return element("1", "2") },
		Attributes:  []string{"refName", "refID"},
		Foreign:     func(*testing.T) { w.Foreign("default/it", map[string]any{"data": "old"}) },
	})
	if left := w.Objects(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
