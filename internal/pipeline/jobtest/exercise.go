package jobtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
)

// Script is what a container of the suite does: it writes its lines, numbered from 1, every third to stderr, and ends, or stays
// until it is stopped, and then writes [LastLine] to stdout.
type Script struct {
	Lines int
	Exit  int
	Stay  bool
}

// Line is what a script writes at a number.
func Line(n int) string { return fmt.Sprintf("line %d", n) }

// LastLine is what a script that stays writes when it is stopped.
const LastLine = "stopped"

// Suite says how a runner is exercised. New and Container are required.
type Suite struct {
	// New returns a runner on the target. It is called several times in one test, as after a restart of the server.
	New func(t *testing.T) pipeline.Runner
	// Container returns a container with a name of its own that does what a script says; everything but its name and its ID.
	Container func(t *testing.T, s Script) fairlead.Container
	// Missing is an image that the target does not find.
	Missing string
	// Patient tells that the target goes on looking for an image that is missing: the container waits, and says for what.
	Patient bool
	// OneStream tells that the target does not say which stream a line was written to.
	OneStream bool
	// Timeout bounds each wait. Default: 60 seconds.
	Timeout time.Duration
}

// Exercise runs the suite that every runner passes.
func Exercise(t *testing.T, s Suite) {
	if s.Timeout == 0 {
		s.Timeout = time.Minute
	}
	t.Run("what was never made is absent, and removing it is fine", func(t *testing.T) {
		b := s.begin(t, Script{})
		b.want(fairlead.ContainerAbsent)
		b.remove()
	})
	t.Run("a container runs to its end once, however often it is made and started", func(t *testing.T) {
		b := s.begin(t, Script{Lines: 30})
		id := b.make()
		b.want(fairlead.ContainerMade)
		b.runner = s.New(t)
		if again := b.make(); again != id {
			t.Errorf("made again it is %s, was %s", again, id)
		}
		b.start()
		b.runner = s.New(t)
		b.start()
		b.until(fairlead.ContainerEnded)
		b.start() // what has ended is not started again
		status := b.until(fairlead.ContainerEnded)
		if status.ExitCode == nil || *status.ExitCode != 0 {
			t.Errorf("status %+v, want exit code 0", status)
		}
		b.wrote(30)
		b.remove()
		b.want(fairlead.ContainerAbsent)
		b.remove()
		if err := b.runner.StartContainer(b.ctx, b.container); fairlead.ErrorCode(err) != fairlead.NotFound {
			t.Errorf("start of what is gone: %v; want not-found", err)
		}
	})
	t.Run("an image that is missing has a readable reason", func(t *testing.T) {
		b := s.begin(t, Script{})
		b.container.Image = s.Missing
		b.missing()
	})
	t.Run("the exit code is told", func(t *testing.T) {
		b := s.begin(t, Script{Lines: 3, Exit: 3})
		b.make()
		b.start()
		if status := b.until(fairlead.ContainerEnded); status.ExitCode == nil || *status.ExitCode != 3 {
			t.Errorf("status %+v, want exit code 3", status)
		}
		b.wrote(3)
	})
	t.Run("a container that runs is stopped and removed", func(t *testing.T) {
		b := s.begin(t, Script{Lines: 3, Stay: true})
		b.make()
		b.start()
		b.until(fairlead.ContainerRunning)
		ctx, cancel := context.WithTimeout(b.ctx, s.Timeout)
		defer cancel()
		n := 0
		err := b.runner.ContainerOutput(ctx, b.container, time.Time{}, func(fairlead.OutputLine) error {
			if n++; n == 3 {
				cancel()
			}
			return nil
		})
		if n != 3 || ctx.Err() == nil {
			t.Errorf("%d lines of a container that runs, %v", n, err)
		}
		for range 2 { // once it has ended there is nothing to stop
			if err := b.runner.StopContainer(b.ctx, b.container); err != nil {
				t.Errorf("stop: %v", err)
			}
			b.until(fairlead.ContainerEnded)
		}
		if lines := b.read(time.Time{}); len(lines) != 4 || lines[3].Text != LastLine {
			t.Errorf("lines %v, want 3 and %q", lines, LastLine)
		}
		b.remove()
		b.want(fairlead.ContainerAbsent)
		if err := b.runner.StopContainer(b.ctx, b.container); err != nil {
			t.Errorf("stop of what is gone: %v", err)
		}
	})
}

// bundle is one test of the suite.
type bundle struct {
	Suite
	t         *testing.T
	ctx       context.Context
	runner    pipeline.Runner
	container fairlead.Container
}

func (s Suite) begin(t *testing.T, script Script) *bundle {
	t.Helper()
	b := &bundle{Suite: s, t: t, ctx: context.WithoutCancel(t.Context()), runner: s.New(t), container: s.Container(t, script)}
	b.container.Name, b.container.For = fmt.Sprintf("job-suite-%x", time.Now().UnixNano()), "the suite"
	t.Cleanup(b.remove)
	return b
}

