package stack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
)

// layered is a template of layers of ConfigMaps: each needs two of the layer before, and the first of a layer reads one.
func layered(layers, width int, changed string) string {
	var list []el
	for layer := range layers {
		for i := range width {
			e := el{name: fmt.Sprintf("l%d-%d", layer, i), value: "v"}
			if e.name == changed {
				e.value = "new"
			}
			if layer > 0 {
				e.needs = []string{fmt.Sprintf("l%d-%d", layer-1, i), fmt.Sprintf("l%d-%d", layer-1, (i+1)%width)}
				if i == 0 {
					e.reads = e.needs[0]
				}
			}
			list = append(list, e)
		}
	}
	return source(list...)
}

// TestLarge creates 300 elements in 10 layers, changes nothing, changes one field, and deletes, and counts every call that
// changes something.
func TestLarge(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", layered(10, 30, ""))
	b.push("shop", "2.0", layered(10, 30, "l4-7"))
	seen := 0
	// calls counts the calls of a method, by element, since it was called last.
	calls := func() map[string]map[string]int {
		counts := map[string]map[string]int{"apply": {}, "delete": {}}
		all := w.Calls()
		for _, c := range all[seen:] {
			if counts[c.Method] != nil {
				counts[c.Method][c.Element]++
			}
		}
		seen = len(all)
		return counts
	}
	once := func(what string, got map[string]int, want int) {
		t.Helper()
		if len(got) != want {
			t.Errorf("%s: %d elements, want %d", what, len(got), want)
		}
		for name, n := range got {
			if n != 1 {
				t.Errorf("%s of %s: %d calls, want 1", what, name, n)
			}
		}
	}

	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, request("1.0"))))
	got := calls()
	once("create: apply", got["apply"], 300)
	once("create: delete", got["delete"], 0)
	if n := len(w.Objects()); n != 300 {
		t.Errorf("%d objects, want 300", n)
	}

	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, stack.Request{Name: "shop"})))
	got = calls()
	once("no change: apply", got["apply"], 0)
	once("no change: delete", got["delete"], 0)

	a := b.want(fairlead.ActionSucceeded, b.wait(b.engine.Upgrade(ctx, request("2.0"))))
	got = calls()
	once("one field: apply", got["apply"], 1)
	once("one field: delete", got["delete"], 0)
	if got["apply"]["l4-7"] != 1 || strings.Count(planText(a.Plan), "update") != 1 {
		t.Errorf("applied %v", got["apply"])
	}

	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(ctx, stack.Request{Name: "shop"})))
	got = calls()
	once("delete: delete", got["delete"], 300)
	once("delete: apply", got["apply"], 0)
	if n := len(w.Objects()); n != 0 {
		t.Errorf("%d objects are left", n)
	}
}
