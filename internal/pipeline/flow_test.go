package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

// each is a pipeline whose runs deploy a stack each, so that only what the test says keeps them apart.
func each(name, file, stage string) string {
	return strings.Replace(simple(name, file, stage), "stack: "+name+", namespace: "+name, "stack: \""+name+"-${SYS_INCREMENT}\", namespace: \""+name+"-${SYS_INCREMENT}\"", 1)
}

// explained is a run with its sentences as of now. Whatever waits must say for what.
func (b *bench) explained(id string) (run fairlead.Run) {
	b.Helper()
	b.read(func(ctx context.Context, tx *store.Tx) (err error) {
		if run, err = tx.Run(ctx, id); err != nil {
			return err
		}
		return b.engine.Explain(ctx, tx, &run)
	})
	return run
}

func (b *bench) states(runs []fairlead.Run) string {
	b.Helper()
	list := make([]string, len(runs))
	for i, run := range runs {
		list[i] = string(b.run(run.ID).State)
	}
	return strings.Join(list, " ")
}

func atWork(run fairlead.Run) bool {
	return slices.ContainsFunc(run.Stages, func(s fairlead.StageRun) bool {
		return s.State == fairlead.StageRunning && s.Action != ""
	})
}

func TestSeveralRunsAtOnce(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	b.apply(each("x", "max_runs: 2", ""))
	var runs []fairlead.Run
	for range 5 {
		runs = append(runs, b.start("x", nil))
	}
	b.until(runs[0].ID, "at work", atWork)
	b.until(runs[1].ID, "at work", atWork)
	if got := b.states(runs); got != "running running queued queued queued" {
		t.Errorf("states %s", got)
	}
	if run := b.explained(runs[3].ID); run.WaitingFor != "its turn: place 2 in the queue of pipeline x, after run 3; active are the runs 1 (running), 2 (running)" {
		t.Errorf("waits for %q", run.WaitingFor)
	}
	b.apply(each("x", "max_runs: 3", "")) // what grows counts at once
	if got := b.states(runs); got != "running running running queued queued" {
		t.Errorf("states %s", got)
	}
	if _, err := b.engine.Stop(t.Context(), alice(), runs[3].ID); err != nil {
		t.Fatal(err)
	}
	hold.open()
	for _, i := range []int{0, 1, 2, 4} {
		b.ended(runs[i].ID, fairlead.RunSucceeded)
	}
	b.apply(each("x", "max_runs: 2\nconcurrency: reject", ""))
	hold = newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	b.start("x", nil)
	last := b.start("x", nil)
	_, err := b.engine.Start(t.Context(), alice(), "x", nil, "")
	b.wantCode(err, fairlead.Conflict, "2 runs are active")
	hold.open()
	b.ended(last.ID, fairlead.RunSucceeded)
}

// limits sets how many runs of group default go on at once.
func (b *bench) limits(runs int) {
	b.Helper()
	b.write(func(ctx context.Context, tx *store.Tx) error {
		return b.engine.SetGroupLimits(ctx, tx, fairlead.DefaultGroup, fairlead.GroupLimits{Runs: runs})
	})
}

func TestGroupLimit(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	for _, name := range []string{"x", "y", "z"} {
		b.apply(each(name, "max_runs: 2", ""))
	}
	b.limits(2)
	runs := []fairlead.Run{b.start("z", nil), b.start("x", nil), b.start("y", nil), b.start("x", nil), b.start("z", nil)}
	b.until(runs[0].ID, "at work", atWork)
	if got := b.states(runs); got != "running running queued queued queued" {
		t.Errorf("states %s", got)
	}
	if run := b.explained(runs[2].ID); run.WaitingFor != "its turn: place 1 in the queue of pipeline y; 2 runs of group default are active, and it runs 2 at once" {
		t.Errorf("waits for %q", run.WaitingFor)
	}
	if _, err := b.engine.Stop(t.Context(), alice(), runs[2].ID); err != nil {
		t.Fatal(err)
	}
	b.limits(3)
	if got := b.states(runs); got != "running running canceled running queued" {
		t.Errorf("states %s", got)
	}
	b.limits(1) // what runs goes on
	if got := b.states(runs); got != "running running canceled running queued" {
		t.Errorf("states %s", got)
	}
	hold.open()
	for _, i := range []int{0, 1, 3, 4} {
		b.ended(runs[i].ID, fairlead.RunSucceeded)
	}
	started := b.run(runs[4].ID).StartedAt
	for _, i := range []int{0, 1, 3} {
		if ended := b.run(runs[i].ID).EndedAt; started.Before(*ended) {
			t.Errorf("run %d ended %s, after the last one began, %s", i, ended, started)
		}
	}
}

