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

func mustWrite(t testing.TB, db *store.DB, fn func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := db.Write(t.Context(), func(tx *store.Tx) error { return fn(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t testing.TB, db *store.DB, fn func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := db.Read(t.Context(), func(tx *store.Tx) error { return fn(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

// mustPipeline stores a pipeline in the default group, which it makes.
func mustPipeline(t testing.TB, db *store.DB, name string) fairlead.Pipeline {
	t.Helper()
	p := fairlead.Pipeline{ID: "id-" + name, Name: name, Group: fairlead.DefaultGroup, Source: "name: " + name,
		Spec: fairlead.PipelineSpec{Name: name, Stages: []fairlead.Stage{{Name: "deploy", Timeout: fairlead.Duration(time.Hour)}}}}
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Group(ctx, store.Everything, p.Group); fairlead.ErrorCode(err) == fairlead.NotFound {
			if err := tx.CreateGroup(ctx, &fairlead.Group{Name: p.Group}); err != nil {
				return err
			}
		}
		return tx.CreatePipeline(ctx, &p)
	})
	return p
}

func newRun(ctx context.Context, tx *store.Tx, pipeline string, state fairlead.RunState) (fairlead.Run, error) {
	n, _, err := tx.NextRunNumber(ctx, pipeline)
	if err != nil {
		return fairlead.Run{}, err
	}
	r := fairlead.Run{ID: fmt.Sprintf("%s-%08d", pipeline, n), Pipeline: pipeline, Number: n, Revision: 1, State: state,
		Variables: map[string]string{"tag": "1.0"}, Stages: []fairlead.StageRun{{Name: "deploy", State: fairlead.StageRunning, StartedAt: &tx.Now}}}
	if fairlead.RunMoves.Final(state) {
		r.EndedAt = &tx.Now
	}
	return r, tx.CreateRun(ctx, &r)
}

func TestPipelinesKeepTheirRevisions(t *testing.T) {
	storetest.Each(t, testPipelinesKeepTheirRevisions)
}

func testPipelinesKeepTheirRevisions(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	p := mustPipeline(t, db, "shop")
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		p.Spec.Description, p.Source = "second", "name: shop # 2"
		return tx.UpdatePipeline(ctx, &p)
	})
	mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
		got, err := tx.Pipeline(ctx, "shop")
		if err != nil || got.Revision != 2 || got.Description != "second" || got.Source != "name: shop # 2" || got.LastRun != nil {
			t.Errorf("pipeline %+v, %v", got, err)
		}
		first, err := tx.PipelineSpec(ctx, "shop", 1)
		if err != nil || first.Description != "" || first.Stages[0].Timeout != fairlead.Duration(time.Hour) {
			t.Errorf("revision 1 %+v, %v", first, err)
		}
		if _, err := tx.PipelineSpec(ctx, "shop", 3); fairlead.ErrorCode(err) != fairlead.NotFound {
			t.Errorf("revision 3: %v", err)
		}
		if _, err := tx.Pipeline(ctx, "nope"); fairlead.ErrorCode(err) != fairlead.NotFound {
			t.Errorf("nope: %v", err)
		}
		return nil
	})
}

func TestGroupsHoldPipelines(t *testing.T) { storetest.Each(t, testGroupsHoldPipelines) }

func testGroupsHoldPipelines(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	mustPipeline(t, db, "shop")
	ctx := t.Context()
	for _, tt := range []struct {
		name string
		do   func(tx *store.Tx) error
		want fairlead.Code
	}{
		{"a taken name", func(tx *store.Tx) error { return tx.CreateGroup(ctx, &fairlead.Group{Name: "default"}) }, fairlead.Conflict},
		{"deleting the default one", func(tx *store.Tx) error { return tx.DeleteGroup(ctx, "default") }, fairlead.Conflict},
		{"deleting none", func(tx *store.Tx) error { return tx.DeleteGroup(ctx, "nope") }, fairlead.NotFound},
		{"deleting an empty one", func(tx *store.Tx) error {
			if err := tx.CreateGroup(ctx, &fairlead.Group{Name: "team"}); err != nil {
				return err
			}
			return tx.DeleteGroup(ctx, "team")
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := fairlead.ErrorCode(db.Write(ctx, tt.do)); got != tt.want {
				t.Errorf("code %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWebhooksAreSecretAtRest(t *testing.T) { storetest.Each(t, testWebhooksAreSecretAtRest) }

func testWebhooksAreSecretAtRest(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	mustPipeline(t, db, "shop")
	const token = "tokentokentokentokentoken1"
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		return tx.SetPipelineWebhooks(ctx, "shop", []store.PipelineWebhook{{Token: token, Pipeline: "shop", Condition: "start.conditions[0]",
			Params: []fairlead.ParamMap{{Name: "tag", Variable: "tag"}}}})
	})
	mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
		h, err := tx.PipelineWebhook(ctx, token)
		if err != nil || h.Token != token || h.Pipeline != "shop" || len(h.Params) != 1 {
			t.Errorf("webhook %+v, %v", h, err)
		}
		if _, err := tx.PipelineWebhook(ctx, token+"x"); fairlead.ErrorCode(err) != fairlead.NotFound {
			t.Errorf("wrong token: %v", err)
		}
		var sealed, hash string
		if err := tx.QueryRow(ctx, `SELECT token, hash FROM webhooks`).Scan(&sealed, &hash); err != nil {
			return err
		}
		if strings.Contains(sealed+hash, token) {
			t.Error("the token lies there in the clear")
		}
		p, err := tx.Pipeline(ctx, "shop")
		if len(p.Webhooks) != 1 || p.Webhooks[0].Path != "/hooks/"+token {
			t.Errorf("webhooks %+v", p.Webhooks)
		}
		return err
	})
}

func TestMessages(t *testing.T) { storetest.Each(t, testMessages) }

func testMessages(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	mustPipeline(t, db, "shop")
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		for _, m := range []fairlead.Message{
			{ID: "1", Pipeline: "shop", Key: "k", Run: "r1", Params: map[string]string{"tag": "1"}}, {ID: "2", Pipeline: "shop"}, {ID: "3", Pipeline: "shop"},
		} {
			once := ""
			if m.Key != "" {
				once = "hook/" + m.Key
			}
			if err := tx.CreateMessage(ctx, &m, once, ""); err != nil {
				return err
			}
		}
		return nil
	})
	mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
		m, err := tx.MessageOnce(ctx, "hook/k")
		if err != nil || m.ID != "1" || m.Run != "r1" || m.Params["tag"] != "1" {
			t.Errorf("message %+v, %v", m, err)
		}
		if _, err := tx.MessageOnce(ctx, "other/k"); fairlead.ErrorCode(err) != fairlead.NotFound {
			t.Errorf("the key of another webhook: %v", err)
		}
		page, next, err := tx.Messages(ctx, "shop", 2, "")
		if err != nil || len(page) != 2 || page[0].ID != "3" || next != "2" {
			t.Errorf("page %+v, %q, %v", page, next, err)
		}
		return nil
	})
}

