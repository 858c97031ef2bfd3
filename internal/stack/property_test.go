package stack_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

// TestRandomLives leads stacks of random templates through random actions while calls of the provider fail at random, before
// and after they take effect, and the server is killed at random. After recovery and a last good action the records equal the
// world; nothing is orphaned, made twice, or stuck. FAIRLEAD_TEST_SEED runs the one case that failed.
func TestRandomLives(t *testing.T) {
	cases, first := 500, uint64(0)
	if text := os.Getenv("FAIRLEAD_TEST_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		cases, first = 1, seed
	} else if brief() {
		cases = 60
	}
	// Cases mostly wait for each other's commits, so more run side by side than there are processors.
	var next atomic.Int64
	var lanes sync.WaitGroup
	defer lanes.Wait()
	for range min(12, cases) {
		lanes.Go(func() {
			f := newFarm(t)
			for n := next.Add(1) - 1; n < int64(cases) && !t.Failed(); n = next.Add(1) - 1 {
				seed := first + uint64(n)
				f.live(seed)
				if t.Failed() {
					t.Errorf("one of the cases again: FAIRLEAD_TEST_SEED=%d go test -run TestRandomLives ./internal/stack", seed)
				}
			}
		})
	}
}

// farm is a server that lives through many cases on one database, and is killed and started again in between.
type farm struct {
	*bench
	rand     *rand.Rand
	world    *stacktest.World
	provider *stacktest.Fake
	current  atomic.Pointer[stacktest.Fake] // what the engine gets
	name     string
	killed   chan struct{}
	steps    atomic.Int64
	log      []string
}

func newFarm(t *testing.T) *farm {
	f := &farm{world: stacktest.NewWorld()}
	f.provider = f.world.Provider()
	f.bench = newBenchIn(t, quickDir(t), f.provider)
	for _, version := range []string{"1", "2"} {
		f.push("inner", version, inner(version))
	}
	f.push("shell", "1", shell())
	t.Cleanup(f.stopLife)
	f.begin()
	return f
}

// quickDir is a directory in memory where there is one: a killed process loses nothing that was written, only a machine does.
func quickDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "fairlead-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// stopLife ends what the server does at once.
func (f *farm) stopLife() {
	f.provider.Bury()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.db.StopJobs(ctx); err != nil {
		f.t.Error(err)
	}
}

// begin starts the server's next life, on the world of the case.
func (f *farm) begin() {
	f.t.Helper()
	f.stopLife()
	f.write(func(ctx context.Context, tx *store.Tx) error { // a killed process leaves its jobs running
		_, err := tx.Exec(ctx, `UPDATE river_job SET state = 'running' WHERE state = 'retryable'`)
		return err
	})
	f.killed = make(chan struct{})
	f.meet()
	f.engine = stack.New(stack.Config{DB: f.db, Now: f.clock.now, Provider: func(context.Context, fairlead.Target) (stack.Provider, error) { return f.current.Load(), nil }})
	workers := river.NewWorkers()
	f.engine.Register(workers)
	if err := errors.Join(f.engine.Recover(f.t.Context()), f.db.StartJobs(f.t.Context(), workers)); err != nil {
		f.t.Fatal(err)
	}
}

// meet gives the server a provider on the world of the case.
func (f *farm) meet() {
	f.provider = f.world.Provider()
	f.current.Store(f.provider)
}

// killAt kills the server at the n-th step from now on: at a call, before or after its effect, or at a commit.
func (f *farm) killAt(n int64, how int) {
	engine, provider, killed := f.engine, f.provider, f.killed
	f.steps.Store(0)
	step := func() {
		if f.steps.Add(1) == n {
			engine.Die(errKilled)
			provider.Die()
			close(killed)
		}
	}
	call := func(_ int, c stacktest.Call) {
		if c.Method != "plan" && c.Method != "read" {
			step()
		}
	}
	switch how {
	case 0:
		f.world.OnCall(call)
	case 1:
		f.world.OnReturn(call)
	default:
		engine.OnCommit(step)
	}
}

// live leads one case from its beginning to its end.
func (f *farm) live(seed uint64) {
	f.rand = rand.New(rand.NewPCG(seed, 7))
	f.world, f.name, f.log = stacktest.NewWorld(), fmt.Sprintf("s%d", seed), nil
	f.meet()
	for version := range 3 {
		f.push(f.name, strconv.Itoa(version), f.template(version))
	}
	for range 2 + f.rand.IntN(4) {
		f.act()
		if f.t.Failed() {
			break
		}
	}
	if !f.t.Failed() {
		f.settle()
	}
	if f.t.Failed() {
		f.t.Logf("seed %d:\n%s", seed, strings.Join(f.log, "\n"))
	}
}