func TestLocks(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	b.apply(each("x", "", "    locks: [db, \"cache-${a}\"]\n"))
	b.apply(each("y", "", "    locks: [db]\n"))
	b.apply(each("z", "", "    locks: [other, \"cache-${a}\"]\n"))
	first := b.until(b.start("x", nil).ID, "at work", atWork)
	if turn := first.Stages[0].Turn; turn == nil || !slices.Equal(turn.Locks, []string{"cache-none", "db"}) {
		t.Errorf("turn %+v", turn)
	}
	second, third := b.start("y", nil), b.start("z", nil)
	free := b.until(b.start("z", map[string]string{"a": "mine"}).ID, "queued", func(run fairlead.Run) bool { return run.State == fairlead.RunQueued })
	second = b.explained(second.ID)
	if second.State != fairlead.RunWaiting || states(second) != "waiting" ||
		!strings.HasPrefix(second.WaitingFor, `stage 1 ("deploy") waits for lock "db", held by run 1 of pipeline x (stage deploy) since 2`) {
		t.Errorf("%s waits for %q", second.State, second.WaitingFor)
	}
	locks, err := b.engine.Locks(t.Context())
	b.must(err)
	var said []string
	for _, l := range locks {
		holder := "nobody"
		if l.Holder != nil {
			holder = l.Holder.Pipeline
		}
		said = append(said, fmt.Sprint(l.Name, " ", holder, " ", len(l.Waiting)))
	}
	if got := strings.Join(said, ", "); got != "cache-none x 1, db x 1, other nobody 1" {
		t.Errorf("locks %s", got)
	}
	stopped, err := b.engine.Stop(t.Context(), alice(), second.ID)
	b.must(err)
	if stopped.State != fairlead.RunCanceled || states(stopped) != "canceled" {
		t.Errorf("stopped while it waits: %s", stopped.State)
	}
	hold.open()
	for _, run := range []fairlead.Run{first, third, free} {
		run = b.ended(run.ID, fairlead.RunSucceeded)
		if run.Stages[0].Turn != nil {
			t.Errorf("a lock was not given back: %+v", run.Stages[0].Turn)
		}
	}
	if locks, err = b.engine.Locks(t.Context()); err != nil || len(locks) > 0 {
		t.Errorf("locks %+v, %v", locks, err)
	}
	failed := b.ended(b.start("x", map[string]string{"a": "no name"}).ID, fairlead.RunFailed)
	wantText(t, failed.Message, `lock "cache-${a}": lock name "cache-no name"`)
}

// TestOtherGroupsAreNotNamed tells that those who see a run learn nothing of pipelines of other groups from what it waits for.
func TestOtherGroupsAreNotNamed(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	b.write(func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateGroup(ctx, &fairlead.Group{Name: "hidden"})
	})
	b.apply(each("secret", "group: hidden\n", "    locks: [db]\n"))
	b.apply(each("shop", "", "    locks: [db]\n"))
	b.apply(each("second", "group: hidden\n", "    locks: [db]\n"))
	b.until(b.start("secret", nil).ID, "at work", atWork)
	waits := b.explained(b.start("shop", nil).ID)
	if !strings.HasPrefix(waits.WaitingFor, `stage 1 ("deploy") waits for lock "db", held by a run of another group since 2`) {
		t.Errorf("waits for %q", waits.WaitingFor)
	}
	third := b.explained(b.start("second", nil).ID)
	if !strings.Contains(third.WaitingFor, "held by run 1 of pipeline secret (stage deploy) since 2") || !strings.HasSuffix(third.WaitingFor, "; place 2 in line, after a run of another group") {
		t.Errorf("waits for %q", third.WaitingFor)
	}
	if log := b.log(waits.ID, "deploy"); !strings.Contains(log, "a run of another group") || strings.Contains(log, "secret") {
		t.Errorf("the log says %q", log)
	}
	hold.open()
	b.ended(waits.ID, fairlead.RunSucceeded)
	b.ended(third.ID, fairlead.RunSucceeded)
}

