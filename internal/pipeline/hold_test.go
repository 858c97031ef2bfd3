package pipeline_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

// second is a stage behind the one of [simple], on the same stack.
const second = `  - name: after
    type: template-deploy
    deploy: {tool: aos, stack: x}
`

func held(run fairlead.Run) bool { return run.State == fairlead.RunHeld }

func states(run fairlead.Run) string {
	var list []string
	for _, s := range run.Stages {
		list = append(list, string(s.State))
	}
	return strings.Join(list, " ")
}

func TestHeldAndRetriedWithAChangedVariable(t *testing.T) {
	b := newBench(t)
	b.apply(simple("x", "", "    on_error: {action: stop, hold: 1h}\n"+second))
	run := b.until(b.start("x", map[string]string{"tag": "9.9"}).ID, "held", held)
	if states(run) != "failed pending" || !strings.Contains(run.WaitingFor, "somebody to retry it") || run.Stages[0].HeldUntil == nil {
		t.Errorf("run %+v", run)
	}
	_, err := b.engine.Retry(t.Context(), alice(), run.ID, "deploy", map[string]string{"tga": "1.0"})
	b.wantCode(err, fairlead.Invalid, `did you mean "tag"`)
	_, err = b.engine.Retry(t.Context(), alice(), run.ID, "after", nil)
	b.wantCode(err, fairlead.Conflict, "only a stage that is held")
	_, err = b.engine.Retry(t.Context(), alice(), run.ID, "deplot", nil)
	b.wantCode(err, fairlead.NotFound, `did you mean "deploy"`)
	_, err = b.engine.Rollback(t.Context(), alice(), run.ID, "deploy")
	b.wantCode(err, fairlead.Conflict, "touched no stack")
	_, err = b.engine.Retry(t.Context(), alice(), run.ID, "deploy", map[string]string{"tag": "1.0"})
	b.must(err)
	run = b.ended(run.ID, fairlead.RunSucceeded)
	if states(run) != "succeeded succeeded" || run.Stages[0].Attempt != 2 || run.Variables["tag"] != "1.0" || run.WaitingFor != "" {
		t.Errorf("run %+v", run)
	}
	wantText(t, b.log(run.ID, ""), "is held until", "tried again by alice with other values of tag", "attempt 2")
}

func TestHeldUntilItTimesOut(t *testing.T) {
	b := newBench(t)
	b.apply(simple("x", "", "    on_error: {action: stop, hold: 1h}\n"+second))
	run := b.until(b.start("x", map[string]string{"tag": "9.9"}).ID, "held", held)
	next := b.start("x", nil)
	b.clock.add(61 * time.Minute)
	b.due()
	run = b.ended(run.ID, fairlead.RunTimedOut)
	if states(run) != "failed skipped" || !strings.Contains(run.Message, "nobody decided in time") {
		t.Errorf("run %s: %s", states(run), run.Message)
	}
	b.ended(next.ID, fairlead.RunSucceeded)
}

func TestStoppedWhileHeld(t *testing.T) {
	b := newBench(t)
	b.apply(simple("x", "", "    on_error: {action: stop}\n"+second))
	run := b.until(b.start("x", map[string]string{"tag": "9.9"}).ID, "held", held)
	stopped, err := b.engine.Stop(t.Context(), alice(), run.ID)
	b.must(err)
	if stopped.State != fairlead.RunCanceled || states(stopped) != "canceled canceled" {
		t.Errorf("run %s %s", stopped.State, states(stopped))
	}
}

