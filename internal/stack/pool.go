package stack

import (
	"context"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// call is what a provider is asked.
type call int

const (
	callPlan call = iota
	callApply
	callHealth
	callDelete
)

// task is one call to make.
type task struct {
	op      int
	call    call
	element template.Element // callPlan
	prior   *fairlead.Record // callPlan
	change  fairlead.Change  // callApply
	record  fairlead.Record  // callHealth, callDelete
}

// result is what came of a task. After an apply that went well the health is looked at too.
type result struct {
	op        int
	call      call
	change    fairlead.Change
	record    fairlead.Record
	health    fairlead.Health
	err       error
	healthErr error
	// skipped tells that the call was not made, because the pool was canceled before its turn.
	skipped bool
}

// pool makes calls to a provider with bounded parallelism. It belongs to one goroutine.
type pool struct {
	provider Provider
	ctx      context.Context
	cancel   context.CancelCauseFunc
	tasks    chan task
	results  chan result
	busy     int // calls that were handed over and whose results were not received
	workers  sync.WaitGroup
}

// newPool starts workers. queued bounds the tasks that are handed over at the same time. The pool outlives the end of ctx, so
// that calls under way can be finished; see cancelAfter.
func newPool(ctx context.Context, provider Provider, workers, queued int) *pool {
	p := &pool{provider: provider, tasks: make(chan task, queued), results: make(chan result, queued)}
	p.ctx, p.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	for range workers {
		p.workers.Go(p.work)
	}
	return p
}

// do hands a task over. It never blocks: each operation has at most one.
func (p *pool) do(t task) {
	p.busy++
	p.tasks <- t
}

// cancelAfter cancels the calls that are still under way after a while.
func (p *pool) cancelAfter(d time.Duration) {
	timer := time.AfterFunc(d, func() { p.cancel(context.Canceled) })
	context.AfterFunc(p.ctx, func() { timer.Stop() })
}

// close cancels what is under way and waits for it, but not for ever: a provider that does not heed its context must not
// hold the server.
func (p *pool) close() {
	p.cancel(context.Canceled)
	close(p.tasks)
	done := make(chan struct{})
	go func() {
		p.workers.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(grace):
	}
}

func (p *pool) work() {
	for t := range p.tasks {
		if p.ctx.Err() != nil {
			p.results <- result{op: t.op, call: t.call, skipped: true}
			continue
		}
		p.results <- p.make(t)
	}
}

func (p *pool) make(t task) (r result) {
	r.op, r.call = t.op, t.call
	switch t.call {
	case callPlan:
		r.change, r.err = planElement(p.ctx, p.provider, t.element, t.prior)
	case callApply:
		if r.record, r.err = p.provider.Apply(p.ctx, t.change); r.err == nil {
			r.record = complete(r.record, t.change)
			r.health, r.healthErr = p.provider.Health(p.ctx, r.record)
		}
	case callHealth:
		r.health, r.healthErr = p.provider.Health(p.ctx, t.record)
	case callDelete:
		if t.record.Retain {
			r.err = release(p.ctx, p.provider, t.record)
		} else {
			r.err = p.provider.Delete(p.ctx, t.record)
		}
	}
	return r
}

// complete gives the record that Apply returned what the engine knows better.
func complete(r fairlead.Record, c fairlead.Change) fairlead.Record {
	want := c.Record
	r.StackID, r.Stack, r.Element, r.Type, r.Target, r.Namespace = want.StackID, want.Stack, want.Element, want.Type, want.Target, want.Namespace
	r.Properties, r.Requires, r.Position, r.Retain, r.Begun = want.Properties, want.Requires, want.Position, want.Retain, want.Begun
	if r.Identity == nil {
		r.Identity = want.Identity
	}
	r.State, r.Health, r.Reason = fairlead.RecordMade, fairlead.HealthProgressing, ""
	return r
}
