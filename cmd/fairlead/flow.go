package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newFreezeCommand(a *app) *cobra.Command {
	return newGroup("freeze", "Spans of time in which no deploying stage begins", newFreezeCreateCommand(a), newFreezeListCommand(a), newFreezeLiftCommand(a))
}

func newFreezeCreateCommand(a *app) *cobra.Command {
	var group, target, pipeline, from, until, reason string
	var all bool
	var d time.Duration
	cmd := &cobra.Command{
		Use: "create", Short: "Keep deploying stages from beginning for some time",
		Long: `Keep deploying stages from beginning for some time: of all pipelines, of a group, of one pipeline, or those that deploy to a target.

What runs already goes on. Stages that would begin wait until the freeze is over; nothing is canceled.`,
		Example: `  fairlead freeze create --all --for 48h --reason "end of the quarter"
  fairlead freeze create --target prod --from 2026-12-24T00:00:00Z --until 2026-12-27T00:00:00Z --reason holidays`,
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			f := client.NewFreeze{Reason: reason}
			for scope, name := range map[fairlead.FreezeScope]string{fairlead.FreezeGroup: group, fairlead.FreezeTarget: target, fairlead.FreezePipeline: pipeline} {
				if name != "" && f.Scope != "" {
					return usage(cmd, "say one of --all, --group, --pipeline and --target")
				}
				if name != "" {
					f.Scope, f.Name = scope, name
				}
			}
			if all == (f.Scope != "") {
				return usage(cmd, "say one of --all, --group, --pipeline and --target")
			}
			if all {
				f.Scope = fairlead.FreezeAll
			}
			if reason == "" {
				return usage(cmd, "--reason is missing; those who wait will read it")
			}
			if err := freezeTimes(&f, from, until, d); err != nil {
				return usage(cmd, "%v", err)
			}
			made, err := c.CreateFreeze(cmd.Context(), f)
			if err != nil {
				return err
			}
			return a.view(cmd).show(made, func(p *printer) {
				p.linef("freeze %s of %s, from %s until %s", made.ID, freezeOf(made), utc(made.From), utc(made.Until))
			})
		}),
	}
	flags := cmd.Flags()
	flags.BoolVar(&all, "all", false, "all pipelines")
	flags.StringVar(&group, "group", "", "the pipelines of a group")
	flags.StringVar(&pipeline, "pipeline", "", "one pipeline")
	flags.StringVar(&target, "target", "", "stages that deploy to a target")
	flags.StringVar(&from, "from", "", "when it begins, such as 2026-12-24T00:00:00Z (default now)")
	flags.StringVar(&until, "until", "", "when it ends")
	flags.DurationVar(&d, "for", 0, "how long it lasts, in place of --until")
	flags.StringVar(&reason, "reason", "", "why; those who wait read it")
	addOutput(cmd)
	return cmd
}

// freezeTimes reads when a freeze begins and ends.
func freezeTimes(f *client.NewFreeze, from, until string, d time.Duration) (err error) {
	if from != "" {
		if f.From, err = time.Parse(time.RFC3339, from); err != nil {
			return fmt.Errorf("--from %q: want a time such as 2026-12-24T00:00:00Z", from)
		}
	}
	switch {
	case (until == "") == (d == 0):
		return fmt.Errorf("say how long: either --until or --for")
	case d < 0:
		return fmt.Errorf("--for %s: want a time span such as 48h", d)
	case d > 0 && from == "":
		f.Until = time.Now().Add(d)
	case d > 0:
		f.Until = f.From.Add(d)
	default:
		if f.Until, err = time.Parse(time.RFC3339, until); err != nil {
			return fmt.Errorf("--until %q: want a time such as 2026-12-27T00:00:00Z", until)
		}
	}
	return nil
}

func freezeOf(f fairlead.Freeze) string {
	if f.Scope == fairlead.FreezeAll {
		return "all pipelines"
	}
	return string(f.Scope) + " " + f.Name
}

func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func newFreezeListCommand(a *app) *cobra.Command {
	var past bool
	cmd := &cobra.Command{Use: "list", Short: "List the freezes that go on or will come", RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		return showList(a.view(cmd), c.Freezes(cmd.Context(), past), []string{"ID", "OF", "FROM", "UNTIL", "BY", "REASON"},
			func(f fairlead.Freeze, _ *printer) []string {
				until := utc(f.Until)
				if f.LiftedAt != nil {
					until = "lifted " + utc(*f.LiftedAt)
				}
				return []string{f.ID, freezeOf(f), utc(f.From), until, orDash(f.By), f.Reason}
			})
	})}
	cmd.Flags().BoolVar(&past, "past", false, "those that are over, too")
	addOutput(cmd)
	return cmd
}

func newFreezeLiftCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "lift ID", Short: "End a freeze before its time; what waited for it begins", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		f, err := c.LiftFreeze(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.view(cmd).show(f, func(p *printer) { p.linef("freeze %s of %s was lifted", f.ID, freezeOf(f)) })
	})}
	addOutput(cmd)
	return cmd
}

func newLockCommand(a *app) *cobra.Command {
	return newGroup("lock", "Named locks of stages", newLockListCommand(a))
}

func newLockListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the locks that stages hold or wait for", RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		return showList(a.view(cmd), c.Locks(cmd.Context()), []string{"LOCK", "HELD BY", "SINCE", "WAITING"},
			func(l fairlead.Lock, p *printer) []string {
				holder, since := "-", "-"
				if l.Holder != nil {
					holder, since = lockStage(*l.Holder), p.ago(l.Holder.Since)
				}
				waiting := make([]string, len(l.Waiting))
				for i, s := range l.Waiting {
					waiting[i] = lockStage(s)
				}
				return []string{l.Name, holder, since, orDash(strings.Join(waiting, ", "))}
			})
	})}
	addOutput(cmd)
	return cmd
}

// lockStage names a stage; those that one may not see have no name.
func lockStage(s fairlead.LockStage) string {
	if s.Pipeline == "" {
		return "somebody else"
	}
	return fmt.Sprintf("%s #%d %s", s.Pipeline, s.Number, s.Stage)
}

func newTargetUpdateCommand(a *app) *cobra.Command {
	var stages int
	var windows []string
	var always bool
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change how many stages deploy to a target at once, and when",
		Example: `  fairlead target update prod --limit-stages 2
  fairlead target update prod --window "0 9 * * 1-5;8h;Asia/Shanghai" --window "0 10 * * 6;2h"
  fairlead target update prod --limit-stages 0 --always`,
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			var change client.TargetChange
			flags := cmd.Flags()
			if flags.Changed("limit-stages") {
				change.Limits = &fairlead.TargetLimits{Stages: stages}
			}
			if flags.Changed("window") || always {
				list, err := readWindows(windows)
				if err != nil || always && len(list) > 0 {
					return usage(cmd, "--window wants \"CRON;DURATION\" or \"CRON;DURATION;TIMEZONE\", and --always stands alone: %v", err)
				}
				change.Windows = &list
			}
			if change.Limits == nil && change.Windows == nil {
				return usage(cmd, "nothing to change; say --limit-stages, --window or --always")
			}
			t, err := c.UpdateTarget(cmd.Context(), args[0], change)
			if err != nil {
				return err
			}
			return a.view(cmd).show(t, func(p *printer) {
				p.fields("Target", t.Name, "Stages at once", limitText(t.Limits.Stages), "Windows", windowsText(t.Windows))
			})
		}),
	}
	flags := cmd.Flags()
	flags.IntVar(&stages, "limit-stages", 0, "deploying stages of pipelines at once; 0 is no limit")
	flags.StringArrayVar(&windows, "window", nil, "when deploying stages may begin, \"CRON;DURATION;TIMEZONE\"; can be given several times")
	flags.BoolVar(&always, "always", false, "they may begin at any time")
	addOutput(cmd)
	return cmd
}

// readWindows reads windows as the command line has them.
func readWindows(texts []string) ([]fairlead.Window, error) {
	list := []fairlead.Window{}
	for _, text := range texts {
		parts := strings.Split(text, ";")
		if len(parts) < 2 || len(parts) > 3 {
			return nil, fmt.Errorf("%q has %d parts", text, len(parts))
		}
		d, err := time.ParseDuration(strings.TrimSpace(parts[1]))
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		w := fairlead.Window{Cron: strings.TrimSpace(parts[0]), Duration: fairlead.Duration(d)}
		if len(parts) == 3 {
			w.Timezone = strings.TrimSpace(parts[2])
		}
		list = append(list, w)
	}
	return list, nil
}

func limitText(n int) string {
	if n == 0 {
		return "any number"
	}
	return fmt.Sprint(n)
}

func windowsText(list []fairlead.Window) string {
	if len(list) == 0 {
		return "always"
	}
	texts := make([]string, len(list))
	for i, w := range list {
		texts[i] = fmt.Sprintf("%s for %s", w.Cron, w.Duration)
		if w.Timezone != "" {
			texts[i] += " " + w.Timezone
		}
	}
	return strings.Join(texts, "; ")
}
