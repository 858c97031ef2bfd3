package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/pipeline/jobtest"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

// crowd checks in a snapshot that no more goes on at once than is allowed.
func (b *bench) crowd(lock, target, group int) (open int) {
	b.Helper()
	b.read(func(ctx context.Context, tx *store.Tx) error {
		runs, err := tx.OpenRuns(ctx)
		holders, deploying, begun := map[string]int{}, 0, 0
		for _, run := range runs {
			if run.State != fairlead.RunQueued {
				begun++
			}
			for _, s := range run.Stages {
				if s.State != fairlead.StageRunning || s.Type != fairlead.StageTemplateDeploy {
					continue
				}
				deploying++
				if s.Turn == nil || len(s.Turn.Locks) == 0 {
					b.Errorf("run %d of %s deploys without its lock: %+v", run.Number, run.Pipeline, s.Turn)
					continue
				}
				for _, name := range s.Turn.Locks {
					holders[name]++
				}
			}
			if waits := run.State != fairlead.RunRunning; waits && run.WaitingFor == "" {
				b.Errorf("run %d of %s is %s and does not say why", run.Number, run.Pipeline, run.State)
			}
		}
		for name, n := range holders {
			if n > lock {
				b.Errorf("%d stages hold lock %s", n, name)
			}
		}
		if deploying > target || begun > group {
			b.Errorf("%d stages deploy and %d runs have begun at once", deploying, begun)
		}
		open = len(runs)
		return err
	})
	return open
}

// TestManyContend has many runs of several pipelines contend for locks, for places on a target and for places in their group while
// servers die; with PostgreSQL two of them work at the same time. All runs end well, and there is never more at once than allowed.
func TestManyContend(t *testing.T) {
	const lives, each = 4, 5
	b := newBench(t)
	b.world.Set("web", stacktest.Behaviour{Steps: 1})
	locks := []string{"[a]", "[b, a]", "[c, b]", "[a, c]"}
	for i, l := range locks {
		name := fmt.Sprintf("p%d", i)
		src := simple(name, "max_runs: 3", "    locks: "+l+"\n")
		b.apply(strings.Replace(src, "stack: "+name+", namespace: "+name, "stack: \""+name+"-${SYS_INCREMENT}\", namespace: \""+name+"-${SYS_INCREMENT}\"", 1))
	}
	b.limits(6)
	b.rules(2)
	var ids []string
	for range each {
		for i := range locks {
			ids = append(ids, b.start(fmt.Sprintf("p%d", i), nil).ID)
		}
	}
	life := b
	var second *bench
	if b.db.Shared() {
		second = b.restart(b.dir)
	}
	changed, cancel := life.db.Watch()
	deadline := time.After(2 * time.Minute)
	for n := range lives {
		for open, goal := len(ids), len(ids)*(lives-n-1)/lives; open > goal; open = life.crowd(1, 2, 6) {
			select {
			case <-changed:
			case <-deadline:
				t.Fatalf("%d runs are open after two minutes", open)
			}
		}
		if n == lives-1 {
			break
		}
		cancel()
		life.dead.Store(true)
		at, stop := context.WithCancel(t.Context())
		stop() // what is under way is not waited for
		_ = life.db.StopJobs(at)
		life.must(life.db.Close())
		life = b.restart(b.dir)
		changed, cancel = life.db.Watch()
	}
	cancel()
	for _, id := range ids {
		life.ended(id, fairlead.RunSucceeded)
	}
	life.nothingHeld()
	life.must(life.db.Close())
	if second != nil {
		second.must(second.db.Close())
	}
}

// TestLookKeepsWhatIsGiven has one look at all that wait take a stage out of the line, give its lock to the next, and come to that
// next one: it runs by then, and the one behind it goes on waiting.
func TestLookKeepsWhatIsGiven(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	b.write(func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateTarget(ctx, &fairlead.Target{Name: "other", Kind: fairlead.TargetEngine})
	})
	b.rules(9)
	on := func(name, target, locks string) {
		b.apply(strings.Replace(each(name, "", "    locks: "+locks+"\n"), "create: true", "create: true, target: "+target, 1))
	}
	on("z", "other", "[b]")
	on("y", fairlead.LocalTarget, "[a, b]")
	on("x", "other", "[a]")
	on("w", "other", "[a]")
	first := b.until(b.start("z", nil).ID, "at work", atWork)
	runs := []fairlead.Run{first, b.start("y", nil), b.start("x", nil), b.start("w", nil)}
	if got := b.states(runs); got != "running waiting waiting waiting" {
		t.Fatalf("states %s", got)
	}
	b.rules(9, b.opensIn(2*time.Hour))
	b.until(runs[2].ID, "at work", atWork)
	if got := b.states(runs); got != "running waiting running waiting" {
		t.Errorf("states %s", got)
	}
	b.crowd(1, 9, 9)
	hold.open()
	for _, i := range []int{0, 2, 3} {
		b.ended(runs[i].ID, fairlead.RunSucceeded)
	}
	b.clock.add(2*time.Hour + time.Minute)
	b.due()
	b.ended(runs[1].ID, fairlead.RunSucceeded)
	b.nothingHeld()
}

