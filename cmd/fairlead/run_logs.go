package main

import (
	"iter"
	"slices"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newRunLogsCommand(a *app) *cobra.Command {
	var follow bool
	var filter client.LogFilter
	var tail int
	cmd := &cobra.Command{
		Use: "logs ID [STAGE]", Short: "Show the log of a run, or of one of its stages",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			switch {
			case follow && filter.Text != "":
				return usage(cmd, "--search does not go with --follow")
			case tail < 0:
				return usage(cmd, "--tail: want how many lines, 1 or more")
			}
			if len(args) == 2 {
				filter.Stage = args[1]
			}
			logs, err := tailLogs(cmd, c, args[0], filter, tail, follow)
			if err != nil {
				return err
			}
			v := a.view(cmd)
			if follow || v.format == formatText {
				return followLogs(logs, v)
			}
			return showList(v, logs, nil, nil)
		}),
	}
	cmd.Flags().StringVar(&filter.Text, "search", "", "only lines that hold this text")
	cmd.Flags().IntVar(&tail, "tail", 0, "only the last `N` lines")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with the lines that come, until the run ends")
	addOutput(cmd)
	return cmd
}

// tailLogs yields the lines of a log from its beginning or, with tail, its last ones; then, when it is followed, what comes.
func tailLogs(cmd *cobra.Command, c *client.Client, run string, f client.LogFilter, tail int, follow bool) (iter.Seq2[fairlead.LogLine, error], error) {
	ctx := cmd.Context()
	if tail == 0 {
		if follow {
			return c.FollowLogs(ctx, run, f), nil
		}
		return c.Logs(ctx, run, f), nil
	}
	f.Newest = true
	var last []fairlead.LogLine
	for l, err := range c.Logs(ctx, run, f) {
		if err != nil {
			return nil, err
		}
		if last = append(last, l); len(last) == tail {
			break
		}
	}
	slices.Reverse(last)
	return func(yield func(fairlead.LogLine, error) bool) {
		for _, l := range last {
			if f.After = l.Seq; !yield(l, nil) {
				return
			}
		}
		if follow {
			c.FollowLogs(ctx, run, f)(yield)
		}
	}, nil
}
