package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// late is how much later than its time a schedule may come and still counts as in time.
const late = time.Minute

// scheduleTick is the job that comes at a time of a schedule.
type scheduleTick struct {
	Pipeline  string    `json:"pipeline"`
	Condition string    `json:"condition"`
	At        time.Time `json:"at"`
}

func (scheduleTick) Kind() string { return "schedule_tick" }

type scheduleWorker struct {
	river.WorkerDefaults[scheduleTick]
	engine *Engine
}

// Work tells the condition that its time has come, and makes the job for the next time. A tick of a schedule that has changed
// since has nothing to do.
func (w *scheduleWorker) Work(ctx context.Context, job *river.Job[scheduleTick]) error {
	e, a := w.engine, job.Args
	if early := a.At.Sub(e.now()); early > 0 {
		return river.JobSnooze(early)
	}
	return e.db.Write(ctx, func(tx *store.Tx) error {
		if err := e.tick(ctx, tx, a); err != nil {
			return err
		}
		return store.CompleteJob(ctx, tx, job)
	})
}

func (e *Engine) tick(ctx context.Context, tx *store.Tx, a scheduleTick) error {
	p, err := tx.PipelineHead(ctx, a.Pipeline)
	if fairlead.ErrorCode(err) == fairlead.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	for _, at := range conditionsOf(&p.Spec) {
		if at.path != a.Condition || at.Schedule == nil {
			continue
		}
		next, err := nextTime(*at.Schedule, tx.Now)
		if err != nil {
			return err
		}
		moved, err := tx.MoveSchedule(ctx, a.Pipeline, a.Condition, store.Time(a.At), store.Time(next))
		if err != nil || !moved {
			return err
		}
		if err := tx.Enqueue(ctx, scheduleTick{a.Pipeline, a.Condition, next}, &river.InsertOpts{ScheduledAt: next}); err != nil {
			return err
		}
		return e.onTime(ctx, tx, p, at, a.At)
	}
	return nil
}

// onTime delivers the message of a schedule. One that comes late is dropped or counts once, as the file says.
func (e *Engine) onTime(ctx context.Context, tx *store.Tx, p fairlead.Pipeline, at located, due time.Time) error {
	when := due.UTC().Format(time.RFC3339)
	in := incoming{kind: "schedule", source: at.source(p.Name, nil), id: "schedule " + when, from: when, params: map[string]string{"time": when}}
	if tx.Now.Sub(due) > late && at.Schedule.Missed != "run-once" {
		missed := fairlead.Errorf(fairlead.Conflict, "no server ran at %s, and the schedule skips what was missed", when)
		_, err := e.note(ctx, tx, p, at, in, fairlead.Message{}, missed)
		if refusal(err) {
			return nil
		}
		return err
	}
	return e.deliver(ctx, tx, in)
}

// nextTime is the first time of a schedule after now.
func nextTime(c fairlead.ScheduleCondition, now time.Time) (time.Time, error) {
	s, err := parseCron(c)
	if err != nil {
		return time.Time{}, err
	}
	next := s.Next(now)
	if next.IsZero() {
		return next, fmt.Errorf("schedule %q has no next time", c.Cron)
	}
	return next.UTC(), nil
}

// recoverSchedules gives a job to every schedule that has none.
func (e *Engine) recoverSchedules(ctx context.Context, tx *store.Tx) error {
	list, err := tx.Schedules(ctx)
	if err != nil {
		return err
	}
	jobs, err := tx.OpenJobs(ctx, scheduleTick{}.Kind())
	if err != nil {
		return err
	}
	due := map[store.Schedule]bool{}
	for _, args := range jobs {
		var tick scheduleTick
		if json.Unmarshal(args, &tick) == nil {
			due[store.Schedule{Pipeline: tick.Pipeline, Condition: tick.Condition, NextAt: store.Time(tick.At)}] = true
		}
	}
	for _, s := range list {
		if due[s] {
			continue
		}
		var next time.Time
		if err := store.ScanTime(&next).Scan(s.NextAt); err != nil {
			return err
		}
		e.log.Warn("a schedule had no job; it goes on", "pipeline", s.Pipeline, "condition", s.Condition)
		if err := tx.Enqueue(ctx, scheduleTick{s.Pipeline, s.Condition, next}, &river.InsertOpts{ScheduledAt: next}); err != nil {
			return err
		}
	}
	return nil
}
