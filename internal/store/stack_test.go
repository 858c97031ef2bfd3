package store_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// inOne runs fn in one writing transaction.
func inOne(t *testing.T, db *store.DB, fn func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	ctx := t.Context()
	if err := db.Write(ctx, func(tx *store.Tx) error { return fn(ctx, tx) }); err != nil {
		t.Fatal(err)
	}
}

func newStack(name string) *fairlead.Stack {
	return &fairlead.Stack{ID: "id-" + name, Name: name, Target: "local", Namespace: "default", Template: "shop", Version: "1.0",
		Inputs: map[string]any{"key": fairlead.Masked}, Status: fairlead.StackPending, Health: fairlead.HealthUnknown}
}

func wantOf(version, key string) store.StackWant {
	in := map[string]any{"key": key, "count": int64(3), "share": 0.5, "list": []any{int64(1), "x"}}
	return store.StackWant{Template: "shop", Version: version, Given: map[string]any{"key": key}, Inputs: in, Secrets: []string{key}}
}

func TestStacksAndTheirStates(t *testing.T) { storetest.Each(t, testStacksAndTheirStates) }

func testStacksAndTheirStates(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	inOne(t, db, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(tx.CreateStack(ctx, newStack("b"), wantOf("1.0", "one")), tx.CreateStack(ctx, newStack("a"), wantOf("1.0", "two")))
	})

	t.Run("a taken name is a conflict", func(t *testing.T) {
		s := newStack("a")
		s.ID = "other"
		err := db.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateStack(t.Context(), s, wantOf("1.0", "x")) })
		if fairlead.ErrorCode(err) != fairlead.Conflict {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("what is wanted comes back with its kinds of numbers", func(t *testing.T) {
		inOne(t, db, func(ctx context.Context, tx *store.Tx) error {
			got, err := tx.StackWant(ctx, "id-a")
			if want := wantOf("1.0", "two"); !reflect.DeepEqual(got, want) {
				t.Errorf("got %#v\nwant %#v", got, want)
			}
			return err
		})
	})
	t.Run("lists have pages", func(t *testing.T) {
		inOne(t, db, func(ctx context.Context, tx *store.Tx) error {
			first, next, err := tx.Stacks(ctx, 1, "")
			if err != nil || len(first) != 1 || first[0].Name != "a" || next != "a" {
				t.Fatalf("first page %+v, %q, %v", first, next, err)
			}
			second, next, err := tx.Stacks(ctx, 1, next)
			if len(second) != 1 || second[0].Name != "b" || next != "" {
				t.Errorf("second page %+v, %q", second, next)
			}
			return err
		})
	})
	t.Run("filters", func(t *testing.T) {
		inOne(t, db, func(ctx context.Context, tx *store.Tx) error {
			labelled := newStack("c_d")
			labelled.Target, labelled.Template, labelled.Status = "prod", "web", fairlead.StackRunning
			labelled.Labels = map[string]string{"team": "web_1", "tier": "2"}
			if err := tx.CreateStack(ctx, labelled, wantOf("1.0", "x")); err != nil {
				return err
			}
			for want, filters := range map[string][]store.StackFilter{
				"c_d": {{Target: "prod"}, {Template: "web"}, {Status: fairlead.StackRunning}, {Search: "_"}, {Labels: map[string]string{"team": "web_1"}},
					{Labels: map[string]string{"team": "", "tier": "2"}}, {Search: "c_d", Target: "prod", Status: fairlead.StackRunning}},
				"":    {{Labels: map[string]string{"team": "web"}}, {Labels: map[string]string{"web_1": ""}}, {Labels: map[string]string{"team": "webx1"}}, {Search: "%"}},
				"a b": {{Target: "local"}, {Status: fairlead.StackPending}},
			} {
				for _, f := range filters {
					list, _, err := tx.FindStacks(ctx, f, 10, "")
					var names []string
					for _, s := range list {
						names = append(names, s.Name)
					}
					if got := strings.Join(names, " "); err != nil || got != want {
						t.Errorf("%+v finds %q, %v; want %q", f, got, err, want)
					}
				}
			}
			return tx.DeleteStack(ctx, labelled.ID)
		})
	})
	t.Run("good states come newest first, with who reached them", func(t *testing.T) {
		inOne(t, db, func(ctx context.Context, tx *store.Tx) error {
			for _, version := range []string{"1.0", "1.1", "1.2"} {
				if err := tx.AddStackState(ctx, "id-a", store.StackState{Want: wantOf(version, "two"), Action: "act-" + version, By: "ann", Restores: 7}); err != nil {
					return err
				}
			}
			states, err := tx.StackStates(ctx, "id-a", 2)
			if err != nil || len(states) != 2 || states[0].Want.Version != "1.2" || states[1].Want.Version != "1.1" {
				t.Fatalf("states %+v, %v", states, err)
			}
			if got := states[0]; got.N != 3 || got.Action != "act-1.2" || got.By != "ann" || got.Restores != 7 || !got.At.Equal(tx.Now) {
				t.Errorf("state %+v", got)
			}
			if states, err = tx.StackStates(ctx, "id-a", 0); len(states) != 3 {
				t.Errorf("states %+v", states)
			}
			return err
		})
	})
	t.Run("a template version is in use as long as a stack can go back to it", func(t *testing.T) {
		inOne(t, db, func(ctx context.Context, tx *store.Tx) error {
			for version, want := range map[string][]string{"1.0": {"a", "b"}, "1.1": {"a"}, "1.2": {"a"}, "1.3": nil} {
				if got, err := tx.StacksUsing(ctx, "shop", version); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("version %s is used by %v, %v; want %v", version, got, err, want)
				}
			}
			return nil
		})
	})
}

