package stack_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

// TestBeginLooksAgain takes away, between Prepare and Begin, what a new stack is made of and on.
func TestBeginLooksAgain(t *testing.T) {
	deleteTemplate := func(ctx context.Context, tx *store.Tx) error {
		return tx.DeleteTemplateVersion(ctx, "shop", "1.0")
	}
	tests := map[string]struct {
		between func(ctx context.Context, tx *store.Tx) error
		code    fairlead.Code
		want    string
	}{
		"the template is deleted": {deleteTemplate, fairlead.NotFound, `template shop has no version "1.0"`},
		"the template is another": {func(ctx context.Context, tx *store.Tx) error {
			if err := deleteTemplate(ctx, tx); err != nil {
				return err
			}
			return tx.CreateTemplateVersion(ctx, &fairlead.TemplateVersion{Template: "shop", Version: "1.0", Filename: "t.yaml", Source: []byte(chain("2", nil))})
		}, fairlead.Conflict, "plan again"},
		"the target is removed": {func(ctx context.Context, tx *store.Tx) error {
			return tx.DeleteTarget(ctx, fairlead.LocalTarget)
		}, fairlead.NotFound, `target "local" does not exist`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, stacktest.NewWorld().Provider())
			b.push("shop", "1.0", chain("1", nil))
			r := request("1.0")
			r.Verb = fairlead.VerbCreate
			p, err := b.engine.Prepare(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			b.write(tt.between)
			err = b.db.Write(t.Context(), func(tx *store.Tx) error {
				_, err := b.engine.Begin(t.Context(), tx, p)
				return err
			})
			if fairlead.ErrorCode(err) != tt.code || !strings.Contains(describe(err), tt.want) {
				t.Errorf("got %v, want %s with %q", err, tt.code, tt.want)
			}
			b.read(func(ctx context.Context, tx *store.Tx) error {
				if _, err := tx.Stack(ctx, "shop"); fairlead.ErrorCode(err) != fairlead.NotFound {
					t.Errorf("a stack was stored: %v", err)
				}
				return nil
			})
		})
	}
}

// blurter is a provider whose own errors quote what it was given.
type blurter struct {
	stack.Provider
	plans bool
}

var errBlurted = errors.New("the key is open-sesame")

func (p blurter) Plan(ctx context.Context, want template.Element, prior *fairlead.Record) (fairlead.Change, error) {
	if p.plans {
		return fairlead.Change{}, errBlurted
	}
	return p.Provider.Plan(ctx, want, prior)
}

func (p blurter) Apply(context.Context, fairlead.Change) (fairlead.Record, error) {
	return fairlead.Record{}, errBlurted
}

func TestErrorsForTheLogHoldNoSecrets(t *testing.T) {
	for name, plans := range map[string]bool{"of a plan": true, "of a change": false} {
		t.Run(name, func(t *testing.T) {
			provider := blurter{stacktest.NewWorld().Provider(), plans}
			b := newLogged(t, provider)
			b.push("shop", "1.0", chain("1", nil))
			r := request("1.0")
			r.Inputs = map[string]any{"key": "open-sesame"}
			a, err := b.engine.Create(t.Context(), r)
			if plans {
				if err == nil || strings.Contains(err.Error(), "open-sesame") {
					t.Fatalf("the error of the plan is %v", err)
				}
				return
			}
			b.want(fairlead.ActionFailed, b.wait(a, err))
			if err := b.db.StopJobs(t.Context()); err != nil { // nothing writes to the log any more
				t.Fatal(err)
			}
			if log := b.log.String(); strings.Contains(log, "open-sesame") || !strings.Contains(log, fairlead.Masked) {
				t.Errorf("the log shows the secret, or nothing: %s", log)
			}
		})
	}
}

// logged is a bench whose engine's log can be read.
type logged struct {
	*bench
	log *bytes.Buffer
}

func newLogged(t *testing.T, provider stack.Provider) logged {
	t.Helper()
	b := logged{&bench{t: t, dir: t.TempDir(), clock: &clock{}}, &bytes.Buffer{}}
	b.open(provider)
	b.engine = stack.New(stack.Config{
		DB: b.db, Log: slog.New(slog.NewTextHandler(b.log, nil)), Now: b.clock.now,
		Provider: func(context.Context, fairlead.Target) (stack.Provider, error) { return provider, nil },
	})
	b.write(func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateTarget(ctx, &fairlead.Target{Name: fairlead.LocalTarget, Kind: fairlead.TargetEngine})
	})
	b.startJobs()
	return b
}
