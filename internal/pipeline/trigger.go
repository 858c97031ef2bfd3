package pipeline

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// source is what a condition listens to, as listeners and runs know it.
func (l located) source(pipeline string, hooks []store.PipelineWebhook) string {
	switch {
	case l.Channel != nil:
		return l.Channel.Name
	case l.Image != nil:
		return l.Image.Repository
	case l.Schedule != nil:
		return pipeline + "/" + l.path
	}
	for _, h := range hooks {
		if h.Condition == l.path {
			return h.ID
		}
	}
	return ""
}

// incoming is something that arrived and is on its way to the conditions that listen to its source.
type incoming struct {
	kind, source string
	id           string // no condition counts the same id twice; empty: nothing to compare with
	from         string // as people see it
	origin       string // id of the channel message
	key          string
	params       map[string]string
	pins         map[string]string
	tag          string // of an image
}

// wants reports whether a condition is about the message: the tag of an image must match.
func (in incoming) wants(c fairlead.Condition) bool {
	return in.kind != "image" || (c.Image != nil && tagMatches(*c.Image, in.tag))
}

// deliver takes a message to every condition that listens to its source: of runs that have begun, and of the starts of
// pipelines. What one of them refuses is noted there and does not hinder the others.
func (e *Engine) deliver(ctx context.Context, tx *store.Tx, in incoming) error {
	served := map[string]bool{}
	runs, err := tx.RunsListening(ctx, in.kind, in.source)
	if err != nil {
		return err
	}
	for _, id := range runs {
		if err := e.serveRun(ctx, tx, id, in, served); err != nil {
			return err
		}
	}
	listeners, err := tx.Listeners(ctx, in.kind, in.source)
	if err != nil {
		return err
	}
	for _, l := range listeners {
		if served[l.Pipeline+"/"+l.Condition] {
			continue
		}
		p, err := tx.PipelineHead(ctx, l.Pipeline)
		if err != nil {
			return err
		}
		for _, at := range conditionsOf(&p.Spec) {
			if at.path != l.Condition || !in.wants(at.Condition) {
				continue
			}
			if _, err := e.deliverTo(ctx, tx, p, at, in); err != nil && !refusal(err) {
				return err
			}
		}
	}
	return nil
}

// serveRun gives a message to the conditions of one run that wait for it.
func (e *Engine) serveRun(ctx context.Context, tx *store.Tx, id string, in incoming, served map[string]bool) error {
	run, err := tx.Run(ctx, id)
	if err != nil {
		return err
	}
	spec, err := tx.PipelineSpec(ctx, run.Pipeline, run.Revision)
	if err != nil {
		return err
	}
	p := fairlead.Pipeline{Name: run.Pipeline, Spec: spec}
	for _, at := range conditionsOf(&spec) {
		if at.stage < 0 || at.Kind() != in.kind || at.source(run.Pipeline, nil) != in.source || !in.wants(at.Condition) {
			continue
		}
		if run, err = tx.Run(ctx, id); err != nil { // as the condition before left it
			return err
		}
		served[run.Pipeline+"/"+at.path] = true
		if _, err := e.toCondition(ctx, tx, p, at, in, &run); err != nil && !refusal(err) {
			return err
		}
	}
	return nil
}

// refusal reports whether an error is an answer about the message, and not a failure of the transaction.
func refusal(err error) bool {
	_, ok := errors.AsType[*refused](err)
	return ok
}

// refused is why a message did nothing at a condition. It is stored with the message.
type refused struct{ err error }

func (r *refused) Error() string { return r.err.Error() }
func (r *refused) Unwrap() error { return r.err }

// deliverTo gives a message to one condition of a pipeline's present revision.
func (e *Engine) deliverTo(ctx context.Context, tx *store.Tx, p fairlead.Pipeline, at located, in incoming) (fairlead.Message, error) {
	if at.stage < 0 {
		return e.toCondition(ctx, tx, p, at, in, nil)
	}
	run, active, err := runFor(ctx, tx, p, at, in)
	if err != nil {
		return fairlead.Message{}, err
	}
	if !active && at.stage == 0 { // the first stage's conditions start a run
		if once := in.once(p.Name, at); once != "" {
			if m, err := tx.MessageOnce(ctx, once); fairlead.ErrorCode(err) != fairlead.NotFound {
				return m, err
			}
		}
		if _, _, err := at.values(in.params); err != nil {
			return e.note(ctx, tx, p, at, in, fairlead.Message{}, err)
		}
		if run, err = e.start(ctx, tx, p, start{cause: in.kind, why: "started by " + in.kind + " " + at.path}); err != nil {
			return e.note(ctx, tx, p, at, in, fairlead.Message{}, err)
		}
		m, err := e.toCondition(ctx, tx, p, at, in, &run)
		return m, err
	}
	return e.toCondition(ctx, tx, p, at, in, &run)
}

