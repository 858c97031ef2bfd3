package graph_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/internal/graph"
)

// build reads "web: config db; db; config" as nodes in order, each with what it needs.
func build(text string) *graph.Graph[string] {
	g := graph.New[string]()
	for line := range strings.SplitSeq(text, ";") {
		name, _, _ := strings.Cut(line, ":")
		g.Add(strings.TrimSpace(name))
	}
	for line := range strings.SplitSeq(text, ";") {
		name, needs, _ := strings.Cut(line, ":")
		for _, n := range strings.Fields(needs) {
			g.Edge(strings.TrimSpace(name), n)
		}
	}
	return g
}

func layersText(layers [][]string) string {
	parts := make([]string, len(layers))
	for i, l := range layers {
		parts[i] = strings.Join(l, " ")
	}
	return strings.Join(parts, " | ")
}

func TestOrderAndLayers(t *testing.T) {
	tests := []struct{ name, graph, order, layers string }{
		{"author's order without needs", "c; a; b", "c a b", "c a b"},
		{"needs come first", "web: db; db", "db web", "db | web"},
		{"author's order among equals", "a: z; b; z; c: z", "b z a c", "b z | a c"},
		{"diamond", "top: left right; right: base; left: base; base", "base right left top", "base | right left | top"},
		{"same edge twice", "a: b b; b", "b a", "b | a"},
		{"as early as possible", "a; b: a; c; d: b c", "a b c d", "a c | b | d"},
		{"missing nodes are added", "a: x", "x a", "x | a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := build(tt.graph)
			order, err := g.Order()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(order, " "); got != tt.order {
				t.Errorf("order %q, want %q", got, tt.order)
			}
			layers, err := g.Layers()
			if err != nil {
				t.Fatal(err)
			}
			if got := layersText(layers); got != tt.layers {
				t.Errorf("layers %q, want %q", got, tt.layers)
			}
			if got := g.Cycles(); got != nil {
				t.Errorf("cycles %v in a graph that can be ordered", got)
			}
		})
	}
}

func TestCycles(t *testing.T) {
	tests := []struct {
		name, graph string
		want        []string
	}{
		{"self", "a: a", []string{"a -> a"}},
		{"two", "b: a; a: b", []string{"b -> a -> b"}},
		{"starts at the author's first node", "x: m; m: n; n: k; k: m", []string{"m -> n -> k -> m"}},
		{"shortest", "a: b c; b: c; c: a", []string{"a -> c -> a"}},
		{"one of each group", "a: b; b: a; free; c: d a; d: c", []string{"a -> b -> a", "c -> d -> c"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := build(tt.graph)
			var got []string
			for _, c := range g.Cycles() {
				got = append(got, strings.Join(c.Path, " -> "))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("cycles %q, want %q", got, tt.want)
			}
			_, err := g.Order()
			first, ok := errors.AsType[*graph.CycleError[string]](err)
			if !ok || strings.Join(first.Path, " -> ") != tt.want[0] {
				t.Errorf("Order returned %v, want the cycle %s", err, tt.want[0])
			}
			if _, err := g.Layers(); err == nil {
				t.Error("Layers of a cycle returned no error")
			}
		})
	}
}

func TestNeighbours(t *testing.T) {
	g := build("db; config; web: config db; job: db")
	if got := strings.Join(g.Needs("web"), " "); got != "db config" {
		t.Errorf("web needs %q, want them in the author's order", got)
	}
	if got := strings.Join(g.NeededBy("db"), " "); got != "web job" {
		t.Errorf("db is needed by %q", got)
	}
	if g.Needs("nobody") != nil || g.NeededBy("nobody") != nil || g.Has("nobody") {
		t.Error("an unknown node has neighbours")
	}
	if got := strings.Join(g.Nodes(), " "); got != "db config web job" {
		t.Errorf("nodes %q", got)
	}
}

// A chain and a ring as long as the largest templates: no recursion, no repeated search.
func TestLongChainAndRing(t *testing.T) {
	const n = 100_000
	g := graph.New[int]()
	for i := range n - 1 {
		g.Edge(i, i+1)
	}
	order, err := g.Order()
	if err != nil || order[0] != n-1 || order[n-1] != 0 {
		t.Fatalf("chain: %d nodes, error %v", len(order), err)
	}
	g.Edge(n-1, 0)
	_, err = g.Order()
	ring, ok := errors.AsType[*graph.CycleError[int]](err)
	if !ok || len(ring.Path) != n+1 || ring.Path[0] != 0 || ring.Path[n] != 0 {
		t.Fatalf("ring: got %T", err)
	}
}

func BenchmarkOrder10k(b *testing.B) {
	g := graph.New[string]()
	for i := range 10_000 {
		g.Edge(fmt.Sprint("n", i), fmt.Sprint("n", i/2+10_000))
	}
	for b.Loop() {
		if _, err := g.Order(); err != nil {
			b.Fatal(err)
		}
	}
}
