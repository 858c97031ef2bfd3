package pipeline

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/fairlead/fairlead"
)

// horizon is how far ahead a time is looked for at which all windows are open.
const horizon = 366 * 24 * time.Hour

// maxOpenings bounds how many openings are tried, so that windows that are short, many and never open together take no time.
const maxOpenings = 1000

// barrier is something that keeps a deploying stage from beginning for some time: windows that are closed, or a freeze.
type barrier interface {
	// closedAt says until when a stage cannot begin that would at a time, and why. The zero time: it can. A time that lies
	// beyond the horizon stands for never.
	closedAt(at time.Time) (until time.Time, why string)
}

// openTimes are the windows of one pipeline, stage or target; one of them must be open.
type openTimes struct {
	of      string // whose they are
	windows []openTime
}

// openTime is a window that has been read.
type openTime struct {
	opens    cron.Schedule
	duration time.Duration
	zone     string
}

func openTimesOf(of string, windows []fairlead.Window) openTimes {
	o := openTimes{of: of}
	for _, w := range windows {
		if s, err := openings(w); err == nil { // it was checked when it was stored
			o.windows = append(o.windows, openTime{s, time.Duration(w.Duration), w.Timezone})
		}
	}
	return o
}

// openings is when a window opens.
func openings(w fairlead.Window) (cron.Schedule, error) {
	if _, err := time.LoadLocation(w.Timezone); err != nil || w.Timezone == "Local" {
		return nil, fmt.Errorf("time zone %q is not known", w.Timezone)
	}
	s, err := parseCron(fairlead.ScheduleCondition{Cron: w.Cron, Timezone: w.Timezone})
	if err == nil && s.Next(time.Unix(0, 0)).IsZero() {
		err = fmt.Errorf("there is no such time")
	}
	if err != nil {
		return nil, fmt.Errorf("cron expression %q: %w", w.Cron, err)
	}
	return s, nil
}

func (o openTimes) closedAt(at time.Time) (until time.Time, why string) {
	zone := ""
	for _, w := range o.windows {
		// The window is open when it opened less than its duration ago.
		if last := w.opens.Next(at.Add(-w.duration)); !last.IsZero() && !last.After(at) {
			return time.Time{}, ""
		}
		if next := w.opens.Next(at); !next.IsZero() && (until.IsZero() || next.Before(until)) {
			until, zone = next, w.zone
		}
	}
	if until.IsZero() {
		return at.Add(2 * horizon), "the window of " + o.of + ", which does not open any more"
	}
	return until.UTC(), fmt.Sprintf("the window of %s, which opens %s", o.of, local(until, zone))
}

// local is a time as people in a time zone write it.
func local(at time.Time, zone string) string {
	where, err := time.LoadLocation(zone)
	if err != nil || zone == "" {
		where = time.UTC
	}
	return at.In(where).Format("2006-01-02 15:04 ") + where.String()
}

// frozen is a freeze as a barrier.
type frozen struct{ fairlead.Freeze }

func (f frozen) closedAt(at time.Time) (until time.Time, why string) {
	if at.Before(f.From) || !at.Before(f.Until) {
		return time.Time{}, ""
	}
	what := "all pipelines"
	if f.Scope != fairlead.FreezeAll {
		what = string(f.Scope) + " " + f.Name
	}
	why = "the end of the freeze of " + what + ", " + stamp(f.Until)
	if f.Reason != "" {
		why += ": " + f.Reason
	}
	return f.Until, why
}

// opening is the first time from now on at which no barrier stands in the way: now itself with an empty why, or later with what
// stands in the way now. found is false when there is none within the horizon, or within as many openings as are tried; then at is
// when to look again.
func opening(barriers []barrier, now time.Time) (at time.Time, why string, found bool) {
	at = now
	tried := 0
	for again := true; again; {
		again = false
		for _, b := range barriers {
			until, reason := b.closedAt(at)
			if until.IsZero() {
				continue
			}
			if why == "" {
				why = reason
			}
			if until.Sub(now) > horizon {
				return now.Add(horizon), why, false
			}
			if tried++; tried > maxOpenings {
				return until, why, false
			}
			at, again = until, true
		}
	}
	return at, why, true
}
