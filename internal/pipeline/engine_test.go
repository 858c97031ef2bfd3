package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

func TestWebhookDeploys(t *testing.T) {
	b := newBench(t)
	b.push("1.1")
	p := b.apply(webPipeline)
	if len(p.Webhooks) != 1 || !strings.HasPrefix(p.Webhooks[0].URL, "http://fairlead.test/hooks/") || p.Webhooks[0].Condition != "start.conditions[0]" {
		t.Fatalf("webhooks %+v", p.Webhooks)
	}
	res, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Params: map[string]string{"tag": "1.1"}})
	b.must(err)
	if first := b.run(res.Run); first.State != fairlead.RunRunning && !fairlead.RunMoves.Final(first.State) {
		t.Errorf("after the answer the run is %s", first.State)
	}
	run := b.ended(res.Run, fairlead.RunSucceeded)
	stage := run.Stages[0]
	if run.Number != 1 || run.Variables["tag"] != "1.1" || run.Variables["SYS_INCREMENT"] != "1" || run.Cause != "webhook" || run.Revision != 1 {
		t.Errorf("run %+v", run)
	}
	if stage.State != fairlead.StageSucceeded || stage.Attempt != 1 || stage.Stack != "web" || stage.Action == "" || len(stage.Images) != 1 ||
		stage.Images[0].Address != "reg.test:8080/team/web:1.1" || !strings.HasPrefix(stage.Images[0].Digest, "sha256:") {
		t.Errorf("stage %+v", stage)
	}
	log := b.log(run.ID, "")
	wantText(t, log, "started by webhook start.conditions[0]", "image app is reg.test:8080/team/web:1.1",
		"create of stack web to web@1.0 by pipeline web, run 1 begins", `stage 1 ("deploy") succeeded`, "run 1 succeeded")
	if got := b.image(); got != "reg.test:8080/team/web:1.1" {
		t.Errorf("deployed %s", got)
	}
}

// image is the image that the element web has on the target.
func (b *bench) image() string {
	b.Helper()
	for _, o := range b.world.Objects() {
		spec, _ := json.Marshal(o.Properties["k8sManifest"].(map[string]any)["spec"])
		var s struct{ Image string }
		b.must(json.Unmarshal(spec, &s))
		return s.Image
	}
	return ""
}

func TestSecondRunUpgrades(t *testing.T) {
	b := newBench(t)
	b.push("1.1")
	b.apply(webPipeline)
	b.ended(b.start("web", nil).ID, fairlead.RunSucceeded)
	second := b.ended(b.start("web", map[string]string{"tag": "1.1"}).ID, fairlead.RunSucceeded)
	if second.Number != 2 || second.By != "alice" || second.Cause != "manual" {
		t.Errorf("run %+v", second)
	}
	wantText(t, b.log(second.ID, ""), "started by alice", "upgrade of stack web")
	if got := b.image(); got != "reg.test:8080/team/web:1.1" {
		t.Errorf("deployed %s", got)
	}
	third := b.ended(b.start("web", map[string]string{"tag": "1.1"}).ID, fairlead.RunSucceeded)
	wantText(t, third.Stages[0].Message, "nothing changed")
}

func TestSameKeyCountsOnce(t *testing.T) {
	b := newBench(t)
	p := b.apply(webPipeline)
	first, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Key: "key-1"})
	b.must(err)
	again, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Params: map[string]string{"tag": "9"}, Key: "key-1"})
	b.must(err)
	other, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Key: "key-2"})
	b.must(err)
	if first != again || first == other || first.Message == "" || first.Run == "" {
		t.Errorf("results %+v, %+v, %+v", first, again, other)
	}
	b.ended(other.Run, fairlead.RunSucceeded)
	b.read(func(ctx context.Context, tx *store.Tx) error {
		runs, _, err := tx.PipelineRuns(ctx, "web", 10, "")
		messages, _, err2 := tx.Messages(ctx, "web", 10, "")
		if len(runs) != 2 || len(messages) != 2 || messages[1].Run != first.Run || messages[1].Key != "key-1" {
			t.Errorf("%d runs, messages %+v", len(runs), messages)
		}
		return errors.Join(err, err2)
	})
}

