package stack_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

func TestSlicesHandOver(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	b.engine.SetSliceTime(100 * time.Millisecond)
	b.push("shop", "1.0", chain("1", map[string]string{"steps": "5"}))
	a := b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(t.Context(), request("1.0"))))
	var slices int64
	b.read(func(ctx context.Context, tx *store.Tx) (err error) {
		slices, _, err = tx.ActionSlice(ctx, a.ID)
		return err
	})
	if slices < 3 {
		t.Errorf("%d slices, want several", slices)
	}
	if w.Count("apply", "") != 3 {
		t.Errorf("calls %v", w.Calls())
	}
	checkEvents(t, b, a)
}

func TestStoppingTheServerHandsOver(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	b.push("shop", "1.0", chain("1", nil))
	held := make(chan struct{})
	w.Set("b", stacktest.Behaviour{Hold: make(chan struct{})})
	w.OnHold(func(string) { close(held) })
	a, err := b.engine.Create(t.Context(), request("1.0"))
	if err != nil {
		t.Fatal(err)
	}
	<-held
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.db.StopJobs(now); err != nil {
		t.Fatal(err)
	}
	b.read(func(ctx context.Context, tx *store.Tx) error {
		now, err := tx.Action(ctx, a.ID)
		if now.State != fairlead.ActionRunning || now.Plan.Operations[1].State != fairlead.OperationApplying {
			t.Errorf("after the stop the action is %s\n%s", now.State, planText(now.Plan))
		}
		return err
	})
	w.Set("b", stacktest.Behaviour{})
	b.startJobs()
	b.want(fairlead.ActionSucceeded, b.wait(a, nil))
	if w.Made()["default/a"] != 1 || w.Count("apply", "a") != 1 {
		t.Errorf("calls %v", w.Calls())
	}
}

type thenArgs struct {
	Note string `json:"note"`
}

func (thenArgs) Kind() string { return "then" }

type thenWorker struct {
	river.WorkerDefaults[thenArgs]
	notes chan string
}

func (w *thenWorker) Work(_ context.Context, job *river.Job[thenArgs]) error {
	w.notes <- job.Args.Note
	return nil
}

func TestThenFollowsEveryEnd(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	if err := b.db.StopJobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	then := &thenWorker{notes: make(chan string, 1)}
	workers := river.NewWorkers()
	river.AddWorker(workers, then)
	b.engine.Register(workers)
	if err := b.db.StartJobs(t.Context(), workers); err != nil {
		t.Fatal(err)
	}
	b.push("shop", "1.0", chain("1", map[string]string{"fail": "no"}))
	r := request("1.0")
	r.Then = &stack.Job{Kind: "then", Args: json.RawMessage(`{"note":"run 7"}`)}
	b.want(fairlead.ActionFailed, b.wait(b.engine.Create(t.Context(), r)))
	select {
	case note := <-then.notes:
		if note != "run 7" {
			t.Errorf("note %q", note)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the job never came")
	}
}

func TestLostJobIsFoundAtStart(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	if err := b.db.StopJobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.push("shop", "1.0", chain("1", nil))
	a, err := b.engine.Create(t.Context(), request("1.0"))
	if err != nil {
		t.Fatal(err)
	}
	b.write(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM river_job`)
		return err
	})
	b.startJobs()
	b.want(fairlead.ActionSucceeded, b.wait(a, nil))
}

func TestLostTemplateEndsTheAction(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	if err := b.db.StopJobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.push("shop", "1.0", chain("1", nil))
	a, err := b.engine.Create(t.Context(), request("1.0"))
	if err != nil {
		t.Fatal(err)
	}
	b.write(func(ctx context.Context, tx *store.Tx) error { return tx.DeleteTemplateVersion(ctx, "shop", "1.0") })
	b.startJobs()
	a = b.want(fairlead.ActionFailed, b.wait(a, nil))
	if !strings.Contains(a.Message, `no version "1.0"`) || b.stack("shop").Status != fairlead.StackAbnormal {
		t.Errorf("message %q", a.Message)
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Delete(t.Context(), stack.Request{Name: "shop"})))
}

func TestSlowElementsHoldUpNoOther(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	b.push("shop", "1.0", source(el{name: "slow"}, el{name: "a"}, el{name: "b", needs: []string{"a"}}, el{name: "c", needs: []string{"b"}}))
	release := make(chan struct{})
	w.Set("slow", stacktest.Behaviour{Hold: release})
	w.OnReturn(func(_ int, c stacktest.Call) {
		if c == (stacktest.Call{Method: "health", Element: "c"}) {
			close(release) // only now may the slow one be made
		}
	})
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(t.Context(), request("1.0"))))
}
