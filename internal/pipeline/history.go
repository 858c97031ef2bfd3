package pipeline

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// Compare tells two runs apart: their variables and, stage by stage, how they ended, how long they took, and which template
// version and which images they deployed.
func (e *Engine) Compare(ctx context.Context, a, b string) (d fairlead.RunDiff, err error) {
	var facts [2]map[string]map[string]string
	err = e.db.Read(ctx, func(tx *store.Tx) error {
		for i, id := range []string{a, b} {
			run, err := tx.Run(ctx, id)
			if err != nil {
				return err
			}
			if facts[i], err = stageFacts(ctx, tx, run); err != nil {
				return err
			}
			if i == 0 {
				d.A = run
			} else {
				d.B = run
			}
		}
		return nil
	})
	if err != nil {
		return fairlead.RunDiff{}, err
	}
	d.Variables = differing(d.A.Variables, d.B.Variables)
	d.Stages = []fairlead.StageRunDiff{}
	var names []string
	for _, s := range slices.Concat(d.A.Stages, d.B.Stages) {
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	for _, name := range names {
		d.Stages = append(d.Stages, fairlead.StageRunDiff{Name: name, TookA: took(d.A, name), TookB: took(d.B, name), Diffs: differing(facts[0][name], facts[1][name])})
	}
	return d, nil
}

// stageFacts are what is compared of each stage.
func stageFacts(ctx context.Context, tx *store.Tx, run fairlead.Run) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	for _, s := range run.Stages {
		facts := map[string]string{"state": string(s.State)}
		if s.Message != "" {
			facts["message"] = s.Message
		}
		if s.Stack != "" {
			facts["stack"] = s.Stack
		}
		if s.ExitCode != nil {
			facts["exit code"] = strconv.Itoa(*s.ExitCode)
		}
		for _, img := range s.Images {
			facts["image "+img.Name] = img.Image
			facts["digest of image "+img.Name] = img.Digest
		}
		if s.Action != "" {
			action, err := tx.Action(ctx, s.Action)
			if err != nil && fairlead.ErrorCode(err) != fairlead.NotFound {
				return nil, err
			}
			if action.Template != "" {
				facts["template"] = action.Template + "@" + action.Version
			}
		}
		all[s.Name] = facts
	}
	return all, nil
}

// differing lists what is not the same in two maps, by name.
func differing(a, b map[string]string) []fairlead.ValueDiff {
	list := []fairlead.ValueDiff{}
	both := maps.Clone(a)
	if both == nil {
		both = map[string]string{}
	}
	maps.Copy(both, b)
	for _, name := range slices.Sorted(maps.Keys(both)) {
		x, inA := a[name]
		y, inB := b[name]
		if inA == inB && x == y {
			continue
		}
		d := fairlead.ValueDiff{Name: name}
		if inA {
			d.A = &x
		}
		if inB {
			d.B = &y
		}
		list = append(list, d)
	}
	return list
}

func took(run fairlead.Run, stage string) fairlead.Duration {
	for _, s := range run.Stages {
		if s.Name == stage && s.StartedAt != nil && s.EndedAt != nil {
			return fairlead.Duration(s.EndedAt.Sub(*s.StartedAt).Round(time.Millisecond))
		}
	}
	return 0
}

// Prune removes the history that pipelines and channels do not keep. Without "keep" everything stays.
func (e *Engine) Prune(ctx context.Context) error {
	for cursor := ""; ; {
		var list []fairlead.Pipeline
		err := e.db.Read(ctx, func(tx *store.Tx) (err error) {
			list, cursor, err = tx.Pipelines(ctx, store.Everything, "", 100, cursor)
			return err
		})
		if err != nil {
			return err
		}
		for _, p := range list {
			if err := e.prunePipeline(ctx, p); err != nil {
				return err
			}
		}
		if cursor == "" {
			break
		}
	}
	for cursor := ""; ; {
		var list []fairlead.Channel
		err := e.db.Read(ctx, func(tx *store.Tx) (err error) {
			list, cursor, err = tx.Channels(ctx, store.Everything, 100, cursor)
			return err
		})
		if err != nil {
			return err
		}
		for _, c := range list {
			if c.Keep == (fairlead.Retention{}) {
				continue
			}
			if err := e.db.Write(ctx, func(tx *store.Tx) error { return tx.PruneChannel(ctx, c) }); err != nil {
				return err
			}
		}
		if cursor == "" {
			return nil
		}
	}
}

func (e *Engine) prunePipeline(ctx context.Context, p fairlead.Pipeline) error {
	keep := p.Spec.Keep
	if keep == nil {
		return nil
	}
	before := ""
	if keep.Age > 0 {
		before = store.Time(e.now().Add(-time.Duration(keep.Age)))
	}
	return e.inSlices(ctx, func(tx *store.Tx) (done bool, err error) {
		n, err := tx.PruneRuns(ctx, p.Name, before, keep.Count, historySlice)
		if err != nil || before == "" {
			return n < historySlice, err
		}
		m, err := tx.PruneMessages(ctx, p.Name, before, historySlice)
		return n < historySlice && m < historySlice, err
	})
}

// historySlice is how much of a history is removed at once. Others can write between two slices.
const historySlice = 200

// inSlices writes until it is done.
func (e *Engine) inSlices(ctx context.Context, write func(tx *store.Tx) (done bool, err error)) error {
	for done := false; !done; {
		err := e.db.Write(ctx, func(tx *store.Tx) (err error) { done, err = write(tx); return err })
		if err != nil {
			return err
		}
	}
	return nil
}
