package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

func TestRunLogHoldsOutput(t *testing.T) { storetest.Each(t, testRunLogHoldsOutput) }

func testRunLogHoldsOutput(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	mustPipeline(t, db, "shop")
	var run, other fairlead.Run
	at := time.Date(2026, 11, 26, 9, 0, 0, 123456789, time.UTC)
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) (err error) {
		if run, err = newRun(ctx, tx, "shop", fairlead.RunRunning); err != nil {
			return err
		}
		other, err = newRun(ctx, tx, "shop", fairlead.RunRunning)
		return err
	})
	// Each write is a commit of its own, as in life; the events between have their numbers behind the output before them.
	var want []string
	for round := range 5 {
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
			var lines []fairlead.OutputLine
			for i := range 450 { // more than a row
				l := fairlead.OutputLine{Time: at.Add(time.Duration(i)), Stream: fairlead.Stdout, Text: fmt.Sprintf("round %d line %d", round, i)}
				if i%10 == 9 {
					l.Stream = fairlead.Stderr
				}
				lines = append(lines, l)
				want = append(want, l.Text)
			}
			for _, of := range []string{run.ID, other.ID} {
				if err := tx.AppendOutput(ctx, of, "test", lines); err != nil {
					return err
				}
			}
			want = append(want, fmt.Sprintf("event %d", round))
			return tx.AppendEvent(ctx, fairlead.Event{Kind: "run", Name: run.ID, Part: "other", Type: "stage-started", Message: fmt.Sprintf("event %d", round)})
		})
	}
	walk := func(q store.LogQuery) (all []fairlead.LogLine, pages int) {
		for {
			var next int64
			mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
				var lines []fairlead.LogLine
				var err error
				lines, next, err = tx.RunLog(ctx, run.ID, q)
				if len(lines) > q.Limit {
					t.Fatalf("%d lines, the limit is %d", len(lines), q.Limit)
				}
				all = append(all, lines...)
				return err
			})
			if pages++; next == 0 || pages > 5000 {
				return all, pages
			}
			if q.Newest {
				q.Before = next
			} else {
				q.After = next
			}
		}
	}
	texts := func(lines []fairlead.LogLine) (out []string) {
		for _, l := range lines {
			out = append(out, l.Text)
		}
		return out
	}
	for _, limit := range []int{33, 200, 201, 5000} {
		forward, _ := walk(store.LogQuery{Limit: limit})
		if !slices.Equal(texts(forward), want) {
			t.Errorf("pages of %d: %d lines, want %d", limit, len(forward), len(want))
		}
		back, _ := walk(store.LogQuery{Limit: limit, Newest: true})
		slices.Reverse(back)
		if !slices.Equal(back, forward) {
			t.Errorf("pages of %d backwards differ: %d lines, want %d", limit, len(back), len(forward))
		}
		if ascending := slices.IsSortedFunc(forward, func(a, b fairlead.LogLine) int { return int(a.Seq - b.Seq) }); !ascending {
			t.Error("numbers do not grow")
		}
		if l := forward[9]; l.Stream != fairlead.Stderr || l.Stage != "test" || !l.Time.Equal(at.Add(9)) || l.Level != "info" {
			t.Errorf("line %+v", l)
		}
	}
	if got, _ := walk(store.LogQuery{Limit: 100, Stage: "other"}); len(got) != 5 || got[0].Stream != "" {
		t.Errorf("stage other: %v", texts(got))
	}
	if got, _ := walk(store.LogQuery{Limit: 100, Stage: "test", Newest: true}); len(got) != 5*450 || got[0].Text != "round 4 line 449" {
		t.Errorf("stage test backwards: %d lines", len(got))
	}
	if got, _ := walk(store.LogQuery{Limit: 3, Text: "LINE 449"}); !slices.Equal(texts(got), []string{"round 0 line 449", "round 1 line 449", "round 2 line 449", "round 3 line 449", "round 4 line 449"}) {
		t.Errorf("search: %v", texts(got))
	}
	if got, _ := walk(store.LogQuery{Limit: 2, Text: "event", Newest: true}); !slices.Equal(texts(got), []string{"event 4", "event 3", "event 2", "event 1", "event 0"}) {
		t.Errorf("search backwards: %v", texts(got))
	}
	middle, _ := walk(store.LogQuery{Limit: 5000})
	if got, _ := walk(store.LogQuery{Limit: 100, After: middle[299].Seq, Before: middle[310].Seq}); !slices.Equal(got, middle[300:310]) {
		t.Errorf("between: %v", texts(got))
	}
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM runs`)
		return err
	})
	mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
		var n int
		err := tx.QueryRow(ctx, `SELECT count(*) FROM run_output`).Scan(&n)
		if n != 0 {
			t.Errorf("%d rows of output are left of deleted runs", n)
		}
		return err
	})
}

// TestRunLogUsesItsIndexes asks SQLite how it would read a page: no query about a log may look at rows that are not its own.
func TestRunLogUsesItsIndexes(t *testing.T) {
	db := mustOpen(t, store.Config{Dir: t.TempDir()})
	queries := store.LogQueries()
	queries["the next number"] = `SELECT ` + store.LastSeq
	for name, query := range queries {
		mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
			args := []any{"run", 100, 200, "stage", 50}
			rows, err := tx.Query(ctx, `EXPLAIN QUERY PLAN `+query, args[:strings.Count(query, "$")-repeated(query)]...)
			steps, err := store.Collect(rows, err, func(row store.Row) (s string, err error) {
				var id, parent, unused int
				return s, row.Scan(&id, &parent, &unused, &s)
			})
			for _, s := range steps {
				if strings.HasSuffix(s, "numbered") || s == "SCAN CONSTANT ROW" {
					continue // of two rows
				}
				if strings.Contains(s, "TEMP B-TREE") || strings.HasPrefix(s, "SCAN") || strings.HasPrefix(s, "SEARCH") && !strings.Contains(s, "INDEX") {
					t.Errorf("%s: %s", name, s)
				}
			}
			if len(steps) == 0 {
				t.Errorf("%s: no plan", name)
			}
			return err
		})
	}
}

// repeated counts the uses of parameters that were used before.
func repeated(query string) (n int) {
	for i := range 9 {
		n += max(0, strings.Count(query, fmt.Sprint("$", i+1))-1)
	}
	return n
}

// BenchmarkRunLog reads pages of a log of 100,000 lines.
func BenchmarkRunLog(b *testing.B) {
	db, err := store.Open(b.Context(), store.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a benchmark
	mustPipeline(b, db, "shop")
	var run fairlead.Run
	mustWrite(b, db, func(ctx context.Context, tx *store.Tx) (err error) {
		run, err = newRun(ctx, tx, "shop", fairlead.RunRunning)
		return err
	})
	at := time.Now()
	for round := range 200 {
		mustWrite(b, db, func(ctx context.Context, tx *store.Tx) error {
			lines := make([]fairlead.OutputLine, 500)
			for i := range lines {
				lines[i] = fairlead.OutputLine{Time: at, Stream: fairlead.Stdout, Text: fmt.Sprintf("%d: a line of output as long as many a line of output is, number %d", round, i)}
			}
			return tx.AppendOutput(ctx, run.ID, "test", lines)
		})
	}
	b.Logf("100,000 lines were stored in %s", time.Since(at))
	for name, q := range map[string]store.LogQuery{
		"first page": {Limit: 500}, "page in the middle": {After: 50_000, Limit: 500}, "last page": {Newest: true, Limit: 500},
		"last page of a stage": {Newest: true, Stage: "test", Limit: 500}, "search the whole": {Text: "no such text", Limit: 500},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				mustRead(b, db, func(ctx context.Context, tx *store.Tx) error {
					for q := q; ; {
						_, next, err := tx.RunLog(ctx, run.ID, q)
						if err != nil || next == 0 || q.Text == "" {
							return err
						}
						q.After = next
					}
				})
			}
		})
	}
}
