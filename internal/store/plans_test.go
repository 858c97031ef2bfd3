package store_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// What people look at and what every run asks must not read a table that grows with every run, however it is filtered and
// wherever the page is.
func TestHotListsUseIndexes(t *testing.T) { storetest.Each(t, testHotListsUseIndexes) }

func testHotListsUseIndexes(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	mustPipeline(t, db, "shop")
	var run fairlead.Run
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) (err error) {
		run, err = newRun(ctx, tx, "shop", fairlead.RunQueued)
		return err
	})
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	find := func(f store.RunFilter) func(context.Context, *store.Tx) error {
		return func(ctx context.Context, tx *store.Tx) error {
			_, _, err := tx.FindRuns(ctx, "shop", f, 50, "900")
			return err
		}
	}
	all := func(kind store.RunKind) func(context.Context, *store.Tx) error {
		return func(ctx context.Context, tx *store.Tx) error {
			_, _, err := tx.Runs(ctx, "alice", kind, 50, run.ID)
			return err
		}
	}
	for name, read := range map[string]func(ctx context.Context, tx *store.Tx) error{
		"pipelines with their last runs": func(ctx context.Context, tx *store.Tx) error {
			_, _, err := tx.Pipelines(ctx, store.Everything, "", 50, "")
			return err
		},
		"pipeline":       func(ctx context.Context, tx *store.Tx) error { _, err := tx.Pipeline(ctx, "shop"); return err },
		"run":            func(ctx context.Context, tx *store.Tx) error { _, err := tx.Run(ctx, run.ID); return err },
		"runs":           all(store.RunsAll),
		"runs at work":   all(store.RunsRunning),
		"runs that wait": all(store.RunsWaiting),
		"failed runs":    all(store.RunsFailed),
		"runs that ask":  all(store.RunsAsking),
		"open runs":      func(ctx context.Context, tx *store.Tx) error { _, err := tx.OpenRuns(ctx); return err },
		"active runs":    func(ctx context.Context, tx *store.Tx) error { _, err := tx.ActiveRuns(ctx, "shop"); return err },
		"head of queue":  func(ctx context.Context, tx *store.Tx) error { _, _, err := tx.FirstActiveRun(ctx, "shop"); return err },
		"next in queue":  func(ctx context.Context, tx *store.Tx) error { _, _, err := tx.NextInQueue(ctx, "shop"); return err },
		"runs under way": func(ctx context.Context, tx *store.Tx) error { _, _, err := tx.RunsUnderWay(ctx, "shop"); return err },
		"place in queue": func(ctx context.Context, tx *store.Tx) error {
			_, _, _, err := tx.QueuePlace(ctx, "shop", 3)
			return err
		},
		"log": func(ctx context.Context, tx *store.Tx) error {
			_, _, err := tx.RunLog(ctx, run.ID, store.LogQuery{Limit: 100})
			return err
		},
		"log of a stage": func(ctx context.Context, tx *store.Tx) error {
			_, _, err := tx.RunLog(ctx, run.ID, store.LogQuery{Stage: "deploy", Limit: 100})
			return err
		},
		"runs by state":   find(store.RunFilter{State: "failed"}),
		"runs by cause":   find(store.RunFilter{Cause: "webhook"}),
		"runs by starter": find(store.RunFilter{By: "alice"}),
		"runs by time":    find(store.RunFilter{Since: at, Until: at.Add(time.Hour)}),
		"messages": func(ctx context.Context, tx *store.Tx) error {
			_, _, err := tx.Messages(ctx, "shop", 50, "m")
			return err
		},
		"actions": func(ctx context.Context, tx *store.Tx) error {
			_, _, err := tx.Actions(ctx, "shop", 50, "a")
			return err
		},
		"open actions": func(ctx context.Context, tx *store.Tx) error { _, err := tx.OpenActions(ctx); return err },
		"events of a stack": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Events(ctx, store.EventFilter{Kind: "stack", Name: "shop"})
			return err
		},
		"events of an action": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Events(ctx, store.EventFilter{Action: "a"})
			return err
		},
		"new events": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Events(ctx, store.EventFilter{After: 1000})
			return err
		},
		"last event": func(ctx context.Context, tx *store.Tx) error { _, err := tx.LastEvent(ctx); return err },
	} {
		t.Run(name, func(t *testing.T) {
			var said []store.Said
			mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
				tx.Listen(func(s store.Said) { said = append(said, s) })
				return read(ctx, tx)
			})
			if len(said) == 0 {
				t.Error("nothing was asked")
			}
			for _, s := range said {
				if plan := explain(t, db, s); readsAll.MatchString(plan) {
					t.Errorf("%s\nis done by\n%s", s.Query, plan)
				}
			}
		})
	}
}

