package e2e_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/internal/store"
)

// waitingPipeline has runs that wait for a person: they cost what a waiting run costs and nothing else.
const waitingPipeline = `
name: %s
max_runs: %d
variables: [{name: tag, value: none}]
start:
  conditions:
    - webhook: {}
      params: [{name: tag, variable: tag}]
stages:
  - {name: ask, type: review, review: {mode: one, users: [admin]}}
`

// login signs in and returns a client and the token for requests without it.
func (s *bare) login(b *testing.B) (*client.Client, string) {
	b.Helper()
	c, err := client.New(client.Config{URL: "http://" + s.address})
	if err != nil {
		b.Fatal(err)
	}
	session, err := c.Login(b.Context(), "admin", adminPassword)
	if err != nil {
		b.Fatal(err)
	}
	if c, err = client.New(client.Config{URL: "http://" + s.address, Token: session.Token}); err != nil {
		b.Fatal(err)
	}
	return c, session.Token
}

// apply makes a pipeline whose runs wait.
func (s *bare) apply(b *testing.B, c *client.Client, name string, maxRuns int) fairlead.Pipeline {
	b.Helper()
	p, err := c.ApplyPipeline(b.Context(), client.PipelineFile{Name: name, Source: fmt.Appendf(nil, waitingPipeline, name, maxRuns)})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// post sends a message to a webhook; an answer other than 202 is an error.
func (s *bare) post(ctx context.Context, path, tag string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+path+"?tag="+tag, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()              //nolint:errcheck // read whole below
	answer, err := io.ReadAll(res.Body) // whole, so that the connection is used again
	if err == nil && res.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("%s: %s", res.Status, answer)
	}
	return err
}

// connections has requests of many goroutines share and keep so many connections.
func connections(n int) {
	t := http.DefaultTransport.(*http.Transport)
	t.MaxIdleConns, t.MaxIdleConnsPerHost, t.MaxConnsPerHost = n, n, n
}

// times reports the median and the 99th percentile of what was measured.
func times(b *testing.B, name string, list []time.Duration) {
	b.Helper()
	slices.Sort(list)
	for unit, at := range map[string]int{"p50": len(list) / 2, "p99": len(list) * 99 / 100} {
		b.ReportMetric(float64(list[at].Microseconds())/1000, "ms-"+name+"-"+unit)
	}
}