// template is a random one: ConfigMaps that need and read each other, some only under a condition, and nested stacks.
func (f *farm) template(version int) string {
	r := f.rand
	var b strings.Builder
	b.WriteString(`tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  text: {type: string, default: a, description: text}
  on: {type: boolean, default: true, description: "on"}
conditions:
  some: {cond_eq: [{get_input: on}, true]}
node_templates:
`)
	var sure []string // elements without a condition
	for i := range 2 + r.IntN(7) {
		if i > 1 && r.IntN(4) == 0 {
			continue // an element that other versions have
		}
		name, conditional := fmt.Sprintf("e%d", i), r.IntN(6) == 0
		var needs []string
		for _, other := range sure {
			if r.IntN(3) == 0 {
				needs = append(needs, other)
			}
		}
		value := "{get_input: text}"
		if len(needs) > 0 && r.IntN(2) == 0 {
			value = fmt.Sprintf("{get_attribute: [%s, refID]}", needs[0])
		}
		if nested := i%4 == 3; nested { // by its name, so that it is one in all versions
			b.WriteString(f.nested(name, value, r))
		} else {
			b.WriteString(f.configMap(name, value, version, r))
		}
		if len(needs) > 0 {
			b.WriteString("    requirements:\n")
			for _, n := range needs {
				fmt.Fprintf(&b, "      - dependency: {node: %s}\n", n)
			}
		}
		if conditional {
			b.WriteString("    condition: some\n")
		} else {
			sure = append(sure, name)
		}
	}
	return b.String()
}

func (f *farm) configMap(name, value string, version int, r *rand.Rand) string {
	extra := ""
	switch r.IntN(8) {
	case 0:
		extra = fmt.Sprintf("\n          annotations: {fake/immutable: %q}", strconv.Itoa(version))
	case 1:
		extra = "\n          annotations: {fake/steps: \"1\"}"
	}
	return fmt.Sprintf(`  %s:
    type: HuaweiCloud.CCE.ConfigMap
    properties:
      k8sManifest:
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: %s%s
        data: {value: %s, number: "%d"}
`, name, name, extra, value, r.IntN(2))
}

func (f *farm) nested(name, value string, r *rand.Rand) string {
	ref := []string{"inner@1", "inner@2", "shell@1"}[r.IntN(3)]
	strategy := []string{"DoNothing", "Rollback"}[r.IntN(2)]
	return fmt.Sprintf(`  %s:
    type: HuaweiCloud.AOS.Stack
    properties:
      templateId: %s
      failureStrategy: %s
      inputs: {object: %s-in, text: %s}
`, name, ref, strategy, name, value)
}

// inner is the template of a nested stack: two ConfigMaps.
func inner(version string) string {
	return `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  object: {type: string, description: object}
  text: {type: string, default: a, description: text}
node_templates:
  one:
    type: HuaweiCloud.CCE.ConfigMap
    properties:
      k8sManifest:
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: {concat: [{get_input: object}, -one]}
          annotations: {fake/immutable: "` + version + `"}
        data: {text: {get_input: text}}
  two:
    type: HuaweiCloud.CCE.ConfigMap
    properties:
      k8sManifest:
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: {concat: [{get_input: object}, -two]}
        data: {one: {get_attribute: [one, refID]}, version: "` + version + `"}
outputs:
  id: {value: {get_attribute: [one, refID]}, description: id}
`
}

// shell is the template of a nested stack that holds another one.
func shell() string {
	return `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  object: {type: string, description: object}
  text: {type: string, default: a, description: text}
node_templates:
  kernel:
    type: HuaweiCloud.AOS.Stack
    properties:
      templateId: inner@1
      inputs: {object: {concat: [{get_input: object}, -k]}, text: {get_input: text}}
`
}