func TestHeldStackIsTakenBack(t *testing.T) {
	b := newBench(t)
	b.push("2.0")
	b.apply(simple("x", "", "    on_error: {action: stop}\n"))
	b.ended(b.start("x", nil).ID, fairlead.RunSucceeded)
	b.world.Set("web", stacktest.Behaviour{Fail: "broken"})
	run := b.until(b.start("x", map[string]string{"tag": "2.0"}).ID, "held", held)
	b.world.Set("web", stacktest.Behaviour{})
	_, err := b.engine.Rollback(t.Context(), alice(), run.ID, "deploy")
	b.must(err)
	_, err = b.engine.Retry(t.Context(), alice(), run.ID, "deploy", nil)
	b.wantCode(err, fairlead.Conflict, "is being taken back")
	run = b.until(run.ID, "rolled back", func(run fairlead.Run) bool { return run.Stages[0].Rollback == "" })
	wantText(t, b.log(run.ID, "deploy"), "asked for by alice", "was taken back")
	if got := b.image(); got != "reg.test:8080/team/web:1.0" || run.State != fairlead.RunHeld {
		t.Errorf("deployed %s, run %s", got, run.State)
	}
	_, err = b.engine.Retry(t.Context(), alice(), run.ID, "deploy", nil)
	b.must(err)
	b.ended(run.ID, fairlead.RunSucceeded)
	if got := b.image(); got != "reg.test:8080/team/web:2.0" {
		t.Errorf("deployed %s", got)
	}
}

func TestIgnoredAndReturnToStart(t *testing.T) {
	b := newBench(t)
	b.apply(simple("x", "", ""))
	b.ended(b.start("x", nil).ID, fairlead.RunSucceeded)
	for action, want := range map[string]struct {
		state  fairlead.RunState
		stages string
	}{"ignore": {fairlead.RunSucceeded, "ignored succeeded"}, "return-to-start": {fairlead.RunFailed, "failed skipped"}} {
		b.apply(simple("x", "", "    on_error: {action: "+action+"}\n    notifications: [{channel: {name: "+action+"}, outcomes: [failure]}]\n"+second))
		run := b.ended(b.start("x", map[string]string{"tag": "9.9"}).ID, want.state)
		if states(run) != want.stages {
			t.Errorf("%s: stages %s", action, states(run))
		}
		var channel fairlead.Channel
		b.read(func(ctx context.Context, tx *store.Tx) (err error) {
			channel, err = tx.Channel(ctx, store.Everything, action)
			return err
		})
		if channel.Messages != 1 {
			t.Errorf("%s: %d messages", action, channel.Messages)
		}
	}
}

func TestRetriesByItself(t *testing.T) {
	b := newBench(t)
	b.apply(simple("x", "", "    retry: {attempts: 2, backoff: 10m}\n"))
	run := b.start("x", map[string]string{"tag": "2.0"})
	waits := func(run fairlead.Run) bool { return run.Stages[0].RetryAt != nil }
	run = b.until(run.ID, "between attempts", waits)
	if run.State != fairlead.RunRunning || !strings.Contains(run.WaitingFor, "its next attempt, 1 of 2") {
		t.Errorf("run %s waits for %q", run.State, run.WaitingFor)
	}
	b.push("2.0")
	b.clock.add(11 * time.Minute)
	b.due()
	run = b.ended(run.ID, fairlead.RunSucceeded)
	if run.Stages[0].Attempt != 2 {
		t.Errorf("attempt %d", run.Stages[0].Attempt)
	}
	run = b.start("x", map[string]string{"tag": "9.9"})
	for n := range 2 {
		b.until(run.ID, "between attempts", func(run fairlead.Run) bool { return waits(run) && run.Stages[0].Retried == n+1 })
		b.clock.add(21 * time.Minute)
		b.due()
	}
	if run = b.ended(run.ID, fairlead.RunFailed); run.Stages[0].Attempt != 3 {
		t.Errorf("attempt %d", run.Stages[0].Attempt)
	}
	run = b.until(b.start("x", map[string]string{"tag": "9.9"}).ID, "between attempts", waits)
	if run, err := b.engine.Stop(t.Context(), alice(), run.ID); err != nil || run.State != fairlead.RunCanceled {
		t.Errorf("stopped between attempts: %s, %v", run.State, err)
	}
}

