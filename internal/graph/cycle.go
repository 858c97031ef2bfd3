package graph

import "slices"

// Cycles returns one shortest circle through the author's first node of every group of nodes that need each other, groups
// in the author's order. A graph that can be ordered has none.
func (g *Graph[K]) Cycles() []*CycleError[K] {
	group := g.groups()
	size := map[int]int{}
	for _, id := range group {
		size[id]++
	}
	var cycles []*CycleError[K]
	seen := map[int]bool{}
	for i, id := range group {
		_, self := g.edges[[2]int{i, i}]
		if seen[id] || size[id] == 1 && !self {
			continue
		}
		seen[id] = true
		cycles = append(cycles, &CycleError[K]{Path: g.names(g.circle(i, group))})
	}
	return cycles
}

// circle finds a shortest way from a node back to itself within its group, breadth first in the order of the edges.
func (g *Graph[K]) circle(start int, group []int) []int {
	from := map[int]int{}
	queue := []int{start}
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		for _, n := range g.needs[i] {
			if n == start {
				return walkBack(from, start, i)
			}
			if _, known := from[n]; !known && group[n] == group[start] {
				from[n] = i
				queue = append(queue, n)
			}
		}
	}
	return nil // not reached: every node of a group leads back to itself
}

func walkBack(from map[int]int, start, last int) []int {
	path := []int{start}
	for i := last; i != start; i = from[i] {
		path = append(path, i)
	}
	path = append(path, start)
	slices.Reverse(path)
	return path
}

// groups numbers the strongly connected components (Tarjan's algorithm). The walk keeps its own stack, because a chain of
// needs can be as long as the graph.
func (g *Graph[K]) groups() []int {
	t := tarjan{
		needs: g.needs,
		group: make([]int, len(g.nodes)),
		found: make([]int, len(g.nodes)),
		low:   make([]int, len(g.nodes)),
	}
	for i := range g.nodes {
		if t.found[i] == 0 {
			t.walk(i)
		}
	}
	return t.group
}

type tarjan struct {
	needs [][]int
	group []int // result: id of the component, 0 while it is open
	found []int // order of discovery, from 1
	low   []int // earliest node that can be reached
	count int
	open  []int // nodes whose component is not closed
}

type frame struct{ node, next int }

func (t *tarjan) walk(root int) {
	stack := []frame{t.enter(root)}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		i := top.node
		if top.next < len(t.needs[i]) {
			n := t.needs[i][top.next]
			top.next++
			switch {
			case t.found[n] == 0:
				stack = append(stack, t.enter(n))
			case t.group[n] == 0:
				t.low[i] = min(t.low[i], t.found[n])
			}
			continue
		}
		stack = stack[:len(stack)-1]
		if len(stack) > 0 {
			parent := stack[len(stack)-1].node
			t.low[parent] = min(t.low[parent], t.low[i])
		}
		if t.low[i] == t.found[i] {
			t.close(i)
		}
	}
}

func (t *tarjan) enter(i int) frame {
	t.count++
	t.found[i], t.low[i] = t.count, t.count
	t.open = append(t.open, i)
	return frame{node: i}
}

func (t *tarjan) close(root int) {
	for {
		last := t.open[len(t.open)-1]
		t.open = t.open[:len(t.open)-1]
		t.group[last] = t.found[root]
		if last == root {
			return
		}
	}
}