// act does one random thing, with failures and maybe a death on the way, and looks at what is left.
func (f *farm) act() {
	r := f.rand
	request := stack.Request{
		Name: f.name, Template: f.name, Version: strconv.Itoa(r.IntN(3)), Timeout: time.Hour,
		Inputs: map[string]any{"text": string(rune('a' + r.IntN(3))), "on": r.IntN(3) > 0},
	}
	if r.IntN(2) == 0 {
		request.OnFailure = fairlead.Rollback
	}
	switch r.IntN(8) {
	case 0:
		request = stack.Request{Name: f.name, Verb: fairlead.VerbDelete}
	case 1, 2:
		request = stack.Request{Name: f.name, Verb: fairlead.VerbRollback, OnFailure: request.OnFailure}
	case 3:
		request = stack.Request{Name: f.name, Verb: fairlead.VerbRetry, OnFailure: request.OnFailure}
	}
	if r.IntN(3) > 0 {
		f.fail(r.IntN(40), r.IntN(12) == 0)
	}
	p, err := f.engine.Prepare(f.t.Context(), request)
	if err != nil {
		f.world.Inject(nil)
		f.refused(request.Verb, err)
		return
	}
	switch r.IntN(6) {
	case 0, 1, 2:
		f.killAt(int64(1+r.IntN(30)), r.IntN(3))
	case 3:
		f.cancelAt(1 + r.IntN(15))
	}
	var a fairlead.Action
	f.write(func(ctx context.Context, tx *store.Tx) (err error) {
		a, err = f.engine.Begin(ctx, tx, p)
		return err
	})
	a = f.end(a)
	f.world.Inject(nil)
	f.world.OnCall(nil)
	f.world.OnReturn(nil)
	f.engine.OnCommit(func() {})
	f.log = append(f.log, fmt.Sprintf("%s: %s (%s)\n%s", a.Verb, a.State, a.Message, planText(a.Plan)))
	f.check()
}

// refused takes note of a request that was not begun. Only a failure that was injected, and what the situation forbids, may
// be the reason.
func (f *farm) refused(verb fairlead.Verb, err error) {
	f.log = append(f.log, fmt.Sprintf("%s refused: %s", verb, describe(err)))
	switch fairlead.ErrorCode(err) {
	case fairlead.Conflict, fairlead.NotFound:
	default:
		if !strings.Contains(describe(err), "injected") {
			f.t.Errorf("%s: %s", verb, describe(err))
		}
	}
}

// fail injects failures: every call fails with a probability in percent.
func (f *farm) fail(percent int, silent bool) {
	seed := f.rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 3)) // used with the world locked
	f.world.Inject(func(c stacktest.Call, after bool) error {
		if c.Method == "read" || r.IntN(200) >= percent {
			return nil
		}
		if silent {
			return fairlead.Errorf(fairlead.Unavailable, "injected: %s does not answer", c)
		}
		return fairlead.Errorf(fairlead.Failed, "injected in %s, after its effect: %t", c, after)
	})
}

// cancelAt cancels what goes on at the n-th call.
func (f *farm) cancelAt(n int) {
	engine, name := f.engine, f.name
	var calls atomic.Int64
	f.world.OnCall(func(_ int, c stacktest.Call) {
		if c.Method != "plan" && calls.Add(1) == int64(n) {
			if err := engine.Cancel(context.Background(), fairlead.Actor{User: "ann"}, name); err != nil && fairlead.ErrorCode(err) != fairlead.Conflict {
				f.t.Error(err)
			}
		}
	})
}

// end waits for the end of an action, and of those of nested stacks, through the death of the server if that comes.
func (f *farm) end(a fairlead.Action) fairlead.Action {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 50*time.Second)
	defer cancel()
	waited, stop := context.WithCancel(ctx)
	defer stop()
	killed := f.killed
	go func() {
		select {
		case <-killed:
			stop()
		case <-waited.Done():
		}
	}()
	ended, err := f.engine.Wait(waited, a.ID)
	select {
	case <-killed:
		f.log = append(f.log, "killed")
		f.world.OnCall(nil)
		f.world.OnReturn(nil)
		f.begin()
		ended, err = f.engine.Wait(ctx, a.ID)
	default:
	}
	if err != nil {
		f.t.Fatalf("case %s: the action did not end: %v\n%s\n%s", f.name, err, strings.Join(f.log, "\n"), f.openActions())
	}
	for _, id := range f.open() { // a nested stack's action that was canceled can end later
		if _, err := f.engine.Wait(ctx, id); err != nil {
			f.t.Fatalf("case %s: a nested action did not end: %v", f.name, err)
		}
	}
	select {
	case <-f.killed:
		f.begin()
	default:
	}
	return ended
}

func (f *farm) open() (ids []string) {
	f.read(func(ctx context.Context, tx *store.Tx) (err error) {
		ids, err = tx.OpenActions(ctx)
		return err
	})
	return ids
}

func (f *farm) openActions() string {
	text := ""
	for _, id := range f.open() {
		f.read(func(ctx context.Context, tx *store.Tx) error {
			a, err := tx.StackAction(ctx, id)
			text += fmt.Sprintf("open: %s of %s, slice %d\n%s", a.Verb, a.Stack, a.Slice, planText(a.Plan))
			return err
		})
	}
	return text
}