func (b *bundle) make() (id string) {
	b.t.Helper()
	b.eventually("made", func() (bool, string) {
		var waits string
		var err error
		if id, waits, err = b.runner.MakeContainer(b.ctx, b.container); err != nil {
			b.t.Fatalf("make: %v", err)
		}
		return waits == "", waits
	})
	if id == "" {
		b.t.Fatal("a container without an id")
	}
	b.container.ID = id
	return id
}

func (b *bundle) start() {
	b.t.Helper()
	if err := b.runner.StartContainer(b.ctx, b.container); err != nil {
		b.t.Fatalf("start: %v", err)
	}
}

func (b *bundle) status() fairlead.ContainerStatus {
	b.t.Helper()
	status, err := b.runner.ContainerStatus(b.ctx, b.container)
	if err != nil {
		b.t.Fatalf("status: %v", err)
	}
	return status
}

func (b *bundle) want(state fairlead.ContainerState) {
	b.t.Helper()
	if status := b.status(); status.State != state {
		b.t.Fatalf("it is %+v, want %s", status, state)
	}
}

func (b *bundle) until(state fairlead.ContainerState) (status fairlead.ContainerStatus) {
	b.t.Helper()
	b.eventually(string(state), func() (bool, string) {
		status = b.status()
		return status.State == state, fmt.Sprintf("%+v", status)
	})
	return status
}

// missing wants the failure of a container whose image is not there, at its making or as its end.
func (b *bundle) missing() {
	b.t.Helper()
	var why string
	b.eventually("failed", func() (bool, string) {
		id, waits, err := b.runner.MakeContainer(b.ctx, b.container)
		switch {
		case err != nil:
			if code := fairlead.ErrorCode(err); code != fairlead.Failed && code != fairlead.NotFound {
				b.t.Fatalf("make: %v (%s)", err, code)
			}
			why = err.Error()
			return true, ""
		case waits != "":
			return false, waits
		}
		if b.container.ID == "" {
			b.container.ID = id
			b.start()
		}
		status := b.status()
		why = status.Reason
		gaveUp := status.State == fairlead.ContainerEnded && status.ExitCode == nil && why != ""
		return gaveUp || b.Patient && status.State == fairlead.ContainerWaiting && strings.Contains(why, b.Missing), fmt.Sprintf("%+v", status)
	})
	b.t.Logf("reason: %s", why)
}

// wrote wants the lines of a script: all of them, in order for each stream, with the same times in every reading.
func (b *bundle) wrote(n int) {
	b.t.Helper()
	first := b.read(time.Time{})
	var out, err, want, wantErr []string
	for _, l := range first {
		if l.Stream == fairlead.Stderr {
			err = append(err, l.Text)
		} else {
			out = append(out, l.Text)
		}
	}
	for i := 1; i <= n; i++ {
		if i%3 == 0 {
			wantErr = append(wantErr, Line(i))
		} else {
			want = append(want, Line(i))
		}
	}
	if b.OneStream {
		slices.Sort(out)
		want = slices.Concat(want, wantErr)
		slices.Sort(want)
		wantErr = nil
	}
	if !slices.Equal(out, want) || !slices.Equal(err, wantErr) {
		b.t.Errorf("stdout %q, stderr %q; want %q, %q", out, err, want, wantErr)
	}
	if again := b.read(time.Time{}); !slices.Equal(again, first) {
		b.t.Errorf("read again: %v, was %v", again, first)
	}
	if last := first[len(first)-1]; len(b.read(last.Time.Add(time.Hour))) > 0 {
		b.t.Error("there are lines of later than the last one")
	}
}

func (b *bundle) read(since time.Time) (lines []fairlead.OutputLine) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, b.Timeout)
	defer cancel()
	err := b.runner.ContainerOutput(ctx, b.container, since, func(l fairlead.OutputLine) error {
		lines = append(lines, l)
		return nil
	})
	if err != nil {
		b.t.Fatalf("output: %v", err)
	}
	return lines
}

func (b *bundle) remove() {
	b.t.Helper()
	b.eventually("removed", func() (bool, string) {
		err := b.runner.RemoveContainer(b.ctx, b.container)
		if err != nil && !errors.Is(err, fairlead.ErrDeleting) {
			b.t.Fatalf("remove: %v", err)
		}
		return err == nil, fmt.Sprint(err)
	})
}

// eventually calls done until it says so.
func (b *bundle) eventually(what string, done func() (ok bool, why string)) {
	b.t.Helper()
	late := time.After(b.Timeout)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, why := done()
		if ok {
			return
		}
		select {
		case <-late:
			b.t.Fatalf("not %s after %s: %s", what, b.Timeout, why)
		case <-tick.C:
		}
	}
}
