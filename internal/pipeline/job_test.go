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
	"github.com/fairlead/fairlead/internal/pipeline/jobtest"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// tool is the image of the jobs of these tests.
const tool = "reg.test:8080/team/web:1.0"

// jobPipeline runs a job and then deploys. more are further lines of the job's stage.
func jobPipeline(more string) string {
	return `name: web
variables: [{name: tag, value: "1.0"}, {name: n, value: "7"}]
stages:
  - name: Run Migrations
    type: job
    images: [{name: app, image: "team/web:${tag}"}]
    job: {image: "${image.app}", command: [/migrate, "--to=${n}"], args: [all], env: {TAG: "v${tag}"}, cpu: 500m, memory: 64Mi}
` + more + `  - name: deploy
    type: template-deploy
    images: [{name: app, image: "team/web:${tag}"}]
    deploy: {tool: aos, stack: web, create: true, template: web, version: "1.0", parameters: {image: "${image.app}"}}
`
}

func out(texts ...string) (lines []fairlead.OutputLine) {
	for _, text := range texts {
		l := fairlead.OutputLine{Stream: fairlead.Stdout, Text: text}
		if rest, ok := strings.CutPrefix(text, "!"); ok {
			l = fairlead.OutputLine{Stream: fairlead.Stderr, Text: rest}
		}
		lines = append(lines, l)
	}
	return lines
}

// swept waits until no container is left.
func (b *bench) swept() {
	b.Helper()
	late := time.After(30 * time.Second)
	for len(b.jobs.Containers()) > 0 {
		select {
		case <-late:
			b.Fatalf("left: %v", b.jobs.Containers())
		case <-time.After(20 * time.Millisecond):
		}
	}
	b.read(func(ctx context.Context, tx *store.Tx) error {
		runs, err := tx.JobsOn(ctx, fairlead.LocalTarget)
		if len(runs) > 0 {
			b.Errorf("jobs of runs %v are still stored", runs)
		}
		return err
	})
}

// once wants every container to have been started once.
func (b *bench) once(containers int) {
	b.Helper()
	starts := b.jobs.Starts()
	for name, n := range starts {
		if n != 1 {
			b.Errorf("%s was started %d times", name, n)
		}
	}
	if len(starts) != containers {
		b.Errorf("%d containers were started, want %d: %v", len(starts), containers, starts)
	}
}

// stageJob is the container that a run's first stage has at work.
func (b *bench) stageJob(run string) (j store.StageJob) {
	b.Helper()
	b.read(func(ctx context.Context, tx *store.Tx) (err error) { j, err = tx.StageJob(ctx, run, 0, 1); return err })
	return j
}

// output are the lines of a log that containers wrote, with their stream.
func (b *bench) output(run string) (texts []string) {
	b.Helper()
	b.read(func(ctx context.Context, tx *store.Tx) error {
		lines, _, err := tx.RunLog(ctx, run, store.LogQuery{Limit: 10_000})
		for _, l := range lines {
			if l.Stream != "" {
				texts = append(texts, l.Stream+": "+l.Text)
			}
		}
		return err
	})
	return texts
}

func TestJobRunsBeforeTheDeploy(t *testing.T) {
	b := newBench(t)
	b.jobs.Set(tool, jobtest.Behaviour{Waits: 1, Output: out("one", "!two", "\x1b[32mthree\x1b[0m\r", "four\x00\xff", "50%\r100%")})
	b.apply(jobPipeline(""))
	run := b.ended(b.start("web", nil).ID, fairlead.RunSucceeded)
	s := run.Stages[0]
	if s.State != fairlead.StageSucceeded || s.ExitCode == nil || *s.ExitCode != 0 || s.Target != fairlead.LocalTarget || s.Namespace != "default" || s.Message != "" ||
		!strings.HasPrefix(s.Container, "job-web-1-run-migratio-1-") || len(s.Images) != 1 {
		t.Errorf("stage %+v", s)
	}
	c := b.jobs.Made()[0]
	if c.Name != s.Container || c.Image != tool || !slices.Equal(c.Command, []string{"/migrate", "--to=7"}) || !slices.Equal(c.Args, []string{"all"}) ||
		c.Env["TAG"] != "v1.0" || c.CPU != "500m" || c.Memory != "64Mi" || c.For != "pipeline web, run 1, stage Run Migrations, attempt 1" {
		t.Errorf("container %+v", c)
	}
	if got := b.output(run.ID); !slices.Equal(got, []string{"stdout: one", "stderr: two", "stdout: three", "stdout: four\uFFFD", "stdout: 100%"}) {
		t.Errorf("output %q", got)
	}
	wantText(t, b.log(run.ID, "Run Migrations"), "image app is "+tool, "container "+s.Container+" on target local", "image "+tool+" to arrive", "was started", "succeeded")
	b.swept()
	b.once(1)
}

