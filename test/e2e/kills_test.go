package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// The pipelines of the mixed load, with how many of each 40 messages go to one. What they deploy holds only settings, except
// for the last, which makes containers. Two share two stacks: their first stages find one busy, wait and try again; their second
// ones take a lock in turn. One has two runs at once.
const killsPipeline = `
name: %[1]s
variables: [{name: tag, value: none}]
start:
  mode: any
  conditions:
    - webhook: {}
      params: [{name: tag, variable: tag}]
stages:
  - name: first
    type: template-deploy
    deploy: {tool: aos, stack: %[2]s, create: true, target: local, template: load, version: "1.0", parameters: {tag: "${tag}-${SYS_INCREMENT}"}}
    timeout: 30m
  - name: second
    type: template-deploy
    deploy: {tool: aos, stack: %[3]s, create: true, target: local, template: %[4]s, version: "1.0", parameters: {tag: "${tag}"}}
    timeout: 30m
`

// tellPipeline is what a pipeline of the load has at its end to start the pipeline "after" over a channel.
const tellPipeline = `    notifications:
      - {channel: {name: told}, params: [{name: tag, variable: tag}], outcomes: [success]}
`

// afterPipeline begins with each run that succeeds in "alone".
const afterPipeline = `
name: after
variables: [{name: tag, value: none}]
start:
  conditions:
    - channel: {name: told}
      params: [{name: tag, variable: tag}]
stages:
  - name: first
    type: template-deploy
    deploy: {tool: aos, stack: after, create: true, target: local, template: load, version: "1.0", parameters: {tag: "${tag}"}}
    timeout: 30m
`

// retriedPipeline fails at first, because its stack is never there, is tried again by a timer, fails for good, and goes on.
const retriedPipeline = `
name: retried
variables: [{name: tag, value: none}]
start:
  conditions:
    - webhook: {}
      params: [{name: tag, variable: tag}]
stages:
  - name: first
    type: template-deploy
    deploy: {tool: aos, stack: never-there, template: load, version: "1.0", parameters: {tag: "${tag}"}}
    retry: {attempts: 1, backoff: 1s}
    on_error: {action: ignore}
  - name: second
    type: template-deploy
    deploy: {tool: aos, stack: retried, create: true, target: local, template: load, version: "1.0", parameters: {tag: "${tag}"}}
    timeout: 30m
`

// jobPipeline runs a container to its end, which writes many lines at once, and deploys after it.
const jobPipeline = `
name: job
max_runs: 2
variables: [{name: tag, value: none}]
start:
  conditions:
    - webhook: {}
      params: [{name: tag, variable: tag}]
stages:
  - name: first
    type: job
    images: [{name: app, image: "demo/web:1.0"}]
    job: {image: "${image.app}", command: [/fairlead, help], target: local}
    timeout: 30m
  - name: second
    type: template-deploy
    deploy: {tool: aos, stack: job, create: true, target: local, template: load, version: "1.0", parameters: {tag: "${tag}"}}
    timeout: 30m
`

const boxTemplate = `
tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  tag: {type: string}
node_templates:
  box:
    type: HuaweiCloud.CCE.Deployment
    properties:
      k8sManifest:
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: box}
        spec:
          replicas: 1
          selector: {matchLabels: {app: box}}
          template:
            metadata: {labels: {app: box}}
            spec:
              containers:
                - name: box
                  image: %s
                  env: [{name: TAG, value: {get_input: tag}}]
`

// killed is the pipelines of the mixed load.
func killed() []string {
	return []string{"alone", "shared-a", "shared-b", "box", "retried", "after", "job"}
}

// pipelineOf says which pipeline a message is for.
func pipelineOf(key string) string {
	n, _ := strconv.Atoi(strings.TrimPrefix(key, "message-"))
	switch {
	case n%40 == 7:
		return "box"
	case n%4 == 0:
		return "shared-a"
	case n%4 == 2:
		return "shared-b"
	case n%8 == 3:
		return "retried"
	case n%8 == 5:
		return "job"
	}
	return "alone"
}