// TestRecoverTurns takes away what stages hold and wait for, and the jobs, which nothing but a tampering hand does.
func TestRecoverTurns(t *testing.T) {
	b := newBench(t)
	b.apply(each("x", "max_runs: 9", "    locks: [db]\n"))
	b.apply(simple("y", windowText(b.opensIn(30*time.Minute)).String(), ""))
	b.must(b.db.StopJobs(t.Context()))
	runs := []fairlead.Run{b.start("x", nil), b.start("x", nil), b.start("x", nil), b.start("y", nil)}
	b.write(func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM turns`); err != nil {
			return err
		}
		if err := tx.AskTurn(ctx, runs[3].ID, 7, []string{"lock db"}); err != nil { // nobody's
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM river_job`)
		return err
	})
	b.clock.add(31 * time.Minute)
	b.startJobs()
	for _, run := range runs {
		b.ended(run.ID, fairlead.RunSucceeded)
	}
	b.nothingHeld()
}

// TestRecoverBeginsRunsWithTheirLocks starts on a database that has room for a run in the queue: it begins, and keeps its
// lock. What others hold they hold for as long as before.
func TestRecoverBeginsRunsWithTheirLocks(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	b.apply(each("x", "", "    locks: [other]\n"))
	b.apply(each("y", "max_runs: 9", "    locks: [db]\n"))
	b.limits(1)
	first := b.until(b.start("x", nil).ID, "at work", atWork)
	second := b.start("y", nil)
	if got := b.states([]fairlead.Run{first, second}); got != "running queued" {
		t.Fatalf("states %s", got)
	}
	b.write(func(ctx context.Context, tx *store.Tx) error { // without a look at the queue
		return tx.SetGroupLimits(ctx, fairlead.DefaultGroup, fairlead.GroupLimits{Runs: 3})
	})
	since := func() (at time.Time) {
		b.read(func(ctx context.Context, tx *store.Tx) error {
			held, err := tx.Holders(ctx, "lock other")
			if len(held) == 1 {
				at = held[0].Since
			}
			return err
		})
		return at
	}
	before := since()
	b.clock.add(time.Hour)
	b.must(b.engine.Recover(t.Context()))
	if after := since(); before.IsZero() || !after.Equal(before) {
		t.Errorf("the lock is held since %s, and after the start since %s", before, after)
	}
	b.until(second.ID, "at work", atWork)
	third := b.start("y", nil)
	if got := b.states([]fairlead.Run{second, third}); got != "running waiting" {
		t.Errorf("states %s", got)
	}
	b.crowd(1, 9, 3)
	hold.open()
	for _, run := range []fairlead.Run{first, second, third} {
		b.ended(run.ID, fairlead.RunSucceeded)
	}
	b.nothingHeld()
}

// TestLocksSurviveEveryMoment copies the data after each commit while two runs contend for a lock and a place in their group, and
// lets a fresh server go on with each copy.
func TestLocksSurviveEveryMoment(t *testing.T) {
	if testing.Short() {
		t.Skip("each moment takes a server")
	}
	b := newBench(t)
	if b.db.Shared() {
		t.Skip("it copies the file of SQLite")
	}
	b.apply(each("x", "max_runs: 2", "    locks: [db]\n    retry: {attempts: 1, backoff: 1s}\n"))
	b.limits(2)
	changed, cancel := b.db.Watch()
	defer cancel()
	runs := []fairlead.Run{b.start("x", nil), b.start("x", nil), b.start("x", nil)}
	var dirs []string
	for ended := false; !ended; {
		dirs = append(dirs, b.snapshot())
		if ended = fairlead.RunMoves.Final(b.run(runs[2].ID).State); !ended {
			<-changed
		}
	}
	b.dead.Store(true)
	for _, dir := range dirs {
		life := b.restart(dir)
		for _, run := range runs {
			life.ended(run.ID, fairlead.RunSucceeded)
		}
		life.nothingHeld()
		life.must(life.db.Close())
	}
}

