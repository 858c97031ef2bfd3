package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/examples"
	"github.com/fairlead/fairlead/internal/api"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/registry"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// logged collects what the server logged.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }

func (l *logged) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

// server is the real handler on a real database, with a fake target. Users: boss (administrator) and alice, who manages the
// default group; their passwords are their names with "-password".
type server struct {
	t     *testing.T
	http  *httptest.Server
	api   *api.API
	db    *store.DB
	auth  *auth.Auth
	world *stacktest.World
	log   *logged
	ready error
}

func mustServe(t *testing.T) *server { t.Helper(); return mustServeWith(t, func(*api.Config) {}) }

// mustServeWith serves with a configuration that the test has changed.
func mustServeWith(t *testing.T, change func(*api.Config)) *server {
	t.Helper()
	s := &server{t: t, world: stacktest.NewWorld(), log: &logged{}}
	dir := t.TempDir()
	log := slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if s.db, err = store.Open(t.Context(), storetest.Config(t, store.Config{Dir: dir})); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.db.Close(); err != nil {
			t.Error(err)
		}
	})
	s.auth = auth.New(auth.Config{DB: s.db})
	images, err := registry.New(registry.Config{
		DB: s.db, Dir: filepath.Join(dir, "registry"), Auth: s.auth.Basic, PublicURL: "http://fairlead.test",
		Can: func(fairlead.Actor, string, string) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := images.Close(); err != nil {
			t.Error(err)
		}
	})
	provider := s.world.Provider()
	stacks := stack.New(stack.Config{DB: s.db, Provider: func(context.Context, fairlead.Target) (stack.Provider, error) { return provider, nil }})
	pipelines := pipeline.New(pipeline.Config{DB: s.db, Stacks: stacks, Images: images, PublicURL: "http://fairlead.test", Samples: examples.PipelineTemplates(),
		Stands: func(_ context.Context, _ *store.Tx, actor fairlead.Actor, group fairlead.ReviewGroup) (bool, error) {
			return auth.Stands(actor, group), nil
		}})
	cfg := api.Config{
		DB: s.db, Auth: s.auth, Registry: images, Stacks: stacks, Pipelines: pipelines, Log: log, Heartbeat: 10 * time.Millisecond,
		Ready: func() error { return s.ready },
		PrepareTarget: func(_ context.Context, t fairlead.Target, kubeconfig []byte) (fairlead.Target, store.TargetCredentials, error) {
			return t, store.TargetCredentials{Kubeconfig: kubeconfig}, nil
		},
		CheckTarget: func(_ context.Context, t fairlead.Target) fairlead.TargetCheck {
			return fairlead.TargetCheck{Target: t.Name, OK: true, Version: "1"}
		},
	}
	change(&cfg)
	if s.api, err = api.New(cfg); err != nil {
		t.Fatal(err)
	}
	s.seed()
	workers := river.NewWorkers()
	stacks.Register(workers)
	pipelines.Register(workers)
	if err := s.db.StartJobs(t.Context(), workers); err != nil {
		t.Fatal(err)
	}
	s.http = httptest.NewServer(s.api)
	t.Cleanup(func() {
		s.api.EndStreams()
		s.http.Close()
	})
	return s
}

func (s *server) seed() {
	s.t.Helper()
	ctx := s.t.Context()
	s.user(fairlead.User{Name: "boss", Admin: true})
	s.user(fairlead.User{Name: "alice"})
	s.write(func(tx *store.Tx) error {
		return tx.CreateTarget(ctx, &fairlead.Target{Name: fairlead.LocalTarget, Kind: fairlead.TargetEngine, Host: "unix:///nowhere"})
	})
	s.write(func(tx *store.Tx) error { return tx.CreateGroup(ctx, &fairlead.Group{Name: fairlead.DefaultGroup}) })
	s.grant(fairlead.DefaultGroup, "alice", fairlead.RoleManage)
}

// user makes a user without a role in any group.
func (s *server) user(u fairlead.User) {
	s.t.Helper()
	hash, err := s.auth.Hash(s.t.Context(), u.Name+"-password")
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(func(tx *store.Tx) error { return tx.CreateUser(s.t.Context(), &u, hash) })
}

