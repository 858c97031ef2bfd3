package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/internal/pipeline"
)

func newPipelineCommand(a *app) *cobra.Command {
	return newGroup("pipeline", "Stages that deploy images, started by hand or by messages",
		newPipelineApplyCommand(a), newPipelineListCommand(a), newPipelineGetCommand(a),
		newPipelineStartCommand(a), newPipelineRunsCommand(a), newPipelineMessagesCommand(a),
		newWebhookCommand(a), newPipelineCreateCommand(a), newPipelineExportCommand(a), newPipelineSchemaCommand(a), newPipelineDeleteCommand(a))
}

func newPipelineSchemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Write the JSON Schema of the pipeline file, for editors; no server needed",
		Example: "  fairlead pipeline schema > pipeline.schema.json",
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(pipeline.Schema())
			return err
		},
	}
}

// maxPipeline bounds what is read of a file; the server has the limit that counts.
const maxPipeline = 16 << 20

func newPipelineApplyCommand(a *app) *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use: "apply", Short: "Store a pipeline file: a new pipeline, or a new revision of the one with its name",
		Example: "  fairlead pipeline apply -f pipeline.yaml",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			if len(files) == 0 {
				return usage(cmd, "-f FILE is missing")
			}
			for _, file := range files {
				if err := a.applyPipeline(cmd, c, file); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	cmd.Flags().StringArrayVarP(&files, "file", "f", nil, "pipeline file, - for the input; may be repeated")
	addOutput(cmd)
	return cmd
}

func (a *app) applyPipeline(cmd *cobra.Command, c *client.Client, file string) error {
	src, err := a.readFile(file, maxPipeline)
	if err != nil {
		return err
	}
	name, err := pipelineName(file, src)
	if err != nil {
		return err
	}
	p, err := c.ApplyPipeline(cmd.Context(), client.PipelineFile{Name: name, Filename: filepath.Base(file), Source: src})
	if err != nil {
		return inFile(err, file)
	}
	return a.view(cmd).show(p, func(out *printer) {
		out.linef("pipeline %s was stored: revision %d, %s", p.Name, p.Revision, plural(len(p.Spec.Stages), "stage"))
	})
}

// pipelineName finds the name that a file gives its pipeline. The server checks the rest; a file without a readable name
// is checked here, to tell all that is wrong with it.
func pipelineName(file string, src []byte) (string, error) {
	var named struct {
		Name string `yaml:"name"`
	}
	if err := yaml.Unmarshal(src, &named); err == nil && named.Name != "" {
		return named.Name, nil
	}
	_, diags := pipeline.Parse(file, src)
	if err := diags.Err(file); err != nil {
		return "", err
	}
	return "", fairlead.Errorf(fairlead.Invalid, "%s: the pipeline has no name", file)
}

func newPipelineListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the pipelines", RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		return showList(a.view(cmd), c.Pipelines(cmd.Context()), []string{"NAME", "GROUP", "RUNS", "LAST RUN", "UPDATED", "DESCRIPTION"},
			func(p fairlead.Pipeline, out *printer) []string {
				last := "-"
				if p.LastRun != nil {
					last = fmt.Sprintf("#%d %s", p.LastRun.Number, p.LastRun.State)
				}
				return []string{p.Name, p.Group, fmt.Sprint(p.Runs), last, out.ago(p.UpdatedAt), orDash(p.Description)}
			})
	})}
	addOutput(cmd)
	return cmd
}

func newPipelineGetCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "get NAME", Short: "Show a pipeline and the addresses of its webhooks; -o yaml gives the file as it was applied",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			p, err := c.Pipeline(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			v := a.view(cmd)
			if v.format == formatYAML {
				_, err := io.WriteString(a.out, p.Source)
				return err
			}
			return v.show(p, func(out *printer) { printPipeline(out, p) })
		}),
	}
	addOutput(cmd)
	return cmd
}

func printPipeline(out *printer, p fairlead.Pipeline) {
	last := ""
	if p.LastRun != nil {
		last = fmt.Sprintf("#%d %s (%s)", p.LastRun.Number, p.LastRun.State, p.LastRun.ID)
	}
	out.fields("Pipeline", p.Name, "Group", p.Group, "Description", p.Description, "Revision", fmt.Sprint(p.Revision),
		"Concurrency", string(p.Spec.Concurrency), "Runs", fmt.Sprint(p.Runs), "Last run", last,
		"Created", out.ago(p.CreatedAt), "Updated", out.ago(p.UpdatedAt)+by(p.UpdatedBy), "Being deleted", strings.TrimSpace(by(p.DeletedBy)))
	if len(p.Spec.Variables) > 0 {
		t := table{}
		for _, v := range p.Spec.Variables {
			t = append(t, []string{v.Name, literal(v.Value), v.Description})
		}
		out.section("Variables", t)
	}
	stages := table{}
	for _, s := range p.Spec.Stages {
		what := ""
		if s.Deploy != nil {
			what = "stack " + s.Deploy.Stack
		}
		stages = append(stages, []string{s.Name, string(s.Type), what})
	}
	out.section("Stages", stages)
	if len(p.Webhooks) > 0 {
		t := table{}
		for _, w := range p.Webhooks {
			note := w.Signature
			if w.Disabled {
				note = strings.TrimPrefix(note+", disabled", ", ")
			}
			t = append(t, []string{w.Condition, "POST " + w.URL, note})
		}
		out.section("Webhooks", t)
	}
}