func TestRollbackOfTheLastAttempt(t *testing.T) {
	b := newBench(t)
	b.apply(simple("x", "", "    retry: {attempts: 1, backoff: 1s}\n    rollback: true\n"))
	b.world.Set("web", stacktest.Behaviour{Fail: "broken"})
	run := b.ended(b.start("x", nil).ID, fairlead.RunFailed)
	b.read(func(ctx context.Context, tx *store.Tx) error {
		actions, _, err := tx.Actions(ctx, "x", 10, "")
		if len(actions) != 2 || actions[0].OnFailure != fairlead.Rollback || actions[1].OnFailure != fairlead.Keep || actions[0].ID != run.Stages[0].Action {
			t.Errorf("actions %+v", actions)
		}
		return err
	})
}

func TestRetryOfAnEndedRun(t *testing.T) {
	b := newBench(t)
	b.apply(simple("x", "", strings.Replace(second, "stack: x", `stack: x, parameters: {replicas: "${a}"}`, 1)))
	failed := b.ended(b.start("x", map[string]string{"a": "many"}).ID, fairlead.RunFailed)
	again, err := b.engine.Retry(t.Context(), alice(), failed.ID, "after", map[string]string{"a": "2"})
	b.must(err)
	run := b.ended(again.ID, fairlead.RunSucceeded)
	if states(run) != "skipped succeeded" || run.RetryOf != failed.ID || run.Cause != "retry" || run.Variables["a"] != "2" || run.Number != 2 || run.Variables["SYS_INCREMENT"] != "2" {
		t.Errorf("run %+v", run)
	}
	d, err := b.engine.Compare(t.Context(), failed.ID, run.ID)
	b.must(err)
	if len(d.Variables) != 3 || d.Variables[2].Name != "a" || *d.Variables[2].A != "many" || *d.Variables[2].B != "2" || len(d.Stages) != 2 || d.Stages[1].Diffs == nil {
		t.Errorf("comparison %+v", d)
	}
	b.read(func(ctx context.Context, tx *store.Tx) error {
		list, _, err := tx.FindRuns(ctx, "x", store.RunFilter{State: "failed", By: "alice", Since: time.Now().Add(-time.Hour)}, 10, "")
		lines, _, err2 := tx.RunLog(ctx, failed.ID, store.LogQuery{Text: "REPLICAS", Limit: 10})
		if len(list) != 1 || list[0].ID != failed.ID || len(lines) == 0 || err2 != nil {
			t.Errorf("failed runs %+v, lines %+v, %v", list, lines, err2)
		}
		return err
	})
	b.apply(simple("x", "keep: {count: 1}", ""))
	b.must(b.engine.Prune(t.Context()))
	if left := b.runs("x", 0); len(left) != 1 || left[0].ID != run.ID {
		t.Errorf("%d runs are left", len(left))
	}
}

func bob() fairlead.Actor { return fairlead.Actor{User: "bob"} }

const reviewed = `name: r
variables: [{name: tag, value: "1.0"}]
stages:
  - {name: ask, type: review, review: {mode: MODE, users: [alice, bob], comment: true, expires: 1h}}
  - name: deploy
    type: template-deploy
    images: [{name: app, image: "team/web:${tag}"}]
    deploy: {tool: aos, stack: r, create: true, template: web, version: "1.0", parameters: {image: "${image.app}"}}
`

// asked starts a run of the reviewed pipeline and waits for its preview.
func (b *bench) asked(mode string) fairlead.Run {
	b.Helper()
	b.apply(strings.Replace(reviewed, "MODE", mode, 1))
	return b.until(b.start("r", nil).ID, "asking", func(run fairlead.Run) bool { return run.Stages[0].Review.Preview != nil })
}

