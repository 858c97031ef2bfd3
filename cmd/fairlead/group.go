package main

import (
	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newGroupCommand(a *app) *cobra.Command {
	return newGroup("group", "Groups of pipelines", newGroupCreateCommand(a), newGroupListCommand(a))
}

func newGroupCreateCommand(a *app) *cobra.Command {
	var description string
	cmd := &cobra.Command{Use: "create NAME", Short: "Make a pipeline group", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		g, err := c.CreateGroup(cmd.Context(), args[0], description)
		if err != nil {
			return err
		}
		return a.view(cmd).show(g, func(p *printer) { p.linef("group %s was made", g.Name) })
	})}
	cmd.Flags().StringVar(&description, "description", "", "what the group is for")
	addOutput(cmd)
	return cmd
}

func newGroupListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the pipeline groups", RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		return showList(a.view(cmd), c.Groups(cmd.Context()), []string{"NAME", "CREATED", "DESCRIPTION"},
			func(g fairlead.Group, p *printer) []string {
				return []string{g.Name, p.ago(g.CreatedAt), orDash(g.Description)}
			})
	})}
	addOutput(cmd)
	return cmd
}