func TestActionsAndRecords(t *testing.T) { storetest.Each(t, testActionsAndRecords) }

func testActionsAndRecords(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	record := fairlead.Record{StackID: "id-a", Stack: "a", Element: "web", Type: "CCE.Pod", Target: "local", Namespace: "default",
		Identity: map[string]string{"name": "web"}, State: fairlead.RecordMade, Properties: map[string]any{"n": int64(1), "f": 1.5, "s": "secret"},
		Attributes: map[string]any{"port": int64(80)}, Requires: []string{"db"}, Position: 1, Health: fairlead.Healthy, Retain: true}
	change := &fairlead.Change{Verb: fairlead.OpUpdate, Record: record, Prior: &record, Reason: "because"}
	action := store.StackAction{Want: wantOf("1.0", "two"), Restores: 2, Then: &store.StackJob{Kind: "then", Args: []byte(`{"a":1}`)},
		Action: fairlead.Action{ID: "act-1", StackID: "id-a", Stack: "a", Verb: fairlead.VerbCreate, State: fairlead.ActionPending,
			OnFailure: fairlead.Keep, Plan: fairlead.Plan{Operations: []fairlead.Operation{{Element: "db"}, {Element: "web"}}}, Timeout: fairlead.Duration(time.Hour),
			Comment: "why not", Run: "run-1", Adopt: []string{"web"}}}
	inOne(t, db, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(tx.CreateStack(ctx, newStack("a"), action.Want), tx.CreateAction(ctx, &action), tx.PutRecord(ctx, record),
			tx.PutOperation(ctx, "act-1", store.StackOperation{N: 1, Verb: fairlead.OpUpdate, State: fairlead.OperationApplying, StartedAt: &at, Change: change}))
	})

	t.Run("a record comes back whole", func(t *testing.T) {
		inOne(t, db, func(ctx context.Context, tx *store.Tx) error {
			list, err := tx.Records(ctx, "id-a")
			if err != nil || len(list) != 1 {
				t.Fatalf("records %+v, %v", list, err)
			}
			list[0].UpdatedAt = time.Time{}
			if !reflect.DeepEqual(list[0], record) {
				t.Errorf("got %#v\nwant %#v", list[0], record)
			}
			return nil
		})
	})
	t.Run("an operation keeps its change until it ends", func(t *testing.T) {
		inOne(t, db, func(ctx context.Context, tx *store.Tx) error {
			move := store.StackOperation{N: 1, Verb: fairlead.OpUpdate, State: fairlead.OperationWaiting, StartedAt: &at, Message: "not yet"}
			if err := tx.MoveOperation(ctx, "act-1", move); err != nil {
				return err
			}
			ops, err := tx.Operations(ctx, "act-1")
			if err != nil || len(ops) != 1 || !reflect.DeepEqual(ops[0].Change, change) {
				t.Fatalf("operations %+v, %v", ops, err)
			}
			move.State, move.EndedAt = fairlead.OperationSucceeded, &at
			if err := tx.MoveOperation(ctx, "act-1", move); err != nil {
				return err
			}
			if ops, err = tx.Operations(ctx, "act-1"); ops[0].Change != nil {
				t.Errorf("the change of an ended operation is still there")
			}
			return err
		})
	})
	t.Run("an action shows the states of its operations", func(t *testing.T) {
		inOne(t, db, func(ctx context.Context, tx *store.Tx) error {
			a, err := tx.StackAction(ctx, "act-1")
			if op := a.Plan.Operations[1]; op.State != fairlead.OperationSucceeded || op.EndedAt == nil || !op.EndedAt.Equal(at) {
				t.Errorf("operation %+v", op)
			}
			if a.Restores != 2 || a.Slice != 1 || string(a.Then.Args) != `{"a":1}` || !reflect.DeepEqual(a.Want, action.Want) ||
				a.Comment != "why not" || a.Run != "run-1" || !reflect.DeepEqual(a.Adopt, []string{"web"}) {
				t.Errorf("action %+v", a)
			}
			return err
		})
	})
	t.Run("deleting the stack leaves its actions", func(t *testing.T) {
		inOne(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.DeleteStack(ctx, "id-a"); err != nil {
				return err
			}
			if list, err := tx.Records(ctx, "id-a"); err != nil || len(list) != 0 {
				t.Errorf("records %+v, %v", list, err)
			}
			list, _, err := tx.Actions(ctx, "a", 10, "")
			if len(list) != 1 || list[0].ID != "act-1" {
				t.Errorf("actions %+v", list)
			}
			return err
		})
	})
}
