package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newGroupCommand(a *app) *cobra.Command {
	return newGroup("group", "Groups of pipelines, and who may do what in them", newGroupCreateCommand(a), newGroupListCommand(a), newGroupShowCommand(a),
		newGroupUpdateCommand(a), newGroupDeleteCommand(a), newGroupMembersCommand(a), newGroupGrantCommand(a), newGroupRevokeCommand(a))
}

func newGroupCreateCommand(a *app) *cobra.Command {
	var description string
	cmd := &cobra.Command{Use: "create NAME", Short: "Make a pipeline group, which you manage then", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
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
	cmd := &cobra.Command{Use: "list", Short: "List the pipeline groups in which you have a role", RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		return showList(a.view(cmd), c.Groups(cmd.Context()), []string{"NAME", "ROLE", "PIPELINES", "MEMBERS", "CREATED", "DESCRIPTION"},
			func(g fairlead.Group, p *printer) []string {
				return []string{g.Name, orDash(string(g.Role)), strconv.Itoa(g.Pipelines), strconv.Itoa(g.Members), p.ago(g.CreatedAt), orDash(g.Description)}
			})
	})}
	addOutput(cmd)
	return cmd
}

func newGroupShowCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "show NAME", Short: "Show a pipeline group", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		g, err := c.Group(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.view(cmd).show(g, func(p *printer) { showGroup(p, g) })
	})}
	addOutput(cmd)
	return cmd
}

func showGroup(p *printer, g fairlead.Group) {
	p.fields(
		"Group", g.Name,
		"Description", g.Description,
		"Your role", orDash(string(g.Role)),
		"Pipelines", strconv.Itoa(g.Pipelines),
		"Runs at once", limitText(g.Limits.Runs),
		"Members", strconv.Itoa(g.Members),
		"Created", p.ago(g.CreatedAt),
	)
}

func newGroupUpdateCommand(a *app) *cobra.Command {
	var description string
	var runs int
	cmd := &cobra.Command{Use: "update NAME", Short: "Change a pipeline group", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		var change client.GroupChange
		if cmd.Flags().Changed("description") {
			change.Description = &description
		}
		if cmd.Flags().Changed("max-runs") {
			change.Limits = &fairlead.GroupLimits{Runs: runs}
		}
		if change == (client.GroupChange{}) {
			return usage(cmd, "nothing to change; say --description or --max-runs")
		}
		g, err := c.UpdateGroup(cmd.Context(), args[0], change)
		if err != nil {
			return err
		}
		return a.view(cmd).show(g, func(p *printer) { p.linef("group %s was changed", g.Name) })
	})}
	cmd.Flags().StringVar(&description, "description", "", "what the group is for")
	cmd.Flags().IntVar(&runs, "max-runs", 0, "runs of all its pipelines at once; 0 is no limit")
	addOutput(cmd)
	return cmd
}

func newGroupDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "delete NAME", Short: "Remove a pipeline group without pipelines", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		if err := c.DeleteGroup(cmd.Context(), args[0]); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "group %s was removed\n", args[0])
		return nil
	})}
}

func newGroupMembersCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "members NAME", Short: "List who has a role in a pipeline group", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		return showList(a.view(cmd), c.Members(cmd.Context(), args[0]), []string{"USER", "ROLE", "GRANTED BY", "GRANTED"},
			func(m fairlead.Member, p *printer) []string {
				return []string{m.User, string(m.Role), orDash(m.GrantedBy), p.ago(m.GrantedAt)}
			})
	})}
	addOutput(cmd)
	return cmd
}

func newGroupGrantCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "grant GROUP USER ROLE", Short: "Give a user a role in a pipeline group: read, edit or manage",
		Long: `Give a user a role in a pipeline group, in place of the one that the user has:
read to see pipelines and runs and to start them, edit to make and change pipelines too, manage to delete them and to give roles too.
admin is another word for manage.`,
		Example: "  fairlead group grant shop alice edit",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			role, err := fairlead.ParseRole(args[2])
			if err != nil {
				return usage(cmd, "%v", err)
			}
			if err := c.Grant(cmd.Context(), args[0], args[1], role); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "user %s has the role %s in group %s\n", args[1], role, args[0])
			return nil
		}),
	}
}

func newGroupRevokeCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "revoke GROUP USER", Short: "Take a user's role in a pipeline group", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		if err := c.Revoke(cmd.Context(), args[0], args[1]); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "user %s has no role in group %s any more\n", args[1], args[0])
		return nil
	})}
}