func TestReview(t *testing.T) {
	yes := pipeline.Answer{Approve: true, Comment: "fine"}
	t.Run("all must approve what they saw", func(t *testing.T) {
		b := newBench(t)
		run := b.asked("all")
		preview := run.Stages[0].Review.Preview
		if preview.Stage != "deploy" || preview.Hash == "" || len(preview.Operations) != 1 || preview.Problem != "" || !strings.Contains(run.WaitingFor, "the approval of alice, bob, until") {
			t.Errorf("preview %+v, waits for %q", preview, run.WaitingFor)
		}
		_, err := b.engine.Answer(t.Context(), fairlead.Actor{User: "mallory"}, run.ID, "ask", yes)
		b.wantCode(err, fairlead.Denied, "mallory is not among them")
		_, err = b.engine.Answer(t.Context(), alice(), run.ID, "ask", pipeline.Answer{Approve: true})
		b.wantCode(err, fairlead.Invalid, "wants a comment")
		_, err = b.engine.Answer(t.Context(), alice(), run.ID, "ask", pipeline.Answer{Approve: true, Comment: "x", Hash: "other"})
		b.wantCode(err, fairlead.Conflict, "another")
		_, err = b.engine.Answer(t.Context(), alice(), run.ID, "deploy", yes)
		b.wantCode(err, fairlead.Conflict, "is no review")
		for range 2 { // twice counts once
			_, err = b.engine.Answer(t.Context(), alice(), run.ID, "ask", pipeline.Answer{Approve: true, Comment: "fine", Hash: preview.Hash})
			b.must(err)
		}
		if got := b.run(run.ID); got.State != fairlead.RunWaiting {
			t.Errorf("one of two approved: %s", got.State)
		}
		_, err = b.engine.Answer(t.Context(), bob(), run.ID, "ask", yes)
		b.must(err)
		run = b.ended(run.ID, fairlead.RunSucceeded)
		if run.Stages[0].Message != "approved by alice, bob" || run.Stages[0].Attempt != 1 {
			t.Errorf("stage %+v", run.Stages[0])
		}
		_, err = b.engine.Answer(t.Context(), bob(), run.ID, "ask", yes)
		b.wantCode(err, fairlead.Conflict, "waits for no answer")
	})
	t.Run("one rejection fails the stage", func(t *testing.T) {
		b := newBench(t)
		run := b.asked("all")
		_, err := b.engine.Answer(t.Context(), bob(), run.ID, "ask", pipeline.Answer{Comment: "not today"})
		b.must(err)
		run = b.ended(run.ID, fairlead.RunFailed)
		if states(run) != "failed skipped" || !strings.Contains(run.Message, "rejected by bob: not today") {
			t.Errorf("run %s: %s", states(run), run.Message)
		}
	})
	t.Run("an expired review is refused", func(t *testing.T) {
		b := newBench(t)
		run := b.asked("one")
		b.clock.add(61 * time.Minute)
		_, err := b.engine.Answer(t.Context(), alice(), run.ID, "ask", yes)
		b.wantCode(err, fairlead.Conflict, "expired at")
		b.due()
		if run = b.ended(run.ID, fairlead.RunFailed); states(run) != "timed-out skipped" {
			t.Errorf("run %s", states(run))
		}
	})
	t.Run("another plan than the approved one is not carried out", func(t *testing.T) {
		b := newBench(t)
		run := b.asked("one")
		b.write(func(ctx context.Context, tx *store.Tx) error {
			return tx.PutTag(ctx, &fairlead.Tag{Organization: "team", Repository: "web", Name: "1.0", Digest: "sha256:" + strings.Repeat("e", 64)})
		})
		_, err := b.engine.Answer(t.Context(), alice(), run.ID, "ask", yes)
		b.must(err)
		run = b.ended(run.ID, fairlead.RunFailed)
		if !strings.Contains(run.Message, "not the one that was approved") || run.Stages[1].Action != "" {
			t.Errorf("run %+v", run)
		}
		again, err := b.engine.Retry(t.Context(), alice(), run.ID, "ask", nil)
		b.must(err)
		b.until(again.ID, "asking", func(run fairlead.Run) bool { return run.Stages[0].Review.Preview != nil })
		_, err = b.engine.Answer(t.Context(), bob(), again.ID, "ask", yes)
		b.must(err)
		b.ended(again.ID, fairlead.RunSucceeded)
	})
}

