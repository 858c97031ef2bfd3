package pipeline_test

import (
	"context"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// TestEveryMomentIsOneToDie copies the data directory after each commit of two runs, as kill -9 would leave it, and lets a
// fresh server go on with each copy: both runs end by themselves, with one action each.
func TestEveryMomentIsOneToDie(t *testing.T) {
	storetest.OnlySQLite(t)
	b := newBench(t)
	b.push("1.1")
	p := b.apply(webPipeline)
	var dirs []string
	changed, cancel := b.db.Watch()
	defer cancel()
	res, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Key: "one"})
	b.must(err)
	second, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Params: map[string]string{"tag": "1.1"}, Key: "two"})
	b.must(err)
	for ended := false; !ended; {
		dirs = append(dirs, b.snapshot())
		if ended = fairlead.RunMoves.Final(b.run(second.Run).State); !ended {
			<-changed
		}
	}
	if len(dirs) < 3 {
		t.Fatalf("only %d moments were seen", len(dirs))
	}
	b.dead.Store(true)
	for i, dir := range dirs {
		life := b.restart(dir)
		for _, id := range []string{res.Run, second.Run} {
			run := life.ended(id, fairlead.RunSucceeded)
			life.read(func(ctx context.Context, tx *store.Tx) error {
				actions, _, err := tx.Actions(ctx, "web", 100, "")
				if len(actions) > 2 {
					t.Errorf("moment %d: %d actions for run %d", i, len(actions), run.Number)
				}
				return err
			})
		}
		again, err := life.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Key: "one"})
		if err != nil || again != res {
			t.Errorf("moment %d: the message counts again: %+v, %v", i, again, err)
		}
		life.must(life.db.Close())
	}
}

// TestKilledInTheMiddleOfAnApply restarts while the provider is at work and while a stop is under way.
func TestKilledInTheMiddleOfAnApply(t *testing.T) {
	storetest.OnlySQLite(t)
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	b.apply(webPipeline)
	run := b.start("web", nil)
	queued := b.start("web", nil)
	b.until(run.ID, "at work", func(run fairlead.Run) bool { return run.Stages[0].Action != "" })
	working := b.snapshot()
	_, err := b.engine.Stop(t.Context(), alice(), run.ID)
	b.must(err)
	stopping := b.snapshot()
	b.dead.Store(true)
	b.world.Set("web", stacktest.Behaviour{})

	life := b.restart(working)
	life.ended(run.ID, fairlead.RunSucceeded)
	life.ended(queued.ID, fairlead.RunSucceeded)

	life = b.restart(stopping)
	if got := life.ended(run.ID, fairlead.RunCanceled); got.Message != "stopped by alice" {
		t.Errorf("message %q", got.Message)
	}
	life.ended(queued.ID, fairlead.RunSucceeded)
}

// TestRecoverGivesLostJobsBack takes the jobs away, which nothing but a tampering hand does.
func TestRecoverGivesLostJobsBack(t *testing.T) {
	b := newBench(t)
	b.apply(webPipeline)
	b.must(b.db.StopJobs(t.Context()))
	run, queued := b.start("web", nil), b.start("web", nil)
	b.write(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM river_job`)
		return err
	})
	b.startJobs()
	b.ended(run.ID, fairlead.RunSucceeded)
	b.ended(queued.ID, fairlead.RunSucceeded)
}

// TestChainsSurviveEveryMoment copies the data directory after each commit while one pipeline starts another over a channel, and
// lets a fresh server go on with each copy: the second pipeline runs once.
func TestChainsSurviveEveryMoment(t *testing.T) {
	storetest.OnlySQLite(t)
	b := newBench(t)
	b.apply(simple("first", "", "    notifications: [{channel: {name: built}, outcomes: [success]}]\n"))
	b.apply(simple("second", "start: {conditions: [{channel: {name: built}}]}", ""))
	changed, cancel := b.db.Watch()
	defer cancel()
	first := b.start("first", nil)
	var dirs []string
	for ended := false; !ended; {
		dirs = append(dirs, b.snapshot())
		if runs := b.runs("second", 0); len(runs) > 0 && fairlead.RunMoves.Final(runs[0].State) {
			ended = true
			continue
		}
		<-changed
	}
	if len(dirs) < 3 {
		t.Fatalf("only %d moments were seen", len(dirs))
	}
	b.dead.Store(true)
	for i, dir := range dirs {
		life := b.restart(dir)
		life.ended(first.ID, fairlead.RunSucceeded)
		life.ended(life.runs("second", 1)[0].ID, fairlead.RunSucceeded)
		if got := life.messages("second"); len(got) != 1 || len(life.runs("second", 0)) != 1 {
			t.Errorf("moment %d: messages %v, %d runs", i, got, len(life.runs("second", 0)))
		}
		life.must(life.db.Close())
	}
}