func TestSameKeyAtTheSameMomentCountsOnce(t *testing.T) {
	b := newBench(t)
	p := b.apply(webPipeline)
	results := make([]pipeline.HookResult, 20)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			var err error
			if results[i], err = b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Key: "key"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := slices.Compact(results); len(got) != 1 {
		t.Errorf("results %+v", got)
	}
	if run := b.ended(results[0].Run, fairlead.RunSucceeded); run.Number != 1 {
		t.Errorf("run %+v", run)
	}
}

func TestHookRefuses(t *testing.T) {
	b := newBench(t)
	p := b.apply(webPipeline)
	many := map[string]string{}
	for i := range 300 {
		many[strings.Repeat("x", i+1)] = ""
	}
	for _, tt := range []struct {
		name   string
		token  string
		params map[string]string
		key    string
		want   fairlead.Code
	}{
		{"an unknown token", "nope", nil, "", fairlead.NotFound},
		{"too many parameters", token(p, 0), many, "", fairlead.TooLarge},
		{"a value that is too long", token(p, 0), map[string]string{"tag": strings.Repeat("x", 100_000)}, "", fairlead.TooLarge},
		{"a key that is too long", token(p, 0), nil, strings.Repeat("k", 300), fairlead.TooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := b.engine.Hook(t.Context(), pipeline.Call{Token: tt.token, Params: tt.params, Key: tt.key})
			b.wantCode(err, tt.want, "")
		})
	}
	if p, err := b.engine.Pipeline(t.Context(), "web"); err != nil || p.Runs != 0 || p.LastRun != nil {
		t.Errorf("something was stored: %+v, %v", p, err)
	}
}