// check looks whether the records say the truth about the world, in all stacks of the case.
func (f *farm) check() {
	f.t.Helper()
	recorded := map[string]string{}
	f.read(func(ctx context.Context, tx *store.Tx) error {
		list, _, err := tx.Stacks(ctx, 1000, "")
		if err != nil {
			return err
		}
		for _, s := range list {
			records, err := tx.Records(ctx, s.ID)
			if err != nil {
				return err
			}
			if s.Action != "" {
				f.t.Errorf("stack %s is busy", s.Name)
			}
			for _, r := range records {
				if r.Type == "AOS.Stack" {
					continue
				}
				identity := r.Identity["name"]
				if other, twice := recorded[identity]; twice {
					f.t.Errorf("%s is recorded by %s and by %s", identity, other, s.Name+"/"+r.Element)
				}
				recorded[identity] = s.Name + "/" + r.Element
				if _, exists := f.world.Objects()[identity]; r.State == fairlead.RecordMade && !exists {
					f.t.Errorf("%s of %s/%s is recorded as made and does not exist", identity, s.Name, r.Element)
				}
			}
		}
		return nil
	})
	for identity := range f.world.Objects() {
		if recorded[identity] == "" {
			f.t.Errorf("%s exists and is not recorded", identity)
		}
	}
}

// settle brings the case to a good end and looks at what remains.
func (f *farm) settle() {
	request := stack.Request{Name: f.name, Template: f.name, Version: "1", Timeout: time.Hour, Inputs: map[string]any{"text": "z", "on": true}}
	a, err := f.begun(request)
	if err != nil {
		f.t.Errorf("the last upgrade: %s", describe(err))
		return
	}
	if a = f.end(a); a.State != fairlead.ActionSucceeded {
		f.t.Errorf("the last upgrade ended %s: %s\n%s", a.State, a.Message, planText(a.Plan))
		return
	}
	f.check()
	plan, err := f.engine.Preview(f.t.Context(), stack.Request{Name: f.name})
	if err != nil {
		f.t.Error(describe(err))
	}
	for _, op := range plan.Operations {
		if op.State != fairlead.OperationSucceeded {
			f.t.Errorf("after all is well there is something to do:\n%s", planText(plan))
			break
		}
	}
	f.checkSteady()
	a, err = f.begun(stack.Request{Name: f.name, Verb: fairlead.VerbDelete})
	if err != nil {
		f.t.Error(describe(err))
		return
	}
	if a = f.end(a); a.State != fairlead.ActionSucceeded || objects(f.world) != "" || len(f.stacks()) > 0 {
		f.t.Errorf("the deletion ended %s (%s), left %s, %v\n%s", a.State, a.Message, objects(f.world), f.stacks(), planText(a.Plan))
	}
	f.checkJobs()
}

func (f *farm) begun(r stack.Request) (a fairlead.Action, err error) {
	p, err := f.engine.Prepare(f.t.Context(), r)
	if err != nil {
		return a, err
	}
	f.write(func(ctx context.Context, tx *store.Tx) (err error) {
		a, err = f.engine.Begin(ctx, tx, p)
		return err
	})
	return a, nil
}

// checkSteady looks whether all objects are as recorded, and whether no action of a parent began more actions of a nested
// stack than one forth, one back, and one deletion.
func (f *farm) checkSteady() {
	f.read(func(ctx context.Context, tx *store.Tx) error {
		list, _, err := tx.Stacks(ctx, 1000, "")
		if err != nil {
			return err
		}
		for _, s := range list {
			if s.Status != fairlead.StackRunning || s.Health != fairlead.Healthy {
				f.t.Errorf("stack %s is %s and %s: %s", s.Name, s.Status, s.Health, s.Reason)
			}
			actions, _, err := tx.Actions(ctx, s.Name, 1000, "")
			if err != nil {
				return err
			}
			causes := map[string]int{}
			for _, a := range actions {
				full, err := tx.StackAction(ctx, a.ID)
				if err != nil {
					return err
				}
				if full.Cause != "" && full.StackID == s.ID {
					causes[full.Cause]++
				}
			}
			for cause, n := range causes {
				if n > 3 {
					f.t.Errorf("action %s began %d actions of stack %s", cause, n, s.Name)
				}
			}
		}
		return nil
	})
}

// checkJobs looks whether no job is left to do.
func (f *farm) checkJobs() {
	changed, stop := f.db.Watch()
	defer stop()
	_ = changed
	f.read(func(ctx context.Context, tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT CAST(args AS TEXT) FROM river_job WHERE state NOT IN ('completed', 'running')`)
		left, err := store.Collect(rows, err, func(row store.Row) (s string, err error) { return s, row.Scan(&s) })
		if len(left) > 0 {
			f.t.Errorf("jobs are left: %v", left)
		}
		return err
	})
	if open := f.open(); len(open) > 0 {
		f.t.Errorf("actions are stuck: %v", slices.Sorted(slices.Values(open)))
	}
}