func (s *server) grant(group, user string, role fairlead.Role) {
	s.t.Helper()
	s.write(func(tx *store.Tx) error { return tx.SetRole(s.t.Context(), group, user, role, "test") })
}

func (s *server) write(fn func(tx *store.Tx) error) {
	s.t.Helper()
	if err := s.db.Write(s.t.Context(), fn); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) read(fn func(tx *store.Tx) error) {
	s.t.Helper()
	if err := s.db.Read(s.t.Context(), fn); err != nil {
		s.t.Fatal(err)
	}
}

// request is one request of a test. Bodies that are not strings or bytes are sent as JSON.
type request struct {
	method, path string
	user         string // empty: nobody
	body         any
	header       map[string]string
}

// reply is what came back.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

func (s *server) do(r request) reply {
	s.t.Helper()
	res := s.open(r)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	return reply{s.t, res.StatusCode, res.Header, body}
}

func (s *server) open(r request) *http.Response {
	s.t.Helper()
	var body io.Reader = http.NoBody
	contentType := ""
	switch b := r.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	case []byte:
		body = bytes.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		body, contentType = bytes.NewReader(data), "application/json"
	}
	req, err := http.NewRequestWithContext(s.t.Context(), r.method, s.http.URL+r.path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if r.user != "" {
		req.SetBasicAuth(r.user, r.user+"-password")
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	res, err := s.http.Client().Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	return res
}

// must is do for a request that has to be answered with a status.
func (s *server) must(status int, r request) reply {
	s.t.Helper()
	got := s.do(r)
	if got.status != status {
		s.t.Fatalf("%s %s: status %d, want %d: %s", r.method, r.path, got.status, status, got.body)
	}
	return got
}

func (s *server) get(path string) reply {
	s.t.Helper()
	return s.must(http.StatusOK, request{method: "GET", path: path, user: "boss"})
}

// into decodes a reply.
func into[T any](r reply) T {
	r.t.Helper()
	var v T
	if err := json.Unmarshal(r.body, &v); err != nil {
		r.t.Fatalf("%v: %s", err, r.body)
	}
	return v
}

// problem decodes a reply that has to be a problem.
func problem(r reply) api.Problem {
	r.t.Helper()
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		r.t.Fatalf("content type %q, want application/problem+json: %s", got, r.body)
	}
	p := into[api.Problem](r)
	if p.Type != "about:blank" || p.Status != r.status || p.Title == "" || p.Detail == "" || p.Code == "" {
		r.t.Fatalf("problem is not complete: %s", r.body)
	}
	return p
}

// rows are the contents of all tables by name, as one sum each, to see that a refused request changed nothing. The audit log is left
// out, which has a line for what was denied, and so is what servers and River keep about themselves.
func (s *server) rows() map[string]string {
	s.t.Helper()
	sums := map[string]string{}
	tables := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	if os.Getenv("FAIRLEAD_TEST_DATABASE") == "postgres" {
		tables = `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`
	}
	err := s.db.Read(s.t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(s.t.Context(), tables)
		names, err := store.Collect(rows, err, func(row store.Row) (name string, err error) { return name, row.Scan(&name) })
		for _, name := range names {
			if own := strings.HasPrefix(name, "river_") && name != "river_job"; own || slices.Contains([]string{"audit", "servers", "leases"}, name) {
				continue
			}
			if sums[name], err = sumOf(s.t.Context(), tx, name); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil || len(sums) < 30 {
		s.t.Fatalf("%d tables, %v", len(sums), err)
	}
	return sums
}

// sumOf is a sum over all rows of a table, in whatever order they come.
func sumOf(ctx context.Context, tx *store.Tx, table string) (string, error) {
	rows, err := tx.Query(ctx, `SELECT * FROM `+table)
	if err != nil {
		return "", err
	}
	defer rows.Close() //nolint:errcheck // the error is that of rows.Err
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var lines []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			return "", err
		}
		line := ""
		for _, v := range values {
			line += fmt.Sprintf("%q ", fmt.Sprint(*v.(*any)))
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return fmt.Sprintf("%d rows, %x", len(lines), sha256.Sum256([]byte(strings.Join(lines, "\n")))), rows.Err()
}