// TestReviewThenWindowThenLock takes one stage through all that it can wait for.
func TestReviewThenWindowThenLock(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	w := b.opensIn(2 * time.Hour)
	b.apply(each("other", "", "    locks: [db]\n"))
	b.apply(strings.Replace(each("x", "", "    locks: [db]\n    "+windowText(w).String()+"\n"),
		"stages:\n", "stages:\n  - {name: ask, type: review, review: {users: [alice]}}\n", 1))
	run := b.start("x", nil)
	asks := func(run fairlead.Run) bool {
		return run.Stages[0].Review.Preview != nil && run.Stages[0].State == fairlead.StageWaiting
	}
	run = b.until(run.ID, "asked", asks)
	wantText(t, run.WaitingFor, "the approval of alice")
	run, err := b.engine.Answer(t.Context(), alice(), run.ID, "ask", pipeline.Answer{Approve: true})
	b.must(err)
	if states(run) != "succeeded waiting" || !strings.Contains(run.WaitingFor, `stage 2 ("deploy") waits for the window of stage "deploy"`) {
		t.Errorf("after the approval: %s, waits for %q", states(run), run.WaitingFor)
	}
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	other := b.until(b.start("other", nil).ID, "at work", atWork)
	b.clock.add(2*time.Hour + time.Minute)
	b.due()
	run = b.until(run.ID, "behind the lock", func(run fairlead.Run) bool { return strings.Contains(run.WaitingFor, "lock") })
	wantText(t, b.explained(run.ID).WaitingFor, `waits for lock "db", held by run 1 of pipeline other (stage deploy)`)
	hold.open()
	b.ended(other.ID, fairlead.RunSucceeded)
	run = b.ended(run.ID, fairlead.RunSucceeded)
	if run.Stages[1].Attempt != 1 || run.Stages[1].Approved != "" {
		t.Errorf("stage %+v", run.Stages[1])
	}
	b.nothingHeld()
}

// TestJobWaitsLikeADeployment takes a job stage through a window, a lock and the limit of its target; then others wait for it.
func TestJobWaitsLikeADeployment(t *testing.T) {
	b := newBench(t)
	hold, work := newGate(t), newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	b.jobs.Set(tool, jobtest.Behaviour{Hold: work.ch})
	b.apply(each("locked", "", "    locks: [db]\n"))
	b.apply(each("plain", "", ""))
	b.apply(jobPipeline("    locks: [db]\n    " + windowText(b.opensIn(2*time.Hour)).String() + "\n"))
	run := b.start("web", nil)
	wantText(t, run.WaitingFor, `stage 1 ("Run Migrations") waits for the window of stage "Run Migrations"`)
	locked := b.until(b.start("locked", nil).ID, "at work", atWork)
	b.rules(1)
	b.clock.add(2*time.Hour + time.Minute)
	b.due()
	b.until(run.ID, "behind the lock", func(run fairlead.Run) bool { return strings.Contains(run.WaitingFor, "lock") })
	wantText(t, b.explained(run.ID).WaitingFor, `waits for lock "db", held by run 1 of pipeline locked (stage deploy)`)
	if made := b.jobs.Made(); len(made) > 0 {
		t.Errorf("made before its turn: %v", made)
	}
	hold.open()
	b.ended(locked.ID, fairlead.RunSucceeded)
	b.until(run.ID, "at work", func(run fairlead.Run) bool { return len(b.jobs.Starts()) == 1 })
	plain := b.start("plain", nil)
	wantText(t, b.explained(plain.ID).WaitingFor, "waits for a place on target local", "run 1 of pipeline web (stage Run Migrations)")
	again := b.start("locked", nil)
	wantText(t, b.explained(again.ID).WaitingFor, `waits for lock "db", held by run 1 of pipeline web (stage Run Migrations)`)
	work.open()
	for _, id := range []string{run.ID, plain.ID, again.ID} {
		b.ended(id, fairlead.RunSucceeded)
	}
	b.swept()
	b.once(1)
	b.nothingHeld()
}

// TestParallelHoldsItsLocks has tasks of parallel stages wait for places while their stages hold locks that others wait for.
func TestParallelHoldsItsLocks(t *testing.T) {
	b := newBench(t)
	b.rules(1)
	deploy := `images: [{name: app, image: "team/web:1.0"}], deploy: {tool: aos, stack: "%s", namespace: "%s", create: true, template: web, version: "1.0", parameters: {image: "${image.app}"}}`
	task := func(stack string) string { return fmt.Sprintf(deploy, stack, stack) }
	for _, name := range []string{"x", "y"} {
		b.apply(fmt.Sprintf("name: %[1]s\nmax_runs: 9\nstages:\n  - name: both\n    type: parallel\n    locks: [db]\n    tasks:\n      - {name: one, type: template-deploy, %[2]s}\n      - {name: two, type: template-deploy, %[3]s}\n  - {name: last, type: template-deploy, locks: [db], %[4]s}\n",
			name, task(name+"-${SYS_INCREMENT}-a"), task(name+"-${SYS_INCREMENT}-b"), task(name+"-${SYS_INCREMENT}-c")))
	}
	var ids []string
	for range 3 {
		ids = append(ids, b.start("x", nil).ID, b.start("y", nil).ID)
	}
	for _, id := range ids {
		run := b.ended(id, fairlead.RunSucceeded)
		if states(run) != "succeeded succeeded succeeded succeeded" {
			t.Errorf("stages %s", states(run))
		}
	}
	b.nothingHeld()
}
