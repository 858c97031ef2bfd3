package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// stepFlags are those of what begins an action that says itself where it goes.
type stepFlags struct {
	client.StackStep
	onFailure string
	timeout   time.Duration
	wait      bool
}

func (f *stepFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.onFailure, "on-failure", "", "what a failure leaves: keep (what was made stays) or rollback")
	flags.DurationVar(&f.timeout, "timeout", 0, "how long the action may take, such as 60m")
	flags.StringVar(&f.Comment, "comment", "", "why, for the record")
	addRevision(cmd, &f.IfRevision)
	addWait(cmd, &f.wait)
	addOutput(cmd)
}

func (f *stepFlags) step(cmd *cobra.Command) (client.StackStep, error) {
	f.OnFailure, f.Timeout = fairlead.OnFailure(f.onFailure), fairlead.Duration(f.timeout)
	if f.onFailure != "" && f.OnFailure != fairlead.Keep && f.OnFailure != fairlead.Rollback {
		return f.StackStep, usage(cmd, "--on-failure %q: want keep or rollback", f.onFailure)
	}
	if f.timeout < 0 {
		return f.StackStep, usage(cmd, "--timeout %s: want a span such as 60m", f.timeout)
	}
	return f.StackStep, nil
}

func newStackRollbackCommand(a *app) *cobra.Command {
	var f stepFlags
	cmd := &cobra.Command{
		Use: "rollback NAME", Short: "Bring a stack back to a version that worked",
		Long: `Bring a stack back to its last version that worked, whatever the last action was and however it ended. A stack that is in
that version goes to the one before; a rollback of a rollback takes it back. A stack that never worked goes back to nothing: what was made of
it is deleted. --to goes to any good state that "stack history" lists.`,
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			s, err := f.step(cmd)
			if err != nil {
				return err
			}
			action, err := c.RollbackStack(cmd.Context(), args[0], s)
			if err != nil {
				return err
			}
			return a.begun(cmd, c, action, f.wait, fairlead.ActionSucceeded)
		}),
	}
	cmd.Flags().Int64Var(&f.To, "to", 0, "good state to go to, see stack history")
	cmd.Flags().StringVar(&f.Preview, "preview", "", "hash that a preview showed: refuse to do anything else by now")
	f.add(cmd)
	return cmd
}

func newStackRetryCommand(a *app) *cobra.Command {
	var f stepFlags
	cmd := &cobra.Command{
		Use: "retry NAME", Short: "Do the last action again where it failed",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			s, err := f.step(cmd)
			if err != nil {
				return err
			}
			action, err := c.RetryStack(cmd.Context(), args[0], s)
			if err != nil {
				return err
			}
			return a.begun(cmd, c, action, f.wait, fairlead.ActionSucceeded)
		}),
	}
	f.add(cmd)
	return cmd
}

func newStackDeleteCommand(a *app) *cobra.Command {
	var wait bool
	var d client.StackDeletion
	cmd := &cobra.Command{Use: "delete NAME", Short: "Delete a stack and what was made for it", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		action, err := c.DeleteStack(cmd.Context(), args[0], d)
		if err != nil {
			return err
		}
		return a.begun(cmd, c, action, wait, fairlead.ActionSucceeded)
	})}
	cmd.Flags().BoolVar(&d.Force, "force", false, "forget what cannot be deleted or reached, and say what was left behind")
	cmd.Flags().StringVar(&d.Comment, "comment", "", "why, for the record")
	addRevision(cmd, &d.IfRevision)
	addWait(cmd, &wait)
	addOutput(cmd)
	return cmd
}

func newStackHistoryCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "history NAME", Short: "List the good states that a stack can go back to, newest first",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			return showList(a.view(cmd), c.StackHistory(cmd.Context(), args[0]), []string{"STATE", "TEMPLATE", "REACHED", "BY", "NOTE", "INPUTS"},
				func(s fairlead.GoodState, p *printer) []string {
					var note []string
					if s.Current {
						note = append(note, "current")
					}
					if s.Restores > 0 {
						note = append(note, fmt.Sprintf("back to %d", s.Restores))
					}
					return []string{fmt.Sprint(s.State), s.Template + "@" + s.Version, p.ago(s.At), orDash(s.By), orDash(strings.Join(note, ", ")), orDash(inputText(s.Inputs))}
				})
		})}
	addOutput(cmd)
	return cmd
}

