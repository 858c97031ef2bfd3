// Package graph orders things that need each other. It remembers the order in which an author wrote the nodes down, and
// whatever it returns is in that order as far as the needs allow: the same graph always gives the same answer.
//
// It must not know what the nodes stand for.
package graph

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"strings"
)

// Graph is a directed graph of needs. The zero value is not usable; call [New]. A graph that is no longer changed is safe
// for concurrent use.
type Graph[K cmp.Ordered] struct {
	index map[K]int
	nodes []K
	needs [][]int // by node: what it needs, in the order of the edges, no duplicates
	users [][]int // by node: what needs it, likewise
	edges map[[2]int]struct{}
}

// New returns an empty graph.
func New[K cmp.Ordered]() *Graph[K] {
	return &Graph[K]{index: map[K]int{}, edges: map[[2]int]struct{}{}}
}

// Add puts a node at the end of the author's order. A node that is there already keeps its place.
func (g *Graph[K]) Add(node K) { g.add(node) }

func (g *Graph[K]) add(node K) int {
	if i, ok := g.index[node]; ok {
		return i
	}
	i := len(g.nodes)
	g.index[node] = i
	g.nodes = append(g.nodes, node)
	g.needs = append(g.needs, nil)
	g.users = append(g.users, nil)
	return i
}

// Edge says that from needs needs. Nodes that are missing are added; an edge that is there already changes nothing.
func (g *Graph[K]) Edge(from, needs K) {
	f, n := g.add(from), g.add(needs)
	if _, ok := g.edges[[2]int{f, n}]; ok {
		return
	}
	g.edges[[2]int{f, n}] = struct{}{}
	g.needs[f] = append(g.needs[f], n)
	g.users[n] = append(g.users[n], f)
}

// Has reports whether the node is there.
func (g *Graph[K]) Has(node K) bool {
	_, ok := g.index[node]
	return ok
}

// Nodes are all nodes in the author's order.
func (g *Graph[K]) Nodes() []K { return slices.Clone(g.nodes) }

// Needs are the nodes that a node needs directly, in the author's order; none for an unknown node.
func (g *Graph[K]) Needs(node K) []K { return g.neighbours(g.needs, node) }

// NeededBy are the nodes that need a node directly, in the author's order; none for an unknown node.
func (g *Graph[K]) NeededBy(node K) []K { return g.neighbours(g.users, node) }

func (g *Graph[K]) neighbours(lists [][]int, node K) []K {
	i, ok := g.index[node]
	if !ok {
		return nil
	}
	list := lists[i]
	if !slices.IsSorted(list) {
		list = slices.Sorted(slices.Values(list))
	}
	return g.names(list)
}

func (g *Graph[K]) names(indices []int) []K {
	if len(indices) == 0 {
		return nil
	}
	names := make([]K, len(indices))
	for i, n := range indices {
		names[i] = g.nodes[n]
	}
	return names
}

// Order returns all nodes, each after everything it needs; among nodes that could come next the author's order decides.
// The error is a [*CycleError].
func (g *Graph[K]) Order() ([]K, error) {
	waits := make([]int, len(g.nodes))
	ready := &indexHeap{}
	for i, needs := range g.needs {
		if waits[i] = len(needs); waits[i] == 0 {
			*ready = append(*ready, i) // ascending, so it is a heap already
		}
	}
	order := make([]K, 0, len(g.nodes))
	for ready.Len() > 0 {
		i := heap.Pop(ready).(int)
		order = append(order, g.nodes[i])
		for _, u := range g.users[i] {
			if waits[u]--; waits[u] == 0 {
				heap.Push(ready, u)
			}
		}
	}
	if len(order) < len(g.nodes) {
		return nil, g.Cycles()[0]
	}
	return order, nil
}

// Layers groups the nodes so that each layer needs only layers before it, every node as early as possible and in the
// author's order within its layer. The error is a [*CycleError].
func (g *Graph[K]) Layers() ([][]K, error) {
	order, err := g.Order()
	if err != nil {
		return nil, err
	}
	level := make([]int, len(g.nodes))
	depth := 0
	for _, node := range order {
		i := g.index[node]
		for _, n := range g.needs[i] {
			level[i] = max(level[i], level[n]+1)
		}
		depth = max(depth, level[i]+1)
	}
	layers := make([][]K, depth)
	for i, node := range g.nodes {
		layers[level[i]] = append(layers[level[i]], node)
	}
	return layers, nil
}

// CycleError tells that nodes need each other in a circle, so that none of them can come first.
type CycleError[K cmp.Ordered] struct {
	// Path goes from each node to one it needs. It starts at the author's first node of the circle and ends there again.
	Path []K
}

func (e *CycleError[K]) Error() string {
	names := make([]string, len(e.Path))
	for i, node := range e.Path {
		names[i] = fmt.Sprint(node)
	}
	return "need each other in a circle: " + strings.Join(names, " -> ")
}

// indexHeap gives the smallest index first.
type indexHeap []int

func (h indexHeap) Len() int           { return len(h) }
func (h indexHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h indexHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *indexHeap) Push(x any)        { *h = append(*h, x.(int)) }
func (h *indexHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
