package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newRunCommand(a *app) *cobra.Command {
	return newGroup("run", "Executions of pipelines", newRunShowCommand(a), newRunLogsCommand(a), newRunStopCommand(a),
		newRunRetryCommand(a), newRunRollbackCommand(a), newRunAnswerCommand(a, "approve", "Approve what a review asks for", true),
		newRunAnswerCommand(a, "reject", "Reject what a review asks for", false), newRunDiffCommand(a),
		newRunNotificationsCommand(a), newRunResendCommand(a))
}

func newRunShowCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "show ID", Short: "Show a run with its stages", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		run, err := c.Run(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.view(cmd).show(run, func(p *printer) { printRun(p, run) })
	})}
	addOutput(cmd)
	return cmd
}

func printRun(p *printer, run fairlead.Run) {
	state := string(run.State)
	if run.Stopping {
		state += ", stopping"
	}
	p.fields("Run", run.ID, "Pipeline", fmt.Sprintf("%s #%d", run.Pipeline, run.Number), "State", state, "Waits for", run.WaitingFor, "Message", run.Message,
		"Cause", run.Cause+by(run.By), "Created", p.ago(run.CreatedAt), "Took", p.took(run.StartedAt, run.EndedAt))
	if len(run.Variables) > 0 {
		t := table{}
		for _, name := range sortedKeys(run.Variables) {
			t = append(t, []string{name, literal(run.Variables[name])})
		}
		p.section("Variables", t)
	}
	stages, images := table{}, table{}
	for _, s := range run.Stages {
		stages = append(stages, []string{s.Name, string(s.State), p.took(s.StartedAt, s.EndedAt), cmp.Or(s.Stack, s.Container), s.Message})
		for _, i := range s.Images {
			images = append(images, []string{i.Name, i.Image, i.Digest})
		}
	}
	p.section("Stages", stages)
	if len(images) > 0 {
		p.section("Images", images)
	}
	printReviews(p, run)
}

func newRunStopCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "stop ID", Short: "End a run; what its stages made stays", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		run, err := c.StopRun(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.view(cmd).show(run, func(p *printer) {
			p.linef("run %d of pipeline %s is stopping; see: fairlead run show %s", run.Number, run.Pipeline, run.ID)
		})
	})}
	addOutput(cmd)
	return cmd
}
