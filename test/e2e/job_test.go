package e2e_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

// jobsPipeline runs the program of the image as a job before the deployment; file is what the job reads.
const jobsPipeline = `
name: jobs
variables: [{name: file, value: ""}]
stages:
  - name: check
    type: job
    images: [{name: app, image: "demo/web:1.0"}]
    job: {image: "${image.app}", command: [/fairlead, template, validate, "${file}"], env: {A: b}, memory: 256Mi}
    timeout: 5m
  - name: deploy
    type: template-deploy
    images: [{name: app, image: "demo/web:1.0"}]
    deploy: {tool: aos, stack: config, create: true, template: config, version: "1.0", parameters: {image: "${image.app}", version: blue}}
    timeout: 5m
`

// TestJobBeforeDeploy runs a container of the pushed image on a real engine: when it fails nothing is deployed.
func TestJobBeforeDeploy(t *testing.T) {
	mustEngine(t)
	s := newServer(t)
	s.pushImage("1.0")
	s.mustRun("template", "push", "config", "1.0", s.writeFile("config.yaml", configTemplate))
	s.mustRun("pipeline", "apply", "-f", s.writeFile("jobs.yaml", jobsPipeline))

	out, err := s.run("", "pipeline", "start", "jobs", "--var", "file=/nowhere.yaml", "--wait")
	if err == nil {
		t.Fatalf("a failed job is no failure:\n%s", out)
	}
	run := mustJSON[[]fairlead.Run](s, "pipeline", "runs", "jobs")[0]
	check := run.Stages[0]
	if run.State != fairlead.RunFailed || check.ExitCode == nil || *check.ExitCode != 1 || run.Stages[1].State != fairlead.StageSkipped {
		t.Errorf("run %+v", run)
	}
	// It writes its finding to one stream and the sum to the other; which of the two comes last nobody can tell.
	if !regexp.MustCompile(`ended with exit code 1; the last line of its output: (1 file: 1 error|/nowhere\.yaml: error: )`).MatchString(check.Message) {
		t.Errorf("message %q", check.Message)
	}
	if log := s.mustRun("run", "logs", run.ID, "check", "--search", "NOWHERE"); !strings.Contains(log, "/nowhere.yaml") {
		t.Errorf("log:\n%s", log)
	}
	if out, err := s.run("", "stack", "show", "config"); err == nil {
		t.Errorf("something was deployed:\n%s", out)
	}
}
