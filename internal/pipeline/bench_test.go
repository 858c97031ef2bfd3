package pipeline_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/examples"
	"github.com/fairlead/fairlead/internal/notify"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/pipeline/jobtest"
	"github.com/fairlead/fairlead/internal/registry"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
	"github.com/fairlead/fairlead/internal/template"
)

// webTemplate has one element, web, and a secret input.
const webTemplate = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  image: {type: string}
  replicas: {type: integer, default: 1}
  key: {type: password, default: none}
node_templates:
  web:
    type: HuaweiCloud.CCE.Deployment
    properties:
      k8sManifest:
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec: {replicas: {get_input: replicas}, image: {get_input: image}, key: {get_input: key}}
`

// webPipeline deploys team/web with the webhook's tag.
const webPipeline = `name: web
variables: [{name: tag, value: "1.0"}]
start:
  conditions:
    - webhook: {}
      params: [{name: tag, variable: tag}]
stages:
  - name: deploy
    type: template-deploy
    images: [{name: app, image: "team/web:${tag}"}]
    deploy: {tool: aos, stack: web, create: true, template: web, version: "1.0", parameters: {image: "${image.app}"}}
`

// clock is the wall's, plus what a test adds.
type clock struct{ added atomic.Int64 }

func (c *clock) now() time.Time      { return time.Now().Add(time.Duration(c.added.Load())) }
func (c *clock) add(d time.Duration) { c.added.Add(int64(d)) }

// bench is a server without HTTP: stacks, registry and pipelines on one database, with a target called local that is a
// [stacktest.World].
type bench struct {
	testing.TB
	dir      string
	world    *stacktest.World
	jobs     *jobtest.World
	clock    *clock
	db       *store.DB
	stacks   *stack.Engine
	engine   *pipeline.Engine
	slice    time.Duration          // of the work on containers; 0: as long as ever
	noRunner func() error           // when it is set, a runner is not to be had, for this reason
	onNow    atomic.Pointer[func()] // called when the pipelines' engine asks for the time
	given    atomic.Int64           // lines of output that the pipelines' engine was given
	// dead cuts this life of the server off its target, as a kill does.
	dead atomic.Bool
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{TB: t, dir: t.TempDir(), world: stacktest.NewWorld(), jobs: jobtest.NewWorld(), clock: &clock{}}
	b.open()
	b.write(func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(
			tx.CreateTarget(ctx, &fairlead.Target{Name: fairlead.LocalTarget, Kind: fairlead.TargetEngine}),
			tx.CreateOrganization(ctx, &fairlead.Organization{Name: "team"}),
			tx.PutRepository(ctx, "team", "web"),
			tx.CreateTemplateVersion(ctx, &fairlead.TemplateVersion{Template: "web", Version: "1.0", Filename: "web.yaml", Source: []byte(webTemplate)}))
	})
	b.push("1.0")
	b.startJobs()
	return b
}

// runner is the world's, until the life that it belongs to ends.
type runner struct {
	pipeline.Runner
	life *bench
}

func (r runner) MakeContainer(ctx context.Context, c fairlead.Container) (string, string, error) {
	if r.life.dead.Load() {
		return "", "", fairlead.Errorf(fairlead.Unavailable, "this life is over")
	}
	return r.Runner.MakeContainer(ctx, c)
}

func (r runner) ContainerOutput(ctx context.Context, c fairlead.Container, since time.Time, send func(fairlead.OutputLine) error) error {
	return r.Runner.ContainerOutput(ctx, c, since, func(l fairlead.OutputLine) error {
		err := send(l)
		r.life.given.Add(1)
		return err
	})
}

func (r runner) StartContainer(ctx context.Context, c fairlead.Container) error {
	if r.life.dead.Load() {
		return fairlead.Errorf(fairlead.Unavailable, "this life is over")
	}
	return r.Runner.StartContainer(ctx, c)
}

func (r runner) RemoveContainer(ctx context.Context, c fairlead.Container) error {
	if r.life.dead.Load() {
		return fairlead.Errorf(fairlead.Unavailable, "this life is over")
	}
	return r.Runner.RemoveContainer(ctx, c)
}

// provider is the world's, until the life that it belongs to ends.
type provider struct {
	*stacktest.Fake
	life *bench
}

func (p provider) Plan(ctx context.Context, want template.Element, prior *fairlead.Record) (fairlead.Change, error) {
	if p.life.dead.Load() {
		return fairlead.Change{}, fairlead.Errorf(fairlead.Unavailable, "this life is over")
	}
	return p.Fake.Plan(ctx, want, prior)
}

func (p provider) Apply(ctx context.Context, c fairlead.Change) (fairlead.Record, error) {
	if p.life.dead.Load() {
		return c.Record, fairlead.Errorf(fairlead.Unavailable, "this life is over")
	}
	return p.Fake.Apply(ctx, c)
}

func (b *bench) open() {
	b.Helper()
	log := slog.New(slog.NewTextHandler(testLog{b}, &slog.HandlerOptions{Level: slog.LevelError}))
	db, err := store.Open(b.Context(), storetest.Config(b, store.Config{Dir: b.dir, Log: log, Now: b.clock.now}))
	b.must(err)
	images, err := registry.New(registry.Config{DB: db, Dir: filepath.Join(b.dir, "registry"), PublicURL: "http://reg.test:8080",
		Auth: func(context.Context, string, string) (fairlead.Actor, error) {
			return fairlead.Actor{}, errors.New("nobody")
		},
		Can: func(fairlead.Actor, string, string) bool { return false }})
	b.must(err)
	b.Cleanup(func() {
		if err := errors.Join(db.Close(), images.Close()); err != nil {
			b.Error(err)
		}
	})
	b.db = db
	b.stacks = stack.New(stack.Config{DB: db, Log: log, Now: b.clock.now, Provider: func(context.Context, fairlead.Target) (stack.Provider, error) {
		return provider{b.world.Provider(), b}, nil
	}})
	sender := notify.New(notify.Config{DB: db, Log: log, Now: b.clock.now, AllowPrivate: true})
	b.engine = pipeline.New(pipeline.Config{Runner: func(context.Context, fairlead.Target) (pipeline.Runner, error) {
		if b.noRunner != nil {
			return nil, b.noRunner()
		}
		return runner{b.jobs.Runner(), b}, nil
	},
		Notify: sender, DB: db, Stacks: b.stacks, Images: images, Log: log, Now: b.now, PublicURL: "http://fairlead.test", Samples: examples.PipelineTemplates()})
	if b.slice > 0 {
		b.engine.SetSliceTime(b.slice)
	}
}

// now is the clock's time for the pipelines' engine.
func (b *bench) now() time.Time {
	if f := b.onNow.Load(); f != nil {
		(*f)()
	}
	return b.clock.now()
}

func (b *bench) startJobs() {
	b.Helper()
	workers := river.NewWorkers()
	b.stacks.Register(workers)
	b.engine.Register(workers)
	b.must(b.stacks.Recover(b.Context()))
	b.must(b.engine.Recover(b.Context()))
	b.must(b.db.StartJobs(b.Context(), workers))
}

// snapshot copies the data directory as a kill at this moment would leave it: no transaction is under way.
func (b *bench) snapshot() (dir string) {
	b.Helper()
	dir = b.TempDir()
	b.write(func(context.Context, *store.Tx) error {
		for _, name := range []string{"fairlead.db", "fairlead.db-wal", "key"} {
			if err := copyFile(filepath.Join(dir, name), filepath.Join(b.dir, name)); err != nil {
				return err
			}
		}
		return nil
	})
	return dir
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// restart begins a new life on a directory, with the same world.
func (b *bench) restart(dir string) *bench {
	b.Helper()
	life := &bench{TB: b.TB, dir: dir, world: b.world, jobs: b.jobs, clock: b.clock, slice: b.slice}
	life.open()
	life.startJobs()
	return life
}

// testLog writes to the test's log for as long as the test runs.
type testLog struct{ testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	if l.Context().Err() == nil {
		l.Logf("%s", p)
	}
	return len(p), nil
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(describe(err))
	}
}

func describe(err error) string {
	if e, ok := errors.AsType[*fairlead.Error](err); ok && len(e.Problems) > 0 {
		return err.Error() + "\n" + e.Problems.Error()
	}
	return fmt.Sprint(err)
}

func (b *bench) write(fn func(ctx context.Context, tx *store.Tx) error) {
	b.Helper()
	b.must(b.db.Write(b.Context(), func(tx *store.Tx) error { return fn(b.Context(), tx) }))
}

func (b *bench) read(fn func(ctx context.Context, tx *store.Tx) error) {
	b.Helper()
	b.must(b.db.Read(b.Context(), func(tx *store.Tx) error { return fn(b.Context(), tx) }))
}

// push makes the image team/web:tag known.
func (b *bench) push(tag string) {
	b.Helper()
	b.write(func(ctx context.Context, tx *store.Tx) error {
		return tx.PutTag(ctx, &fairlead.Tag{Organization: "team", Repository: "web", Name: tag, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(tag))),
			MediaType: "application/vnd.oci.image.manifest.v1+json"})
	})
}

func alice() fairlead.Actor { return fairlead.Actor{User: "alice"} }

func (b *bench) apply(src string) fairlead.Pipeline {
	b.Helper()
	p, err := b.engine.Apply(b.Context(), alice(), "test.yaml", []byte(src), nil)
	b.must(err)
	return p
}

func (b *bench) start(name string, given map[string]string) fairlead.Run {
	b.Helper()
	run, err := b.engine.Start(b.Context(), alice(), name, given, "")
	b.must(err)
	return run
}

func (b *bench) run(id string) (run fairlead.Run) {
	b.Helper()
	b.read(func(ctx context.Context, tx *store.Tx) (err error) {
		run, err = tx.Run(ctx, id)
		return err
	})
	return run
}

// until waits until a run is as the test wants it.
func (b *bench) until(id, what string, want func(run fairlead.Run) bool) fairlead.Run {
	b.Helper()
	changed, cancel := b.db.Watch()
	defer cancel()
	deadline := time.After(30 * time.Second)
	for {
		run := b.run(id)
		if want(run) {
			return run
		}
		select {
		case <-changed:
		case <-deadline:
			b.Fatalf("run is not %s after 30 s: %+v\n%s", what, run, b.log(id, ""))
		}
	}
}

// ended waits for the end of a run and fails unless it ended in a state.
func (b *bench) ended(id string, state fairlead.RunState) fairlead.Run {
	b.Helper()
	run := b.until(id, "ended", func(run fairlead.Run) bool { return fairlead.RunMoves.Final(run.State) })
	if run.State != state {
		b.Fatalf("run ended %s (%s), want %s\n%s", run.State, run.Message, state, b.log(id, ""))
	}
	return run
}

// log is the log of a run or of one of its stages as text.
func (b *bench) log(id, stage string) string {
	b.Helper()
	var text strings.Builder
	b.read(func(ctx context.Context, tx *store.Tx) error {
		lines, _, err := tx.RunLog(ctx, id, store.LogQuery{Stage: stage, Limit: 10_000})
		for _, l := range lines {
			fmt.Fprintf(&text, "%s [%s] %s\n", l.Level, l.Stage, l.Text)
		}
		return err
	})
	return text.String()
}

func (b *bench) wantCode(err error, want fairlead.Code, says string) {
	b.Helper()
	if got := fairlead.ErrorCode(err); got != want || !strings.Contains(describe(err), says) {
		b.Errorf("error %v (code %q), want code %q and %q in it", describe(err), got, want, says)
	}
}

func wantText(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("no %q in:\n%s", p, text)
		}
	}
}

// gate holds what comes to it until it is opened.
type gate struct {
	ch   chan struct{}
	once sync.Once
}

func newGate(t testing.TB) *gate {
	g := &gate{ch: make(chan struct{})}
	t.Cleanup(g.open)
	return g
}

func (g *gate) open() { g.once.Do(func() { close(g.ch) }) }

func token(p fairlead.Pipeline, i int) string {
	return strings.TrimPrefix(p.Webhooks[i].Path, "/hooks/")
}
