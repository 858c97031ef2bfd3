package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newStackCommand(a *app) *cobra.Command {
	return newGroup("stack", "Templates made real on a target",
		newStackPreviewCommand(a), newStackCreateCommand(a), newStackUpgradeCommand(a),
		newStackRollbackCommand(a), newStackRetryCommand(a), newStackCancelCommand(a), newStackDeleteCommand(a),
		newStackListCommand(a), newStackShowCommand(a), newStackElementsCommand(a), newStackOutputsCommand(a),
		newStackEventsCommand(a), newStackActionsCommand(a), newStackHistoryCommand(a), newStackDriftCommand(a),
		newStackUpdateCommand(a), newStackCopyCommand(a), newStackExportCommand(a))
}

func newStackListCommand(a *app) *cobra.Command {
	var f client.StackFilter
	cmd := &cobra.Command{Use: "list", Short: "List the stacks",
		Example: "  fairlead stack list -l team=web --status abnormal",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			return showList(a.view(cmd), c.FindStacks(cmd.Context(), f), []string{"NAME", "STATUS", "HEALTH", "TEMPLATE", "TARGET", "NAMESPACE", "UPDATED", "LABELS"},
				func(s fairlead.Stack, p *printer) []string {
					return []string{s.Name, string(s.Status), orDash(string(s.Health)), s.Template + "@" + s.Version, s.Target, orDash(s.Namespace),
						p.ago(s.UpdatedAt), orDash(labelText(s.Labels))}
				})
		})}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.Labels, "label", "l", nil, "only those with this label, as KEY=VALUE or KEY; may be repeated")
	flags.StringVar(&f.Status, "status", "", "only those that are pending, processing, running or abnormal")
	flags.StringVarP(&f.Template, "template", "t", "", "only those of this template")
	flags.StringVar(&f.Target, "target", "", "only those on this target")
	flags.StringVar(&f.Search, "search", "", "only those with this in their name")
	addOutput(cmd)
	return cmd
}

// labelText is labels on one line: "team=web,tier=2".
func labelText(labels map[string]string) string {
	var parts []string
	for _, k := range sortedKeys(labels) {
		parts = append(parts, k+"="+labels[k])
	}
	return strings.Join(parts, ",")
}

func newStackShowCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "show NAME", Short: "Show a stack with its inputs and outputs", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		s, err := c.Stack(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.view(cmd).show(s, func(p *printer) { printStack(p, s) })
	})}
	addOutput(cmd)
	return cmd
}

func printStack(p *printer, s fairlead.Stack) {
	reason := "Reason"
	if s.Status == fairlead.StackRunning {
		reason = "Last action" // did not work, and was rolled back
	}
	p.fields("Stack", s.Name, "Description", s.Description, "Status", string(s.Status), "Health", string(s.Health), reason, s.Reason,
		"Template", s.Template+"@"+s.Version, "Target", s.Target, "Namespace", s.Namespace, "Labels", labelText(s.Labels),
		"Protected", protection(s), "Part of stack", s.Parent, "Action", s.Action, "Revision", strconv.FormatInt(s.Revision, 10),
		"Created", strings.TrimSpace(p.ago(s.CreatedAt)+by(s.CreatedBy)), "Updated", p.ago(s.UpdatedAt))
	if len(s.Inputs) > 0 {
		var t table
		for _, name := range sortedKeys(s.Inputs) {
			t = append(t, []string{name, literal(s.Inputs[name])})
		}
		p.section("Inputs", t)
	}
	if len(s.Outputs) > 0 {
		p.section("Outputs", outputTable(s.Outputs))
	}
	if s.Status == fairlead.StackAbnormal {
		p.section("What you can do", table{
			{"fairlead stack elements " + s.Name, "see which elements are not as wanted"},
			{"fairlead stack retry " + s.Name, "do the last action again where it failed"},
			{"fairlead stack upgrade " + s.Name + " ...", "go on with other inputs or another version"},
			{"fairlead stack rollback " + s.Name, "go back to the last version that worked, or to nothing if there never was one"},
			{"fairlead stack delete " + s.Name, "remove what was made"},
		})
	}
}

func protection(s fairlead.Stack) string {
	if s.Protected {
		return "yes; fairlead stack update " + s.Name + " --unprotect takes that off"
	}
	return ""
}

func outputTable(outputs []fairlead.Output) table {
	var t table
	for _, o := range outputs {
		t = append(t, []string{o.Name, literal(o.Value), o.Description})
	}
	return t
}

func newStackElementsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "elements NAME", Short: "List what was made for a stack", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		return showList(a.view(cmd), c.StackElements(cmd.Context(), args[0]), []string{"ELEMENT", "TYPE", "STATE", "HEALTH", "REQUIRES", "UPDATED", "REASON"},
			func(r fairlead.Record, p *printer) []string {
				return []string{r.Element, r.Type, string(r.State), orDash(string(r.Health)), orDash(strings.Join(r.Requires, ",")), p.ago(r.UpdatedAt), orDash(r.Reason)}
			})
	})}
	addOutput(cmd)
	return cmd
}

func newStackOutputsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "outputs NAME", Short: "List the outputs of a stack", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		return showList(a.view(cmd), c.StackOutputs(cmd.Context(), args[0]), []string{"NAME", "VALUE", "DESCRIPTION"},
			func(o fairlead.Output, _ *printer) []string {
				return []string{o.Name, literal(o.Value), orDash(o.Description)}
			})
	})}
	addOutput(cmd)
	return cmd
}

func newStackActionsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "actions NAME", Short: "List what was done to a stack, newest first", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		return showList(a.view(cmd), c.StackActions(cmd.Context(), args[0]), []string{"ID", "ACTION", "STATE", "TEMPLATE", "STARTED", "TOOK", "BY", "COMMENT", "MESSAGE"},
			func(act fairlead.Action, p *printer) []string {
				ref := orDash(act.Template)
				if act.Version != "" {
					ref += "@" + act.Version
				}
				return []string{act.ID, string(act.Verb), string(act.State), ref, p.ago(act.CreatedAt), p.took(act.StartedAt, act.EndedAt), orDash(act.By), orDash(act.Comment), orDash(act.Message)}
			})
	})}
	addOutput(cmd)
	return cmd
}

func newStackEventsCommand(a *app) *cobra.Command {
	var follow bool
	cmd := &cobra.Command{Use: "events NAME", Short: "List the events of a stack", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		v := a.view(cmd)
		if !follow {
			return showList(v, c.StackEvents(cmd.Context(), args[0]), []string{"TIME", "TYPE", "PART", "MESSAGE"}, eventRow)
		}
		if _, err := c.Stack(cmd.Context(), args[0]); err != nil {
			return err // a stream of a stack that does not exist would be silent for ever
		}
		for e, err := range c.FollowEvents(cmd.Context(), client.EventFilter{Kind: "stack", Name: args[0]}) {
			if err != nil {
				return err
			}
			if err := v.stream(e, func(p *printer) { p.line(eventLine(e)) }); err != nil {
				return err
			}
		}
		return nil
	})}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with the events that come, until Ctrl-C")
	addOutput(cmd)
	return cmd
}

func eventRow(e fairlead.Event, p *printer) []string {
	return []string{p.ago(e.Time), e.Type, orDash(e.Part), e.Message}
}

const clockLayout = "15:04:05"

func eventLine(e fairlead.Event) string {
	return e.Time.Local().Format(clockLayout) + "  " + e.Message
}

func newStackCancelCommand(a *app) *cobra.Command {
	var wait bool
	cmd := &cobra.Command{Use: "cancel NAME", Short: "End the action in flight between two elements", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		action, err := c.CancelStack(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.begun(cmd, c, action, wait, fairlead.ActionCanceled)
	})}
	addWait(cmd, &wait)
	addOutput(cmd)
	return cmd
}

func addWait(cmd *cobra.Command, wait *bool) {
	cmd.Flags().BoolVarP(wait, "wait", "w", false, "show the progress and wait for the end; Ctrl-C stops only the waiting")
}

func by(user string) string {
	if user == "" {
		return ""
	}
	return " by " + user
}

// begun ends a command that began an action, or asked for its end: at once, or when the action has ended. Then every state
// but the wanted one is a failure.
func (a *app) begun(cmd *cobra.Command, c *client.Client, action fairlead.Action, wait bool, want fairlead.ActionState) error {
	v := a.view(cmd)
	if !wait {
		does := "began"
		if action.Canceling {
			does = "is being canceled"
		}
		return v.show(action, func(p *printer) {
			p.linef("stack %s: %s %s; see: fairlead stack events %s -f", action.Stack, action.Verb, does, action.Stack)
		})
	}
	action, err := a.waitAction(cmd.Context(), c, action, v)
	if err != nil {
		return err
	}
	var outputs []fairlead.Output
	if v.format == formatText && action.State == fairlead.ActionSucceeded && action.Verb != fairlead.VerbDelete {
		if outputs, err = client.Collect(c.StackOutputs(cmd.Context(), action.Stack)); err != nil {
			return err
		}
	}
	ended := fmt.Sprintf("stack %s: %s %s after %s", action.Stack, action.Verb, action.State, (&printer{now: v.now}).took(&action.CreatedAt, action.EndedAt))
	if action.State != want {
		return v.unsuccessful(action, ended, action.Message, "fairlead stack show "+action.Stack)
	}
	return v.show(action, func(p *printer) {
		p.line(ended)
		if action.Message != "" { // what was left on the target
			p.painted(yellow, "note: "+action.Message)
		}
		if len(outputs) > 0 {
			p.section("Outputs", outputTable(outputs))
		}
	})
}
