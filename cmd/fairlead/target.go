package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newTargetCommand(a *app) *cobra.Command {
	return newGroup("target", "Where stacks are made: container engines",
		newTargetAddCommand(a), newTargetListCommand(a), newTargetCheckCommand(a), newTargetRemoveCommand(a))
}

func newTargetAddCommand(a *app) *cobra.Command {
	var kind, host string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a target", Example: "  fairlead target add build-box --kind engine --host unix:///run/podman/podman.sock",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			t, err := c.CreateTarget(cmd.Context(), args[0], fairlead.TargetKind(kind), host)
			if err != nil {
				return err
			}
			return a.view(cmd).show(t, func(p *printer) { p.linef("target %s was added: %s %s", t.Name, t.Kind, t.Host) })
		}),
	}
	cmd.Flags().StringVar(&kind, "kind", string(fairlead.TargetEngine), "what it is: engine (Docker or Podman)")
	cmd.Flags().StringVar(&host, "host", "", "address of the engine as the server sees it, such as unix:///var/run/docker.sock")
	addOutput(cmd)
	return cmd
}

func newTargetListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the targets", RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		return showList(a.view(cmd), c.Targets(cmd.Context()), []string{"NAME", "KIND", "HOST", "CREATED"},
			func(t fairlead.Target, p *printer) []string {
				return []string{t.Name, string(t.Kind), orDash(t.Host), p.ago(t.CreatedAt)}
			})
	})}
	addOutput(cmd)
	return cmd
}

func newTargetCheckCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "check NAME", Short: "Look whether a target answers; exit 1 when not", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		check, err := c.CheckTarget(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		err = a.view(cmd).show(check, func(p *printer) {
			p.fields("Target", check.Target, "Answers", yesNo(check.OK), "Version", check.Version, "Message", check.Message)
		})
		if err == nil && !check.OK {
			err = shown{exitFailed}
		}
		return err
	})}
	addOutput(cmd)
	return cmd
}

func newTargetRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "remove NAME", Short: "Remove a target that no stack uses", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		if err := c.DeleteTarget(cmd.Context(), args[0]); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "target %s was removed\n", args[0])
		return nil
	})}
}
