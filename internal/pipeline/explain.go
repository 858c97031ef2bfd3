package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// Explain brings the sentences about what runs wait for up to the moment of the transaction: their places in queues and lines change
// when others go on, and are not stored again each time.
func (e *Engine) Explain(ctx context.Context, tx *store.Tx, runs ...*fairlead.Run) error {
	for _, run := range runs {
		if err := e.explain(ctx, tx, run); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) explain(ctx context.Context, tx *store.Tx, run *fairlead.Run) (err error) {
	if run.State == fairlead.RunQueued {
		run.WaitingFor, err = e.place(ctx, tx, *run)
		return err
	}
	changed := false
	says := func(i int, why string) {
		if why == "" || why == run.Stages[i].WaitingFor {
			return
		}
		if !changed {
			run.Stages, changed = slices.Clone(run.Stages), true
		}
		run.Stages[i].WaitingFor = why
	}
	for i, s := range run.Stages {
		if s.State == fairlead.StageRunning && s.Action != "" && s.WaitingFor == "" {
			action, err := tx.Action(ctx, s.Action)
			if err != nil && fairlead.ErrorCode(err) != fairlead.NotFound {
				return err
			}
			says(i, action.WaitingFor)
			continue
		}
		if s.State != fairlead.StageWaiting || s.Turn == nil || s.Turn.At != nil {
			continue
		}
		places := 1
		if len(s.Turn.Locks) > 0 || s.Policy == nil || len(s.Policy.Locks) == 0 { // it has its locks: it waits for its target
			target, err := e.waitsForTarget(ctx, tx, run.ID, i)
			if err != nil {
				return err
			}
			limits, _, err := tx.TargetRules(ctx, target)
			if err != nil {
				return err
			}
			places = max(limits.Stages, 1)
		}
		why, err := e.inTheWay(ctx, tx, *run, i, places)
		if err != nil {
			return err
		}
		says(i, why)
	}
	if changed {
		t := transition{run: run}
		_, run.WaitingFor, _ = t.situation()
	}
	return nil
}

// waitsForTarget is the target that a stage waits for a place on, "" when it does not.
func (e *Engine) waitsForTarget(ctx context.Context, tx *store.Tx, run string, stage int) (string, error) {
	turns, err := tx.StageTurns(ctx, run, stage)
	for _, t := range turns {
		if target, ok := strings.CutPrefix(t.Resource, targetResource("")); ok && !t.Held {
			return target, nil
		}
	}
	return "", err
}

// place says where a run stands in the queue, and what is before it.
func (e *Engine) place(ctx context.Context, tx *store.Tx, run fairlead.Run) (string, error) {
	before, last, active, err := tx.QueuePlace(ctx, run.Pipeline, run.Number)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("its turn: place %d in the queue of pipeline %s", before+1, run.Pipeline)
	if before > 0 {
		text += fmt.Sprintf(", after run %d", last)
	}
	switch len(active) {
	case 0:
	case 1:
		text += fmt.Sprintf("; run %d is %s", active[0].Number, active[0].State)
	default:
		list := make([]string, len(active))
		for i, r := range active {
			list[i] = fmt.Sprintf("%d (%s)", r.Number, r.State)
		}
		text += "; active are the runs " + strings.Join(list, ", ")
	}
	most, err := tx.MaxRuns(ctx, run.Pipeline)
	if err != nil || len(active) >= most || !run.Ruled {
		return text, err
	}
	group, limit, err := tx.GroupOf(ctx, run.Pipeline)
	if err != nil || limit == 0 {
		return text, err
	}
	_, busy, err := tx.GroupRuns(ctx, group)
	return text + fmt.Sprintf("; %d runs of group %s are active, and it runs %d at once", busy, group, limit), err
}

// Locks lists the named locks that are held or waited for, by name.
func (e *Engine) Locks(ctx context.Context) ([]fairlead.Lock, error) {
	locks := []fairlead.Lock{}
	err := e.db.Read(ctx, func(tx *store.Tx) error {
		turns, err := tx.LockTurns(ctx, lockResource(""))
		for _, t := range turns {
			name, _ := store.LockName(t.Resource)
			if len(locks) == 0 || locks[len(locks)-1].Name != name {
				locks = append(locks, fairlead.Lock{Name: name, Waiting: []fairlead.LockStage{}})
			}
			l := &locks[len(locks)-1]
			stage := fairlead.LockStage{Run: t.Run, Pipeline: t.Pipeline, Number: t.Number, Stage: t.Name, Since: t.Since}
			if t.Held {
				l.Holder = &stage
			} else {
				l.Waiting = append(l.Waiting, stage)
			}
		}
		return err
	})
	return locks, err
}