// rules sets how many deploying stages go on on target local at once, and when they may begin.
func (b *bench) rules(stages int, windows ...fairlead.Window) {
	b.Helper()
	b.write(func(ctx context.Context, tx *store.Tx) error {
		return b.engine.SetTargetRules(ctx, tx, fairlead.LocalTarget, fairlead.TargetLimits{Stages: stages}, windows)
	})
}

func TestTargetLimit(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	b.apply(each("x", "max_runs: 9", ""))
	early := b.start("x", nil)
	b.until(early.ID, "at work", atWork)
	b.rules(2) // what runs already counts
	runs := []fairlead.Run{early}
	for range 4 {
		runs = append(runs, b.start("x", nil))
	}
	b.until(runs[1].ID, "at work", atWork)
	if got := b.states(runs); got != "running running waiting waiting waiting" {
		t.Errorf("states %s", got)
	}
	run := b.explained(runs[3].ID)
	wantText(t, run.WaitingFor, `stage 1 ("deploy") waits for a place on target local, where 2 deploying stages run at once: run 1 of pipeline x (stage deploy), run 2`,
		"; place 2 in line, after run 3 of pipeline x")
	b.rules(3)
	b.until(runs[2].ID, "at work", atWork)
	if got := b.states(runs); got != "running running running waiting waiting" {
		t.Errorf("states %s", got)
	}
	b.rules(0)
	for _, run := range runs {
		b.until(run.ID, "at work", atWork)
	}
	hold.open()
	for _, run := range runs {
		b.ended(run.ID, fairlead.RunSucceeded)
	}
	b.nothingHeld()
}

// nothingHeld checks that nobody holds or waits for anything.
func (b *bench) nothingHeld() {
	b.Helper()
	b.read(func(ctx context.Context, tx *store.Tx) error {
		turns, err := tx.AllTurns(ctx)
		if len(turns) > 0 {
			b.Errorf("still held or waited for: %+v", turns)
		}
		return err
	})
}

// opensIn is a window that opens in some minutes and is closed until then.
func (b *bench) opensIn(d time.Duration) fairlead.Window {
	at := b.clock.now().Add(d).UTC()
	return fairlead.Window{Cron: fmt.Sprintf("%d %d * * *", at.Minute(), at.Hour()), Duration: fairlead.Duration(time.Hour)}
}

func (w windowText) String() string {
	return fmt.Sprintf(`windows: [{cron: %q, duration: %s}]`, w.Cron, time.Duration(w.Duration))
}

type windowText fairlead.Window

func TestWindows(t *testing.T) {
	b := newBench(t)
	w := b.opensIn(2 * time.Hour)
	b.apply(simple("x", windowText(w).String(), "    locks: [db]\n"))
	b.apply(simple("y", "", "    locks: [db]\n    "+windowText(w).String()+"\n"))
	b.rules(0, w)
	b.apply(simple("z", "", "    locks: [db]\n"))
	var runs []fairlead.Run
	for _, name := range []string{"x", "y", "z"} {
		run := b.start(name, nil)
		if run.State != fairlead.RunWaiting || !strings.Contains(run.WaitingFor, "the window of") || !strings.Contains(run.WaitingFor, ", which opens 2") {
			t.Errorf("%s is %s and waits for %q", name, run.State, run.WaitingFor)
		}
		runs = append(runs, run)
	}
	if locks, err := b.engine.Locks(t.Context()); err != nil || len(locks) > 0 {
		t.Errorf("a stage that waits for a window holds %+v, %v", locks, err)
	}
	b.due() // too early
	b.clock.add(2*time.Hour + time.Minute)
	b.due()
	for _, run := range runs {
		b.ended(run.ID, fairlead.RunSucceeded)
	}
	b.ended(b.start("x", nil).ID, fairlead.RunSucceeded) // inside
	b.clock.add(2 * time.Hour)
	run := b.start("x", nil) // after it has closed
	if run.State != fairlead.RunWaiting {
		t.Errorf("outside its window it is %s", run.State)
	}
	if run, err := b.engine.Stop(t.Context(), alice(), run.ID); err != nil || run.State != fairlead.RunCanceled {
		t.Errorf("stopped: %s, %v", run.State, err)
	}
	b.nothingHeld()
}

