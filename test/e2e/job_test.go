package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
)

// jobsPipeline begins when an image is pushed, and runs the program of the image as a job before the deployment; words is what the
// program is told to do.
const jobsPipeline = `
name: jobs
variables: [{name: tag, value: ""}, {name: words, value: "/nowhere.yaml"}]
start:
  conditions: [{image: {repository: demo/web, semver: ">=1"}, params: [{name: tag, variable: tag}]}]
stages:
  - name: check
    type: job
    images: [{name: app, image: "demo/web:${tag}"}]
    job: {image: "${image.app}", command: [/fairlead, template, "${words}"], env: {A: b, API_TOKEN: elements}, memory: 256Mi}
    timeout: 5m
    on_error: {action: stop}
  - name: deploy
    type: template-deploy
    images: [{name: app, image: "demo/web:${tag}"}]
    deploy: {tool: aos, stack: config, create: true, template: config, version: "1.0", parameters: {image: "${image.app}", version: blue}}
    timeout: 5m
`

// TestJobBeforeDeploy runs a container of the image that was pushed on a real engine. It fails, nothing is deployed, and the run is
// held; with another value it goes on to the deployment.
func TestJobBeforeDeploy(t *testing.T) {
	mustEngine(t)
	s := newServer(t)
	s.mustRun("template", "push", "config", "1.0", s.writeFile("config.yaml", configTemplate))
	s.mustRun("pipeline", "apply", "-f", s.writeFile("jobs.yaml", jobsPipeline))
	s.pushImage("1.0")

	run := s.untilRun("jobs", fairlead.RunHeld)
	check := run.Stages[0]
	if run.State != fairlead.RunHeld || check.ExitCode == nil || *check.ExitCode == 0 || run.Stages[1].State != fairlead.StagePending {
		t.Errorf("run %+v", run)
	}
	if !strings.Contains(check.Message, fmt.Sprintf("ended with exit code %d; the last line of its output: ", *check.ExitCode)) {
		t.Errorf("message %q", check.Message)
	}
	if log := s.mustRun("run", "logs", run.ID, "check", "--search", "NOWHERE"); !strings.Contains(log, "/nowhere.yaml") {
		t.Errorf("log:\n%s", log)
	}
	if out, err := s.run("", "stack", "show", "config"); err == nil {
		t.Errorf("something was deployed:\n%s", out)
	}

	s.mustRun("run", "retry", run.ID, "check", "--var", "words=--help")
	run = s.untilRun("jobs", fairlead.RunSucceeded)
	if check := run.Stages[0]; check.Attempt != 2 || check.ExitCode == nil || *check.ExitCode != 0 || run.Variables["tag"] != "1.0" || len(run.Stages[1].Images) != 1 {
		t.Errorf("run %+v", run)
	}
	if log := s.mustRun("run", "logs", run.ID, "check", "--search", "texts that describe"); !strings.Contains(log, "Texts that describe the "+fairlead.Masked+" of") {
		t.Errorf("the word that is a secret here is not masked:\n%s", log)
	}
	s.mustRun("stack", "show", "config")
}

// untilRun waits for a state of the only run of a pipeline.
func (s *server) untilRun(pipeline string, state fairlead.RunState) (run fairlead.Run) {
	s.t.Helper()
	s.eventually("the run of "+pipeline+" is "+string(state), func() error {
		runs := mustJSON[[]fairlead.Run](s, "pipeline", "runs", pipeline)
		if len(runs) != 1 {
			return fmt.Errorf("%d runs", len(runs))
		}
		if run = runs[0]; run.State != state {
			return fmt.Errorf("it is %s: %+v", run.State, run.Stages)
		}
		return nil
	})
	return run
}

// podPipeline has a pod write a line, wait for a file, write another one and end with the exit code that the file holds.
const podPipeline = `
name: pods
variables: [{name: gate, value: ""}]
stages:
  - name: work
    type: job
    job:
      target: cluster
      namespace: NAMESPACE
      image: demo/script:1
      command: [/bin/sh, -c, 'echo began; echo "token $TOKEN"; until [ -e "$1" ]; do sleep 0.1; done; echo over; exit "$(cat "$1")"', sh]
      args: ["${gate}"]
      env: {TOKEN: hunter2}
    timeout: 5m
`

// TestJobOnKubernetes follows a pod of a cluster into the log of the run, over the death of the server, to its exit code.
func TestJobOnKubernetes(t *testing.T) {
	kubetest.Kubeconfig(t)
	s := newServer(t)
	s.mustRun("target", "add", "cluster", "--kind", "kubernetes", "--kubeconfig", os.Getenv(kubetest.Variable))
	s.mustRun("pipeline", "apply", "-f", s.writeFile("pods.yaml", strings.Replace(podPipeline, "NAMESPACE", kubetest.Namespace(t), 1)))
	var last fairlead.Run
	for _, code := range []int{0, 3} {
		gate := filepath.Join(t.TempDir(), "gate")
		s.mustRun("pipeline", "start", "pods", "--var", "gate="+gate)
		s.eventually("the pod writes", func() error {
			last = mustJSON[[]fairlead.Run](s, "pipeline", "runs", "pods")[0]
			if log := s.mustRun("run", "logs", last.ID, "work"); !strings.Contains(log, "token") {
				return errors.New(log)
			}
			return nil
		})
		if _, err := s.run("", "target", "remove", "cluster"); err == nil || !strings.Contains(err.Error(), "runs containers of the runs "+last.ID) {
			t.Errorf("the target was removed under a container: %v", err)
		}
		if code == 0 {
			s.kill()
		}
		if err := os.WriteFile(gate, fmt.Append(nil, code), 0o600); err != nil {
			t.Fatal(err)
		}
		if code == 0 {
			s.start()
		}
		s.eventually("the run has ended", func() error {
			if last = mustJSON[fairlead.Run](s, "run", "show", last.ID); !fairlead.RunMoves.Final(last.State) {
				return errors.New(string(last.State))
			}
			return nil
		})
		if got := last.Stages[0].ExitCode; got == nil || *got != code || (last.State == fairlead.RunSucceeded) != (code == 0) {
			t.Errorf("want exit code %d: %+v", code, last)
		}
		log := s.mustRun("run", "logs", last.ID, "work")
		if lines := regexp.MustCompile(`(?m)(began|token .*|\] over)$`).FindAllString(log, -1); strings.Join(lines, ",") != "began,token "+fairlead.Masked+",] over" {
			t.Errorf("lines %q of the log:\n%s", lines, log)
		}
		if tail := strings.Split(strings.TrimSpace(s.mustRun("run", "logs", last.ID, "work", "--tail", "2")), "\n"); len(tail) != 2 || !strings.HasSuffix(tail[0], "over") {
			t.Errorf("the last two lines: %q", tail)
		}
	}
	if !strings.Contains(last.Stages[0].Message, "ended with exit code 3; the last line of its output: over") {
		t.Errorf("message %q", last.Stages[0].Message)
	}
}
