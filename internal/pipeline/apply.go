package pipeline

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// Apply creates a pipeline from its file, or changes the one with that name. The same text again changes nothing. Runs that
// have started keep to the revision that they started with. The group must exist; the default group is made when absent.
// check, when not nil, sees the pipeline that is there, the zero value for none, and what the file says, and can refuse before
// anything changes.
func (e *Engine) Apply(ctx context.Context, actor fairlead.Actor, file string, src []byte,
	check func(old fairlead.Pipeline, spec *fairlead.PipelineSpec) error) (p fairlead.Pipeline, err error) {
	spec, secrets, diags := parse(file, src)
	if err := diags.Err(subject(file)); err != nil {
		return p, err
	}
	if src, err = maskSecrets(subject(file), src, secrets); err != nil {
		return p, err
	}
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		if err := ensureGroup(ctx, tx, spec.Group); err != nil {
			return err
		}
		old, err := tx.PipelineHead(ctx, spec.Name)
		exists := err == nil
		if err != nil && fairlead.ErrorCode(err) != fairlead.NotFound {
			return err
		}
		if check != nil {
			if err := check(old, spec); err != nil {
				return err
			}
		}
		if err := stays(old); err != nil {
			return err
		}
		switch {
		case exists && old.Source == string(src):
		default:
			if err := e.store(ctx, tx, old, spec, string(src), actor, exists); err != nil {
				return err
			}
		}
		if err := keepSecrets(ctx, tx, spec.Name, secrets); err != nil {
			return err
		}
		p, err = tx.Pipeline(ctx, spec.Name)
		return err
	})
	return e.withURLs(p), err
}

func subject(file string) string {
	if file == "" {
		return "pipeline"
	}
	return file
}

func ensureGroup(ctx context.Context, tx *store.Tx, name string) error {
	_, err := tx.Group(ctx, store.Everything, name)
	if name == fairlead.DefaultGroup && fairlead.ErrorCode(err) == fairlead.NotFound {
		return tx.CreateGroup(ctx, &fairlead.Group{Name: name})
	}
	return err
}

func (e *Engine) store(ctx context.Context, tx *store.Tx, p fairlead.Pipeline, spec *fairlead.PipelineSpec, src string, actor fairlead.Actor, exists bool) (err error) {
	before := p
	p.Name, p.Group, p.Spec, p.Source, p.UpdatedBy = spec.Name, spec.Group, *spec, src, actor.String()
	kind, save := "pipeline-changed", tx.UpdatePipeline
	if !exists {
		kind, save = "pipeline-created", tx.CreatePipeline
		if p.ID, err = newID(); err != nil {
			return err
		}
	}
	if err := save(ctx, &p); err != nil {
		return err
	}
	old, err := tx.PipelineWebhooks(ctx, p.Name)
	if err != nil {
		return err
	}
	if err := tx.SetPipelineWebhooks(ctx, p.Name, matchWebhooks(old, webhooks(spec))); err != nil {
		return err
	}
	if err := wire(ctx, tx, before, p); err != nil {
		return err
	}
	if exists && (before.Group != p.Group || before.Spec.MaxRuns < p.Spec.MaxRuns) {
		if err := errors.Join(e.fill(ctx, tx, p.Name), e.fillGroup(ctx, tx, before.Group)); err != nil {
			return err
		}
	}
	return tx.AppendEvent(ctx, fairlead.Event{Kind: "pipeline", Name: p.Name, Type: kind,
		Message: fmt.Sprintf("pipeline %s revision %d applied by %s", p.Name, p.Revision, actor)})
}

// webhooks lists the webhook conditions of a file, without tokens.
func webhooks(spec *fairlead.PipelineSpec) (hooks []store.PipelineWebhook) {
	for i, l := range conditionsOf(spec) {
		if l.Webhook != nil {
			hooks = append(hooks, store.PipelineWebhook{Pipeline: spec.Name, Position: i, Stage: l.stage, Condition: l.path, Spec: *l.Webhook, Params: l.Params})
		}
	}
	return hooks
}