// freeze makes a freeze that has begun.
func (b *bench) freeze(scope fairlead.FreezeScope, name string, d time.Duration) fairlead.Freeze {
	b.Helper()
	f, err := b.engine.CreateFreeze(b.Context(), alice(), fairlead.Freeze{Scope: scope, Name: name, Until: b.clock.now().Add(d), Reason: "stock-taking"})
	b.must(err)
	return f
}

func TestFreezes(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	b.apply(each("x", "max_runs: 9", ""))
	b.apply(each("y", "max_runs: 9", ""))
	before := b.until(b.start("x", nil).ID, "at work", atWork)
	for _, of := range []struct {
		scope fairlead.FreezeScope
		name  string
	}{{fairlead.FreezeAll, ""}, {fairlead.FreezeGroup, fairlead.DefaultGroup}, {fairlead.FreezePipeline, "x"}, {fairlead.FreezeTarget, fairlead.LocalTarget}} {
		f := b.freeze(of.scope, of.name, time.Hour)
		run := b.start("x", nil)
		if run.State != fairlead.RunWaiting || !strings.Contains(run.WaitingFor, "waits for the end of the freeze of ") || !strings.HasSuffix(run.WaitingFor, ": stock-taking") {
			t.Errorf("%s: %s, waits for %q", of.scope, run.State, run.WaitingFor)
		}
		if of.scope == fairlead.FreezePipeline {
			b.until(b.start("y", nil).ID, "at work", atWork)
		}
		_, err := b.engine.LiftFreeze(t.Context(), alice(), f.ID)
		b.must(err)
		b.until(run.ID, "at work", atWork)
		_, err = b.engine.LiftFreeze(t.Context(), alice(), f.ID)
		b.wantCode(err, fairlead.Conflict, "is over")
	}
	b.freeze(fairlead.FreezeAll, "", time.Hour)
	waits := b.start("x", nil)
	hold.open()
	b.ended(before.ID, fairlead.RunSucceeded) // what ran goes on
	if got := b.run(waits.ID).State; got != fairlead.RunWaiting {
		t.Errorf("frozen, it is %s", got)
	}
	b.clock.add(61 * time.Minute)
	b.due()
	b.ended(waits.ID, fairlead.RunSucceeded)
	b.read(func(ctx context.Context, tx *store.Tx) error {
		list, _, err := tx.Freezes(ctx, store.Everything, true, 10, "")
		if len(list) != 5 {
			t.Errorf("%d freezes", len(list))
		}
		if open, _, _ := tx.Freezes(ctx, store.Everything, false, 10, ""); len(open) > 0 {
			t.Errorf("open: %+v", open)
		}
		return err
	})
	_, err := b.engine.CreateFreeze(t.Context(), alice(), fairlead.Freeze{Scope: fairlead.FreezeAll, Until: b.clock.now().Add(-time.Hour)})
	b.wantCode(err, fairlead.Invalid, "is not after its beginning")
	b.wantCode(err, fairlead.Invalid, "the reason has 0 characters")
	_, err = b.engine.CreateFreeze(t.Context(), alice(), fairlead.Freeze{Scope: fairlead.FreezeTarget, Name: "moon", Until: b.clock.now().Add(time.Hour), Reason: "x"})
	b.wantCode(err, fairlead.NotFound, "moon")
}

// TestWebhookOfSeveralRuns calls the webhook of a stage while several runs wait for it, and that of a first stage.
func TestWebhookOfSeveralRuns(t *testing.T) {
	b := newBench(t)
	p := b.apply(each("x", "max_runs: 2", "    triggers: {conditions: [{webhook: {}, params: [{name: a, variable: a}]}]}\n"))
	call := func(value string) (pipeline.HookResult, error) {
		return b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Params: map[string]string{"a": value}})
	}
	first, second := b.start("x", nil), b.start("x", nil)
	if got := b.states([]fairlead.Run{first, second}); got != "waiting waiting" {
		t.Errorf("states %s", got)
	}
	for i, run := range []fairlead.Run{first, second} {
		got, err := call(fmt.Sprint("v", i))
		b.must(err)
		if got.Run != run.ID {
			t.Errorf("call %d went to %s", i, got.Run)
		}
	}
	for i, run := range []fairlead.Run{first, second} {
		if run = b.ended(run.ID, fairlead.RunSucceeded); run.Variables["a"] != fmt.Sprint("v", i) {
			t.Errorf("run %d got %s", run.Number, run.Variables["a"])
		}
	}
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	third, err := call("v2") // the first stage's condition starts a run, as long as there is room
	b.must(err)
	b.until(third.Run, "at work", atWork)
	fourth, err := call("v3")
	b.must(err)
	b.until(fourth.Run, "at work", atWork)
	_, err = call("v4")
	b.wantCode(err, fairlead.Conflict, "is running already")
	hold.open()
	b.ended(third.Run, fairlead.RunSucceeded)
	b.ended(fourth.Run, fairlead.RunSucceeded)
}

