package main

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// lookEvery is how often the state is read while nothing is told.
const lookEvery = time.Second

// watch tells each item of a feed and looks at the state after that, and from time to time, until look says that it is
// final. A server that does not answer for a while is waited for as long as the feed does.
func watch[E any](ctx context.Context, feed func(context.Context) iter.Seq2[E, error], tell func(E), look func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	items, broken := gather(ctx, feed)
	defer func() {
		cancel()
		for range items { // until the reader has ended
		}
	}()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for open := items; ; {
		final, err := look(ctx)
		if final || (err != nil && fairlead.ErrorCode(err) != fairlead.Unavailable) {
			return err
		}
		select {
		case item, ok := <-open:
			if !ok {
				open = nil // nothing more is told; look on
				continue
			}
			tell(item)
			for range len(open) { // what came together is told together
				tell(<-open)
			}
		case err := <-broken:
			return err
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gather reads a feed into a channel that is closed at its end. An error of the feed goes to the second channel.
func gather[E any](ctx context.Context, feed func(context.Context) iter.Seq2[E, error]) (<-chan E, <-chan error) {
	const together = 64
	items, broken := make(chan E, together), make(chan error, 1)
	go func() {
		defer close(items)
		for item, err := range feed(ctx) {
			if err != nil {
				broken <- err
				return
			}
			select {
			case items <- item:
			case <-ctx.Done():
				return
			}
		}
	}()
	return items, broken
}

// progress is where lines about work that goes on belong: the output, unless that is for a program.
func (a *app) progress(v view) *live {
	if v.format == formatText {
		return newLive(a.out)
	}
	return newLive(a.err)
}

// waitAction shows an action until it has ended.
func (a *app) waitAction(ctx context.Context, c *client.Client, action fairlead.Action, v view) (fairlead.Action, error) {
	l := a.progress(v)
	defer l.close()
	filter := client.EventFilter{Kind: "stack", Name: action.Stack, Action: action.ID}
	tell := func(e fairlead.Event) {
		filter.After = e.Seq
		l.print(eventLine(e))
	}
	feed := func(ctx context.Context) iter.Seq2[fairlead.Event, error] { return c.FollowEvents(ctx, filter) }
	err := watch(ctx, feed, tell, func(ctx context.Context) (bool, error) {
		now, err := c.Action(ctx, action.ID)
		if err != nil {
			return false, err
		}
		action = now
		l.status(actionLines(action, a.now()))
		return fairlead.ActionMoves.Final(action.State), nil
	})
	if err == nil {
		err = tellAll(c.Events(ctx, filter), tell)
	}
	if ctx.Err() != nil {
		err = &interrupted{fmt.Sprintf("stack %s: %s", action.Stack, action.Verb), []string{
			"fairlead stack show " + action.Stack, "fairlead stack events " + action.Stack + " -f"}}
	}
	return action, err
}

// tellAll tells what is left of a feed after the end.
func tellAll[E any](rest iter.Seq2[E, error], tell func(E)) error {
	for item, err := range rest {
		if err != nil {
			return err
		}
		tell(item)
	}
	return nil
}

// actionLines are the state of an action: how far it is, and what it works on.
func actionLines(action fairlead.Action, now time.Time) []string {
	done := 0
	var lines []string
	for _, op := range action.Plan.Operations {
		switch op.State {
		case fairlead.OperationSucceeded:
			done++
		case fairlead.OperationApplying, fairlead.OperationWaiting, fairlead.OperationFailed:
			line := fmt.Sprintf("  %s %s  %s", sign(op.Verb), op.Element, op.State)
			if op.Message != "" {
				line += ": " + op.Message
			}
			lines = append(lines, line)
		}
	}
	doing := string(action.Verb)
	switch {
	case action.RollingBack:
		doing += ", rolling back"
	case action.Canceling:
		doing += ", canceling"
	}
	head := fmt.Sprintf("%s %s: %d of %d done, %s", action.Stack, doing, done, len(action.Plan.Operations), rough(now.Sub(action.CreatedAt)))
	return append([]string{head}, lines...)
}

// waitRun shows a run until it has ended, or is held.
func (a *app) waitRun(ctx context.Context, c *client.Client, run fairlead.Run, v view) (fairlead.Run, error) {
	l := a.progress(v)
	defer l.close()
	var filter client.LogFilter
	tell := func(line fairlead.LogLine) {
		filter.After = line.Seq
		l.print(logLine(line))
	}
	feed := func(ctx context.Context) iter.Seq2[fairlead.LogLine, error] { return c.FollowLogs(ctx, run.ID, filter) }
	err := watch(ctx, feed, tell, func(ctx context.Context) (bool, error) {
		now, err := c.Run(ctx, run.ID)
		if err != nil {
			return false, err
		}
		run = now
		l.status(runLines(run, a.now()))
		return fairlead.RunMoves.Final(run.State) || run.State == fairlead.RunHeld, nil // a person has to decide
	})
	if err == nil {
		err = tellAll(c.Logs(ctx, run.ID, filter), tell)
	}
	if ctx.Err() != nil {
		err = &interrupted{fmt.Sprintf("run %d of pipeline %s", run.Number, run.Pipeline), []string{
			"fairlead run show " + run.ID, "fairlead run logs " + run.ID + " -f"}}
	}
	return run, err
}

// runLines are the state of a run: one line for each stage.
func runLines(run fairlead.Run, now time.Time) []string {
	p := &printer{now: now}
	lines := []string{fmt.Sprintf("%s #%d: %s, %s", run.Pipeline, run.Number, run.State, rough(now.Sub(run.CreatedAt)))}
	for _, s := range run.Stages {
		line := fmt.Sprintf("  %s  %s", s.Name, s.State)
		if s.StartedAt != nil {
			line += " " + p.took(s.StartedAt, s.EndedAt)
		}
		if s.Message != "" {
			line += ": " + s.Message
		}
		lines = append(lines, line)
	}
	return lines
}

// followLogs streams a log, without the live block.
func followLogs(logs iter.Seq2[fairlead.LogLine, error], v view) error {
	for line, err := range logs {
		if err != nil {
			return err
		}
		if err := v.stream(line, func(p *printer) { p.line(logLine(line)) }); err != nil {
			return err
		}
	}
	return nil
}

func logLine(l fairlead.LogLine) string {
	text := l.Text
	if l.Level != "" && l.Level != "info" {
		text = l.Level + ": " + text
	}
	if l.Stage != "" {
		text = "[" + l.Stage + "] " + text
	}
	return l.Time.Local().Format(clockLayout) + "  " + text
}
