package stack

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

const (
	// sliceTime is after what time a slice ends at the next quiet moment. After sliceLimit times as long it starts nothing new
	// to get one.
	sliceTime  = 5 * time.Second
	sliceLimit = 12
	// grace is how long what runs may go on after a failure or a cancellation.
	grace = 30 * time.Second
	// stopGrace is how long running calls may go on when the server stops.
	stopGrace = 2 * time.Second
	// unavailableLimit is how long a target may not answer before an operation that makes something fails.
	unavailableLimit = 2 * time.Minute
	// noteDelay is how long news of little weight waits for a commit to share.
	noteDelay = 500 * time.Millisecond
	// clockTick bounds how late a deadline is noticed by a clock that is not the wall's.
	clockTick = time.Second
)

// slice is one piece of work on an action. One goroutine owns all of it: it starts calls to the provider, receives their
// results over a channel and commits what has come together since the last commit.
type slice struct {
	engine   *Engine
	ctx      context.Context // of the job; ends when the server stops
	job      *river.Job[actionArgs]
	signal   <-chan struct{}
	action   store.StackAction
	stack    fairlead.Stack
	want     store.StackWant
	good     *store.StackState
	template *template.Template // nil for a deletion
	provider Provider
	records  map[string]fairlead.Record
	mask     fairlead.Mask
	current  atomic.Pointer[fairlead.Mask] // mask, for the calls under way
	revealed revealed
	root     string // the element of the outermost stack that this one is in; "" when it is that itself

	ops    []operation // of the plan from first on
	first  int
	ready  []int // pending operations whose needs have succeeded, in order
	active []int // operations that were started and did not end, in order
	failed *operation

	pool     *pool
	news     <-chan string // names of elements whose resources changed; nil when the target is only polled
	begun    time.Time
	stopping time.Time // when the cancellation was noticed
	leaving  bool      // the end of the server was noticed
	changes  changes
}

// changes is what the next commit stores.
type changes struct {
	ops     map[int]bool // true: with the change
	records map[string]bool
	events  []fairlead.Event
	action  bool
	// notedAt is since when there is something that can wait for another commit.
	notedAt time.Time
	notes   map[int]bool
}

func (c *changes) empty() bool { return len(c.ops)+len(c.records)+len(c.events) == 0 && !c.action }

var errLeftOver = errors.New("another slice works this action")

// prepare makes the operations ready to run from the plan and what is stored of them.
func (s *slice) prepare(rows []store.StackOperation) {
	s.begun = time.Now()
	s.clear()
	if s.action.StartedAt == nil {
		now := s.engine.now().UTC()
		s.action.StartedAt, s.action.State, s.changes.action = &now, fairlead.ActionRunning, true
	}
	if s.action.RollingBack {
		s.first = s.action.RollbackFrom
		if s.first == 0 {
			return // the rollback is to be planned
		}
	}
	plan := s.action.Plan.Operations[s.first:]
	s.ops = make([]operation, len(plan))
	for i := range plan {
		s.ops[i] = operation{Operation: plan[i], n: i}
	}
	for _, row := range rows {
		if i := row.N - s.first; i >= 0 {
			s.ops[i].change, s.ops[i].since = row.Change, row.UnavailableSince
		}
	}
	s.link()
}

// link finds out which operations are ready and which run already.
func (s *slice) link() {
	for i := range s.ops {
		for _, n := range s.ops[i].Needs {
			need := &s.ops[n-s.first]
			need.users = append(need.users, i)
			if need.State != fairlead.OperationSucceeded {
				s.ops[i].open++
			}
		}
	}
	for i := range s.ops {
		switch op := &s.ops[i]; op.State {
		case fairlead.OperationPending:
			if op.open == 0 {
				s.ready = append(s.ready, i)
			}
		case fairlead.OperationApplying, fairlead.OperationWaiting:
			s.active = append(s.active, i)
			op.call = s.callOf(op)
		case fairlead.OperationFailed:
			if s.failed == nil {
				s.failed = op
			}
		}
	}
}

// run works until the action ends, the slice has lasted long enough, or the server stops.
func (s *slice) run() error {
	if s.action.RollingBack && s.first == 0 {
		return s.planRollback()
	}
	s.pool = newPool(s.ctx, s.provider, min(s.engine.parallel, len(s.ops)), len(s.ops))
	defer s.pool.close()
	watching, cancel := context.WithCancel(s.ctx)
	defer cancel()
	s.news = s.provider.Watch(watching, s.stack.ID)
	for {
		s.collect()
		s.stop()
		s.start()
		if s.over() {
			return s.commit(s.finish)
		}
		if s.sliceEnds() {
			return s.commit(s.handOver)
		}
		if err := s.flush(); err != nil {
			return err
		}
		s.dispatch()
		s.sleep()
	}
}

// over tells that nothing runs and nothing can start any more.
func (s *slice) over() bool {
	return len(s.active) == 0 && (len(s.ready) == 0 || s.halted())
}

// halted tells that nothing new is started: something failed, somebody canceled, or time is up.
func (s *slice) halted() bool {
	return s.failed != nil || s.action.Canceling || s.expired()
}

