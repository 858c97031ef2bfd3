package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newRunRetryCommand(a *app) *cobra.Command {
	var vars []string
	var wait bool
	cmd := &cobra.Command{
		Use: "retry ID STAGE", Short: "Try a held stage again, or repeat an ended run from a stage on",
		Example: "  fairlead run retry 0199... deploy --var tag=1.2 --wait",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			variables, err := pairs(cmd, "--var", vars)
			if err != nil {
				return err
			}
			run, err := c.RetryRun(cmd.Context(), args[0], args[1], variables)
			if err != nil {
				return err
			}
			return a.started(cmd, c, run, wait)
		}),
	}
	cmd.Flags().StringArrayVar(&vars, "var", nil, "value of a variable from here on as NAME=VALUE; may be repeated")
	addWait(cmd, &wait)
	addOutput(cmd)
	return cmd
}

func newRunRollbackCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "rollback ID STAGE", Short: "Take the stack of a held stage back to its last good state", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		run, err := c.RollbackRun(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		return a.view(cmd).show(run, func(p *printer) { p.linef("the stack is being taken back; see: fairlead run logs %s -f", run.ID) })
	})}
	addOutput(cmd)
	return cmd
}

func newRunAnswerCommand(a *app, name, short string, approve bool) *cobra.Command {
	var answer client.ReviewAnswer
	cmd := &cobra.Command{Use: name + " ID STAGE", Short: short, RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		answer.Stage, answer.Approve = args[1], approve
		run, err := c.AnswerReview(cmd.Context(), args[0], answer)
		if err != nil {
			return err
		}
		return a.view(cmd).show(run, func(p *printer) {
			p.linef("run %d of pipeline %s is %s", run.Number, run.Pipeline, run.State)
			if run.WaitingFor != "" {
				p.line(run.WaitingFor)
			}
		})
	})}
	cmd.Flags().StringVar(&answer.Comment, "comment", "", "why")
	if approve {
		cmd.Flags().StringVar(&answer.Hash, "hash", "", "hash of the preview that you saw, as run show gives it; another preview is refused")
	}
	addOutput(cmd)
	return cmd
}

func newRunDiffCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "diff A B", Short: "Compare two runs: variables, images, template versions, times, outcome", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		d, err := c.CompareRuns(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		return a.view(cmd).show(d, func(p *printer) { printDiff(p, d) })
	})}
	addOutput(cmd)
	return cmd
}

func printDiff(p *printer, d fairlead.RunDiff) {
	name := func(r fairlead.Run) string { return fmt.Sprintf("%s #%d %s", r.Pipeline, r.Number, r.State) }
	p.fields("A", name(d.A), "B", name(d.B), "Took", p.took(d.A.StartedAt, d.A.EndedAt)+" / "+p.took(d.B.StartedAt, d.B.EndedAt))
	value := func(v *string) string {
		if v == nil {
			return "-"
		}
		return literal(*v)
	}
	if len(d.Variables) > 0 {
		t := table{}
		for _, v := range d.Variables {
			t = append(t, []string{v.Name, value(v.A), value(v.B)})
		}
		p.section("Variables", t)
	}
	t := table{}
	for _, s := range d.Stages {
		t = append(t, []string{s.Name, "time", s.TookA.String(), s.TookB.String()})
		for _, v := range s.Diffs {
			t = append(t, []string{s.Name, v.Name, value(v.A), value(v.B)})
		}
	}
	p.section("Stages", t)
}

// printReviews shows what each review waits for, and the preview that its answer is about.
func printReviews(p *printer, run fairlead.Run) {
	for _, s := range run.Stages {
		if s.Review == nil {
			continue
		}
		t := table{}
		for _, v := range s.Review.Votes {
			said := "rejected"
			if v.Approve {
				said = "approved"
			}
			t = append(t, []string{v.User, said, p.ago(v.At), v.Comment})
		}
		if len(t) > 0 {
			p.section("Answers to "+s.Name, t)
		}
		preview := s.Review.Preview
		if preview == nil {
			continue
		}
		t = table{{"stage", preview.Stage}, {"stack", preview.Stack}}
		for _, op := range preview.Operations {
			t = append(t, []string{string(op.Verb), op.Element})
		}
		if preview.Problem != "" {
			t = append(t, []string{"no preview", preview.Problem})
		} else {
			t = append(t, []string{"hash", preview.Hash})
		}
		p.section("Preview for "+s.Name, t)
	}
}
