package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// ticking is a clock that goes on by a second with each look.
func ticking() func() time.Time {
	var mu sync.Mutex
	t := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		t = t.Add(time.Second)
		return t
	}
}

func mustAudit(t *testing.T, db *store.DB, v store.Viewer, f store.AuditFilter) (list []fairlead.AuditEntry) {
	t.Helper()
	mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
		for cursor := ""; ; {
			page, next, err := tx.AuditLog(ctx, v, f, 3, cursor)
			if err != nil {
				return err
			}
			list = append(list, page...)
			if cursor = next; next == "" {
				return nil
			}
		}
	})
	return list
}

func TestAuditLog(t *testing.T) { storetest.Each(t, testAuditLog) }

func testAuditLog(t *testing.T, cfg store.Config) {
	cfg.Now = ticking()
	db := mustOpen(t, cfg)
	var at []time.Time
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		for _, group := range []string{"one", "two", "three"} {
			if err := tx.CreateGroup(ctx, &fairlead.Group{Name: group}); err != nil {
				return err
			}
		}
		if err := tx.CreateUser(ctx, &fairlead.User{Name: "ann"}, "x"); err != nil {
			return err
		}
		return errors.Join(tx.SetRole(ctx, "one", "ann", fairlead.RoleManage, ""), tx.SetRole(ctx, "two", "ann", fairlead.RoleManage, ""),
			tx.SetRole(ctx, "three", "ann", fairlead.RoleEdit, ""))
	})
	for i := range 12 {
		group := []string{"one", "two", "three", ""}[i%4]
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
			at = append(at, tx.Now)
			return tx.Audit(ctx, fairlead.AuditEntry{User: []string{"ann", "bob"}[i%2], Kind: "pipelines", Verb: []string{"change", "delete"}[i/6],
				Name: fmt.Sprintf("p%d", i%3), Group: group, Operation: "x", Detail: fmt.Sprint(i)})
		})
	}
	details := func(list []fairlead.AuditEntry) string {
		var all []string
		for _, e := range list {
			all = append(all, e.Detail)
		}
		return strings.Join(all, " ")
	}
	for _, tt := range []struct {
		name string
		v    store.Viewer
		f    store.AuditFilter
		want string
	}{
		{"all, newest first", store.Everything, store.AuditFilter{}, "11 10 9 8 7 6 5 4 3 2 1 0"},
		{"of a user", store.Everything, store.AuditFilter{User: "bob"}, "11 9 7 5 3 1"},
		{"of a thing", store.Everything, store.AuditFilter{Kind: "pipelines", Name: "p1"}, "10 7 4 1"},
		{"of a verb", store.Everything, store.AuditFilter{Verb: "delete"}, "11 10 9 8 7 6"},
		{"of a kind that is not there", store.Everything, store.AuditFilter{Kind: "moons"}, ""},
		{"of a time", store.Everything, store.AuditFilter{Since: at[3], Until: at[6]}, "5 4 3"},
		{"of everything at once", store.Everything, store.AuditFilter{User: "ann", Kind: "pipelines", Name: "p2", Verb: "delete", Since: at[1]}, "8"},
		{"of the groups that one manages", "ann", store.AuditFilter{}, "9 8 5 4 1 0"},
		{"of the groups that one manages, filtered", "ann", store.AuditFilter{User: "ann"}, "8 4 0"},
		{"for nobody", "", store.AuditFilter{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := details(mustAudit(t, db, tt.v, tt.f)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("a cursor of nobody's is refused", func(t *testing.T) {
		err := db.Read(t.Context(), func(tx *store.Tx) error {
			_, _, err := tx.AuditLog(t.Context(), store.Everything, store.AuditFilter{}, 3, "nonsense")
			return err
		})
		if fairlead.ErrorCode(err) != fairlead.Invalid {
			t.Errorf("%v, want invalid", err)
		}
	})
	t.Run("what is old goes", func(t *testing.T) {
		if err := db.PruneAudit(t.Context(), at[10]); err != nil {
			t.Fatal(err)
		}
		if got := details(mustAudit(t, db, store.Everything, store.AuditFilter{})); got != "11 10" {
			t.Errorf("left %q", got)
		}
	})
}

// TestReusedNamesHideTheirPast tells that who sees a group or pipeline sees nothing of those that had its name before.
func TestReusedNamesHideTheirPast(t *testing.T) { storetest.Each(t, testReusedNames) }

func testReusedNames(t *testing.T, cfg store.Config) {
	cfg.Now = ticking()
	db := mustOpen(t, cfg)
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateUser(ctx, &fairlead.User{Name: "ann"}, "x")
	})
	// live makes a pipeline in a group, tells of both, and ends both.
	live := func(id, group, name string, end bool) {
		p := fairlead.Pipeline{ID: id, Name: name, Group: group, Spec: fairlead.PipelineSpec{Name: name}}
		tell := func(what string) func(ctx context.Context, tx *store.Tx) error {
			return func(ctx context.Context, tx *store.Tx) error {
				return errors.Join(tx.Audit(ctx, fairlead.AuditEntry{Kind: "pipelines", Name: name, Group: group, Detail: id + what}),
					tx.AppendEvent(ctx, fairlead.Event{Kind: "pipeline", Name: name, Group: group, Type: "tick", Message: id + what}))
			}
		}
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(tx.CreateGroup(ctx, &fairlead.Group{Name: group}), tx.CreatePipeline(ctx, &p), tell("-made")(ctx, tx))
		})
		mustWrite(t, db, tell("-changed"))
		if !end {
			return
		}
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(tell("-deleted")(ctx, tx), tx.DeletePipeline(ctx, name), tx.DeleteGroup(ctx, group))
		})
	}
	live("hidden", "team", "shop", true)
	live("other", "secret", "web", true)
	live("new", "team", "shop", false)
	live("theirs", "ours", "web", false)
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(tx.SetRole(ctx, "team", "ann", fairlead.RoleManage, ""), tx.SetRole(ctx, "ours", "ann", fairlead.RoleManage, ""))
	})
	var audited, said []string
	for _, e := range mustAudit(t, db, "ann", store.AuditFilter{}) {
		audited = append(audited, e.Detail)
	}
	mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
		events, err := tx.Events(ctx, store.EventFilter{Viewer: "ann"})
		for _, e := range events {
			said = append(said, e.Message)
		}
		return err
	})
	if got := strings.Join(audited, " "); got != "theirs-changed theirs-made new-changed new-made" {
		t.Errorf("the audit log shows %s", got)
	}
	if got := strings.Join(said, " "); got != "new-made new-changed theirs-made theirs-changed" {
		t.Errorf("the events show %s", got)
	}
}

