package stack

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// Config is what an [Engine] works with. DB and Provider are required.
type Config struct {
	DB *store.DB
	// Provider returns the provider of a target. It must not contact the target.
	Provider func(ctx context.Context, target fairlead.Target) (Provider, error)
	// Queue names the job queue in which the actions of a target's stacks are worked. Default: the common one.
	Queue func(target fairlead.Target) string
	// Log receives what went wrong inside. Default: discarded.
	Log *slog.Logger
	// Now is the clock for deadlines. Default: time.Now.
	Now func() time.Time
	// Parallel bounds the calls to the provider that one action makes at the same time. Default: 16.
	Parallel int
}

// Engine works the life cycle of stacks. It keeps nothing in memory that a restart could lose. Safe for concurrent use.
type Engine struct {
	db        *store.DB
	connect   func(ctx context.Context, target fairlead.Target) (Provider, error)
	queue     func(target fairlead.Target) string // nil: the common one
	log       *slog.Logger
	now       func() time.Time
	parallel  int
	templates templateCache
	running   runningActions
	sliceTime time.Duration
	firstPoll time.Duration
	preview   struct { // the key of the hashes of previews
		sync.Mutex
		key []byte
	}

	// dead is set by tests that let the process die: from then on no slice writes anything.
	dead atomic.Pointer[error]
	// committing is called at the end of each transaction of what works actions. Tests let the process die there.
	committing atomic.Pointer[func()]
}

// New returns an Engine. Register its workers and call Recover before the jobs start.
func New(cfg Config) *Engine {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Parallel < 1 {
		cfg.Parallel = 16
	}
	return &Engine{
		db: cfg.DB, connect: cfg.Provider, queue: cfg.Queue, log: cfg.Log, now: cfg.Now, parallel: cfg.Parallel,
		running: runningActions{items: map[string]runningAction{}}, sliceTime: sliceTime, firstPoll: firstPoll,
	}
}

// Register adds the worker of stack actions.
func (e *Engine) Register(workers *river.Workers) {
	river.AddWorker(workers, &actionWorker{engine: e})
}

// Recover gives a job to every action that did not end and has none. That does not happen by itself, only when somebody
// tampered with the jobs; call it once at start, before the jobs start.
func (e *Engine) Recover(ctx context.Context) error {
	return e.db.Write(ctx, func(tx *store.Tx) error {
		open, err := tx.OpenActions(ctx)
		if err != nil {
			return err
		}
		jobs, err := tx.OpenJobs(ctx, actionArgs{}.Kind())
		if err != nil {
			return err
		}
		worked := map[string]bool{}
		for _, b := range jobs {
			var job actionArgs
			if json.Unmarshal(b, &job) == nil {
				worked[job.Action] = true
			}
		}
		for _, id := range open {
			if worked[id] {
				continue
			}
			a, err := tx.StackAction(ctx, id)
			if err != nil {
				return err
			}
			e.log.Warn("a stack action had no job; it goes on", "stack", a.Stack, "action", id)
			if err := e.recoverAction(ctx, tx, a); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *Engine) recoverAction(ctx context.Context, tx *store.Tx, a store.StackAction) error {
	s, err := tx.StackByID(ctx, a.StackID)
	if err != nil {
		return err
	}
	a.Slice, a.Attempt = a.Slice+1, 0 // whoever works the old slice, if anybody does, stores nothing any more
	if err := tx.UpdateAction(ctx, &a); err != nil {
		return err
	}
	return e.enqueueNow(ctx, tx, s.Target, actionArgs{Action: a.ID, Slice: a.Slice})
}

// Create makes a stack: Prepare and Begin in one.
func (e *Engine) Create(ctx context.Context, r Request) (fairlead.Action, error) {
	r.Verb = fairlead.VerbCreate
	return e.start(ctx, r)
}

// Upgrade changes a stack's inputs, template version or both.
func (e *Engine) Upgrade(ctx context.Context, r Request) (fairlead.Action, error) {
	r.Verb = fairlead.VerbUpgrade
	return e.start(ctx, r)
}

// Rollback takes a stack back to its last good state or, when it is in that, to the one before.
func (e *Engine) Rollback(ctx context.Context, r Request) (fairlead.Action, error) {
	r.Verb = fairlead.VerbRollback
	return e.start(ctx, r)
}

// Retry goes on with what the last action, which failed, wanted.
func (e *Engine) Retry(ctx context.Context, r Request) (fairlead.Action, error) {
	r.Verb = fairlead.VerbRetry
	return e.start(ctx, r)
}

// Delete removes a stack and all that is recorded of it.
func (e *Engine) Delete(ctx context.Context, r Request) (fairlead.Action, error) {
	r.Verb = fairlead.VerbDelete
	return e.start(ctx, r)
}

// Preview returns the plan that a request would carry out. An empty verb means create or, when the stack exists, upgrade.
func (e *Engine) Preview(ctx context.Context, r Request) (fairlead.Plan, error) {
	r.look = true
	p, err := e.Prepare(ctx, r)
	if err != nil {
		return fairlead.Plan{}, err
	}
	return p.Plan, nil
}

// write is a transaction of what works actions.
func (e *Engine) write(ctx context.Context, fn func(tx *store.Tx) error) error {
	if err := e.dead.Load(); err != nil {
		return *err
	}
	return e.db.Write(ctx, func(tx *store.Tx) error {
		err := fn(tx)
		if f := e.committing.Load(); f != nil && err == nil {
			(*f)()
		}
		return err
	})
}

func (e *Engine) start(ctx context.Context, r Request) (a fairlead.Action, err error) {
	p, err := e.Prepare(ctx, r)
	if err != nil {
		return a, err
	}
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		a, err = e.Begin(ctx, tx, p)
		return err
	})
	return a, err
}

// Cancel asks the action of a stack to stop between elements. It returns as soon as that is stored; see Wait.
func (e *Engine) Cancel(ctx context.Context, actor fairlead.Actor, name string) error {
	var id string
	err := e.db.Write(ctx, func(tx *store.Tx) error {
		s, err := tx.Stack(ctx, name)
		if err != nil {
			return err
		}
		if id = s.Action; id == "" {
			return fairlead.Errorf(fairlead.Conflict, "stack %q has no action in flight; there is nothing to cancel", name)
		}
		return cancel(ctx, tx, actor, s)
	})
	if err == nil {
		e.running.notify(id)
	}
	return err
}

// CancelAction is Cancel for one action: when that has ended already, nothing happens, whatever its stack does now.
func (e *Engine) CancelAction(ctx context.Context, actor fairlead.Actor, action string) error {
	err := e.db.Write(ctx, func(tx *store.Tx) error {
		a, err := tx.Action(ctx, action)
		if err != nil || fairlead.ActionMoves.Final(a.State) {
			return err
		}
		s, err := tx.StackByID(ctx, a.StackID)
		if err != nil {
			return err
		}
		return cancel(ctx, tx, actor, s)
	})
	if err == nil {
		e.running.notify(action)
	}
	return err
}

func cancel(ctx context.Context, tx *store.Tx, actor fairlead.Actor, s fairlead.Stack) error {
	if _, canceling, err := tx.ActionSlice(ctx, s.Action); err != nil || canceling {
		return err
	}
	if err := tx.SetActionCanceling(ctx, s.Action); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, fairlead.Event{
		Kind: eventKind, Name: s.Name, Action: s.Action, Type: "action-canceling", Message: "cancel asked for by " + actor.String(),
	})
}