func newPipelineStartCommand(a *app) *cobra.Command {
	var vars []string
	var wait bool
	cmd := &cobra.Command{
		Use: "start NAME", Short: "Start a run",
		Example: "  fairlead pipeline start shop --var tag=1.1 --wait",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			variables, err := pairs(cmd, "--var", vars)
			if err != nil {
				return err
			}
			run, err := c.StartPipeline(cmd.Context(), args[0], variables)
			if err != nil {
				return err
			}
			return a.started(cmd, c, run, wait)
		}),
	}
	cmd.Flags().StringArrayVar(&vars, "var", nil, "value of a variable for this run as NAME=VALUE; may be repeated")
	addWait(cmd, &wait)
	addOutput(cmd)
	return cmd
}

// started ends a command that started a run: at once, or when the run has ended.
func (a *app) started(cmd *cobra.Command, c *client.Client, run fairlead.Run, wait bool) error {
	v := a.view(cmd)
	if !wait {
		return v.show(run, func(p *printer) {
			p.linef("run %d of pipeline %s: %s; see: fairlead run logs %s -f", run.Number, run.Pipeline, run.State, run.ID)
		})
	}
	run, err := a.waitRun(cmd.Context(), c, run, v)
	if err != nil {
		return err
	}
	if run.State == fairlead.RunHeld {
		return v.unsuccessful(run, fmt.Sprintf("run %d of pipeline %s is held", run.Number, run.Pipeline), run.WaitingFor, "fairlead run show "+run.ID)
	}
	ended := fmt.Sprintf("run %d of pipeline %s %s after %s", run.Number, run.Pipeline, run.State, (&printer{now: v.now}).took(&run.CreatedAt, run.EndedAt))
	if run.State != fairlead.RunSucceeded {
		return v.unsuccessful(run, ended, run.Message, "fairlead run show "+run.ID)
	}
	return v.show(run, func(p *printer) { p.line(ended) })
}

func newPipelineRunsCommand(a *app) *cobra.Command {
	var f client.RunFilter
	cmd := &cobra.Command{Use: "runs NAME", Short: "List the runs of a pipeline, newest first", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		return showList(a.view(cmd), c.FindRuns(cmd.Context(), args[0], f), []string{"ID", "RUN", "STATE", "CAUSE", "STARTED", "TOOK", "MESSAGE"},
			func(r fairlead.Run, p *printer) []string {
				return []string{r.ID, fmt.Sprintf("#%d", r.Number), string(r.State), r.Cause + by(r.By), p.ago(r.CreatedAt), p.took(r.StartedAt, r.EndedAt), orDash(cmp.Or(r.WaitingFor, r.Message))}
			})
	})}
	cmd.Flags().StringVar(&f.State, "state", "", "only runs in a state, such as held or failed")
	cmd.Flags().StringVar(&f.By, "by", "", "only runs that a user started")
	cmd.Flags().StringVar(&f.Cause, "cause", "", "only runs that something started: manual, webhook, channel, image, schedule, retry")
	cmd.Flags().StringVar(&f.Since, "since", "", "only runs made at or after a time such as 2026-01-31T08:00:00Z")
	cmd.Flags().StringVar(&f.Until, "until", "", "only runs made before a time")
	addOutput(cmd)
	return cmd
}

func newPipelineDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "delete NAME", Short: "Remove a pipeline that does not run", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		if err := c.DeletePipeline(cmd.Context(), args[0]); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "pipeline %s was deleted\n", args[0])
		return nil
	})}
}

func newPipelineMessagesCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "messages NAME", Short: "List what arrived for the trigger conditions of a pipeline, and what it did or why not",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			return showList(a.view(cmd), c.Messages(cmd.Context(), args[0]), []string{"RECEIVED", "CONDITION", "FROM", "RESULT", "RUN", "REASON", "PARAMETERS"},
				func(m fairlead.Message, p *printer) []string {
					return []string{p.ago(m.ReceivedAt), m.Condition, strings.TrimSpace(m.Kind + " " + m.Source), string(m.Result), orDash(m.Run), orDash(m.Reason), orDash(parameters(m.Params))}
				})
		}),
	}
	addOutput(cmd)
	return cmd
}

func newWebhookCommand(a *app) *cobra.Command {
	return newGroup("webhook", "The address and the secret of a webhook",
		newWebhookChangeCommand(a, "rotate", "Give a webhook a new address; the old one is gone at once", client.WebhookChange{Rotate: true}),
		newWebhookChangeCommand(a, "secret", "Give a webhook that checks signatures a new secret", client.WebhookChange{NewSecret: true}),
		newWebhookChangeCommand(a, "disable", "Refuse the messages of a webhook", client.WebhookChange{Disabled: new(true)}),
		newWebhookChangeCommand(a, "enable", "Accept the messages of a webhook again", client.WebhookChange{Disabled: new(false)}))
}

func newWebhookChangeCommand(a *app, name, short string, change client.WebhookChange) *cobra.Command {
	cmd := &cobra.Command{
		Use: name + " PIPELINE CONDITION", Short: short, Example: "  fairlead pipeline webhook " + name + " shop start.conditions[0]",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			change.Condition = args[1]
			w, err := c.ChangeWebhook(cmd.Context(), args[0], change)
			if err != nil {
				return err
			}
			return a.view(cmd).show(w, func(p *printer) {
				p.fields("Webhook", w.Condition, "Address", "POST "+w.URL, "Signature", w.Signature, "Secret", w.Secret, "Disabled", map[bool]string{true: "yes"}[w.Disabled])
			})
		}),
	}
	addOutput(cmd)
	return cmd
}
