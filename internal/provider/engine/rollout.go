package engine

import (
	"cmp"
	"slices"
)

// instance is what the rollout needs to know about one pod on the engine.
type instance struct {
	index   int
	current bool // of the wanted revision
	ready   bool
	done    bool // ran to its end with success
	failed  bool // ran to its end without success and will not be started again
	leaving bool // is being stopped
}

// step is what one pass does: pods to make, by index, and pods to remove, by position in the list that was looked at.
type step struct {
	create []int
	remove []int
}

func (s step) empty() bool { return len(s.create)+len(s.remove) == 0 }

// next decides the next step of a workload from what is there. It is a pure function: the same view gives the same step, so
// a pass can be repeated after a crash.
func (w *workload) next(kind string, have []instance) step {
	switch {
	case kind == kindJob:
		return w.nextJob(have)
	case kind == kindStatefulSet:
		return w.nextOrdered(have)
	case w.recreate:
		return w.nextRecreate(have)
	default:
		return w.nextRolling(have)
	}
}

// nextRolling keeps at least replicas-unavailable pods ready and at most replicas+surge pods at all.
func (w *workload) nextRolling(have []instance) step {
	var s step
	var current, old, currentReady, oldReady int
	for _, i := range have {
		switch {
		case i.leaving:
		case i.current:
			current++
			currentReady += truth(i.ready || i.done)
		default:
			old++
			oldReady += truth(i.ready || i.done)
		}
	}
	s.create = freeIndices(have, min(w.replicas-current, w.replicas+w.surge-current-old))
	s.remove = surplus(have, current-w.replicas)

	keep := w.replicas - w.unavailable
	// Old pods that do not serve go first: nobody misses them. New ones that do not serve yet count as missing.
	room := current + old - keep - (current - currentReady)
	broken := min(old-oldReady, room)
	s.remove = append(s.remove, pick(have, broken, func(i instance) bool { return !i.current && !i.ready && !i.done })...)
	spare := min(oldReady, currentReady+oldReady-keep)
	s.remove = append(s.remove, pick(have, spare, func(i instance) bool { return !i.current && (i.ready || i.done) })...)
	return s
}

func (w *workload) nextRecreate(have []instance) step {
	var s step
	s.remove = pick(have, len(have), func(i instance) bool { return !i.current })
	if slices.ContainsFunc(have, func(i instance) bool { return !i.current }) {
		return s // also while they are leaving
	}
	current := len(pick(have, len(have), func(i instance) bool { return i.current }))
	s.create = freeIndices(have, w.replicas-current)
	s.remove = surplus(have, current-w.replicas)
	return s
}

// nextOrdered makes pods in order and replaces them in reverse order, one at a time and each only while the others are ready.
func (w *workload) nextOrdered(have []instance) step {
	var s step
	at := map[int]int{}
	for pos, i := range have {
		at[i.index] = pos
	}
	settled := true // every pod so far is ready
	for index := range w.replicas {
		pos, ok := at[index]
		switch {
		case !ok && (settled || !w.ordered):
			s.create = append(s.create, index)
			settled = false
		case !ok:
		case have[pos].leaving:
			settled = false
		case !have[pos].ready:
			settled = false
			if !have[pos].current {
				s.remove = append(s.remove, pos) // a broken old pod must not block its own repair
			}
		}
	}
	if !s.empty() {
		return s
	}
	// Too many: the highest goes first.
	order := sortedPositions(have)
	for _, pos := range slices.Backward(order) {
		if have[pos].index >= w.replicas {
			if !have[pos].leaving {
				s.remove = append(s.remove, pos)
			}
			return s
		}
	}
	if !settled {
		return s
	}
	for _, pos := range slices.Backward(order) {
		if !have[pos].current {
			s.remove = append(s.remove, pos)
			return s
		}
	}
	return s
}

// nextJob starts pods until enough of them succeeded, as many at a time as parallelism allows. Pods of another revision go.
func (w *workload) nextJob(have []instance) step {
	s := step{remove: pick(have, len(have), func(i instance) bool { return !i.current })}
	var active, done, failed int
	for _, i := range have {
		switch {
		case !i.current || i.leaving:
		case i.done:
			done++
		case i.failed:
			failed++
		default:
			active++
		}
	}
	if failed > w.backoff {
		return s
	}
	s.create = freeIndices(have, min(w.completions-done-active, w.parallelism-active))
	return s
}

// freeIndices returns the n lowest indices that no pod of the wanted revision has.
func freeIndices(have []instance, n int) []int {
	taken := map[int]bool{}
	for _, i := range have {
		if i.current {
			taken[i.index] = true
		}
	}
	var out []int
	for i := 0; len(out) < n; i++ {
		if !taken[i] {
			out = append(out, i)
		}
	}
	return out
}

// surplus picks n pods of the wanted revision that are too many: those that are not ready first, then the highest index.
func surplus(have []instance, n int) []int {
	order := pick(have, len(have), func(i instance) bool { return i.current })
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(truth(have[a].ready)-truth(have[b].ready), have[b].index-have[a].index)
	})
	return order[:max(0, min(n, len(order)))]
}

// pick returns the positions of the first n pods that are not leaving and match, by index.
func pick(have []instance, n int, match func(instance) bool) []int {
	var out []int
	for _, pos := range sortedPositions(have) {
		if len(out) < n && !have[pos].leaving && match(have[pos]) {
			out = append(out, pos)
		}
	}
	return out
}

func sortedPositions(have []instance) []int {
	out := make([]int, len(have))
	for i := range out {
		out[i] = i
	}
	slices.SortStableFunc(out, func(a, b int) int { return have[a].index - have[b].index })
	return out
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