// kills is how often TestKills kills on each database: 50 times, or as FAIRLEAD_CRASH_KILLS says.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("FAIRLEAD_CRASH_KILLS")
	if text == "" {
		if testing.Short() {
			t.Skip("takes a minute")
		}
		return 50
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("FAIRLEAD_CRASH_KILLS is %q, want a number", text)
	}
	return n
}

// TestKills kills servers at random moments under a mixed load of messages that come twice and more, runs of several stages,
// stages that wait for each other's stack, stages that are tried again, pipelines that start others over a channel, stacks of
// containers, and containers that are run to their end. At the end every accepted message and every message of the channel had its
// effect once, every run has ended well after as many attempts as it should, each container of a stage was started once and its
// output stored once, numbers and events have no gaps, and no job and no container is left.
func TestKills(t *testing.T) {
	n := kills(t)
	docker := mustEngine(t)
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		killThem(t, docker, n, []*server{newServer(t)})
	})
	t.Run("postgres, two servers", func(t *testing.T) {
		t.Parallel()
		name := fmt.Sprintf("fairlead_kills_%d", os.Getpid())
		env := []string{"FAIRLEAD_DATABASE_URL=" + storetest.Database(t, name, true)}
		images := filepath.Join(t.TempDir(), "images")
		// One address for users and images, as a proxy before both has it.
		address := freeAddress(t)
		args := []string{"--registry-dir", images, "--public-url", "http://" + address}
		first := newServerAt(t, address, env, args...)
		second := newServerAt(t, freeAddress(t), env, append(args, "--key-file", filepath.Join(first.data, "key"))...)
		killThem(t, docker, n, []*server{first, second})
	})
}

func killThem(t *testing.T, docker *client.Client, n int, servers []*server) {
	s := servers[0]
	lives := watchContainers(t, docker)
	paths := s.prepareKills()
	load := &load{gap: 400 * time.Millisecond, accepted: map[string]acceptance{}, killing: make(chan struct{}), hooks: func(key string) (all []string) {
		for _, s := range servers {
			all = append(all, s.url(paths[pipelineOf(key)]))
		}
		return all
	}}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute+time.Duration(n)*6*time.Second)
	defer stop()
	var senders sync.WaitGroup
	for range 2 {
		senders.Go(func() { load.send(ctx) })
	}
	begun := time.Now()
	for range n {
		pause(ctx, rand.N(300*time.Millisecond))
		victim := servers[rand.IntN(len(servers))]
		victim.kill()
		if len(servers) > 1 { // the other one goes on alone for a while
			pause(ctx, rand.N(150*time.Millisecond))
		}
		victim.start()
	}
	killing := time.Since(begun)
	close(load.killing)
	senders.Wait()
	for _, err := range load.errs {
		t.Error(err)
	}
	s.endOf(load.accepted)
	s.ranOnce(docker, lives)
	t.Logf("%d messages, %d attempts, %d kills in %s; all ended %s later", len(load.accepted), load.attempts, n,
		killing.Round(time.Second), (time.Since(begun) - killing).Round(time.Second))
}

// prepareKills makes templates and pipelines and returns the paths of their webhooks.
func (s *server) prepareKills() map[string]string {
	s.t.Helper()
	s.pushImage("1.0")
	box := fmt.Sprintf(boxTemplate, s.address+"/demo/web:1.0")
	s.mustRun("template", "push", "load", "1.0", s.writeFile("load.yaml", loadTemplate))
	s.mustRun("template", "push", "box", "1.0", s.writeFile("box.yaml", box))
	paths := map[string]string{}
	for _, name := range killed() {
		text := fmt.Sprintf(killsPipeline, name, name+"-1", name+"-2", "load")
		switch name {
		case "shared-a", "shared-b":
			text = fmt.Sprintf(killsPipeline, name, "shared-1", "shared-2", "load") + "    locks: [shared-2]\n"
		case "box":
			text = fmt.Sprintf(killsPipeline, name, "box-1", "box-2", "box")
		case "retried":
			text = retriedPipeline
		case "after":
			text = afterPipeline
		case "job":
			text = jobPipeline
		case "alone":
			text = "max_runs: 2\n" + text + tellPipeline
		}
		s.mustRun("pipeline", "apply", "-f", s.writeFile(name+".yaml", text))
		for _, hook := range mustJSON[fairlead.Pipeline](s, "pipeline", "get", name).Webhooks {
			paths[name] = hook.Path
		}
	}
	return paths
}

