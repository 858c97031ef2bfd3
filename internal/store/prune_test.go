package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

func TestHistoryGoesInSlices(t *testing.T) { storetest.Each(t, testHistoryGoesInSlices) }

func testHistoryGoesInSlices(t *testing.T, cfg store.Config) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := begin
	cfg.Now = func() time.Time { return now }
	db := mustOpen(t, cfg)
	mustPipeline(t, db, "shop")
	for i := range 10 { // run n is made, and ends, in hour n-1
		now = begin.Add(time.Duration(i) * time.Hour)
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
			run, err := newRun(ctx, tx, "shop", fairlead.RunSucceeded)
			if err != nil {
				return err
			}
			if err := tx.CreateMessage(ctx, &fairlead.Message{ID: fmt.Sprint("m", i), Pipeline: "shop", Run: run.ID}, "", ""); err != nil {
				return err
			}
			return tx.AppendEvent(ctx, fairlead.Event{Kind: "run", Name: run.ID})
		})
	}
	left := func(what string, want ...int64) {
		t.Helper()
		mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
			runs, _, err := tx.PipelineRuns(ctx, "shop", 50, "")
			var got []int64
			for _, r := range runs {
				got = append(got, r.Number)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: left are the runs %v, want %v", what, got, want)
			}
			events, err2 := tx.Events(ctx, store.EventFilter{Kind: "run", Viewer: store.Everything})
			if len(events) != len(want) {
				t.Errorf("%s: left are the logs of %d runs", what, len(events))
			}
			if err != nil {
				return err
			}
			return err2
		})
	}
	prune := func(before string, count, limit, want int) {
		t.Helper()
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
			n, err := tx.PruneRuns(ctx, "shop", before, count, limit)
			if n != want {
				t.Errorf("removed %d runs, want %d", n, want)
			}
			return err
		})
	}
	early := store.Time(begin.Add(150 * time.Minute)) // the first three are older
	prune(early, 0, 2, 2)
	left("the first slice by age", 10, 9, 8, 7, 6, 5, 4, 3)
	prune(early, 0, 2, 1)
	left("the second", 10, 9, 8, 7, 6, 5, 4)
	prune(early, 5, 10, 2)
	left("by number", 10, 9, 8, 7, 6)
	prune("", 0, 10, 0)
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		n, err := tx.PruneMessages(ctx, "shop", early, 2)
		if n != 2 {
			t.Errorf("removed %d messages", n)
		}
		return err
	})
	slices := 0
	for done := false; !done; slices++ {
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) (err error) {
			done, err = tx.DeleteHistory(ctx, "shop", 3)
			return err
		})
	}
	left("everything")
	if slices != 3 { // of 3, 3 and 2 messages; the runs are fewer
		t.Errorf("it took %d slices", slices)
	}
}

// Numbers never fall: who follows the events asks for those after the last one that he has seen.
func TestNumbersOfRemovedEventsAreNotGivenAgain(t *testing.T) {
	storetest.Each(t, testNumbersOfRemovedEventsAreNotGivenAgain)
}

func testNumbersOfRemovedEventsAreNotGivenAgain(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	mustPipeline(t, db, "shop")
	appended := func(after int64, e fairlead.Event) (seq int64) {
		t.Helper()
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.AppendEvent(ctx, e) })
		mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
			events, err := tx.Events(ctx, store.EventFilter{Viewer: store.Everything, After: after})
			if len(events) != 1 {
				t.Fatalf("after number %d a follower sees %d events, want the new one", after, len(events))
			}
			seq = events[0].Seq
			return err
		})
		return seq
	}
	last := appended(0, fairlead.Event{Kind: "server"})
	for _, remove := range []struct {
		what string
		do   func(ctx context.Context, tx *store.Tx) error
	}{
		{"pruned", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.PruneRuns(ctx, "shop", store.Time(tx.Now.Add(time.Hour)), 0, 10)
			return err
		}},
		{"removed with its history", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.DeleteHistory(ctx, "shop", 10)
			return err
		}},
		{"removed with its pipeline", func(ctx context.Context, tx *store.Tx) error { return tx.DeletePipeline(ctx, "shop") }},
	} {
		var run fairlead.Run
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) (err error) {
			run, err = newRun(ctx, tx, "shop", fairlead.RunSucceeded)
			return err
		})
		last = appended(last, fairlead.Event{Kind: "run", Name: run.ID})
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
			return tx.AppendOutput(ctx, run.ID, "deploy", []fairlead.OutputLine{{Text: "one"}, {Text: "two"}})
		})
		mustWrite(t, db, remove.do)
		next := appended(last, fairlead.Event{Kind: "server"})
		if next != last+3 { // two lines are between them
			t.Errorf("a run is %s: the event after number %d and two lines has number %d", remove.what, last, next)
		}
		last = next
	}
}
