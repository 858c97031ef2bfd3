package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/store"
)

// How stages share what there is only once, or a few times.
//
// A stage takes all of its locks at once, or waits and holds none. Only with its locks it waits for a place on its target, and who
// has a place waits for nothing more. So every line has a first one who waits only for stages that run: nothing can wait in a
// circle. Lines are first come, first served; who leaves something gives the next in line its turn in the same transaction. While
// a window is closed or a freeze goes on, a stage stands in no line and holds nothing.

// resourceTime is what stages wait for that wait for a window or the end of a freeze.
const resourceTime = "time"

func lockResource(name string) string     { return "lock " + name }
func targetResource(target string) string { return "target " + target }

// ask answers the question of a stage whether it may begin.
func (e *Engine) ask(ctx context.Context, tx *store.Tx, run fairlead.Run, i int) (fairlead.Run, error) {
	next, freed, _, err := e.weigh(ctx, tx, run, i)
	if err != nil || len(freed) == 0 {
		return next, err
	}
	return e.wake(ctx, tx, next, freed)
}

// leave takes away what a stage held or waited for.
func (e *Engine) leave(ctx context.Context, tx *store.Tx, run fairlead.Run, i int) (fairlead.Run, error) {
	freed, err := tx.DropTurns(ctx, run.ID, i)
	if err != nil || len(freed) == 0 {
		return run, err
	}
	return e.wake(ctx, tx, run, freed)
}

// wake gives those who are first in line for resources their turn, as long as there is room. It returns run as it is after that:
// one of its own stages may have been in line.
func (e *Engine) wake(ctx context.Context, tx *store.Tx, run fairlead.Run, resources []string) (fairlead.Run, error) {
	woken := false
	for len(resources) > 0 {
		resource := resources[0]
		resources = resources[1:]
		for resource != resourceTime {
			first, ok, err := tx.FirstWaiter(ctx, resource)
			if err != nil {
				return run, err
			}
			if !ok {
				break
			}
			woken = true
			freed, moved, err := e.look(ctx, tx, first)
			if err != nil {
				return run, err
			}
			resources = append(resources, freed...)
			if !moved {
				break // it is still first, and nobody overtakes it
			}
		}
	}
	if !woken {
		return run, nil
	}
	return tx.Run(ctx, run.ID)
}

// look weighs a stage that waits.
func (e *Engine) look(ctx context.Context, tx *store.Tx, t store.Turn) (freed []string, moved bool, err error) {
	run, err := tx.Run(ctx, t.Run)
	if err != nil {
		return nil, false, err
	}
	_, freed, moved, err = e.weigh(ctx, tx, run, t.Stage)
	return freed, moved, err
}

// weigh decides whether a stage that waits may begin. freed is what it left, for others; moved tells that it does not stand any
// more where it stood.
func (e *Engine) weigh(ctx context.Context, tx *store.Tx, run fairlead.Run, i int) (next fairlead.Run, freed []string, moved bool, err error) {
	t := transition{run: &run}
	if t.asking(i) == nil {
		if s := t.stage(i); s != nil && s.State == fairlead.StageRunning && s.Turn != nil { // it got its turn since, and keeps it
			return run, nil, true, tx.DropWaiting(ctx, run.ID, i)
		}
		freed, err = tx.DropTurns(ctx, run.ID, i)
		return run, freed, true, err
	}
	w := weighing{e: e, tx: tx, run: run, stage: i}
	answer, err := w.answer(ctx)
	if err != nil {
		return run, nil, false, err
	}
	next, err = e.step(ctx, tx, run, answer)
	return next, w.freed, w.moved, err
}

// weighing is the look at one stage that waits for its turn.
type weighing struct {
	e      *Engine
	tx     *store.Tx
	run    fairlead.Run
	stage  int
	target string
	freed  []string
	moved  bool
}