func TestRunsArePagedNewestFirst(t *testing.T) { storetest.Each(t, testRunsArePagedNewestFirst) }

func testRunsArePagedNewestFirst(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	mustPipeline(t, db, "shop")
	mustPipeline(t, db, "other")
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		for i := range 5 {
			state := fairlead.RunSucceeded
			if i >= 3 {
				state = fairlead.RunQueued
			}
			if _, err := newRun(ctx, tx, "shop", state); err != nil {
				return err
			}
		}
		_, err := newRun(ctx, tx, "other", fairlead.RunRunning)
		return err
	})
	mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
		var numbers []int64
		cursor := ""
		for {
			page, next, err := tx.PipelineRuns(ctx, "shop", 2, cursor)
			if err != nil {
				return err
			}
			for _, r := range page {
				numbers = append(numbers, r.Number)
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if !slices.Equal(numbers, []int64{5, 4, 3, 2, 1}) {
			t.Errorf("numbers %v", numbers)
		}
		if _, _, err := tx.PipelineRuns(ctx, "shop", 2, "x"); fairlead.ErrorCode(err) != fairlead.Invalid {
			t.Errorf("a wrong cursor: %v", err)
		}
		first, ok, err := tx.FirstActiveRun(ctx, "shop")
		if err != nil || !ok || first.Number != 4 {
			t.Errorf("head of the queue %+v, %v, %v", first, ok, err)
		}
		active, err := tx.ActiveRuns(ctx, "shop")
		if err != nil || len(active) != 2 {
			t.Errorf("active %+v, %v", active, err)
		}
		open, err := tx.OpenRuns(ctx)
		if err != nil || len(open) != 3 {
			t.Errorf("open %+v, %v", open, err)
		}
		all, next, err := tx.Runs(ctx, store.Everything, store.RunsAll, 4, "")
		if err != nil || len(all) != 4 || next == "" || all[0].ID < all[1].ID {
			t.Errorf("all %+v, %q, %v", all, next, err)
		}
		p, err := tx.Pipeline(ctx, "shop")
		if err != nil || p.Runs != 5 || p.LastRun == nil || p.LastRun.Number != 5 || p.LastRun.Variables["tag"] != "1.0" {
			t.Errorf("pipeline %+v, %v", p, err)
		}
		return nil
	})
}

func TestRunLogShowsTheActionsEvents(t *testing.T) {
	storetest.Each(t, testRunLogShowsTheActionsEvents)
}

