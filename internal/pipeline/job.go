package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/store"
)

// JobBegun tells that the container of a job stage was written down; it is made next.
type JobBegun struct {
	Stage, Attempt               int
	Container, Target, Namespace string
	Images                       []fairlead.ResolvedImage
}

// JobStarted tells that a stage's container was started.
type JobStarted struct{ Stage, Attempt int }

// StartJob makes the first of the jobs that work a stage's container.
type StartJob struct{ Stage, Attempt int }

// Keep has the run stored as it is now; nothing else follows from the event.
type Keep struct{}

func (JobBegun) event()   {}
func (JobStarted) event() {}
func (StartJob) effect()  {}
func (Keep) effect()      {}

func (t *transition) jobBegun(e JobBegun) {
	s := t.running(e.Stage, e.Attempt)
	if s == nil || s.Container != "" {
		return
	}
	s.Container, s.Target, s.Namespace, s.Images, s.Message, s.WaitingFor = e.Container, e.Target, e.Namespace, e.Images, "", ""
	for _, img := range e.Images {
		t.log(s.Name, "stage-image", "image %s is %s with digest %s", img.Name, img.Address, img.Digest)
	}
	t.log(s.Name, "stage-container", "container %s on target %s", e.Container, e.Target)
	t.do(StartJob{Stage: e.Stage, Attempt: e.Attempt})
}

func (t *transition) jobStarted(e JobStarted) {
	s := t.running(e.Stage, e.Attempt)
	if s == nil {
		return
	}
	if !t.run.Stopping {
		s.Message, s.WaitingFor = "", ""
	}
	t.log(s.Name, "stage-container-started", "container %s was started", s.Container)
}

// stopping says that the end of a stage's container is waited for. Whoever works it sees by itself that its stage shall end.
func (t *transition) stopping(i int) {
	s := &t.run.Stages[i]
	s.WaitingFor = "container " + s.Container + " to end, which is being stopped"
	if t.run.Stopping {
		t.run.WaitingFor = t.name(i) + " waits for " + s.WaitingFor
	}
}

// workJob writes the container of a job stage down, together with the new state of the stage and the end of this job.
func (e *Engine) workJob(ctx context.Context, job *river.Job[stageWork], d *deployment) error {
	c, err := e.prepareJob(ctx, d)
	if err != nil {
		return err
	}
	return e.db.Write(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(ctx, d.Run)
		if err != nil {
			return err
		}
		if open(run, d.attempt) {
			if _, err := tx.Target(ctx, c.Target); err != nil {
				return err
			}
			stored := store.StageJob{Run: d.Run, Stage: d.Stage, Attempt: d.Attempt, Container: c, Progress: store.JobProgress{Phase: store.JobPlanned}, Slice: 1}
			if err := tx.CreateStageJob(ctx, &stored); err != nil {
				return err
			}
			event := JobBegun{Stage: d.Stage, Attempt: d.Attempt, Container: c.Name, Target: c.Target, Namespace: c.Namespace, Images: d.images}
			if _, err := e.step(ctx, tx, run, event); err != nil {
				return err
			}
		}
		return store.CompleteJob(ctx, tx, job)
	})
}

// prepareJob finds the images and settles what the container of an attempt is. Nothing is stored or touched.
func (e *Engine) prepareJob(ctx context.Context, d *deployment) (c fairlead.Container, err error) {
	if e.runner == nil {
		return c, fairlead.Errorf(fairlead.Failed, "this server runs no containers")
	}
	values := maps.Clone(d.run.Variables)
	if err := e.resolveImages(ctx, d, values); err != nil {
		return c, err
	}
	var secrets map[string]string
	err = e.db.Read(ctx, func(tx *store.Tx) error { secrets, err = tx.PipelineSecrets(ctx, d.run.Pipeline); return err })
	if err != nil {
		return c, err
	}
	stage := d.run.Stages[d.Stage].Name
	own := *d.spec.Job
	if own.Env, err = fullEnv(&own, stage, secrets); err != nil {
		return c, err
	}
	if c, err = expandJob(&own, values); err != nil {
		return c, err
	}
	var target fairlead.Target
	err = e.db.Read(ctx, func(tx *store.Tx) error { target, err = placeJob(ctx, tx, &c); return err })
	switch {
	case err != nil:
		return c, err
	case target.Kind != fairlead.TargetKubernetes && c.ServiceAccount != "":
		return c, fairlead.Errorf(fairlead.Invalid, "job.service_account: target %s is a container engine, which has no service accounts", target.Name)
	}
	c.Name = containerName(d)
	c.For = fmt.Sprintf("pipeline %s, run %d, stage %s, attempt %d", d.run.Pipeline, d.run.Number, stage, d.Attempt)
	return c, nil
}