// The numbers of /metrics are counted along an index, whose entries are few bytes each, and nothing is sorted for them.
func TestStatesAreCountedByIndex(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		db := mustOpen(t, cfg)
		mustPipeline(t, db, "shop")
		var said []store.Said
		var counts store.StateCounts
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
			for range 3 {
				if _, err := newRun(ctx, tx, "shop", fairlead.RunQueued); err != nil {
					return err
				}
			}
			return nil
		})
		mustRead(t, db, func(ctx context.Context, tx *store.Tx) (err error) {
			tx.Listen(func(s store.Said) { said = append(said, s) })
			counts, err = tx.CountStates(ctx)
			return err
		})
		if counts.Runs["queued"] != 3 || len(counts.Runs) != 1 {
			t.Errorf("runs are counted as %v", counts.Runs)
		}
		for _, s := range said {
			for table, index := range map[string]string{" runs ": "runs_by_state", " stack_actions ": "stack_actions_by_state"} {
				if plan := explain(t, db, s); strings.Contains(s.Query, table) && !strings.Contains(plan, index) {
					t.Errorf("%s\nis done by\n%s", s.Query, plan)
				}
			}
		}
	})
}

func TestPlansThatReadAllAreFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		db := mustOpen(t, cfg)
		for _, s := range []store.Said{
			{Query: `SELECT id FROM runs WHERE message = $1`, Args: []any{"x"}},
			{Query: `SELECT message FROM events WHERE type = $1 ORDER BY seq`, Args: []any{"x"}},
		} {
			if plan := explain(t, db, s); !readsAll.MatchString(plan) && !strings.Contains(plan, "Filter") {
				t.Errorf("%s is done by\n%s", s.Query, plan)
			}
		}
	})
}

// readsAll finds the step of a plan that goes over a whole table that grows: of SQLite, with or without an index that does not
// say where, except for those of what is open; of PostgreSQL, without an index.
var readsAll = regexp.MustCompile(`SCAN (e|r|t|b|runs|events|messages|stack_actions)(\n| USING (COVERING )?INDEX ([a-qt-z]|runs_by|sqlite|stack_actions_by))|Seq Scan on (runs|events|messages|stack_actions)`)

func explain(t *testing.T, db *store.DB, s store.Said) string {
	t.Helper()
	var plan strings.Builder
	err := db.Write(t.Context(), func(tx *store.Tx) error {
		ctx, how := t.Context(), "EXPLAIN QUERY PLAN "
		if db.Shared() {
			how = "EXPLAIN "
			if _, err := tx.Exec(ctx, `SET LOCAL enable_seqscan = off`); err != nil { // small tables are not worth an index
				return err
			}
		}
		rows, err := tx.Query(ctx, how+s.Query, s.Args...)
		steps, err := store.Collect(rows, err, func(row store.Row) (step string, err error) {
			if db.Shared() {
				return step, row.Scan(&step)
			}
			var id, parent, unused int
			return step, row.Scan(&id, &parent, &unused, &step)
		})
		for _, step := range steps {
			fmt.Fprintln(&plan, step)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