func TestFailedJobStopsTheRun(t *testing.T) {
	b := newBench(t)
	for _, tt := range []struct {
		name string
		how  jobtest.Behaviour
		says string
		exit int // -1: none
	}{
		{"an exit code", jobtest.Behaviour{Exit: 3, Output: out("begin", "!no such table")}, "its container ended with exit code 3; the last line of its output: no such table", 3},
		{"no memory", jobtest.Behaviour{Exit: 137, Reason: "ran out of memory"}, "its container ran out of memory (exit code 137)", 137},
		{"a missing image", jobtest.Behaviour{Missing: true}, "is not in the registry: push it first", -1},
		{"a program that is not there", jobtest.Behaviour{NoStart: "/migrate: no such file"}, "cannot start: /migrate: no such file", -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.TB = t
			b.jobs.Set(tool, tt.how)
			b.apply(jobPipeline(""))
			run := b.ended(b.start("web", nil).ID, fairlead.RunFailed)
			s := run.Stages[0]
			wantText(t, s.Message, tt.says)
			wantText(t, run.Message, `stage 1 ("Run Migrations") failed: `)
			if (s.ExitCode == nil) != (tt.exit < 0) || s.ExitCode != nil && *s.ExitCode != tt.exit || run.Stages[1].State != fairlead.StageSkipped || len(b.world.Objects()) > 0 {
				t.Errorf("stages %+v", run.Stages)
			}
			b.swept()
		})
	}
}

func TestStoppedAndLateJobsAreRemoved(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.jobs.Set(tool, jobtest.Behaviour{Hold: hold.ch, Output: out("at work"), OnStop: out("bye", "!and more")})
	b.apply(jobPipeline("    timeout: 10m\n    on_error: {action: stop}\n"))
	run := b.start("web", nil)
	b.until(run.ID, "at work", func(run fairlead.Run) bool { return len(b.output(run.ID)) > 0 })
	stopping, err := b.engine.Stop(t.Context(), alice(), run.ID)
	b.must(err)
	wantText(t, stopping.WaitingFor, "which is being stopped")
	got := b.ended(run.ID, fairlead.RunCanceled)
	if got.Stages[0].State != fairlead.StageCanceled || got.Message != "stopped by alice" {
		t.Errorf("run %+v", got)
	}
	if got := b.output(run.ID); !slices.Equal(got, []string{"stdout: at work", "stdout: bye", "stderr: and more"}) {
		t.Errorf("output %q", got)
	}
	b.swept()
	run = b.start("web", nil)
	b.until(run.ID, "at work", func(run fairlead.Run) bool { return len(b.output(run.ID)) > 0 })
	b.clock.add(11 * time.Minute)
	held := b.until(run.ID, "held", func(run fairlead.Run) bool { return run.State == fairlead.RunHeld })
	if held.Stages[0].State != fairlead.StageTimedOut {
		t.Errorf("stage %+v", held.Stages[0])
	}
	wantText(t, held.Stages[0].Message, "longer than 10m", "its container was stopped", "at work")
	if got := b.output(run.ID); len(got) != 3 {
		t.Errorf("output %q", got)
	}
	b.swept()
	hold.open()
	_, err = b.engine.Rollback(t.Context(), alice(), run.ID, "Run Migrations")
	b.wantCode(err, fairlead.Conflict, "nothing to take back")
	_, err = b.engine.Retry(t.Context(), alice(), run.ID, "Run Migrations", map[string]string{"n": "8"})
	b.must(err)
	done := b.ended(run.ID, fairlead.RunSucceeded)
	if done.Stages[0].Attempt != 2 || !strings.Contains(done.Stages[0].Container, "-2-") || b.jobs.Made()[2].Command[1] != "--to=8" {
		t.Errorf("stage %+v", done.Stages[0])
	}
	b.swept()
	b.once(3)
}