func (s *slice) deadline() time.Time {
	from := s.action.StartedAt
	if s.action.RollbackAt != nil {
		from = s.action.RollbackAt
	}
	return from.Add(time.Duration(s.action.Timeout))
}

func (s *slice) expired() bool { return !s.engine.now().Before(s.deadline()) }

// sliceEnds tells that it is time to hand over to the next slice: there is a quiet moment, or the server stops.
func (s *slice) sliceEnds() bool {
	if s.ctx.Err() != nil {
		return s.pool.busy == 0
	}
	if time.Since(s.begun) < s.engine.sliceTime || !s.changes.empty() {
		return false
	}
	return !slices.ContainsFunc(s.active, func(i int) bool { return s.ops[i].busy && s.ops[i].call != callHealth })
}

// paused tells that no call may start now, because the slice is about to end.
func (s *slice) paused() bool {
	return s.ctx.Err() != nil || time.Since(s.begun) > sliceLimit*s.engine.sliceTime
}

// start begins ready operations, as many as keep the pool busy. They are dispatched after the commit that writes them down.
func (s *slice) start() {
	for len(s.ready) > 0 && !s.halted() && !s.paused() && s.working() < 4*s.engine.parallel {
		i := s.ready[0]
		s.ready = s.ready[1:]
		s.begin(&s.ops[i])
	}
}

// working counts the operations that run and do not merely wait for health.
func (s *slice) working() (n int) {
	for _, i := range s.active {
		if s.ops[i].State != fairlead.OperationWaiting {
			n++
		}
	}
	return n
}

// stop ends what runs when it may not go on: at once when it only waits, after a grace when a call is under way.
func (s *slice) stop() {
	if s.ctx.Err() != nil && !s.leaving {
		s.leaving = true
		s.pool.cancelAfter(stopGrace)
	}
	var why string
	now := s.engine.now()
	switch {
	case s.action.Canceling:
		why = "canceled"
	case s.expired():
		why = "timed out after " + time.Duration(s.action.Timeout).String()
		s.pool.cancel(context.DeadlineExceeded)
	case s.failed != nil:
		if at := s.failed.EndedAt; at != nil && now.Sub(*at) < grace {
			return
		}
		why = "given up after element " + s.failed.Element + " failed"
	default:
		return
	}
	if s.stopping.IsZero() {
		s.stopping = time.Now()
	}
	late := time.Since(s.stopping)
	if late > grace {
		s.pool.cancel(context.Canceled)
	}
	for _, i := range slices.Clone(s.active) {
		if op := &s.ops[i]; (!op.busy || late > 2*grace) && !s.ends(op, late) {
			s.halt(op, why)
		}
	}
}

// ends has the action of a nested stack canceled, and reports whether to wait for its end.
func (s *slice) ends(op *operation, late time.Duration) bool {
	if op.Type != stackType || op.State == fairlead.OperationPending {
		return false
	}
	if !op.canceled {
		op.canceled = true
		s.cancelNested(op)
	}
	return late <= grace && !s.expired()
}

// halt ends one operation that may not go on.
func (s *slice) halt(op *operation, why string) {
	if op.State == fairlead.OperationPending { // it was only being planned
		s.deactivate(op)
		return
	}
	text := why
	if op.Message != "" {
		text += " while waiting: " + op.Message
	}
	op.halted = true
	s.fail(op, text)
}

// dispatch hands the calls that are due to the pool.
func (s *slice) dispatch() {
	if s.paused() {
		return
	}
	now := time.Now()
	for _, i := range s.active {
		if op := &s.ops[i]; !op.busy && !now.Before(op.next) {
			s.pool.do(s.task(op))
			op.busy = true
		}
	}
}

// sleep waits for a result, or for the next moment at which something is due.
func (s *slice) sleep() {
	wake := s.begun.Add(s.engine.sliceTime)
	if now := time.Now(); wake.Before(now) {
		wake = now.Add(clockTick)
	}
	for _, i := range s.active {
		if op := &s.ops[i]; !op.busy && !s.paused() && op.next.Before(wake) {
			wake = op.next
		}
	}
	if at := s.changes.notedAt; !at.IsZero() && at.Add(noteDelay).Before(wake) {
		wake = at.Add(noteDelay)
	}
	timer := time.NewTimer(min(time.Until(wake), clockTick))
	defer timer.Stop()
	stopped := s.ctx.Done()
	if s.leaving {
		stopped = nil
	}
	select {
	case r := <-s.pool.results:
		s.receive(r)
	case <-s.signal:
		s.heed()
	case name, ok := <-s.news:
		s.heard(name, ok)
	case <-stopped:
	case <-timer.C:
		if s.engine.db.Shared() { // another server may have been asked
			s.action.Canceling = s.action.Canceling || s.cancelAsked()
		}
	}
}

// heed looks at what others may have stored: that somebody cancels, or that a nested stack's action has ended.
func (s *slice) heed() {
	s.action.Canceling = s.action.Canceling || s.cancelAsked()
	s.hurryNested()
}