// runFor is the run that a message for a stage goes to: the one that is active, or of several the oldest in which the condition is
// open. Not active means that a message for the first stage may start one.
func runFor(ctx context.Context, tx *store.Tx, p fairlead.Pipeline, at located, in incoming) (run fairlead.Run, active bool, err error) {
	if p.Spec.MaxRuns <= 1 {
		return tx.FirstActiveRun(ctx, p.Name)
	}
	runs, err := tx.ActiveRuns(ctx, p.Name)
	if err != nil || len(runs) == 0 {
		return run, false, err
	}
	for _, run := range runs {
		i, path := waiting(run, at, in)
		if i < 0 || run.State == fairlead.RunQueued {
			continue
		}
		s := run.Stages[i]
		open := slices.ContainsFunc(s.Conditions, func(c fairlead.ConditionRun) bool { return c.Condition == path && !c.Met })
		if open && (s.State == fairlead.StagePending || s.State == fairlead.StageWaiting) {
			return run, true, nil
		}
	}
	return runs[0], at.stage > 0 || len(runs) >= p.Spec.MaxRuns, nil
}

// toCondition gives a message to a condition: of the pipeline's start when run is nil, else of a stage of that run. It stores
// the message with what it did; a refusal comes back as well.
func (e *Engine) toCondition(ctx context.Context, tx *store.Tx, p fairlead.Pipeline, at located, in incoming, run *fairlead.Run) (m fairlead.Message, err error) {
	if once := in.once(p.Name, at); once != "" {
		switch m, err := tx.MessageOnce(ctx, once); {
		case err == nil:
			return m, nil
		case fairlead.ErrorCode(err) != fairlead.NotFound:
			return m, err
		}
	}
	if m.ID, err = newID(); err != nil {
		return m, err
	}
	values, rest, err := at.values(in.params)
	switch {
	case err != nil:
	case run == nil:
		err = e.toStart(ctx, tx, p, at, in, &m, values, rest)
	default:
		err = e.toStage(ctx, tx, at, in, &m, values, *run)
	}
	return e.note(ctx, tx, p, at, in, m, err)
}

// once is what may count only once at a condition.
func (in incoming) once(pipeline string, at located) string {
	if in.id == "" {
		return ""
	}
	if in.kind == "webhook" {
		return in.source + "/" + in.id
	}
	return in.id + "/" + pipeline + "/" + at.path
}

// note stores what a message did, or why it did nothing. A refused message does not use up its key.
func (e *Engine) note(ctx context.Context, tx *store.Tx, p fairlead.Pipeline, at located, in incoming, m fairlead.Message, err error) (fairlead.Message, error) {
	once := in.once(p.Name, at)
	if err != nil {
		switch fairlead.ErrorCode(err) {
		case fairlead.Internal, fairlead.Unavailable:
			return m, err
		}
		m.Result, m.Reason = fairlead.MessageRefused, reason(err)
		if in.kind == "webhook" {
			once = ""
		}
		err = &refused{err}
	}
	if m.ID == "" {
		var failed error
		if m.ID, failed = newID(); failed != nil {
			return m, failed
		}
	}
	m.Pipeline, m.Condition, m.Kind, m.Source, m.Params, m.Key = p.Name, at.path, in.kind, in.from, in.params, in.key
	if m.Params == nil || fairlead.ErrorCode(err) == fairlead.TooLarge {
		m.Params = map[string]string{}
	}
	if failed := tx.CreateMessage(ctx, &m, once, in.origin); failed != nil {
		return m, failed
	}
	return m, err
}

// reason is an error in one text, with its single problems.
func reason(err error) string {
	if e, ok := errors.AsType[*fairlead.Error](err); ok && len(e.Problems) > 0 {
		return e.Problems.Error()
	}
	return err.Error()
}

// toStart counts a message for the start of a pipeline: it starts a run, or waits for the other conditions of mode all.
func (e *Engine) toStart(ctx context.Context, tx *store.Tx, p fairlead.Pipeline, at located, in incoming, m *fairlead.Message, values map[string]string, rest []string) error {
	if err := stays(p); err != nil { // of mode all it would wait for the others
		return err
	}
	s := start{given: values, cause: in.kind, why: "started by " + in.kind + " " + at.path, pins: in.pins}
	if in.kind == "webhook" {
		for _, name := range rest {
			s.complaints = append(s.complaints, "parameter "+quote(name)+" of the message is ignored: the condition does not map it to a variable")
		}
	}
	all := at.mode == "all" && len(p.Spec.Start.Conditions) > 1
	if all {
		complete, err := e.gather(ctx, tx, p, at, in, m, &s)
		if err != nil || !complete {
			return err
		}
	}
	run, err := e.start(ctx, tx, p, s)
	if err != nil {
		return err
	}
	m.Run, m.Result = run.ID, fairlead.MessageStarted
	if all {
		return tx.ClearGates(ctx, p.Name)
	}
	return nil
}