// TestWaitsForSomething walks runs through everything that they can wait for: each run and each stage that waits says for what.
func TestWaitsForSomething(t *testing.T) {
	b := newBench(t)
	says := func(name, id string, want ...string) {
		t.Helper()
		run := b.explained(id)
		for _, part := range want {
			if !strings.Contains(run.WaitingFor, part) {
				t.Errorf("%s: %s, waits for %q, want %q", name, run.State, run.WaitingFor, part)
			}
		}
		for _, s := range run.Stages {
			if waits := s.State == fairlead.StageWaiting || s.HeldUntil != nil || s.RetryAt != nil; waits && s.WaitingFor == "" {
				t.Errorf("%s: stage %s is %s and does not say why", name, s.Name, s.State)
			}
		}
	}
	stop := func(ids ...string) {
		t.Helper()
		for _, id := range ids {
			_, err := b.engine.Stop(t.Context(), alice(), id)
			b.must(err)
		}
	}
	b.apply(simple("trigger", "", "    triggers: {conditions: [{channel: {name: go}}]}\n"))
	trigger, queued := b.start("trigger", nil), b.start("trigger", nil)
	says("a trigger", trigger.ID, `stage 1 ("deploy") waits for a message on channel go`)
	says("the queue", queued.ID, "its turn: place 1 in the queue of pipeline trigger; run 1 is waiting")
	stop(queued.ID, trigger.ID)

	b.apply("name: review\nstages:\n  - {name: ask, type: review, review: {users: [alice]}}\n")
	review := b.start("review", nil)
	says("a review", review.ID, "the approval of alice")
	stop(review.ID)

	b.apply(simple("fails", "", "    retry: {attempts: 1, backoff: 1h}\n"))
	retry := b.until(b.start("fails", map[string]string{"tag": "9.9"}).ID, "between attempts", func(run fairlead.Run) bool { return run.Stages[0].RetryAt != nil })
	says("a retry", retry.ID, "its next attempt, 1 of 1, at ", `; it failed: input image "app" is missing: `)
	stop(retry.ID)

	b.apply(simple("held", "", "    on_error: {action: stop, hold: 1h}\n"))
	stopped := b.until(b.start("held", map[string]string{"tag": "9.9"}).ID, "held", held)
	says("a person", stopped.ID, "somebody to retry it", `; it failed: input image "app" is missing: `)
	stop(stopped.ID)

	b.world.Set("web", stacktest.Behaviour{Steps: 1_000_000})
	b.apply(simple("one", "", ""))
	b.apply(strings.Replace(simple("two", "", ""), "stack: two, namespace: two", "stack: one", 1))
	one := b.until(b.start("one", nil).ID, "at work", atWork)
	b.until(one.ID, "not healthy", func(fairlead.Run) bool { return strings.Contains(b.explained(one.ID).WaitingFor, "element web") })
	two := b.until(b.start("two", nil).ID, "behind", func(run fairlead.Run) bool { return run.WaitingFor != "" })
	says("a busy stack", two.ID, `stage 1 ("deploy") waits for its next try: stack "one" is busy`)
	stop(two.ID, one.ID)
	if run := b.explained(one.ID); run.Stopping && !fairlead.RunMoves.Final(run.State) { // it can have ended already
		if want := "the action of stack one to end, which is being canceled"; !strings.Contains(run.WaitingFor, want) {
			t.Errorf("an action that is canceled: %s, waits for %q, want %q", run.State, run.WaitingFor, want)
		}
	}
	b.ended(one.ID, fairlead.RunCanceled)

	b.apply(simple("lost", "", ""))
	b.dead.Store(true)
	lost := b.until(b.start("lost", nil).ID, "trying", func(run fairlead.Run) bool { return run.WaitingFor != "" })
	says("a target that does not answer", lost.ID, "waits for its next try: ", "this life is over")
	b.dead.Store(false)
	stop(lost.ID)
}