// heard takes news of an element into account: what waits for it is looked at again at once.
func (s *slice) heard(element string, ok bool) {
	if !ok {
		s.news = nil
		return
	}
	for _, i := range s.active {
		switch op := &s.ops[i]; {
		case op.Element != element || op.since != nil:
		case op.busy:
			op.heard = true
		case op.State == fairlead.OperationWaiting || op.call == callDelete:
			op.next = time.Time{}
		}
	}
}

// cancelAsked looks whether somebody asked to cancel. A database that does not answer will be noticed by the next commit.
func (s *slice) cancelAsked() (asked bool) {
	err := s.engine.db.Read(s.ctx, func(tx *store.Tx) (err error) {
		_, asked, err = tx.ActionSlice(s.ctx, s.action.ID)
		return err
	})
	return err == nil && asked
}

// collect takes the results that are there, and looks for a cancellation before anything is started because of them.
func (s *slice) collect() {
	for {
		select {
		case r := <-s.pool.results:
			s.receive(r)
		case <-s.signal:
			s.heed()
		default:
			return
		}
	}
}

// flush commits when there is something of weight, or when news of little weight has waited long enough.
func (s *slice) flush() error {
	noted := !s.changes.notedAt.IsZero() && time.Since(s.changes.notedAt) >= noteDelay
	if s.changes.empty() && !noted {
		return nil
	}
	return s.commit(func(context.Context, *store.Tx) error { return nil })
}

// commit stores all changes, and what more does, in one transaction.
func (s *slice) commit(more func(ctx context.Context, tx *store.Tx) error) error {
	ctx := context.WithoutCancel(s.ctx)
	err := s.engine.write(ctx, func(tx *store.Tx) error {
		number, attempt, canceling, err := tx.ActionWorker(ctx, s.action.ID)
		if err != nil {
			return err
		}
		if !s.works(number, attempt) {
			return errLeftOver
		}
		s.action.Canceling = s.action.Canceling || canceling
		if err := more(ctx, tx); err != nil { // first: it can add changes
			return err
		}
		return s.store(ctx, tx)
	})
	if err != nil {
		return err
	}
	s.clear()
	if s.action.Cause != "" && s.action.EndedAt != nil {
		s.engine.running.notify(s.action.Cause)
	}
	return nil
}

// works tells that this attempt at the slice may store: neither the next slice nor another attempt has begun. A server that
// seemed dead and was not has its jobs worked again by another one; the later attempt wins. The first one needs no note.
func (s *slice) works(number, attempt int64) bool {
	mine := int64(s.job.Attempt)
	if number != s.job.Args.Slice || attempt > mine {
		return false
	}
	if mine > 1 && attempt < mine {
		s.action.Attempt, s.changes.action = mine, true
	}
	return true
}

func (s *slice) clear() {
	s.changes = changes{ops: map[int]bool{}, records: map[string]bool{}, notes: map[int]bool{}}
}

func (s *slice) store(ctx context.Context, tx *store.Tx) error {
	for i := range s.changes.notes {
		if _, there := s.changes.ops[i]; !there {
			s.changes.ops[i] = false
		}
	}
	for i, whole := range s.changes.ops {
		put := tx.MoveOperation
		if whole {
			put = tx.PutOperation
		}
		if err := put(ctx, s.action.ID, s.ops[i].row(s.first)); err != nil {
			return err
		}
	}
	if s.stack.ID != "" { // else it was deleted by this commit
		for element := range s.changes.records {
			if err := s.storeRecord(ctx, tx, element); err != nil {
				return err
			}
		}
	}
	for _, event := range s.changes.events {
		if err := tx.AppendEvent(ctx, event); err != nil {
			return err
		}
	}
	if !s.changes.action {
		tx.Changed()
		return nil
	}
	return tx.UpdateAction(ctx, &s.action)
}

func (s *slice) storeRecord(ctx context.Context, tx *store.Tx, element string) error {
	r, there := s.records[element]
	if !there {
		return tx.DeleteRecord(ctx, s.stack.ID, element)
	}
	return tx.PutRecord(ctx, r)
}

// handOver enqueues the next slice.
func (s *slice) handOver(ctx context.Context, tx *store.Tx) error {
	return s.handOverAt(ctx, tx, time.Time{})
}

func (s *slice) handOverAt(ctx context.Context, tx *store.Tx, at time.Time) error {
	s.action.Slice, s.action.Attempt = s.action.Slice+1, 0
	s.changes.action = true
	next := actionArgs{Action: s.action.ID, Slice: s.action.Slice}
	if err := s.engine.enqueue(ctx, tx, s.stack.Target, next, at); err != nil {
		return err
	}
	return store.CompleteJob(ctx, tx, s.job)
}

// event adds an event to the next commit.
func (s *slice) event(part, kind, message string) {
	s.changes.events = append(s.changes.events, fairlead.Event{
		Kind: eventKind, Name: s.action.Stack, Action: s.action.ID, Part: part, Type: kind, Message: s.mask.String(message),
	})
}
