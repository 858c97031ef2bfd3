package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/web"
)

// BenchmarkConsole lets a browser look at lists of 10,000 rows and at a log of 100,000 lines; web/e2e/large.bench.ts says what it
// does and measures.
func BenchmarkConsole(b *testing.B) {
	const rows, lines = 10_000, 100_000
	chromium, err := exec.LookPath("chromium")
	if err != nil || web.Files() == nil {
		b.Skip("needs chromium and a console that is built in")
	}
	data := filepath.Join(b.TempDir(), "data")
	s := startBare(b, data)
	c, _ := s.login(b)
	s.apply(b, c, "shop", 1)
	ended, err := c.StartPipeline(b.Context(), "shop", nil)
	if err == nil {
		ended, err = c.StopRun(b.Context(), ended.ID)
	}
	if err != nil {
		b.Fatal(err)
	}
	s.apply(b, c, "long", 1)
	waiting, err := c.StartPipeline(b.Context(), "long", nil)
	if err != nil {
		b.Fatal(err)
	}
	s.stop(b)
	multiply(b, data, ended.ID, rows)
	enlarge(b, data, waiting.ID, rows, lines)
	s = startBare(b, data)
	defer s.stop(b)
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), "npx", "--no-install", "vitest", "run", "--config", "e2e/vitest.config.ts")
		cmd.Dir = "../../web"
		cmd.Env = append(os.Environ(), "FAIRLEAD_BENCH=1", "FAIRLEAD_URL=http://"+s.address, "FAIRLEAD_PASSWORD="+adminPassword,
			"FAIRLEAD_RUN="+waiting.ID, "CHROMIUM="+chromium, "NO_COLOR=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == "FIGURE" {
				value, err := strconv.ParseFloat(f[2], 64)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(value, f[1])
			}
		}
	}
	b.ReportMetric(0, "ns/op")
}

// enlarge gives a run that many lines of output, and the server that many pipelines and users.
func enlarge(b *testing.B, data, run string, rows, lines int) {
	b.Helper()
	db, err := store.Open(b.Context(), store.Config{Dir: data})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a benchmark
	began := time.Now()
	output := make([]fairlead.OutputLine, lines)
	for i := range output {
		output[i] = fairlead.OutputLine{Time: began.Add(time.Duration(i) * time.Millisecond), Stream: fairlead.Stdout,
			Text: "step " + strconv.Itoa(i) + ": fetched, checked and put in its place; nothing else is to be said of it"}
	}
	const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) `
	err = db.Write(b.Context(), func(tx *store.Tx) error {
		for _, q := range []string{
			numbers + `INSERT INTO pipelines (name, id, group_name, revision, runs, created_at, updated_at, updated_by, max_runs)
SELECT 'p' || substr('00000' || n.i, -5), 'p' || n.i, group_name, revision, 0, created_at, updated_at, updated_by, max_runs FROM n, pipelines WHERE name = 'shop'`,
			numbers + `INSERT INTO pipeline_revisions (pipeline, revision, spec, source, created_at, created_by)
SELECT 'p' || substr('00000' || n.i, -5), r.revision, spec, source, created_at, created_by FROM n, pipeline_revisions r WHERE pipeline = 'shop'`,
			numbers + `INSERT INTO users (name, email, phone, locale, admin, disabled, password, created_at, must_change)
SELECT 'u' || substr('00000' || n.i, -5), '', '', 'en', FALSE, FALSE, '', created_at, FALSE FROM n, users WHERE name = 'admin'`,
		} {
			if _, err := tx.Exec(b.Context(), q, rows); err != nil {
				return err
			}
		}
		return tx.AppendOutput(b.Context(), run, "ask", output)
	})
	if err != nil {
		b.Fatal(err)
	}
}