// wire makes the conditions of a file listen, and makes the channels that it names.
func wire(ctx context.Context, tx *store.Tx, old, p fairlead.Pipeline) error {
	var listeners []store.Listener
	var schedules []store.Schedule
	channels := map[string]bool{}
	for _, l := range conditionsOf(&p.Spec) {
		if l.Webhook != nil {
			continue
		}
		listeners = append(listeners, store.Listener{Condition: l.path, Kind: l.Kind(), Source: l.source(p.Name, nil)})
		if l.Channel != nil {
			channels[l.Channel.Name] = true
		}
		if l.Schedule != nil {
			next, err := nextTime(*l.Schedule, tx.Now)
			if err != nil {
				return err
			}
			schedules = append(schedules, store.Schedule{Condition: l.path, NextAt: store.Time(next)})
			if err := tx.Enqueue(ctx, scheduleTick{p.Name, l.path, next}, &river.InsertOpts{ScheduledAt: next}); err != nil {
				return err
			}
		}
	}
	publishers := map[string][]string{}
	for _, s := range p.Spec.Stages {
		for _, n := range s.Notifications {
			if n.Channel != nil {
				publishers[s.Name] = append(publishers[s.Name], n.Channel.Name)
				channels[n.Channel.Name] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		if _, err := tx.EnsureChannel(ctx, &fairlead.Channel{Name: name, CreatedBy: "pipeline " + p.Name}); err != nil {
			return err
		}
	}
	if !reflect.DeepEqual(old.Spec.Start, p.Spec.Start) { // what was met belongs to other conditions
		if err := tx.ClearGates(ctx, p.Name); err != nil {
			return err
		}
	}
	return errors.Join(tx.SetListeners(ctx, p.Name, listeners), tx.SetPublishers(ctx, p.Name, publishers), tx.SetSchedules(ctx, p.Name, schedules))
}

// matchWebhooks gives the wanted webhooks their tokens. A condition keeps its token when it is as it was, also at another
// place of the file, or else when it is at the place where it was; a new condition gets a new token.
func matchWebhooks(old, want []store.PipelineWebhook) []store.PipelineWebhook {
	taken := make([]bool, len(old))
	match := func(same func(a, b store.PipelineWebhook) bool) {
		for i := range want {
			for j := range old {
				if want[i].Token == "" && !taken[j] && same(old[j], want[i]) {
					keepWebhook(&want[i], old[j])
					taken[j] = true
				}
			}
		}
	}
	content := func(a, b store.PipelineWebhook) bool {
		return a.Spec == b.Spec && (a.Stage < 0) == (b.Stage < 0) && reflect.DeepEqual(a.Params, b.Params)
	}
	place := func(a, b store.PipelineWebhook) bool { return a.Condition == b.Condition }
	match(func(a, b store.PipelineWebhook) bool { return content(a, b) && place(a, b) })
	match(content)
	match(place)
	for i := range want {
		if want[i].Token == "" {
			want[i].Token = rand.Text() // 130 bits
		}
		if want[i].Secret == "" {
			want[i].Secret = newSecret(want[i].Spec.Signature)
		}
	}
	return want
}

// keepWebhook gives a condition the address of an old one, and its secret unless messages are signed in another way now.
func keepWebhook(to *store.PipelineWebhook, from store.PipelineWebhook) {
	to.ID, to.Token, to.Disabled = from.ID, from.Token, from.Disabled
	if to.Spec.Signature == from.Spec.Signature {
		to.Secret = from.Secret
	}
}

// Pipeline returns a pipeline with its webhooks' addresses and its last run.
func (e *Engine) Pipeline(ctx context.Context, name string) (p fairlead.Pipeline, err error) {
	err = e.db.Read(ctx, func(tx *store.Tx) error {
		if p, err = tx.Pipeline(ctx, name); err == nil && p.LastRun != nil {
			err = e.Explain(ctx, tx, p.LastRun)
		}
		return err
	})
	return e.withURLs(p), err
}

func (e *Engine) withURLs(p fairlead.Pipeline) fairlead.Pipeline {
	for i := range p.Webhooks {
		p.Webhooks[i].URL = e.url + p.Webhooks[i].Path
	}
	return p
}