func testRunLogShowsTheActionsEvents(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	mustPipeline(t, db, "shop")
	var run fairlead.Run
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) (err error) {
		if run, err = newRun(ctx, tx, "shop", fairlead.RunRunning); err != nil {
			return err
		}
		for _, e := range []fairlead.Event{
			{Kind: "run", Name: run.ID, Type: "run-started", Message: "1"},
			{Kind: "stack", Name: "web", Action: "other", Type: "action-begun", Message: "of somebody else"},
			{Kind: "stack", Name: "web", Action: "a1", Type: "action-begun", Message: "2"},
			{Kind: "run", Name: run.ID, Part: "deploy", Action: "a1", Type: "stage-action", Message: "3"},
			{Kind: "stack", Name: "web", Action: "a1", Part: "pod", Type: "element-failed", Message: "4"},
			{Kind: "run", Name: "another", Type: "run-started", Message: "of another run"},
			{Kind: "run", Name: run.ID, Part: "deploy", Type: "stage-waits", Message: "5"},
		} {
			if err := tx.AppendEvent(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	read := func(stage string, after int64, limit int) (text string, last int64) {
		mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
			lines, _, err := tx.RunLog(ctx, run.ID, store.LogQuery{Stage: stage, After: after, Limit: limit})
			for _, l := range lines {
				text += l.Text + l.Stage + "/" + l.Level + " "
				last = l.Seq
			}
			return err
		})
		return strings.TrimSpace(text), last
	}
	if got, _ := read("", 0, 100); got != "1/info 2deploy/info 3deploy/info 4deploy/error 5deploy/warning" {
		t.Errorf("log %s", got)
	}
	if got, _ := read("deploy", 0, 100); got != "2deploy/info 3deploy/info 4deploy/error 5deploy/warning" {
		t.Errorf("log of the stage %s", got)
	}
	var all []string
	for after := int64(0); ; {
		got, last := read("", after, 2)
		if got == "" {
			break
		}
		all, after = append(all, got), last
	}
	if got := strings.Join(all, "|"); got != "1/info 2deploy/info|3deploy/info 4deploy/error|5deploy/warning" {
		t.Errorf("pages %s", got)
	}
}

func TestDeletedPipelinesLeaveNothing(t *testing.T) {
	storetest.Each(t, testDeletedPipelinesLeaveNothing)
}

func testDeletedPipelinesLeaveNothing(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	mustPipeline(t, db, "shop")
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		run, err := newRun(ctx, tx, "shop", fairlead.RunSucceeded)
		if err != nil {
			return err
		}
		if err := tx.SetPipelineWebhooks(ctx, "shop", []store.PipelineWebhook{{Token: "t", Pipeline: "shop"}}); err != nil {
			return err
		}
		if err := tx.CreateMessage(ctx, &fairlead.Message{ID: "m", Pipeline: "shop", Run: run.ID}, "", ""); err != nil {
			return err
		}
		if err := tx.AppendEvent(ctx, fairlead.Event{Kind: "run", Name: run.ID}); err != nil {
			return err
		}
		return tx.DeletePipeline(ctx, "shop")
	})
	mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
		for _, table := range []string{"pipelines", "pipeline_revisions", "runs", "webhooks", "messages", "events"} {
			var n int
			if err := tx.QueryRow(ctx, `SELECT count(*) FROM `+table).Scan(&n); err != nil {
				return err
			}
			if n != 0 {
				t.Errorf("%s has %d rows", table, n)
			}
		}
		return nil
	})
}

// BenchmarkRunLists reads pages of a pipeline with 100,000 runs.
func BenchmarkRunLists(b *testing.B) {
	db, err := store.Open(b.Context(), store.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a benchmark
	mustPipeline(b, db, "shop")
	var middle fairlead.Run
	mustWrite(b, db, func(ctx context.Context, tx *store.Tx) error {
		for i := range 100_000 {
			run, err := newRun(ctx, tx, "shop", fairlead.RunSucceeded)
			if err != nil {
				return err
			}
			if i == 50_000 {
				middle = run
			}
			if err := tx.AppendEvent(ctx, fairlead.Event{Kind: "run", Name: run.ID, Type: "run-started"}); err != nil {
				return err
			}
		}
		return nil
	})
	for _, bench := range []struct {
		name string
		read func(ctx context.Context, tx *store.Tx) error
	}{
		{"first page", func(ctx context.Context, tx *store.Tx) error {
			_, _, err := tx.PipelineRuns(ctx, "shop", 50, "")
			return err
		}},
		{"page in the middle", func(ctx context.Context, tx *store.Tx) error {
			_, _, err := tx.PipelineRuns(ctx, "shop", 50, "50000")
			return err
		}},
		{"all runs", func(ctx context.Context, tx *store.Tx) error {
			_, _, err := tx.Runs(ctx, store.Everything, store.RunsAll, 50, "")
			return err
		}},
		{"pipeline", func(ctx context.Context, tx *store.Tx) error { _, err := tx.Pipeline(ctx, "shop"); return err }},
		{"run", func(ctx context.Context, tx *store.Tx) error { _, err := tx.Run(ctx, middle.ID); return err }},
		{"log", func(ctx context.Context, tx *store.Tx) error {
			_, _, err := tx.RunLog(ctx, middle.ID, store.LogQuery{Limit: 1000})
			return err
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				mustRead(b, db, bench.read)
			}
		})
	}
}
