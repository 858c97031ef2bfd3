package stack_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// bench is an engine on a database with a target called local, and the provider that the test gives it.
type bench struct {
	t      testing.TB
	dir    string
	db     *store.DB
	engine *stack.Engine
	clock  *clock
}

// clock is the wall's, plus what a test adds.
type clock struct {
	mu    sync.Mutex
	added time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.added)
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.added += d
}

func newBench(t testing.TB, provider stack.Provider) *bench {
	t.Helper()
	return newBenchIn(t, t.TempDir(), provider)
}

func newBenchIn(t testing.TB, dir string, provider stack.Provider) *bench {
	t.Helper()
	b := &bench{t: t, dir: dir, clock: &clock{}}
	b.open(provider)
	b.write(func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateTarget(ctx, &fairlead.Target{Name: fairlead.LocalTarget, Kind: fairlead.TargetEngine})
	})
	b.startJobs()
	return b
}

// open begins a life of the server on the bench's directory.
func (b *bench) open(provider stack.Provider) {
	b.t.Helper()
	log := slog.New(slog.NewTextHandler(testLog{b.t}, &slog.HandlerOptions{Level: slog.LevelError}))
	db, err := store.Open(b.t.Context(), storetest.Config(b.t, store.Config{Dir: b.dir, Log: log, Now: b.clock.now}))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.t.Error(err)
		}
	})
	b.db = db
	b.engine = stack.New(stack.Config{DB: db, Log: log, Now: b.clock.now, Provider: func(context.Context, fairlead.Target) (stack.Provider, error) { return provider, nil }})
}

func (b *bench) startJobs() {
	b.t.Helper()
	workers := river.NewWorkers()
	b.engine.Register(workers)
	if err := b.engine.Recover(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	if err := b.db.StartJobs(b.t.Context(), workers); err != nil {
		b.t.Fatal(err)
	}
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	if l.t.Context().Err() == nil {
		l.t.Logf("%s", p)
	}
	return len(p), nil
}

func (b *bench) write(fn func(ctx context.Context, tx *store.Tx) error) {
	b.t.Helper()
	ctx := b.t.Context()
	if err := b.db.Write(ctx, func(tx *store.Tx) error { return fn(ctx, tx) }); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) read(fn func(ctx context.Context, tx *store.Tx) error) {
	b.t.Helper()
	ctx := b.t.Context()
	if err := b.db.Read(ctx, func(tx *store.Tx) error { return fn(ctx, tx) }); err != nil {
		b.t.Fatal(err)
	}
}

// push stores a template version.
func (b *bench) push(name, version, source string) {
	b.t.Helper()
	b.write(func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateTemplateVersion(ctx, &fairlead.TemplateVersion{Template: name, Version: version, Filename: name + ".yaml", Source: []byte(source)})
	})
}

// wait returns the action when it has ended.
func (b *bench) wait(a fairlead.Action, err error) fairlead.Action {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(describe(err))
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), 60*time.Second)
	defer cancel()
	a, err = b.engine.Wait(ctx, a.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

// want fails unless an action ended in a state.
func (b *bench) want(state fairlead.ActionState, a fairlead.Action) fairlead.Action {
	b.t.Helper()
	if a.State != state {
		b.t.Fatalf("%s ended %s (%s), want %s\n%s", a.Verb, a.State, a.Message, state, planText(a.Plan))
	}
	return a
}

func (b *bench) stack(name string) (s fairlead.Stack) {
	b.t.Helper()
	b.read(func(ctx context.Context, tx *store.Tx) (err error) {
		s, err = tx.Stack(ctx, name)
		return err
	})
	return s
}

func (b *bench) events(action string) (list []fairlead.Event) {
	b.t.Helper()
	b.read(func(ctx context.Context, tx *store.Tx) error {
		all, err := tx.Events(ctx, store.EventFilter{Kind: "stack", Limit: 10000})
		for _, e := range all {
			if e.Action == action {
				list = append(list, e)
			}
		}
		return err
	})
	return list
}

func describe(err error) string {
	if e, ok := errors.AsType[*fairlead.Error](err); ok && len(e.Problems) > 0 {
		return err.Error() + "\n" + e.Problems.Error()
	}
	return err.Error()
}

// planText is a plan as lines: index, state sign, verb, element, needs, reason, then the fields.
func planText(p fairlead.Plan) string {
	var b strings.Builder
	for i, op := range p.Operations {
		fmt.Fprintf(&b, "%d %s %s", i, op.Verb, op.Element)
		if len(op.Needs) > 0 {
			fmt.Fprintf(&b, " needs %v", op.Needs)
		}
		if op.State != fairlead.OperationPending {
			fmt.Fprintf(&b, " %s", op.State)
		}
		if op.Message != "" {
			fmt.Fprintf(&b, " (%s)", op.Message)
		}
		if op.Reason != "" {
			fmt.Fprintf(&b, ": %s", op.Reason)
		}
		b.WriteByte('\n')
		if op.Verb == fairlead.OpCreate {
			continue
		}
		for _, f := range op.Fields {
			fmt.Fprintf(&b, "  %s: %v -> %v\n", f.Path, f.Before, f.After)
		}
	}
	return b.String()
}