func TestStageFailures(t *testing.T) {
	b := newBench(t)
	stage := func(deploy string) string {
		return "name: x\nvariables: [{name: v, value: none}]\nstages:\n  - {name: first, type: template-deploy, " + deploy + "}\n" +
			"  - {name: second, type: template-deploy, deploy: {tool: aos, stack: second}}\n"
	}
	for _, tt := range []struct{ name, src, says string }{
		{"a missing image", stage(`images: [{name: app, image: "team/web:2.0"}], deploy: {tool: aos, stack: web, create: true, template: web, version: "1.0"}`),
			`input image "app" is missing: image team/web:2.0 does not exist`},
		{"a missing repository", stage(`images: [{name: a, image: "team/web:1.0"}, {name: app, image: "team/api:${v}"}], deploy: {tool: aos, stack: web, create: true, template: web, version: "1.0"}`),
			`input image "app" is missing: image team/api:none does not exist`},
		{"an image that is none when expanded", stage(`images: [{name: app, image: "team/web:${v} ${SYS_TIMESTAMP}"}], deploy: {tool: aos, stack: "${v} x", create: true, template: web, version: "1.0"}`),
			`"none 2`},
		{"an absent stack", stage(`deploy: {tool: aos, stack: web}`), `stack "web" does not exist; create it, or say "create: true"`},
		{"a template that is not there", stage(`deploy: {tool: aos, stack: web, create: true, template: nope, version: "1.0"}`), `template nope has no version "1.0"`},
		{"a target that is not there", stage(`deploy: {tool: aos, stack: web, create: true, template: web, version: "1.0", target: moon, parameters: {image: x}}`), "moon"},
		{"a missing input", stage(`deploy: {tool: aos, stack: web, create: true, template: web, version: "1.0"}`), "image"},
		{"a wrong input", stage(`deploy: {tool: aos, stack: web, create: true, template: web, version: "1.0", parameters: {image: x, replicas: many, colour: red}}`), "colour"},
		{"a stack name that is none when expanded", stage(`deploy: {tool: aos, stack: "Web ${v}", create: true, template: web, version: "1.0", parameters: {image: x}}`), `stack name "Web none"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.TB = t
			b.apply(tt.src)
			run := b.ended(b.start("x", nil).ID, fairlead.RunFailed)
			if run.Stages[0].State != fairlead.StageFailed || run.Stages[1].State != fairlead.StageSkipped || run.Stages[0].Action != "" {
				t.Errorf("stages %+v", run.Stages)
			}
			wantText(t, b.log(run.ID, "first"), tt.says)
			if log := b.log(run.ID, ""); strings.Count(log, tt.says) > 1 && len(tt.says) > 20 || strings.Contains(log, "error: ") {
				t.Errorf("the log repeats itself:\n%s", log)
			}
			wantText(t, run.Message, `stage 1 ("first") failed: `)
			b.read(func(ctx context.Context, tx *store.Tx) error {
				stacks, _, err := tx.Stacks(ctx, 10, "")
				if len(stacks) > 0 || len(b.world.Objects()) > 0 {
					t.Errorf("something was touched: %+v", stacks)
				}
				return err
			})
		})
	}
}

func TestFailedActionFailsTheRun(t *testing.T) {
	b := newBench(t)
	b.world.Set("web", stacktest.Behaviour{Fail: "no room left"})
	b.apply(webPipeline)
	run := b.ended(b.start("web", nil).ID, fairlead.RunFailed)
	wantText(t, run.Stages[0].Message, "no room left")
	wantText(t, b.log(run.ID, "deploy"), "error [deploy]", "no room left")
	if log := b.log(run.ID, ""); strings.Count(log, "no room left") != 2 { // of the element and of the action
		t.Errorf("the log repeats itself:\n%s", log)
	}
	b.world.Set("web", stacktest.Behaviour{})
	b.ended(b.start("web", nil).ID, fairlead.RunSucceeded)
}

func TestSecretsStayOutOfTheLog(t *testing.T) {
	b := newBench(t)
	const secret = "hunter2hunter2"
	b.world.Set("web", stacktest.Behaviour{Fail: "the target said " + secret})
	b.apply(strings.Replace(webPipeline, `{image: "${image.app}"}`, `{image: "${image.app}", key: "`+secret+`", nope: "`+secret+`"}`, 1))
	failed := b.ended(b.start("web", nil).ID, fairlead.RunFailed) // an input that does not exist
	b.apply(strings.Replace(webPipeline, `{image: "${image.app}"}`, `{image: "${image.app}", key: "`+secret+`"}`, 1))
	run := b.ended(b.start("web", nil).ID, fairlead.RunFailed)
	for _, r := range []fairlead.Run{failed, run} {
		all, err := json.Marshal(r)
		b.must(err)
		if text := string(all) + b.log(r.ID, ""); strings.Contains(text, secret) {
			t.Errorf("the secret shows in:\n%s", text)
		}
	}
	wantText(t, run.Stages[0].Message, "the target said "+fairlead.Masked)
}

func TestRunsOfAPipelineQueue(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	b.apply(webPipeline)
	var ids []string
	for range 4 {
		ids = append(ids, b.start("web", nil).ID)
	}
	b.until(ids[0], "at work", func(run fairlead.Run) bool { return run.Stages[0].Action != "" })
	for _, id := range ids[1:] {
		if run := b.run(id); run.State != fairlead.RunQueued || run.Message == "" {
			t.Errorf("run %d is %s (%s)", run.Number, run.State, run.Message)
		}
	}
	stopped, err := b.engine.Stop(t.Context(), alice(), ids[2])
	b.must(err)
	if stopped.State != fairlead.RunCanceled || stopped.Message != "stopped by alice" || stopped.Stages[0].State != fairlead.StageCanceled {
		t.Errorf("stopped in the queue: %+v", stopped)
	}
	hold.open()
	var ends []time.Time
	for _, i := range []int{0, 1, 3} {
		ends = append(ends, *b.ended(ids[i], fairlead.RunSucceeded).EndedAt)
	}
	if !slices.IsSortedFunc(ends, time.Time.Compare) {
		t.Errorf("ends %v", ends)
	}
}

func TestRejectWhileItRuns(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	p := b.apply(webPipeline + "concurrency: reject\n")
	first := b.start("web", nil)
	_, err := b.engine.Start(t.Context(), alice(), "web", nil, "")
	b.wantCode(err, fairlead.Conflict, "run 1 is running")
	_, err = b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Key: "k"})
	b.wantCode(err, fairlead.Conflict, "rejects a start")
	hold.open()
	b.ended(first.ID, fairlead.RunSucceeded)
	res, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Key: "k"}) // nothing was stored of the refused one
	b.must(err)
	if run := b.ended(res.Run, fairlead.RunSucceeded); run.Number != 2 {
		t.Errorf("number %d", run.Number)
	}
}

func TestCancelPrevious(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	b.apply(webPipeline + "concurrency: cancel-previous\n")
	first := b.start("web", nil)
	b.until(first.ID, "at work", func(run fairlead.Run) bool { return run.Stages[0].Action != "" })
	second, third := b.start("web", nil), b.start("web", nil)
	if got := b.run(second.ID); got.State != fairlead.RunCanceled || !strings.Contains(got.Message, "run 3, which takes its place") {
		t.Errorf("second: %s, %s", got.State, got.Message)
	}
	hold.open()
	canceled := b.until(first.ID, "ended", func(run fairlead.Run) bool { return fairlead.RunMoves.Final(run.State) })
	if canceled.State != fairlead.RunCanceled || !strings.Contains(canceled.Message, "run 2, which takes its place") {
		t.Errorf("first: %s, %s", canceled.State, canceled.Message)
	}
	b.ended(third.ID, fairlead.RunSucceeded)
}

func TestStopCancelsTheAction(t *testing.T) {
	b := newBench(t)
	b.world.Set("web", stacktest.Behaviour{Steps: 1_000_000})
	b.apply(webPipeline)
	run := b.start("web", nil)
	b.until(run.ID, "at work", func(run fairlead.Run) bool { return run.Stages[0].Action != "" })
	stopping, err := b.engine.Stop(t.Context(), alice(), run.ID)
	b.must(err)
	if stopping.State != fairlead.RunRunning || !stopping.Stopping {
		t.Errorf("right after: %+v", stopping)
	}
	_, err = b.engine.Stop(t.Context(), alice(), run.ID)
	b.must(err)
	run = b.ended(run.ID, fairlead.RunCanceled)
	if run.Message != "stopped by alice" || run.Stages[0].State != fairlead.StageCanceled {
		t.Errorf("run %+v", run)
	}
	b.read(func(ctx context.Context, tx *store.Tx) error {
		a, err := tx.Action(ctx, run.Stages[0].Action)
		if a.State != fairlead.ActionCanceled || a.Run != run.ID {
			t.Errorf("action %s of run %q", a.State, a.Run)
		}
		return err
	})
	_, err = b.engine.Stop(t.Context(), alice(), run.ID)
	b.wantCode(err, fairlead.Conflict, "has ended: it is canceled")
	_, err = b.engine.Stop(t.Context(), alice(), "nope")
	b.wantCode(err, fairlead.NotFound, "")
}

func TestBusyStackIsWaitedFor(t *testing.T) {
	b := newBench(t)
	b.apply(webPipeline)
	b.apply(strings.Replace(webPipeline, "name: web\n", "name: other\n", 1))
	b.world.Set("web", stacktest.Behaviour{Steps: 1_000_000})
	first := b.start("web", nil)
	b.until(first.ID, "at work", func(run fairlead.Run) bool { return run.Stages[0].Action != "" })
	other := b.start("other", nil)
	b.until(other.ID, "waiting", func(run fairlead.Run) bool { return strings.Contains(run.Stages[0].Message, "is busy") })
	b.world.Set("web", stacktest.Behaviour{})
	b.ended(first.ID, fairlead.RunSucceeded)
	run := b.ended(other.ID, fairlead.RunSucceeded)
	wantText(t, b.log(run.ID, "deploy"), "warning [deploy] waits and tries again: stack \"web\" is busy")
}

func TestBusyStackIsWaitedForUntilTheTimeout(t *testing.T) {
	b := newBench(t)
	b.apply(webPipeline)
	b.apply(strings.Replace(webPipeline, "name: web\n", "name: other\n", 1) + "    timeout: 10m\n")
	b.world.Set("web", stacktest.Behaviour{Steps: 1_000_000})
	first := b.start("web", nil)
	b.until(first.ID, "at work", func(run fairlead.Run) bool { return run.Stages[0].Action != "" })
	other := b.start("other", nil)
	b.until(other.ID, "waiting", func(run fairlead.Run) bool { return strings.Contains(run.Stages[0].Message, "is busy") })
	b.clock.add(11 * time.Minute)
	run := b.ended(other.ID, fairlead.RunFailed)
	if run.Stages[0].State != fairlead.StageTimedOut {
		t.Errorf("stage %s", run.Stages[0].State)
	}
	wantText(t, run.Message, "timed-out: it took longer than 10m0s", "is busy")
	_, err := b.engine.Stop(t.Context(), alice(), first.ID)
	b.must(err)
	b.ended(first.ID, fairlead.RunCanceled)
}

func TestSilentTargetIsWaitedFor(t *testing.T) {
	b := newBench(t)
	b.apply(webPipeline)
	b.dead.Store(true) // the provider says that the target does not answer
	run := b.start("web", nil)
	b.until(run.ID, "waiting", func(run fairlead.Run) bool { return strings.Contains(run.Stages[0].Message, "waits and tries again") })
	b.dead.Store(false)
	run = b.ended(run.ID, fairlead.RunSucceeded)
	if run.Stages[0].Attempt != 1 || run.Stages[0].Message != "" {
		t.Errorf("stage %+v", run.Stages[0])
	}
}

func TestStopWhileItWaits(t *testing.T) {
	b := newBench(t)
	b.apply(webPipeline)
	b.dead.Store(true)
	run, next := b.start("web", nil), b.start("web", nil)
	b.until(run.ID, "waiting", func(run fairlead.Run) bool { return strings.Contains(run.Stages[0].Message, "waits and tries again") })
	stopped, err := b.engine.Stop(t.Context(), alice(), run.ID)
	b.must(err)
	if stopped.State != fairlead.RunCanceled || stopped.Stages[0].State != fairlead.StageCanceled {
		t.Errorf("run %+v", stopped)
	}
	b.dead.Store(false)
	b.ended(next.ID, fairlead.RunSucceeded)
	if got := b.run(run.ID); got.State != fairlead.RunCanceled || got.Stages[0].Action != "" {
		t.Errorf("run %+v", got)
	}
}

func TestTimedOutActionTimesTheStageOut(t *testing.T) {
	b := newBench(t)
	b.world.Set("web", stacktest.Behaviour{Steps: 1_000_000})
	b.apply(webPipeline + "    timeout: 1s\n")
	run := b.ended(b.start("web", nil).ID, fairlead.RunFailed)
	if run.Stages[0].State != fairlead.StageTimedOut || run.Stages[0].Action == "" {
		t.Errorf("stage %+v", run.Stages[0])
	}
}

func TestStagesRunInOrder(t *testing.T) {
	b := newBench(t)
	b.apply(`name: two
stages:
  - &s {name: first, type: template-deploy, images: [{name: app, image: "team/web:1.0"}], deploy: &d {tool: aos, stack: one, namespace: one, create: true, template: web, version: "1.0", parameters: {image: "${image.app.digest}"}}}
  - {<<: *s, name: second, deploy: {<<: *d, stack: two, namespace: two}}
`)
	run := b.ended(b.start("two", nil).ID, fairlead.RunSucceeded)
	first, second := run.Stages[0], run.Stages[1]
	if first.Stack != "one" || second.Stack != "two" || second.StartedAt.Before(*first.EndedAt) {
		t.Errorf("stages %+v", run.Stages)
	}
	log := b.log(run.ID, "second")
	if strings.Contains(log, "[first]") || !strings.Contains(log, "create of stack two") || strings.Contains(log, "stack one") {
		t.Errorf("log of the second stage:\n%s", log)
	}
}

func TestLogIsLive(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	b.apply(webPipeline)
	run := b.start("web", nil)
	changed, cancel := b.db.Watch()
	defer cancel()
	deadline := time.After(30 * time.Second)
	for !strings.Contains(b.log(run.ID, ""), "create of stack web") {
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("the action's events do not come:\n%s", b.log(run.ID, ""))
		}
	}
	if b.run(run.ID).State != fairlead.RunRunning {
		t.Error("the run ended before its log was read")
	}
	hold.open()
	b.ended(run.ID, fairlead.RunSucceeded)
}

func TestStartRefuses(t *testing.T) {
	b := newBench(t)
	b.apply(webPipeline)
	_, err := b.engine.Start(t.Context(), alice(), "nope", nil, "")
	b.wantCode(err, fairlead.NotFound, `pipeline "nope"`)
	_, err = b.engine.Start(t.Context(), alice(), "web", map[string]string{"tga": "1", "SYS_INCREMENT": "9"}, "")
	b.wantCode(err, fairlead.Invalid, `did you mean "tag"`)
	if p, err := b.engine.Pipeline(t.Context(), "web"); err != nil || p.Runs != 0 {
		t.Errorf("something was stored: %+v, %v", p, err)
	}
}

func TestApply(t *testing.T) {
	b := newBench(t)
	p := b.apply(webPipeline)
	if p.ID == "" || p.Revision != 1 || p.Group != "default" || p.UpdatedBy != "alice" || p.Source != webPipeline {
		t.Errorf("pipeline %+v", p)
	}
	t.Run("the same text changes nothing", func(t *testing.T) {
		if again := b.apply(webPipeline); again.Revision != 1 || again.Webhooks[0] != p.Webhooks[0] {
			t.Errorf("pipeline %+v", again)
		}
	})
	t.Run("another text is another revision with the same webhook", func(t *testing.T) {
		if again := b.apply(webPipeline + "description: two\n"); again.Revision != 2 || again.Webhooks[0] != p.Webhooks[0] || again.ID != p.ID || again.Description != "two" {
			t.Errorf("pipeline %+v", again)
		}
	})
	t.Run("a wrong file changes nothing", func(t *testing.T) {
		_, err := b.engine.Apply(t.Context(), alice(), "bad.yaml", []byte("name: web\nstages: []\ncolour: red\n"), nil)
		b.wantCode(err, fairlead.Invalid, "bad.yaml:3:1")
		if p, err := b.engine.Pipeline(t.Context(), "web"); err != nil || p.Revision != 2 {
			t.Errorf("pipeline %+v, %v", p, err)
		}
	})
	t.Run("the group must exist", func(t *testing.T) {
		_, err := b.engine.Apply(t.Context(), alice(), "", []byte(webPipeline+"group: team\n"), nil)
		b.wantCode(err, fairlead.NotFound, `group "team"`)
	})
	t.Run("a webhook that is gone has no address", func(t *testing.T) {
		b.apply("name: web\nstages:\n  - {name: a, type: template-deploy, deploy: {tool: aos, stack: web}}\n")
		_, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0)})
		b.wantCode(err, fairlead.NotFound, "no such webhook")
	})
}

func TestRunsKeepTheirRevision(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	b.apply(webPipeline)
	b.start("web", nil)
	queued := b.start("web", nil)
	b.apply("name: web\nstages:\n  - {name: a, type: template-deploy, deploy: {tool: aos, stack: gone}}\n  - {name: b, type: template-deploy, deploy: {tool: aos, stack: gone}}\n")
	hold.open()
	if run := b.ended(queued.ID, fairlead.RunSucceeded); run.Revision != 1 || len(run.Stages) != 1 {
		t.Errorf("run %+v", run)
	}
}

// history gives a pipeline copies of a run, of several slices; the last is NAME-449.
func (b *bench) history(run fairlead.Run) {
	b.Helper()
	b.write(func(ctx context.Context, tx *store.Tx) error {
		for i := range 450 {
			old := run
			old.ID, old.Number = fmt.Sprintf("%s-%d", run.Pipeline, i), int64(1000+i)
			if err := tx.CreateRun(ctx, &old); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestNothingStartsWhatIsBeingDeleted cuts deletions off, as a kill does: nothing starts or changes the pipelines, and the deletions
// go on by themselves.
func TestNothingStartsWhatIsBeingDeleted(t *testing.T) {
	b := newBench(t)
	file := simple("all", `start:
  conditions:
    - webhook: {}
    - channel: {name: news}
    - image: {repository: team/web}
    - schedule: {cron: "0 3 * * *", missed: run-once}
`, "")
	pipelines := []fairlead.Pipeline{b.apply(file),
		b.apply(simple("both", "start: {mode: all, conditions: [{webhook: {}}, {channel: {name: news}}]}", "")),
		b.apply(simple("first", "", "    triggers: {conditions: [{webhook: {}}]}\n"))}
	now := time.Now()
	for _, p := range pipelines {
		b.history(fairlead.Run{Pipeline: p.Name, Revision: 1, State: fairlead.RunSucceeded, CreatedAt: now, EndedAt: &now,
			Stages: []fairlead.StageRun{{Name: "deploy", Type: fairlead.StageTemplateDeploy, State: fairlead.StageSucceeded}}})
		b.must(b.engine.BeginDeletion(t.Context(), alice(), p.Name))
	}

	const says = "is being deleted by alice"
	_, err := b.engine.Start(t.Context(), alice(), "all", nil, "")
	b.wantCode(err, fairlead.Conflict, says)
	_, err = b.engine.Retry(t.Context(), alice(), "all-449", "deploy", nil)
	b.wantCode(err, fairlead.Conflict, says)
	_, err = b.engine.Apply(t.Context(), alice(), "all.yaml", []byte(file+"    timeout: 5m\n"), nil)
	b.wantCode(err, fairlead.Conflict, says)
	for _, p := range pipelines {
		_, err = b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0)})
		b.wantCode(err, fairlead.Conflict, says)
	}
	b.publish("news", nil, "")
	b.pushed("2.0", 3)
	b.clock.add(25 * time.Hour)
	b.dueOf("schedule_tick")
	b.arrived(4)
	got := b.messages("all")
	slices.Sort(got)
	for i, m := range got {
		if want := fmt.Sprintf("start.conditions[%d] refused", i); m != want {
			t.Errorf("message %q, want %q", m, want)
		}
	}
	for _, p := range pipelines {
		if head, err := b.engine.Pipeline(t.Context(), p.Name); err != nil || head.Runs != 0 || head.DeletedBy != "alice" {
			t.Errorf("pipeline %+v, %v", head, err)
		}
	}

	b.must(b.engine.Delete(t.Context(), alice(), "first")) // by somebody who asks again
	changed, cancel := b.db.Watch()
	defer cancel()
	b.due()
	deadline := time.After(30 * time.Second)
	for _, p := range pipelines {
		for there := true; there; {
			if _, err := b.engine.Pipeline(t.Context(), p.Name); fairlead.ErrorCode(err) == fairlead.NotFound {
				there = false
				continue
			}
			select {
			case <-changed:
			case <-deadline:
				t.Fatalf("pipeline %s is still there", p.Name)
			}
		}
	}
	if again := b.apply(file); again.Runs != 0 || again.DeletedBy != "" {
		t.Errorf("made again: %+v", again)
	}
}

func TestDelete(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.world.Set("web", stacktest.Behaviour{Hold: hold.ch})
	p := b.apply(webPipeline)
	run := b.start("web", nil)
	b.wantCode(b.engine.Delete(t.Context(), alice(), "web"), fairlead.Conflict, "run 1")
	hold.open()
	run = b.ended(run.ID, fairlead.RunSucceeded)
	b.history(run)
	b.must(b.engine.Delete(t.Context(), alice(), "web"))
	_, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0)})
	b.wantCode(err, fairlead.NotFound, "")
	err = b.db.Read(t.Context(), func(tx *store.Tx) error { _, err := tx.Run(t.Context(), run.ID); return err })
	b.wantCode(err, fairlead.NotFound, "")
	b.wantCode(b.engine.Delete(t.Context(), alice(), "web"), fairlead.NotFound, "")
	if again := b.apply(webPipeline); again.Webhooks[0] == p.Webhooks[0] || again.Runs != 0 {
		t.Errorf("made again: %+v", again)
	}
}