// TestContainerThatStaysDoesNotHoldItsRun stops a run whose container the target does not let go, for a day.
func TestContainerThatStaysDoesNotHoldItsRun(t *testing.T) {
	b := newBench(t)
	b.jobs.Set(tool, jobtest.Behaviour{Hold: newGate(t).ch, Output: out("at work"), Stays: true})
	b.apply(jobPipeline(""))
	run := b.start("web", nil)
	b.until(run.ID, "at work", func(run fairlead.Run) bool { return len(b.output(run.ID)) > 0 })
	_, err := b.engine.Stop(t.Context(), alice(), run.ID)
	b.must(err)
	b.until(run.ID, "held up", func(run fairlead.Run) bool { return strings.Contains(run.Stages[0].Message, "still being deleted") })
	b.clock.add(3 * time.Minute)
	got := b.ended(run.ID, fairlead.RunCanceled)
	wantText(t, got.Stages[0].Message, "could not be removed and may still run: still being deleted")
	b.clock.add(25 * time.Hour)
	late := time.After(30 * time.Second)
	for swept := false; !swept; {
		b.read(func(ctx context.Context, tx *store.Tx) error {
			has, err := tx.HasJob(ctx, "stage_job_sweep", run.ID)
			swept = !has
			return err
		})
		select {
		case <-late:
			t.Fatal("the sweep goes on after a day")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestJobEndsWithItsTimeWhateverFails has the runner fail in a way that no wait is known to help, past the timeout.
func TestJobEndsWithItsTimeWhateverFails(t *testing.T) {
	b := newBench(t)
	b.noRunner = func() error { b.clock.add(11 * time.Minute); return errors.New("broken") }
	b.apply(jobPipeline("    timeout: 10m\n"))
	run := b.ended(b.start("web", nil).ID, fairlead.RunFailed)
	wantText(t, run.Stages[0].Message, "longer than 10m")
}

func TestJobWaitsForItsTarget(t *testing.T) {
	b := newBench(t)
	b.jobs.Unreachable(true)
	b.apply(jobPipeline(""))
	run := b.start("web", nil)
	b.until(run.ID, "waiting", func(run fairlead.Run) bool {
		return strings.Contains(run.Stages[0].Message, "the target does not answer")
	})
	b.jobs.Unreachable(false)
	b.ended(run.ID, fairlead.RunSucceeded)
	b.swept()
	b.once(1)
}

// TestWaitOfAJobIsTakenBack has a job wait for its pod: once it runs, nothing says that it waits.
func TestWaitOfAJobIsTakenBack(t *testing.T) {
	b := newBench(t)
	begin, hold := newGate(t), newGate(t)
	b.jobs.Set(tool, jobtest.Behaviour{Begin: begin.ch, Hold: hold.ch})
	b.apply(jobPipeline(""))
	run := b.start("web", nil)
	b.until(run.ID, "waiting", func(run fairlead.Run) bool { return strings.Contains(run.Stages[0].WaitingFor, "its pod to be made") })
	begin.open()
	b.until(run.ID, "at work", func(run fairlead.Run) bool {
		s := run.Stages[0]
		return s.State == fairlead.StageRunning && s.Message == "" && s.WaitingFor == ""
	})
	hold.open()
	b.ended(run.ID, fairlead.RunSucceeded)
	if n := strings.Count(b.log(run.ID, "Run Migrations"), "waits"); n != 1 {
		t.Errorf("%d lines tell of waits:\n%s", n, b.log(run.ID, "Run Migrations"))
	}
}

// TestJobThatNeverRanIsRemovedFirst: nothing of an attempt is left when the stage has ended and can be tried again.
func TestJobThatNeverRanIsRemovedFirst(t *testing.T) {
	b := newBench(t)
	b.jobs.Set(tool, jobtest.Behaviour{NoExit: true, Reason: "cannot start: no such image"})
	b.apply(jobPipeline(""))
	failed := b.ended(b.start("web", nil).ID, fairlead.RunFailed)
	wantText(t, failed.Stages[0].Message, "its container cannot start: no such image")
	if left := b.jobs.Containers(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestLastOutputOfALateJobIsKept has a job write its last lines while it is being looked at whether its time is up.
func TestLastOutputOfALateJobIsKept(t *testing.T) {
	b := newBench(t)
	b.jobs.Set(tool, jobtest.Behaviour{Hold: newGate(t).ch, Output: out("at work")})
	b.apply(jobPipeline("    timeout: 10m\n"))
	run := b.start("web", nil)
	b.until(run.ID, "at work", func(run fairlead.Run) bool { return len(b.output(run.ID)) > 0 })
	name := b.run(run.ID).Stages[0].Container
	var once sync.Once
	late := func() {
		once.Do(func() {
			b.jobs.Write(name, out("last", "words")...)
			for deadline := time.Now().Add(30 * time.Second); b.given.Load() < 3 && time.Now().Before(deadline); {
				<-time.After(time.Millisecond)
			}
			b.clock.add(11 * time.Minute)
		})
	}
	b.onNow.Store(&late)
	b.ended(run.ID, fairlead.RunFailed)
	if got := b.output(run.ID); len(got) != 3 {
		t.Errorf("output %q", got)
	}
}

// TestStartedContainerThatStaysMadeIsLookedAtNowAndThen bounds how often.
func TestStartedContainerThatStaysMadeIsLookedAtNowAndThen(t *testing.T) {
	b := newBench(t)
	b.jobs.Set(tool, jobtest.Behaviour{Idle: true})
	b.apply(jobPipeline(""))
	run := b.start("web", nil)
	b.until(run.ID, "started", func(run fairlead.Run) bool { return strings.Contains(b.log(run.ID, ""), "was started") })
	began, was := time.Now(), b.stageJob(run.ID).Slice
	b.until(run.ID, "looked at", func(fairlead.Run) bool { return b.stageJob(run.ID).Slice >= was+4 })
	if took := time.Since(began); took < time.Second {
		t.Errorf("four looks within %s", took)
	}
}

func TestVanishedContainerIsNotRunAgain(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.jobs.Set(tool, jobtest.Behaviour{Hold: hold.ch, Output: out("at work")})
	b.apply(jobPipeline(""))
	run := b.start("web", nil)
	b.until(run.ID, "at work", func(run fairlead.Run) bool { return len(b.output(run.ID)) > 0 })
	b.jobs.Vanish(b.run(run.ID).Stages[0].Container)
	failed := b.ended(run.ID, fairlead.RunFailed)
	wantText(t, failed.Stages[0].Message, "is gone from target local: somebody removed it", "not run again", "at work")
	b.once(1)
}

func TestTasksCanBeJobs(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.jobs.Set("tools/good:1", jobtest.Behaviour{Hold: hold.ch, Output: out("good")})
	b.jobs.Set("tools/bad:1", jobtest.Behaviour{Exit: 1, Output: out("bad")})
	b.apply(`name: x
stages:
  - name: checks
    type: parallel
    on_task_failure: stop
    tasks:
      - {name: good, type: job, job: {image: "tools/good:1"}}
      - {name: bad, type: job, job: {image: "tools/bad:1"}}
`)
	run := b.ended(b.start("x", nil).ID, fairlead.RunFailed)
	wantText(t, run.Stages[2].Message, "exit code 1", "bad")
	if s := run.Stages[1]; s.State != fairlead.StageFailed {
		t.Errorf("the other task %+v", s)
	}
	b.swept()
}

func TestOutputIsBounded(t *testing.T) {
	b := newBench(t)
	long := strings.Repeat("x", 4000)
	var lines []fairlead.OutputLine
	for range 3000 { // 12 MB
		lines = append(lines, out(long)...)
	}
	b.jobs.Set(tool, jobtest.Behaviour{Exit: 1, Output: append(lines, out(strings.Repeat("ü", 3000), "the end")...)})
	b.apply(jobPipeline(""))
	run := b.ended(b.start("web", nil).ID, fairlead.RunFailed)
	wantText(t, run.Stages[0].Message, "the last line of its output: the end")
	wantText(t, b.log(run.ID, "Run Migrations"), "the log of an attempt holds 10 MiB of output: the ", " were left out")
	if n := len(b.output(run.ID)); n < 2500 || n > 2650 {
		t.Errorf("%d lines are in the log", n)
	}
}

func TestSecretsOfTheStackStayOutOfTheOutput(t *testing.T) {
	b := newBench(t)
	const secret = "hunter2hunter2"
	b.jobs.Set(tool, jobtest.Behaviour{Exit: 1, Output: out("connect to db with "+secret, "!"+secret, strings.Repeat("x", 4090)+secret),
		Reason: "could not run: " + secret})
	b.apply(strings.Replace(webPipeline, `{image: "${image.app}"}`, `{image: "${image.app}", key: "`+secret+`"}`, 1))
	b.ended(b.start("web", nil).ID, fairlead.RunSucceeded)
	b.apply(`name: x
stages: [{name: a, type: job, job: {stack: web, image: "` + tool + `"}}]
`)
	run := b.ended(b.start("x", nil).ID, fairlead.RunFailed)
	all, err := json.Marshal(run)
	b.must(err)
	if text := string(all) + b.log(run.ID, ""); strings.Contains(text, secret[:6]) || !strings.Contains(text, "connect to db with "+fairlead.Masked) {
		t.Errorf("the secret shows in:\n%s", text)
	}
	if c := b.jobs.Made()[0]; c.Stack != "web" || c.StackID == "" || c.Target != fairlead.LocalTarget {
		t.Errorf("container %+v", c)
	}
}

// TestSecretEnvironmentOfAJob has a job say its secret: it gets the value, and nobody else does.
func TestSecretEnvironmentOfAJob(t *testing.T) {
	b := newBench(t)
	b.jobs.Set(tool, jobtest.Behaviour{Output: out("token s3cr3t-1.0 of s3cr3t-${tag}", "DB is hunter2"), Exit: 1})
	file := strings.Replace(jobPipeline(""), `env: {TAG: "v${tag}"}`, `env: {TAG: "v${tag}", TOKEN: "s3cr3t-${tag}", DB: hunter2}, secret_env: [DB]`, 1)
	b.apply(file)
	var kept fairlead.Pipeline
	b.read(func(ctx context.Context, tx *store.Tx) (err error) {
		kept, err = tx.PipelineHead(ctx, "web")
		return err
	})
	if text := fmt.Sprintf("%+v", kept); strings.Contains(text, "s3cr3t") || strings.Contains(text, "hunter2") || !strings.Contains(kept.Source, `DB: "******"`) {
		t.Errorf("the file that is kept: %s", text)
	}
	b.apply(strings.Replace(kept.Source, "cpu: 500m", "cpu: 400m", 1)) // with masks, which keep the values
	run := b.ended(b.start("web", nil).ID, fairlead.RunFailed)
	env := b.jobs.Made()[0]
	if env.Env["TOKEN"] != "s3cr3t-1.0" || env.Env["DB"] != "hunter2" || env.Env["TAG"] != "v1.0" || !slices.Equal(env.SecretEnv, []string{"DB", "TOKEN"}) {
		t.Errorf("made with %v, secret %v", env.Env, env.SecretEnv)
	}
	if text := fmt.Sprintf("%+v %q %s", run, b.output(run.ID), b.log(run.ID, "")); strings.Contains(text, "s3cr3t-1.0") || strings.Contains(text, "hunter2") {
		t.Errorf("told: %s", text)
	}
	_, err := b.engine.Apply(t.Context(), alice(), "web.yaml", []byte(strings.Replace(kept.Source, "name: Run Migrations", "name: other", 1)), nil)
	b.wantCode(err, fairlead.Invalid, "secret environment variable DB of stage other stands as ******, and no value is kept for it")
	b.swept()
}

func TestJobsThatCannotBe(t *testing.T) {
	b := newBench(t)
	b.apply(webPipeline)
	b.ended(b.start("web", nil).ID, fairlead.RunSucceeded)
	for _, tt := range []struct{ name, job, says string }{
		{"no such target", `{target: moon, image: "x:1"}`, "moon"},
		{"no such stack", `{stack: moon, image: "x:1"}`, "moon"},
		{"another target than the stack's", `{stack: web, target: moon, image: "x:1"}`, "stack web is in target local, not in moon"},
		{"a service account on an engine", `{image: "x:1", service_account: me}`, "has no service accounts"},
		{"an image that is none when expanded", `{image: "${v}"}`, "want a pull address"},
		{"memory that is none when expanded", `{image: "x:1", memory: "${v}"}`, "want an amount"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.TB = t
			b.apply("name: x\nvariables: [{name: v, value: a b}]\nstages: [{name: a, type: job, job: " + tt.job + "}]\n")
			run := b.ended(b.start("x", nil).ID, fairlead.RunFailed)
			wantText(t, run.Stages[0].Message, tt.says)
			if len(b.jobs.Made()) > 0 {
				t.Errorf("made: %v", b.jobs.Made())
			}
		})
	}
}

// TestJobSurvivesEveryMoment copies the data directory after each commit of a run with a job, as kill -9 would leave it, and lets a
// fresh server go on with each copy, where the target is as it was left: the job has run once, and every line is in the log once.
func TestJobSurvivesEveryMoment(t *testing.T) {
	storetest.OnlySQLite(t)
	b := newBench(t)
	hold := newGate(t)
	b.jobs.Set(tool, jobtest.Behaviour{Hold: hold.ch, Output: out("1", "2", "!3", "4")})
	b.apply(jobPipeline(""))
	changed, cancel := b.db.Watch()
	defer cancel()
	run := b.start("web", nil)
	var dirs []string
	wrote := false
	for ended := false; !ended; {
		dirs = append(dirs, b.snapshot())
		now := b.run(run.ID)
		if ended = fairlead.RunMoves.Final(now.State); ended {
			continue
		}
		if !wrote && len(b.output(run.ID)) == 4 {
			wrote = true
			b.jobs.Write(now.Stages[0].Container, out("5", "6", "!7", "8")...)
			hold.open()
			continue
		}
		<-changed
	}
	b.swept()
	b.once(1)
	whole := b.output(run.ID)
	if len(whole) != 8 {
		t.Fatalf("output %v", whole)
	}
	b.dead.Store(true)
	name := b.run(run.ID).Stages[0].Container
	// The container is gone by now: a life that knows it was made must not make it again; one that does not may.
	for i, dir := range dirs {
		life := b.restart(dir)
		got := life.until(run.ID, "ended", func(run fairlead.Run) bool { return fairlead.RunMoves.Final(run.State) })
		life.swept()
		if got.State == fairlead.RunFailed {
			wantText(t, got.Stages[0].Message, name+" is gone from target local")
		}
		if lines := life.output(run.ID); len(lines) > 8 {
			t.Errorf("moment %d: output %v", i, lines)
		}
		life.must(life.db.Close())
	}
}

// TestKilledServerFollowsOn kills the server while the container runs; the next life reads on where the first one was.
func TestKilledServerFollowsOn(t *testing.T) {
	storetest.OnlySQLite(t)
	b := newBench(t)
	hold := newGate(t)
	b.jobs.Set(tool, jobtest.Behaviour{Hold: hold.ch, Output: out("1", "2", "3", "!4", "5")})
	b.apply(jobPipeline(""))
	run := b.start("web", nil)
	b.until(run.ID, "at work", func(run fairlead.Run) bool { return len(b.output(run.ID)) == 5 })
	dir := b.snapshot()
	b.dead.Store(true)
	life := b.restart(dir)
	life.jobs.Write(b.run(run.ID).Stages[0].Container, out("6", "!7", "8")...)
	life.until(run.ID, "followed", func(fairlead.Run) bool { return len(life.output(run.ID)) >= 8 })
	hold.open()
	life.ended(run.ID, fairlead.RunSucceeded)
	want := []string{"stdout: 1", "stdout: 2", "stdout: 3", "stderr: 4", "stdout: 5", "stdout: 6", "stderr: 7", "stdout: 8"}
	if got := life.output(run.ID); !slices.Equal(got, want) {
		t.Errorf("output %q, want %q", got, want)
	}
	life.once(1)
	life.must(errors.Join(life.db.Close(), b.db.Close()))
}

// TestSecondAttemptAtASliceHandsOn kills the server within a slice: the next life works it again, and those after it too.
func TestSecondAttemptAtASliceHandsOn(t *testing.T) {
	storetest.OnlySQLite(t)
	b := newBench(t)
	hold := newGate(t)
	b.jobs.Set(tool, jobtest.Behaviour{Hold: hold.ch, Output: out("1")})
	b.apply(jobPipeline(""))
	run := b.start("web", nil)
	b.until(run.ID, "at work", func(run fairlead.Run) bool { return len(b.output(run.ID)) == 1 })
	dir := b.snapshot()
	b.dead.Store(true)
	b.slice = 50 * time.Millisecond
	life := b.restart(dir)
	was := life.stageJob(run.ID)
	life.until(run.ID, "some slices on", func(fairlead.Run) bool { return life.stageJob(run.ID).Slice > was.Slice+3 })
	hold.open()
	life.ended(run.ID, fairlead.RunSucceeded)
	life.once(1)
	life.must(errors.Join(life.db.Close(), b.db.Close()))
}

// TestRecoverGivesJobsOfContainersBack takes the jobs away, which nothing but a tampering hand does.
func TestRecoverGivesJobsOfContainersBack(t *testing.T) {
	b := newBench(t)
	hold := newGate(t)
	b.jobs.Set(tool, jobtest.Behaviour{Hold: hold.ch, Output: out("1")})
	b.apply(jobPipeline(""))
	run := b.start("web", nil)
	b.until(run.ID, "at work", func(run fairlead.Run) bool { return len(b.output(run.ID)) == 1 })
	b.must(b.db.StopJobs(t.Context()))
	b.write(func(ctx context.Context, tx *store.Tx) error {
		j, err := tx.StageJob(ctx, run.ID, 0, 1)
		if err != nil {
			return err
		}
		j.Worker = 3 // the lost job had been tried before
		if _, err := tx.Exec(ctx, `DELETE FROM river_job`); err != nil {
			return err
		}
		return tx.UpdateStageJob(ctx, &j)
	})
	hold.open()
	b.startJobs()
	b.ended(run.ID, fairlead.RunSucceeded)
	b.once(1)
}

func TestRunsWithJobsAreCompared(t *testing.T) {
	b := newBench(t)
	b.jobs.Set(tool, jobtest.Behaviour{Exit: 2})
	b.world.Set("web", stacktest.Behaviour{})
	b.apply(jobPipeline(""))
	first := b.ended(b.start("web", nil).ID, fairlead.RunFailed)
	b.jobs.Set(tool, jobtest.Behaviour{})
	second := b.ended(b.start("web", nil).ID, fairlead.RunSucceeded)
	d, err := b.engine.Compare(t.Context(), first.ID, second.ID)
	b.must(err)
	if text := fmt.Sprint(d.Stages[0].Diffs); !strings.Contains(text, "exit code") {
		t.Errorf("differences %s", text)
	}
}