// BenchmarkWaitingRuns makes 10,000 runs that wait for a person, and looks at what they cost: memory, and the time of a start.
func BenchmarkWaitingRuns(b *testing.B) {
	const runs, pipelines, senders = 10_000, 200, 25
	connections(senders)
	for b.Loop() {
		data := filepath.Join(b.TempDir(), "data")
		s := startBare(b, data)
		c, _ := s.login(b)
		before := s.memory(b)
		var hooks []string
		for i := range pipelines {
			hooks = append(hooks, s.apply(b, c, fmt.Sprintf("p%d", i), runs/pipelines).Webhooks[0].Path)
		}
		began := time.Now()
		var group sync.WaitGroup
		for sender := range senders {
			group.Go(func() {
				for i := sender; i < runs; i += senders {
					if err := s.post(b.Context(), hooks[i%pipelines], "1.0"); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
		b.ReportMetric(float64(runs)/time.Since(began).Seconds(), "runs-made/s")
		b.ReportMetric(before, "MB-before")
		b.ReportMetric(s.memory(b), "MB-with-them")
		s.stop(b)
		began = time.Now()
		s = startBare(b, data)
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms-to-ready")
		b.ReportMetric(s.memory(b), "MB-after-start")
		s.stop(b)
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkWebhooks sends 1,000 webhooks a second for 30 seconds, whatever becomes of those before, and compares what was accepted
// with what is there at the end.
func BenchmarkWebhooks(b *testing.B) {
	const rate, seconds, pipelines = 1000, 30, 16
	connections(200)
	for b.Loop() {
		s := startBare(b, filepath.Join(b.TempDir(), "data"))
		c, _ := s.login(b)
		var hooks []string
		for i := range pipelines {
			hooks = append(hooks, s.apply(b, c, fmt.Sprintf("p%d", i), 1).Webhooks[0].Path)
		}
		took := make([]time.Duration, rate*seconds)
		errs := make([]error, rate*seconds)
		var group sync.WaitGroup
		began := time.Now()
		for i := range took {
			// A sender that is late does not make the load smaller: the time counts from when the message was due.
			due := began.Add(time.Duration(i) * time.Second / rate)
			time.Sleep(time.Until(due))
			group.Go(func() {
				errs[i] = s.post(b.Context(), hooks[i%pipelines], "1.0")
				took[i] = time.Since(due)
			})
		}
		group.Wait()
		n := len(errs)
		for _, err := range errs {
			if err != nil {
				if n == len(errs) {
					b.Log("the first one that was not accepted: ", err)
				}
				n--
			}
		}
		stored := 0
		for p, err := range c.Pipelines(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			stored += int(p.Runs)
		}
		b.ReportMetric(float64(n)/time.Since(began).Seconds(), "accepted/s")
		b.ReportMetric(float64(len(took)-n), "not-accepted")
		b.ReportMetric(float64(n-stored), "lost")
		times(b, "accepted", took)
		s.stop(b)
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkHistory asks the API of a server with many recorded runs, one request after the other.
func BenchmarkHistory(b *testing.B) {
	for _, runs := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(runs), func(b *testing.B) {
			for b.Loop() {
				history(b, runs)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func history(b *testing.B, runs int) {
	b.Helper()
	data := filepath.Join(b.TempDir(), "data")
	s := startBare(b, data)
	c, _ := s.login(b)
	s.apply(b, c, "shop", 1)
	run, err := c.StartPipeline(b.Context(), "shop", nil)
	if err == nil {
		run, err = c.StopRun(b.Context(), run.ID)
	}
	if err != nil {
		b.Fatal(err)
	}
	s.stop(b)
	multiply(b, data, run.ID, runs)
	began := time.Now()
	s = startBare(b, data)
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms-to-ready")
	_, token := s.login(b)
	for name, path := range map[string]func() string{
		"list":   func() string { return "/api/v1/pipelines/shop/runs?limit=50" },
		"deep":   func() string { return fmt.Sprintf("/api/v1/pipelines/shop/runs?limit=50&cursor=%d", 1+rand.IntN(runs)) },
		"failed": func() string { return "/api/v1/pipelines/shop/runs?limit=50&state=failed" },
		"run":    func() string { return "/api/v1/runs/" + recorded(rand.IntN(runs)) },
		"log":    func() string { return "/api/v1/runs/" + recorded(rand.IntN(runs)) + "/logs" },
		"all":    func() string { return "/api/v1/pipelines" },
	} {
		var list []time.Duration
		for range 300 {
			list = append(list, s.ask(b, token, path()))
		}
		times(b, name, list)
	}
	b.ReportMetric(float64(s.ask(b, token, "/metrics").Milliseconds()), "ms-metrics")
	s.stop(b)
}

// ask is the time until an answer is there whole.
func (s *bare) ask(b *testing.B, token, path string) time.Duration {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+s.address+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	began := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it is read
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s, %v", path, res.Status, err)
	}
	return time.Since(began)
}

// recorded is the id of a run that multiply made.
func recorded(i int) string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", i) }

// multiply makes many of one recorded run, each with the lines of its log; one in a hundred failed.
func multiply(b *testing.B, data, run string, runs int) {
	b.Helper()
	db, err := store.Open(b.Context(), store.Config{Dir: data})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a benchmark
	const numbers = `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $1) `
	const id = `'00000000-0000-7000-8000-' || substr('000000000000' || n.i, -12)`
	const copies = numbers + `INSERT INTO runs (id, pipeline, number, revision, state, cause, started_by, variables, stages, message, waiting_for,
stopping, more, created_at, started_at, ended_at) SELECT ` + id + `, pipeline, number + 1 + n.i, revision, CASE WHEN n.i % 100 = 7 THEN 'failed' ELSE 'succeeded' END,
cause, started_by, variables, stages, message, waiting_for, stopping, more, created_at, started_at, ended_at FROM n, runs WHERE runs.id = $2`
	const logs = numbers + `INSERT INTO events (seq, time, kind, name, action, part, type, message)
SELECT e.seq + (n.i + 1) * 1000, e.time, e.kind, ` + id + `, e.action, e.part, e.type, e.message FROM n, events e WHERE e.kind = 'run' AND e.name = $2`
	err = db.Write(b.Context(), func(tx *store.Tx) error {
		for _, q := range []string{copies, logs} {
			if _, err := tx.Exec(b.Context(), q, runs-1, run); err != nil {
				return err
			}
		}
		_, err := tx.Exec(b.Context(), `UPDATE pipelines SET runs = $1`, runs+1)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}
