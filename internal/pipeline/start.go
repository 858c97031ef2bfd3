package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// The causes of runs.
const (
	CauseManual  = "manual"
	CauseWebhook = "webhook"
)

// Start starts a run by hand. given replaces variables for this run only; cause is [CauseManual] when empty.
func (e *Engine) Start(ctx context.Context, actor fairlead.Actor, name string, given map[string]string, cause string) (run fairlead.Run, err error) {
	if cause == "" {
		cause = CauseManual
	}
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		p, err := tx.PipelineHead(ctx, name)
		if err != nil {
			return err
		}
		if err := checkGiven(&p.Spec, given); err != nil {
			return err
		}
		run, err = e.start(ctx, tx, p, start{given: given, cause: cause, by: actor.User, why: "started by " + actor.String()})
		return err
	})
	return run, err
}

// start says how a run begins.
type start struct {
	given      map[string]string
	cause, by  string
	why        string   // for the log
	complaints []string // for the log, too
}

// start stores a run, and starts its first stage when nothing is ahead of it. Everything is in the caller's transaction.
func (e *Engine) start(ctx context.Context, tx *store.Tx, p fairlead.Pipeline, s start) (run fairlead.Run, err error) {
	busy, err := e.makeRoom(ctx, tx, p)
	if err != nil {
		return run, err
	}
	number, err := tx.NextRunNumber(ctx, p.Name)
	if err != nil {
		return run, err
	}
	values, err := variables(&p.Spec, s.given, number, tx.Now)
	if err != nil {
		return run, err
	}
	run = fairlead.Run{Pipeline: p.Name, Number: number, Revision: p.Revision, State: fairlead.RunQueued, Cause: s.cause, By: s.by,
		Variables: values, CreatedAt: tx.Now}
	if run.ID, err = newID(); err != nil {
		return run, err
	}
	for _, stage := range p.Spec.Stages {
		run.Stages = append(run.Stages, fairlead.StageRun{Name: stage.Name, Type: stage.Type, State: fairlead.StagePending})
	}
	effects := []Effect{Log{Type: "run-created", Text: fmt.Sprintf("run %d of pipeline %s, revision %d: %s", number, p.Name, p.Revision, s.why)}}
	for _, text := range s.complaints {
		effects = append(effects, Log{Type: "run-warning", Text: text})
	}
	if busy {
		run.Message = "waits in the queue until the runs before it have ended"
		effects = append(effects, Log{Type: "run-waits", Text: run.Message})
	} else {
		begun, more := Next(run, Begin{}, tx.Now)
		run, effects = begun, append(effects, more...)
	}
	if err := tx.CreateRun(ctx, &run); err != nil {
		return run, err
	}
	return run, e.carryOut(ctx, tx, run, effects)
}

// makeRoom does what the pipeline's concurrency says about the runs that are active; busy tells that one still is.
func (e *Engine) makeRoom(ctx context.Context, tx *store.Tx, p fairlead.Pipeline) (busy bool, err error) {
	first, busy, err := tx.FirstActiveRun(ctx, p.Name)
	if err != nil || !busy {
		return busy, err
	}
	switch p.Spec.Concurrency {
	case fairlead.Reject:
		return true, fairlead.Errorf(fairlead.Conflict, "pipeline %s is busy: run %d is %s, and the pipeline rejects a start while it runs", p.Name, first.Number, first.State)
	case fairlead.CancelPrevious:
		active, err := tx.ActiveRuns(ctx, p.Name)
		if err != nil {
			return true, err
		}
		slices.Reverse(active) // the queue first, so that none of it gets its turn
		for _, run := range active {
			if _, err := e.step(ctx, tx, run, Stop{By: "run " + strconv.FormatInt(p.Runs+1, 10) + ", which takes its place"}); err != nil {
				return true, err
			}
		}
		_, busy, err = tx.FirstActiveRun(ctx, p.Name)
		return busy, err
	}
	return true, nil
}

// Stop ends a run: one that waits in the queue at once, one that runs as soon as its stack action, which is canceled, has
// ended. Stopping a run twice is fine; a run that ended is a Conflict.
func (e *Engine) Stop(ctx context.Context, actor fairlead.Actor, id string) (run fairlead.Run, err error) {
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		if run, err = tx.Run(ctx, id); err != nil {
			return err
		}
		if fairlead.RunMoves.Final(run.State) {
			return fairlead.Errorf(fairlead.Conflict, "run %d of pipeline %s has ended: it is %s", run.Number, run.Pipeline, run.State)
		}
		run, err = e.step(ctx, tx, run, Stop{By: actor.String()})
		return err
	})
	return run, err
}

// Limits of a webhook's message.
const (
	maxParams = 200
	maxKey    = 255
)

// HookResult says what became of a message.
type HookResult struct {
	Message string `json:"message" doc:"id of the stored message"`
	Run     string `json:"run" doc:"id of the run that it started"`
}

// Hook accepts a message for the webhook with a token and starts a run. When it returns, the message and its run are stored.
// A message with the idempotencyKey of an earlier one of the same webhook is that message: it gives the same result and has
// no further effect. Parameters that no condition maps are ignored, which the run's log says. An unknown token is NotFound.
func (e *Engine) Hook(ctx context.Context, token string, params map[string]string, idempotencyKey string) (res HookResult, err error) {
	if len(params) > maxParams || len(idempotencyKey) > maxKey {
		return res, fairlead.Errorf(fairlead.TooLarge, "webhook message: at most %d parameters and an Idempotency-Key of %d bytes are allowed", maxParams, maxKey)
	}
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		hook, err := tx.PipelineWebhook(ctx, token)
		if err != nil {
			return err
		}
		if idempotencyKey != "" {
			switch m, err := tx.HookMessageByKey(ctx, token, idempotencyKey); {
			case err == nil:
				res = HookResult{Message: m.ID, Run: m.Run}
				return nil
			case fairlead.ErrorCode(err) != fairlead.NotFound:
				return err
			}
		}
		res, err = e.accept(ctx, tx, hook, params, idempotencyKey)
		return err
	})
	return res, err
}

func (e *Engine) accept(ctx context.Context, tx *store.Tx, hook store.PipelineWebhook, params map[string]string, key string) (res HookResult, err error) {
	p, err := tx.PipelineHead(ctx, hook.Pipeline)
	if err != nil {
		return res, err
	}
	s := start{given: map[string]string{}, cause: CauseWebhook, why: "started by webhook " + hook.Condition}
	rest := maps.Clone(params)
	for _, m := range hook.Params {
		if value, ok := params[m.Name]; ok {
			s.given[m.Variable] = value
			delete(rest, m.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		s.complaints = append(s.complaints, "parameter "+quote(name)+" of the message is ignored: the condition does not map it to a variable")
	}
	run, err := e.start(ctx, tx, p, s)
	if err != nil {
		return res, err
	}
	m := fairlead.HookMessage{Pipeline: p.Name, Condition: hook.Condition, Params: params, Key: key, Run: run.ID}
	if m.ID, err = newID(); err != nil {
		return res, err
	}
	return HookResult{Message: m.ID, Run: run.ID}, tx.CreateHookMessage(ctx, hook.Token, &m)
}