func (w *weighing) answer(ctx context.Context) (Event, error) {
	s := w.run.Stages[w.stage]
	if w.run.Ruled && deploys(s.Type) {
		var err error
		if w.target, err = w.e.targetOf(ctx, w.tx, w.run, w.stage); err != nil {
			return nil, err
		}
	}
	var limit int
	barriers, err := w.barriers(ctx, &limit)
	if err != nil {
		return nil, err
	}
	if at, why, found := opening(barriers, w.tx.Now); why != "" {
		return w.closed(ctx, at, why, found)
	}
	locks, err := expandLocks(s, w.run.Variables)
	if err != nil { // its turn goes with the end of the stage
		w.moved = true
		return TurnRefused{Stage: w.stage, Text: err.Error()}, nil
	}
	have, err := w.tx.StageTurns(ctx, w.run.ID, w.stage)
	if err != nil {
		return nil, err
	}
	if stands(have, resourceTime) {
		if err := w.tx.DropTurn(ctx, w.run.ID, w.stage, resourceTime); err != nil {
			return nil, err
		}
	}
	why, err := w.take(ctx, have, lockResources(locks), 1)
	if err != nil || why != "" {
		return TurnWaits{Stage: w.stage, Text: why}, err
	}
	given := TurnGiven{Stage: w.stage, Locks: locks}
	if limit > 0 {
		why, err := w.take(ctx, have, []string{targetResource(w.target)}, limit)
		if err != nil || why != "" {
			return TurnWaits{Stage: w.stage, Text: why, Locks: locks}, err
		}
		given.Target = w.target
	}
	w.moved = true
	if len(have) == 0 {
		return given, nil
	}
	return given, w.tx.DropWaiting(ctx, w.run.ID, w.stage) // for a place on a target that has no limit any more
}

// barriers are the times that a stage has to keep to. A task of a parallel stage, which has begun, keeps to those of its target.
func (w *weighing) barriers(ctx context.Context, limit *int) (list []barrier, err error) {
	s := w.run.Stages[w.stage]
	if s.Parent == "" {
		if len(w.run.Windows) > 0 {
			list = append(list, openTimesOf("pipeline "+w.run.Pipeline, w.run.Windows))
		}
		if s.Policy != nil && len(s.Policy.Windows) > 0 {
			list = append(list, openTimesOf("stage "+quote(s.Name), s.Policy.Windows))
		}
	}
	if !w.run.Ruled {
		return list, nil
	}
	if w.target != "" {
		limits, windows, err := w.tx.TargetRules(ctx, w.target)
		if err != nil {
			return nil, err
		}
		*limit = limits.Stages
		if len(windows) > 0 {
			list = append(list, openTimesOf("target "+w.target, windows))
		}
	}
	if !deploys(s.Type) && s.Type != fairlead.StageParallel {
		return list, nil
	}
	freezes, err := w.tx.OpenFreezes(ctx)
	if err != nil || len(freezes) == 0 {
		return list, err
	}
	group, _, err := w.tx.GroupOf(ctx, w.run.Pipeline)
	for _, f := range freezes {
		if f.Covers(group, w.run.Pipeline, w.target) && (s.Parent == "" || f.Scope == fairlead.FreezeTarget) {
			list = append(list, frozen{f})
		}
	}
	return list, err
}

// closed has the stage wait for a time, in no line and with nothing held.
func (w *weighing) closed(ctx context.Context, at time.Time, why string, found bool) (Event, error) {
	if !found {
		why += "; no time is in sight at which it may begin"
	}
	answer := TurnWaits{Stage: w.stage, Text: why, At: &at}
	have, err := w.tx.StageTurns(ctx, w.run.ID, w.stage)
	if err != nil || len(have) == 1 && stands(have, resourceTime) {
		return answer, err
	}
	w.moved = true
	if w.freed, err = w.tx.DropTurns(ctx, w.run.ID, w.stage); err != nil {
		return nil, err
	}
	return answer, w.tx.AskTurn(ctx, w.run.ID, w.stage, []string{resourceTime})
}

// stands reports whether one of the turns is for a resource.
func stands(turns []store.Turn, resource string) bool {
	return slices.ContainsFunc(turns, func(t store.Turn) bool { return t.Resource == resource })
}

// take makes the stage a holder of all of the resources, of which there are as many places, or has it wait for all of them; then
// why says for what.
func (w *weighing) take(ctx context.Context, have []store.Turn, resources []string, places int) (why string, err error) {
	var missing []string
	for _, r := range resources {
		if !slices.ContainsFunc(have, func(t store.Turn) bool { return t.Resource == r && t.Held }) {
			missing = append(missing, r)
		}
	}
	if len(missing) == 0 {
		return "", nil
	}
	if err := w.tx.AskTurn(ctx, w.run.ID, w.stage, missing); err != nil {
		return "", err
	}
	if why, err = w.e.inTheWay(ctx, w.tx, w.run, w.stage, places); err != nil || why != "" {
		return why, err
	}
	return "", w.tx.TakeTurn(ctx, w.run.ID, w.stage, missing)
}