func TestTraceGoesWithTheChange(t *testing.T) { storetest.Each(t, testTraceGoesWithTheChange) }

func testTraceGoesWithTheChange(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	entries := func() []fairlead.AuditEntry { return mustAudit(t, db, store.Everything, store.AuditFilter{}) }
	begin := func(operation string) (context.Context, *store.Trace) {
		trace := &store.Trace{AuditEntry: fairlead.AuditEntry{User: "ann", Operation: operation}}
		return store.WithTrace(store.WithAddress(t.Context(), "192.0.2.7"), trace), trace
	}
	only := func(want fairlead.AuditEntry) {
		t.Helper()
		list := entries()
		if len(list) != 1 {
			t.Fatalf("entries %+v, want one", list)
		}
		got := list[0]
		got.ID, got.Time = "", time.Time{}
		if got != want {
			t.Errorf("entry %+v, want %+v", got, want)
		}
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error { _, err := tx.Exec(ctx, `DELETE FROM audit`); return err })
	}

	t.Run("a change that is not made leaves none", func(t *testing.T) {
		ctx, _ := begin("x")
		if err := db.Write(ctx, func(*store.Tx) error { return errors.New("no") }); err == nil || len(entries()) != 0 {
			t.Fatalf("%v, %+v", err, entries())
		}
	})
	t.Run("the first transaction has it, and what it says of itself", func(t *testing.T) {
		ctx, trace := begin("startPipeline")
		trace.Kind = "pipelines"
		for range 2 {
			if err := db.Write(ctx, func(tx *store.Tx) error {
				return tx.Audit(ctx, fairlead.AuditEntry{Via: "x", Operation: "startRun", Kind: "runs", Name: "shop", Group: "team", Detail: "run 1"})
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Settle(ctx, trace, false); err != nil {
			t.Fatal(err)
		}
		only(fairlead.AuditEntry{User: "ann", Address: "192.0.2.7", Operation: "startPipeline", Kind: "pipelines", Name: "shop", Group: "team", Result: "done", Detail: "run 1"})
	})
	t.Run("what is refused after it was stored is put right", func(t *testing.T) {
		ctx, trace := begin("x")
		if err := db.Write(ctx, func(*store.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
		trace.Detail = "no right"
		if err := db.Settle(ctx, trace, true); err != nil {
			t.Fatal(err)
		}
		only(fairlead.AuditEntry{User: "ann", Address: "192.0.2.7", Operation: "x", Result: "refused", Detail: "no right"})
	})
	t.Run("a request without a transaction leaves it at its end, also when the client has gone", func(t *testing.T) {
		ctx, trace := begin("x")
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		if err := db.Settle(ctx, trace, true); err != nil {
			t.Fatal(err)
		}
		only(fairlead.AuditEntry{User: "ann", Address: "192.0.2.7", Operation: "x", Result: "refused"})
	})
	t.Run("texts of others are bounded", func(t *testing.T) {
		mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
			return tx.Audit(ctx, fairlead.AuditEntry{Name: strings.Repeat("ä", 2000), Detail: "a\x00b\xff"})
		})
		if e := entries()[0]; len(e.Name) > 1010 || e.Detail != "ab" {
			t.Errorf("%d bytes of name, detail %q", len(e.Name), e.Detail)
		}
	})
}

// BenchmarkAuditLog reads the first page of a log with a million entries, with each filter.
func BenchmarkAuditLog(b *testing.B) {
	db := mustOpen(b, store.Config{Dir: b.TempDir()})
	const n, batch = 1_000_000, 50_000
	for from := 0; from < n; from += batch {
		err := db.Write(b.Context(), func(tx *store.Tx) error {
			for i := from; i < from+batch; i++ {
				tx.Now = time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC)
				if err := tx.Audit(b.Context(), fairlead.AuditEntry{User: fmt.Sprintf("user%d", i%100), Kind: []string{"runs", "pipelines"}[i/700_000],
					Name: fmt.Sprintf("p%d", i%1000), Group: fmt.Sprintf("g%d", i%10), Verb: "start", Operation: "startPipeline", Address: "192.0.2.7"}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for name, f := range map[string]store.AuditFilter{
		"all": {}, "user": {User: "user7"}, "kind": {Kind: "runs"}, "thing": {Kind: "pipelines", Name: "p7"}, "verb that is not there": {Verb: "grant"},
		"user and kind": {User: "user7", Kind: "runs"}, "an old day": {Since: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				err := db.Read(b.Context(), func(tx *store.Tx) error {
					_, _, err := tx.AuditLog(b.Context(), store.Everything, f, 100, "")
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
