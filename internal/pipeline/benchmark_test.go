package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/store"
)

// BenchmarkWebhookToStage measures from a webhook's arrival to the moment at which its stage has begun the stack's action, on
// an idle server.
func BenchmarkWebhookToStage(b *testing.B) {
	s := newBench(b)
	p := s.apply(webPipeline)
	var accepted, started []time.Duration
	for i := 0; b.Loop(); i++ {
		changed, cancel := s.db.Watch()
		began := time.Now()
		res, err := s.engine.Hook(b.Context(), pipeline.Call{Token: token(p, 0), Key: strconv.Itoa(i)})
		s.must(err)
		accepted = append(accepted, time.Since(began))
		for s.run(res.Run).Stages[0].Action == "" {
			<-changed
		}
		started = append(started, time.Since(began))
		b.StopTimer()
		s.ended(res.Run, fairlead.RunSucceeded)
		cancel()
		b.StartTimer()
	}
	report(b, accepted, "accepted")
	report(b, started, "started")
	b.ReportMetric(0, "ns/op")
}

// report gives the median and the 99th percentile in milliseconds.
func report(b *testing.B, times []time.Duration, name string) {
	b.Helper()
	slices.Sort(times)
	for unit, at := range map[string]int{"p50": len(times) / 2, "p99": len(times) * 99 / 100} {
		b.ReportMetric(float64(times[at].Microseconds())/1000, "ms-"+name+"-"+unit)
	}
}

// BenchmarkRuns works one-stage runs of several pipelines at once with a provider that does nothing, and beside it counts how
// many commits a second the same database file takes, and how many a run needs when there is nothing else. What would be possible
// is the one divided by the other; under load runs share commits, so there can be more.
func BenchmarkRuns(b *testing.B) {
	const pipelines = 32
	counted := countCommits()
	s := newBench(b)
	total := func() int64 { return counted.Load() }
	if s.db.Shared() {
		total = s.transactions
	}
	var tokens []string
	for i := range pipelines {
		name := fmt.Sprintf("p%d", i)
		p := s.apply(fmt.Sprintf(`name: %[1]s
start: {conditions: [{webhook: {}}]}
stages:
  - {name: deploy, type: template-deploy, images: [{name: app, image: "team/web:1.0"}],
     deploy: {tool: aos, stack: %[1]s, namespace: %[1]s, create: true, template: web, version: "1.0", parameters: {image: "${image.app}"}}}
`, name))
		tokens = append(tokens, token(p, 0))
		s.ended(s.start(name, nil).ID, fairlead.RunSucceeded)
	}
	perSecond := commits(b, s.db)
	before := total()
	const alone = 20
	for range alone {
		s.ended(s.start("p0", nil).ID, fairlead.RunSucceeded)
	}
	needs := float64(total()-before) / alone
	before = total()
	began := time.Now()
	n := 0
	for b.Loop() {
		for range 8 { // queued behind each other
			var wg sync.WaitGroup
			for _, token := range tokens {
				wg.Go(func() {
					if _, err := s.engine.Hook(b.Context(), pipeline.Call{Token: token}); err != nil {
						b.Error(err)
					}
				})
			}
			wg.Wait()
			n += pipelines
		}
		s.idle()
	}
	runs := float64(n) / time.Since(began).Seconds()
	perRun := float64(total()-before) / float64(n)
	b.ReportMetric(runs, "runs/s")
	b.ReportMetric(perSecond, "commits/s")
	b.ReportMetric(needs, "commits/run-alone")
	b.ReportMetric(perRun, "commits/run")
	b.ReportMetric(runs/(perSecond/needs), "of-possible")
	b.ReportMetric(0, "ns/op")
}

// transactions counts those on the PostgreSQL server that changed something, since ever.
func (b *bench) transactions() (n int64) {
	b.Helper()
	b.read(func(ctx context.Context, tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT txid_snapshot_xmax(txid_current_snapshot())`).Scan(&n)
	})
	return n
}

// idle waits until no run is active.
func (b *bench) idle() {
	changed, cancel := b.db.Watch()
	defer cancel()
	for {
		var open int
		b.read(func(ctx context.Context, tx *store.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(*) FROM runs WHERE ended_at IS NULL`).Scan(&open)
		})
		if open == 0 {
			return
		}
		<-changed
	}
}

// commits counts small commits for a second.
func commits(b *testing.B, db *store.DB) float64 {
	b.Helper()
	began, n := time.Now(), 0
	for time.Since(began) < time.Second {
		err := db.Write(b.Context(), func(tx *store.Tx) error {
			return tx.AppendEvent(b.Context(), fairlead.Event{Kind: "bench"})
		})
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	return float64(n) / time.Since(began).Seconds()
}

// countCommits counts the commits that change something, of all databases that are opened from now on, River's included.
func countCommits() *atomic.Int64 {
	total := &atomic.Int64{}
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, _ string) error {
		hooks, ok := conn.(interface {
			RegisterPreUpdateHook(sqlite.PreUpdateHookFn)
			RegisterCommitHook(sqlite.CommitHookFn)
		})
		if !ok {
			return fmt.Errorf("connection %T has no hooks", conn)
		}
		changed := false // one connection has one goroutine at a time
		hooks.RegisterPreUpdateHook(func(sqlite.SQLitePreUpdateData) { changed = true })
		hooks.RegisterCommitHook(func() int32 {
			if changed {
				total.Add(1)
			}
			changed = false
			return 0
		})
		return nil
	})
	return total
}