// gather marks a condition of mode all as met, and reports whether all are; then s has the values of all of them, in the
// order of the file.
func (e *Engine) gather(ctx context.Context, tx *store.Tx, p fairlead.Pipeline, at located, in incoming, m *fairlead.Message, s *start) (complete bool, err error) {
	gates, err := tx.Gates(ctx, p.Name)
	if err != nil {
		return false, err
	}
	met := map[string]store.Gate{}
	for _, g := range gates {
		met[g.Condition] = g
	}
	_, again := met[at.path]
	own := store.Gate{Condition: at.path, Message: m.ID, Variables: s.given, Pins: in.pins}
	met[at.path] = own
	given, pins := map[string]string{}, map[string]string{}
	var open []string
	for _, other := range conditionsOf(&p.Spec) {
		if other.stage >= 0 {
			break
		}
		g, ok := met[other.path]
		if !ok {
			open = append(open, other.path)
			continue
		}
		maps.Copy(given, g.Variables)
		maps.Copy(pins, g.Pins)
	}
	if len(open) == 0 {
		s.given, s.pins, s.why = given, pins, "started by all of its conditions, the last was "+in.kind+" "+at.path
		return true, nil
	}
	m.Result, m.Reason = fairlead.MessageCounted, "the start waits for "+strings.Join(open, ", ")
	if again {
		m.Reason += "; it takes the place of an earlier message of this condition"
	}
	return false, tx.SetGate(ctx, p.Name, own)
}

// toStage counts a message for a stage of a run.
func (e *Engine) toStage(ctx context.Context, tx *store.Tx, at located, in incoming, m *fairlead.Message, values map[string]string, run fairlead.Run) error {
	nobody := func(why string) error {
		return fairlead.Errorf(fairlead.Conflict, "no run waits for %s: %s", at.path, why)
	}
	if run.ID == "" || run.State == fairlead.RunQueued || fairlead.RunMoves.Final(run.State) {
		return nobody("no run of the pipeline is under way")
	}
	i, c := waiting(run, at, in)
	if i < 0 {
		return nobody("run " + run.ID + " began with a file that did not have this condition")
	}
	next, err := e.step(ctx, tx, run, Received{Stage: i, Condition: c, Message: m.ID, Values: values, Pins: in.pins})
	if err != nil {
		return err
	}
	before, after := run.Stages[i], next.Stages[i]
	counted := false
	for _, condition := range after.Conditions {
		counted = counted || condition.Message == m.ID
	}
	switch {
	case !counted:
		return nobody(describe(i, before.Name) + " of run " + run.ID + " is " + string(before.State) + " already")
	case before.State == fairlead.StageWaiting && (after.State != fairlead.StageWaiting || missing(after) == ""):
		m.Result = fairlead.MessageReleased
	case before.State == fairlead.StagePending:
		m.Result, m.Reason = fairlead.MessageCounted, describe(i, before.Name)+" waits for the stages before it"
	default:
		m.Result, m.Reason = fairlead.MessageCounted, describe(i, before.Name)+" waits for "+missing(after)
	}
	m.Run = run.ID
	return nil
}

// waiting finds the stage and condition of a run that a message is for: the one at the same place, or else the one that
// listens to the same source, for the file may have changed since.
func waiting(run fairlead.Run, at located, in incoming) (stage int, condition string) {
	stage = -1
	for i, s := range run.Stages {
		for _, c := range s.Conditions {
			if c.Kind != in.kind || c.Source != in.source {
				continue
			}
			if c.Condition == at.path {
				return i, c.Condition
			}
			if stage < 0 && in.kind == "webhook" {
				stage, condition = i, c.Condition
			}
		}
	}
	return stage, condition
}

// listen makes messages reach a run that begins.
func listen(ctx context.Context, tx *store.Tx, run fairlead.Run) error {
	var list []store.Listener
	for _, s := range run.Stages {
		for _, c := range s.Conditions {
			if c.Kind != "webhook" { // a webhook finds its run by its pipeline
				list = append(list, store.Listener{Kind: c.Kind, Source: c.Source})
			}
		}
	}
	return tx.SetRunListens(ctx, run.ID, list)
}