// endOf waits for the end of everything and compares it with what was accepted.
func (s *server) endOf(accepted map[string]acceptance) {
	s.t.Helper()
	open := []string{"queued", "running", "waiting", "held"}
	jobs := []string{"available", "running", "retryable", "scheduled", "pending", "discarded", "cancelled"}
	s.eventuallyWithin(10*time.Minute, "all runs end and no job is left", func() error {
		// A job between two looks at the runs can have started one.
		for _, busy := range []string{s.metrics("fairlead_runs", open...), s.metrics("fairlead_jobs", jobs...), s.metrics("fairlead_runs", open...)} {
			if busy != "" {
				return errors.New(busy)
			}
		}
		return nil
	})
	runs := map[string][]fairlead.Run{}
	byID := map[string]fairlead.Run{}
	actions := map[string]bool{}
	for _, name := range killed() {
		runs[name] = pages[fairlead.Run](s, "/api/v1/pipelines/"+name+"/runs")
		for i, run := range runs[name] {
			if want := int64(len(runs[name]) - i); run.Number != want || run.Variables["SYS_INCREMENT"] != fmt.Sprint(want) {
				s.t.Fatalf("run %d of %s is number %d with SYS_INCREMENT %s: want %d", i, name, run.Number, run.Variables["SYS_INCREMENT"], want)
			}
			if run.State != fairlead.RunSucceeded {
				s.t.Errorf("run %d of %s: %+v", run.Number, name, run)
			}
			for _, stage := range run.Stages {
				if name == "retried" && stage.Name == "first" {
					if stage.Attempt != 2 || stage.State != fairlead.StageIgnored || stage.Action != "" {
						s.t.Errorf("run %d of %s: stage %+v", run.Number, name, stage)
					}
					continue
				}
				if name == "job" && stage.Name == "first" {
					if stage.Attempt != 1 || stage.Container == "" || stage.ExitCode == nil || *stage.ExitCode != 0 {
						s.t.Errorf("run %d of %s: stage %+v", run.Number, name, stage)
					}
					continue
				}
				if stage.Attempt != 1 || stage.Action == "" || actions[stage.Action] {
					s.t.Errorf("run %d of %s: stage %+v", run.Number, name, stage)
				}
				actions[stage.Action] = true
			}
			byID[run.ID] = run
		}
	}
	if started := len(byID) - len(runs["after"]); started != len(accepted) {
		s.t.Errorf("%d messages were accepted, and there are %d runs that messages start", len(accepted), started)
	}
	s.chained(runs["alone"], runs["after"])
	for key, a := range accepted {
		if run, ok := byID[a.Run]; !ok || run.Variables["tag"] != key || run.Pipeline != pipelineOf(key) {
			s.t.Errorf("message %s was accepted for run %s, which is %+v", key, a.Run, run)
		}
	}
	s.countersAgree(len(byID), len(actions))
	if locks := mustJSON[[]fairlead.Lock](s, "lock", "list"); len(locks) > 0 {
		s.t.Errorf("all runs have ended, and locks are held: %+v", locks)
	}
	s.countedOnce(runs["job"])
}