// inTheWay says why a stage does not get what it waits for: the first resource that others hold, or are before it in line for.
// Places is how many can hold each.
func (e *Engine) inTheWay(ctx context.Context, tx *store.Tx, run fairlead.Run, stage, places int) (why string, err error) {
	turns, err := tx.StageTurns(ctx, run.ID, stage)
	if err != nil {
		return "", err
	}
	for _, t := range turns {
		if t.Held || t.Resource == resourceTime {
			continue
		}
		holders, err := tx.Holders(ctx, t.Resource)
		if err != nil {
			return "", err
		}
		before, err := tx.Before(ctx, t.Resource, t.Asked)
		if err != nil {
			return "", err
		}
		if len(holders) >= places || len(before) > 0 {
			group, err := tx.PipelineGroup(ctx, run.Pipeline)
			return inLine(t.Resource, places, group, holders, before), err
		}
	}
	return "", nil
}

// inLine is the sentence about a resource that others have or get first, for those who see the runs of a group.
func inLine(resource string, places int, group string, holders, before []store.TurnPlace) string {
	var text string
	name, lock := store.LockName(resource)
	switch target := strings.TrimPrefix(resource, "target "); {
	case lock && len(holders) > 0:
		text = fmt.Sprintf("lock %s, held by %s since %s", quote(name), whose(group, holders[0]), holders[0].Since.UTC().Format("2006-01-02 15:04 UTC"))
	case lock:
		text = "lock " + quote(name)
	default:
		who := make([]string, len(holders))
		for i, h := range holders {
			who[i] = whose(group, h)
		}
		text = fmt.Sprintf("a place on target %s, where %d deploying stages run at once", target, places)
		if len(who) > 0 {
			text += ": " + strings.Join(who, ", ")
		}
	}
	if n := len(before); n > 0 {
		text += fmt.Sprintf("; place %d in line, after %s", n+1, whose(group, before[n-1]))
	}
	return text
}

// whose is how a sentence names a stage of another run. Who reads it sees the runs of a group, and maybe no others.
func whose(group string, p store.TurnPlace) string {
	if p.Group != group {
		return "a run of another group"
	}
	return fmt.Sprintf("run %d of pipeline %s (stage %s)", p.Number, p.Pipeline, p.Name)
}

func lockResources(locks []string) []string {
	list := make([]string, len(locks))
	for i, name := range locks {
		list[i] = lockResource(name)
	}
	return list
}

// expandLocks are the locks of a stage with their variables replaced, in the order in which all stages have them.
func expandLocks(s fairlead.StageRun, values map[string]string) ([]string, error) {
	if s.Policy == nil || len(s.Policy.Locks) == 0 {
		return nil, nil
	}
	names := make([]string, 0, len(s.Policy.Locks))
	for _, text := range s.Policy.Locks {
		name, err := Expand(text, lookup(values))
		if err == nil {
			err = checkLock(name)
		}
		if err != nil {
			return nil, fairlead.Errorf(fairlead.Invalid, "lock %s: %w", quote(text), err)
		}
		names = append(names, name)
	}
	return sorted(names), nil
}

// targetOf is the target that a stage will deploy to; "" when that cannot be told, which its work will find out as well.
func (e *Engine) targetOf(ctx context.Context, tx *store.Tx, run fairlead.Run, i int) (string, error) {
	spec, err := tx.PipelineSpec(ctx, run.Pipeline, run.Revision)
	if err != nil {
		return "", err
	}
	own, ok := stageSpec(&spec, run.Stages[i])
	var of, target string // whose target it is when it exists, and the target otherwise
	switch {
	case !ok:
	case own.Job != nil && own.Job.Target != "":
		target = own.Job.Target
	case own.Job != nil:
		of = own.Job.Stack
	case own.Deploy != nil:
		of, target = own.Deploy.Stack, own.Deploy.Target
	}
	name, err := Expand(of, lookup(run.Variables))
	if err != nil || !ok {
		return "", nil
	}
	s, err := tx.Stack(ctx, name)
	if err == nil {
		return s.Target, nil
	}
	if fairlead.ErrorCode(err) != fairlead.NotFound {
		return "", err
	}
	return chosenTarget(ctx, tx, target, run.Variables)
}

// chosenTarget is the target that a text names, or the one that nothing is said for; "" when there is none.
func chosenTarget(ctx context.Context, tx *store.Tx, text string, values map[string]string) (string, error) {
	wanted, err := Expand(text, lookup(values))
	if err != nil {
		return "", nil
	}
	target, err := stack.ChooseTarget(ctx, tx, wanted)
	if _, told := errors.AsType[*fairlead.Error](err); told {
		return "", nil
	}
	return target.Name, err
}