// Wait returns when an action has ended.
func (e *Engine) Wait(ctx context.Context, action string) (a fairlead.Action, err error) {
	changed, cancel := e.db.Watch()
	defer cancel()
	for {
		err := e.db.Read(ctx, func(tx *store.Tx) error {
			state, err := tx.ActionState(ctx, action)
			if err != nil || !fairlead.ActionMoves.Final(state) {
				return err
			}
			a, err = tx.Action(ctx, action)
			return err
		})
		if err != nil || a.ID != "" {
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, fairlead.Errorf(fairlead.Failed, "waiting for action %s ended before the action did: %w", action, context.Cause(ctx))
		case <-changed:
		}
	}
}

// Elements lists what is recorded of a stack's elements, in the template author's order.
func (e *Engine) Elements(ctx context.Context, name string) (list []fairlead.Record, err error) {
	err = e.db.Read(ctx, func(tx *store.Tx) error {
		s, err := tx.Stack(ctx, name)
		if err != nil {
			return err
		}
		w, err := tx.StackWant(ctx, s.ID)
		if err != nil {
			return err
		}
		if list, err = tx.Records(ctx, s.ID); err != nil {
			return err
		}
		inside, err := e.nestedWant(ctx, tx, list)
		if err != nil {
			return err
		}
		mask := mask(w, inside)
		for i := range list {
			list[i].Attributes, _ = mask.Value(list[i].Attributes).(map[string]any)
			list[i].Reason = mask.String(list[i].Reason)
		}
		return nil
	})
	return list, err
}

// Outputs lists the outputs of a stack as of its last good action.
func (e *Engine) Outputs(ctx context.Context, name string) (list []fairlead.Output, err error) {
	err = e.db.Read(ctx, func(tx *store.Tx) error {
		s, err := tx.Stack(ctx, name)
		list = s.Outputs
		return err
	})
	return list, err
}

// eventKind is the kind of all events of stacks.
const eventKind = "stack"

// runningActions are the actions that slices of this process work.
type runningActions struct {
	mu    sync.Mutex
	items map[string]runningAction
}

type runningAction struct {
	signal chan struct{} // news for the slice
	done   chan struct{} // closed when the slice ends
}

// add begins to work an action. When another slice works it, add waits for its end: a slice enqueues the next one just
// before it returns.
func (r *runningActions) add(ctx context.Context, id string) (signal <-chan struct{}, err error) {
	for {
		r.mu.Lock()
		other, busy := r.items[id]
		if !busy {
			a := runningAction{signal: make(chan struct{}, 1), done: make(chan struct{})}
			r.items[id] = a
			r.mu.Unlock()
			return a.signal, nil
		}
		r.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-other.done:
		}
	}
}

func (r *runningActions) remove(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.items[id].done)
	delete(r.items, id)
}

func (r *runningActions) notify(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case r.items[id].signal <- struct{}{}:
	default: // not worked here, or notified already
	}
}

func asError(err error) (*fairlead.Error, bool) { return errors.AsType[*fairlead.Error](err) }

func inAuthorsOrder(a, b fairlead.Record) int {
	if a.Position != b.Position {
		return a.Position - b.Position
	}
	if a.Element < b.Element {
		return -1
	}
	return 1
}

// byElement indexes records by their element.
func byElement(records []fairlead.Record) map[string]fairlead.Record {
	m := make(map[string]fairlead.Record, len(records))
	for _, r := range records {
		m[r.Element] = r
	}
	return m
}

// inOrder lists records in the author's order.
func inOrder(records map[string]fairlead.Record) []fairlead.Record {
	list := make([]fairlead.Record, 0, len(records))
	for _, r := range records {
		list = append(list, r)
	}
	slices.SortFunc(list, inAuthorsOrder)
	return list
}