const tasks = `name: p
variables: [{name: bad, value: "1.0"}]
stages:
  - name: both
    type: parallel
    order: ORDER
    tasks:
      - &task {name: one, type: template-deploy, images: [{name: app, image: "team/web:${bad}"}], deploy: {tool: aos, stack: one, namespace: one, create: true, template: web, version: "1.0", parameters: {image: "${image.app}"}}}
      - {<<: *task, name: two, images: [{name: app, image: "team/web:1.0"}], deploy: {tool: aos, stack: two, namespace: two, create: true, template: web, version: "1.0", parameters: {image: "${image.app}"}}}
    on_error: {action: stop}
  - {name: end, type: template-deploy, deploy: {tool: aos, stack: two}}
`

func TestParallelTasks(t *testing.T) {
	for order, want := range map[string]string{"parallel": "failed failed succeeded pending", "serial": "failed failed pending pending"} {
		t.Run(order, func(t *testing.T) {
			b := newBench(t)
			b.apply(strings.Replace(tasks, "ORDER", order, 1))
			run := b.ended(b.start("p", nil).ID, fairlead.RunSucceeded)
			if states(run) != "succeeded succeeded succeeded succeeded" || run.Stages[1].Name != "both/one" || run.Stages[1].Parent != "both" {
				t.Errorf("stages %+v", run.Stages)
			}
			if one, two := run.Stages[1], run.Stages[2]; order == "serial" && two.StartedAt.Before(*one.EndedAt) {
				t.Errorf("task two began at %v, before task one ended at %v", two.StartedAt, one.EndedAt)
			}
			run = b.until(b.start("p", map[string]string{"bad": "9.9"}).ID, "held", held)
			if states(run) != want || !strings.Contains(run.Stages[0].Message, `1 of 2 tasks failed: "both/one"`) {
				t.Errorf("stages %s: %s", states(run), run.Stages[0].Message)
			}
			_, err := b.engine.Retry(t.Context(), alice(), run.ID, "both/one", nil)
			b.wantCode(err, fairlead.Conflict, `retry the stage "both"`)
			_, err = b.engine.Retry(t.Context(), alice(), run.ID, "both", map[string]string{"bad": "1.0"})
			b.must(err)
			run = b.ended(run.ID, fairlead.RunSucceeded)
			if states(run) != "succeeded succeeded succeeded succeeded" {
				t.Errorf("stages %s", states(run))
			}
		})
	}
}

func TestGraphAndWhen(t *testing.T) {
	b := newBench(t)
	stage := func(name, more string) string {
		return "  - {name: " + name + ", type: template-deploy, " + more + "deploy: {tool: aos, stack: " + name + ", namespace: " + name +
			", create: true, template: web, version: \"1.0\", parameters: {image: x}}}\n"
	}
	b.apply("name: g\nvariables: [{name: env, value: test}]\nstages:\n" + stage("left", "") + stage("right", "needs: [], ") +
		stage("prod", "needs: [left, right], when: [{variable: env, equals: prod}], ") +
		stage("last", "when: [{stage: prod, is: skipped}, {variable: env, matches: \"te.*\"}], "))
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	run := b.until(b.start("g", nil).ID, "two at work", func(run fairlead.Run) bool { return run.Stages[0].Action != "" && run.Stages[1].Action != "" })
	if states(run) != "running running pending pending" {
		t.Errorf("stages %s", states(run))
	}
	hold.open()
	run = b.ended(run.ID, fairlead.RunSucceeded)
	if states(run) != "succeeded succeeded skipped succeeded" || !strings.Contains(run.Stages[2].Message, `variable "env" is "test", not "prod"`) {
		t.Errorf("stages %s: %s", states(run), run.Stages[2].Message)
	}
	if run = b.ended(b.start("g", map[string]string{"env": "prod"}).ID, fairlead.RunSucceeded); states(run) != "succeeded succeeded succeeded skipped" {
		t.Errorf("stages %s", states(run))
	}
}