// countedOnce checks that events and lines of output, which count in one sequence, are there without a gap, and that the log of each
// run of a container has its output once.
func (s *server) countedOnce(runs []fairlead.Run) {
	s.t.Helper()
	var seqs []int64
	want := strings.Split(strings.TrimSpace(s.mustRun("help")), "\n")
	for _, run := range runs {
		var got []string
		for _, line := range pages[fairlead.LogLine](s, "/api/v1/runs/"+run.ID+"/logs") {
			if line.Stream != "" {
				seqs, got = append(seqs, line.Seq), append(got, line.Text)
			}
		}
		if !slices.Equal(got, want) {
			s.t.Errorf("output of container %s:\n%s\nwant:\n%s", run.Stages[0].Container, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	s.checkNumbers(seqs...)
}

// chained checks that each run of one pipeline has started one of the other, which has its tag.
func (s *server) chained(from, to []fairlead.Run) {
	s.t.Helper()
	if len(from) != len(to) || len(from) == 0 {
		s.t.Errorf("%d runs told a channel, and %d were started by it", len(from), len(to))
	}
	told := map[string]bool{}
	for _, run := range from {
		told[run.Variables["tag"]] = true
	}
	for _, run := range to {
		if tag := run.Variables["tag"]; !told[tag] || run.Cause != "channel" {
			s.t.Errorf("run %d of %s has tag %s, started by %s: no run told that, or two have it", run.Number, run.Pipeline, tag, run.Cause)
		}
		delete(told, run.Variables["tag"])
	}
}

// countersAgree compares the metrics with what was listed.
func (s *server) countersAgree(runs, actions int) {
	s.t.Helper()
	for metric, want := range map[string]int{`fairlead_runs{state="succeeded"}`: runs, `fairlead_stack_actions{state="succeeded"}`: actions} {
		if !slices.Contains(s.metricLines(), fmt.Sprintf("%s %d", metric, want)) {
			s.t.Errorf("metric %s is not %d", metric, want)
		}
	}
}

// ranOnce checks that the container of each job stage was started once and is gone, and that nothing is left on the engine but
// what belongs to the stacks of containers.
func (s *server) ranOnce(docker *client.Client, lives *containerLives) {
	s.t.Helper()
	runs := pages[fairlead.Run](s, "/api/v1/pipelines/job/runs")
	if len(runs) == 0 {
		s.t.Fatal("no run of a container")
	}
	var instance string
	for _, run := range runs {
		name := run.Stages[0].Container
		s.eventually("the engine tells of the end of container "+name, func() error {
			if life := lives.of(name); life.removed == 0 {
				return fmt.Errorf("%+v", life)
			}
			return nil
		})
		life := lives.of(name)
		if life.started != 1 || life.removed != 1 {
			s.t.Errorf("container %s of run %d was started %d times and removed %d times", name, run.Number, life.started, life.removed)
		}
		instance = life.instance
	}
	list, err := docker.ContainerList(s.t.Context(), client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", "fairlead.instance="+instance)})
	if err != nil {
		s.t.Fatal(err)
	}
	var left []string
	for _, c := range list.Items {
		left = append(left, c.Labels["fairlead.stack"])
	}
	slices.Sort(left)
	if want := []string{"box-2"}; !slices.Equal(left, want) {
		s.t.Errorf("containers of stacks %q are left, want one of %q", left, want)
	}
}

// containerLife is what the engine told of a container.
type containerLife struct {
	instance         string // of the server that made it
	started, removed int
}

// containerLives is what the engine tells of all containers, by name.
type containerLives struct {
	mu    sync.Mutex
	lives map[string]containerLife
}

func (c *containerLives) of(name string) containerLife {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lives[name]
}

func (c *containerLives) add(e events.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	life := c.lives[e.Actor.Attributes["name"]]
	life.instance = e.Actor.Attributes["fairlead.instance"]
	switch e.Action {
	case events.ActionStart:
		life.started++
	case events.ActionDestroy:
		life.removed++
	}
	c.lives[e.Actor.Attributes["name"]] = life
}

// watchContainers listens to what the engine tells of containers, until the test ends.
func watchContainers(t *testing.T, docker *client.Client) *containerLives {
	t.Helper()
	c := &containerLives{lives: map[string]containerLife{}}
	ctx, cancel := context.WithCancel(context.Background())
	told := docker.Events(ctx, client.EventsListOptions{Filters: client.Filters{}.Add("type", "container").Add("event", "start", "destroy")})
	var listener sync.WaitGroup
	listener.Go(func() {
		for {
			select {
			case e := <-told.Messages:
				c.add(e)
			case err := <-told.Err:
				if ctx.Err() == nil {
					t.Errorf("the engine tells no more of its containers: %v", err)
				}
				return
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		listener.Wait()
	})
	return c
}