// fullEnv is the environment of a job with its secret values.
func fullEnv(job *fairlead.Job, stage string, secrets map[string]string) (map[string]string, error) {
	env := maps.Clone(job.Env)
	for _, name := range job.SecretEnv {
		if env[name] == "" {
			continue
		}
		value, ok := secrets[envPlace(stage, name)]
		if !ok {
			return nil, fairlead.Errorf(fairlead.Invalid, "job.env.%s: the pipeline does not have this secret value any more; start a run of its present file", name)
		}
		env[name] = value
	}
	return env, nil
}

// expandJob replaces the variables in a job and checks what comes of it.
func expandJob(job *fairlead.Job, values map[string]string) (c fairlead.Container, err error) {
	expand := func(key, text string) string {
		out, e := Expand(text, lookup(values))
		if e != nil && err == nil {
			err = fairlead.Errorf(fairlead.Invalid, "job.%s: %w", key, e)
		}
		return out
	}
	c.Stack, c.Target, c.Namespace = expand("stack", job.Stack), expand("target", job.Target), expand("namespace", job.Namespace)
	c.Image, c.CPU, c.Memory, c.ServiceAccount = expand("image", job.Image), expand("cpu", job.CPU), expand("memory", job.Memory), expand("service_account", job.ServiceAccount)
	for i, word := range job.Command {
		c.Command = append(c.Command, expand(item("command", i), word))
	}
	for i, word := range job.Args {
		c.Args = append(c.Args, expand(item("args", i), word))
	}
	for _, name := range slices.Sorted(maps.Keys(job.Env)) {
		if c.Env == nil {
			c.Env = map[string]string{}
		}
		c.Env[name] = expand("env."+name, job.Env[name])
	}
	c.SecretEnv = job.SecretEnv
	if err != nil {
		return c, err
	}
	for _, check := range []func() error{
		func() error { return checkAddress(c.Image) },
		func() error {
			return unlessEmpty(c.CPU, func() error { return checkQuantity("cpu", c.CPU, "500m or 2") })
		},
		func() error {
			return unlessEmpty(c.Memory, func() error { return checkQuantity("memory", c.Memory, "256Mi or 1Gi") })
		},
		func() error {
			return unlessEmpty(c.Namespace, func() error { return fairlead.CheckName("namespace", c.Namespace) })
		},
	} {
		if err := check(); err != nil {
			return c, fairlead.Errorf(fairlead.Invalid, "job: %w", err)
		}
	}
	return c, nil
}

func unlessEmpty(text string, check func() error) error {
	if text == "" {
		return nil
	}
	return check()
}

// placeJob finds where the container runs: where its stack is, or where the job says.
func placeJob(ctx context.Context, tx *store.Tx, c *fairlead.Container) (target fairlead.Target, err error) {
	if c.Stack != "" {
		s, err := tx.Stack(ctx, c.Stack)
		if err != nil {
			return target, err
		}
		for _, f := range []struct{ key, said, has string }{{"target", c.Target, s.Target}, {"namespace", c.Namespace, s.Namespace}} {
			if f.said != "" && f.said != f.has {
				return target, fairlead.Errorf(fairlead.Invalid, "job.%s: stack %s is in %s %s, not in %s; leave it out", f.key, s.Name, f.key, f.has, f.said)
			}
		}
		c.StackID, c.Target, c.Namespace = s.ID, s.Target, s.Namespace
	}
	if target, err = stack.ChooseTarget(ctx, tx, c.Target); err != nil {
		return target, err
	}
	c.Target = target.Name
	if c.Namespace == "" {
		c.Namespace = "default"
	}
	return target, nil
}

// containerName is the name of an attempt's container: no other has it, and people see what it is for. It fits into a label of
// Kubernetes with what a Job adds to the names of its pods.
func containerName(d *deployment) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", d.Run, d.Stage, d.Attempt))
	parts := []string{"job", part(d.run.Pipeline, 16), fmt.Sprint(d.run.Number), part(d.run.Stages[d.Stage].Name, 12), fmt.Sprint(d.Attempt), hex.EncodeToString(sum[:4])}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "-")
}

// part is a text as part of a name: lower-case letters, digits, hyphens.
func part(text string, most int) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r < 0x80:
			return '-'
		}
		return -1
	}, text)
	clean = strings.Trim(clean, "-")
	return strings.Trim(clean[:min(len(clean), most)], "-")
}