// inputText is inputs on one line.
func inputText(inputs map[string]any) string {
	var parts []string
	for _, k := range sortedKeys(inputs) {
		parts = append(parts, k+"="+truncate(literal(inputs[k]), 40))
	}
	return strings.Join(parts, " ")
}

func newStackUpdateCommand(a *app) *cobra.Command {
	var description string
	var labels []string
	var protect, unprotect bool
	var revision int64
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change a stack's description, labels or protection; nothing on its target",
		Example: "  fairlead stack update shop --label team=web --label old- --protect",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			u := client.StackUpdate{IfRevision: revision}
			if cmd.Flags().Changed("description") {
				u.Description = &description
			}
			if protect && unprotect {
				return usage(cmd, "--protect and --unprotect: want one of them")
			}
			if protect || unprotect {
				u.Protected = &protect
			}
			if len(labels) > 0 {
				u.Labels = map[string]*string{}
			}
			for _, l := range labels {
				k, v, set := strings.Cut(l, "=")
				gone, goes := strings.CutSuffix(l, "-")
				switch {
				case set && k != "":
					u.Labels[k] = &v
				case goes && gone != "":
					u.Labels[gone] = nil
				default:
					return usage(cmd, "--label %q: want KEY=VALUE, or KEY- to take it away", l)
				}
			}
			if u.Description == nil && u.Protected == nil && u.Labels == nil {
				return usage(cmd, "nothing to change: say --description, --label, --protect or --unprotect")
			}
			s, err := c.UpdateStack(cmd.Context(), args[0], u)
			if err != nil {
				return err
			}
			return a.view(cmd).show(s, func(p *printer) { printStack(p, s) })
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&description, "description", "", "what the stack is for")
	flags.StringArrayVarP(&labels, "label", "l", nil, "label as KEY=VALUE, or KEY- to take it away; may be repeated")
	flags.BoolVar(&protect, "protect", false, "refuse deletion, also of elements with data")
	flags.BoolVar(&unprotect, "unprotect", false, "allow deletion again")
	addRevision(cmd, &revision)
	addOutput(cmd)
	return cmd
}

func newStackDriftCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "drift NAME", Short: "Compare what is on the target with what was last applied",
		Long: `Read every element of a stack from its target and tell what differs from what was last applied: values that somebody else changed,
and what is gone. Nothing is changed. The exit code is 0 when nothing differs, and 1 when something does or could not be read.`,
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			d, err := c.StackDrift(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := a.view(cmd).show(d, func(p *printer) { printDrift(p, d) }); err != nil {
				return err
			}
			if d.Drifted || d.Unread > 0 {
				return shown{exitFailed}
			}
			return nil
		}),
	}
	addOutput(cmd)
	return cmd
}

// setByOthers are the elements with single fields that somebody else changed.
func setByOthers(d fairlead.Drift) (elements []string) {
	for _, el := range d.Elements {
		if len(el.Fields) > 0 {
			elements = append(elements, el.Element)
		}
	}
	return elements
}

func printDrift(p *printer, d fairlead.Drift) {
	count := map[fairlead.DriftState]int{}
	for _, el := range d.Elements {
		count[el.State]++
		if el.State == fairlead.DriftSame {
			continue
		}
		c := map[fairlead.DriftState]colour{fairlead.DriftChanged: magenta, fairlead.DriftMissing: red, fairlead.DriftUnread: yellow}[el.State]
		line := fmt.Sprintf("! %s %s  %s", el.Element, el.State, el.Type)
		if el.Reason != "" {
			line += "  (" + el.Reason + ")"
		}
		p.painted(c, line)
		for _, f := range el.Fields {
			p.painted(c, fmt.Sprintf("    %s: applied %s, on the target %s", f.Path, orNothing(f.Before), orNothing(f.Live)))
		}
	}
	if !d.Drifted && d.Unread == 0 {
		p.linef("stack %s: all %s on target %s are as last applied", d.Stack, plural(len(d.Elements), "element"), d.Target)
		return
	}
	p.linef("stack %s: %d changed, %d missing, %d could not be read, %d as last applied", d.Stack, count[fairlead.DriftChanged],
		count[fairlead.DriftMissing], count[fairlead.DriftUnread], count[fairlead.DriftSame])
	if d.Drifted {
		p.linef("fairlead stack upgrade %s sets it back to what the template says", d.Stack)
		if fields := setByOthers(d); len(fields) > 0 {
			p.linef("where a cluster refuses that, because somebody else set the field, with --adopt=%s", strings.Join(fields, ","))
		}
	}
}
