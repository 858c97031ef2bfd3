package stack_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

var errKilled = errors.New("the process was killed")

// lives is a server that is killed and started again on what it had committed, beside a world that goes on.
type lives struct {
	*bench
	world    *stacktest.World
	provider *stacktest.Fake
	killed   chan struct{}
	count    atomic.Int64 // calls that were counted
}

func newLives(t *testing.T) *lives {
	storetest.OnlySQLite(t)
	l := &lives{world: stacktest.NewWorld()}
	l.provider = l.world.Provider()
	l.bench = newBench(t, l.provider)
	l.bury(l.provider)
	return l
}

// bury lets the calls of a killed provider end, and with them its slices, before its database is closed.
func (l *lives) bury(p *stacktest.Fake) {
	db := l.db
	l.t.Cleanup(func() {
		p.Bury()
		now, cancel := context.WithCancel(context.Background())
		cancel()
		if err := db.StopJobs(now); err != nil {
			l.t.Error(err)
		}
	})
}

// killAt kills the server at the n-th call of an action's work that changes or looks at the world, before or after the call has its effect.
func (l *lives) killAt(n int, after bool) {
	at := func(_ int, c stacktest.Call) {
		if c.Method != "plan" && c.Method != "read" {
			l.step(n)
		}
	}
	l.killed = make(chan struct{})
	l.world.OnCall(nil)
	l.world.OnReturn(nil)
	l.count.Store(0)
	if after {
		l.world.OnReturn(at)
	} else {
		l.world.OnCall(at)
	}
}

// step counts a step at which the server can be killed, and kills it at the n-th.
func (l *lives) step(n int) {
	if l.count.Add(1) == int64(n) {
		l.engine.Die(errKilled)
		l.provider.Die()
		close(l.killed)
	}
}

// killAfterCommit kills the server after the n-th transaction of what works actions.
func (l *lives) killAfterCommit(n int) {
	l.count.Store(0)
	l.killed = make(chan struct{})
	l.engine.OnCommit(func() { l.step(n) })
}

// rebirth starts a new server on a copy of what the dead one had committed.
func (l *lives) rebirth() {
	l.t.Helper()
	l.world.OnCall(nil)
	l.world.OnReturn(nil)
	old := l.dir
	l.dir = l.t.TempDir()
	copyDatabase(l.t, old, l.dir)
	l.provider = l.world.Provider()
	l.open(l.provider)
	l.bury(l.provider)
	l.startJobs()
	l.killed = nil
}

func copyDatabase(t testing.TB, from, to string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(from, "fairlead.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // it was only read
	if _, err := db.ExecContext(t.Context(), "VACUUM INTO ?", filepath.Join(to, "fairlead.db")); err != nil {
		t.Fatal(err)
	}
	asKilled(t, filepath.Join(to, "fairlead.db"))
	src, err := os.Open(filepath.Join(from, "key"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // it was only read
	dst, err := os.OpenFile(filepath.Join(to, "key"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(dst, src); err != nil {
		t.Fatal(err)
	}
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
}

// asKilled leaves jobs that ran as a process leaves them that is killed: running.
func asKilled(t testing.TB, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `UPDATE river_job SET state = 'running' WHERE state = 'retryable'`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// end waits for the end of an action, through the death of the server if that comes.
func (l *lives) end(a fairlead.Action, err error) fairlead.Action {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(describe(err))
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	if killed := l.killed; killed != nil {
		go func() {
			select {
			case <-killed:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	ended, err := l.engine.Wait(ctx, a.ID)
	select {
	case <-l.killed:
		l.rebirth()
		return l.wait(a, nil)
	default:
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return ended
}

// TestKilledAnywhere kills the server at every single call of a provider, before and after the call has its effect, and
// looks whether the action comes to its end as if nothing had happened.
func TestKilledAnywhere(t *testing.T) {
	immutable := func(v string) map[string]string { return map[string]string{"immutable": v} }
	first := source(el{name: "db", annotations: immutable("1")}, el{name: "web", reads: "db"}, el{name: "old", needs: []string{"db"}})
	second := source(el{name: "db", annotations: immutable("2")}, el{name: "web", reads: "db", annotations: map[string]string{"steps": "1"}}, el{name: "new", needs: []string{"web"}})
	// run lives through create, upgrade and delete, killed at call n, and returns how many calls there were.
	run := func(t *testing.T, n int, after bool) int {
		l := newLives(t)
		ctx := t.Context()
		l.push("shop", "1.0", first)
		l.push("shop", "2.0", second)
		l.killAt(n, after)
		actions := []fairlead.Action{l.want(fairlead.ActionSucceeded, l.end(l.engine.Create(ctx, request("1.0"))))}
		if got := objects(l.world); got != "default/db default/old default/web" {
			t.Errorf("after create: %s", got)
		}
		actions = append(actions, l.want(fairlead.ActionSucceeded, l.end(l.engine.Upgrade(ctx, request("2.0")))))
		if got := objects(l.world); got != "default/db default/new default/web" {
			t.Errorf("after upgrade: %s", got)
		}
		if got := dataOf(l.world, "default/web")["other"]; got != "default/db#2" {
			t.Errorf("web reads %v", got)
		}
		actions = append(actions, l.want(fairlead.ActionSucceeded, l.end(l.engine.Delete(ctx, stack.Request{Name: "shop"}))))
		if got := objects(l.world); got != "" {
			t.Errorf("after delete: %s", got)
		}
		want := map[string]int{"default/db": 2, "default/web": 1, "default/old": 1, "default/new": 1}
		for name, made := range l.world.Made() {
			if made != want[name] {
				t.Errorf("%s was made %d times, want %d", name, made, want[name])
			}
		}
		for _, a := range actions {
			checkEvents(t, l.bench, a)
		}
		return int(l.count.Load())
	}
	calls := run(t, 0, false)
	for _, after := range []bool{false, true} {
		for n := 1; n <= calls; n++ {
			if brief() && n%4 != 1 {
				continue
			}
			t.Run(fmt.Sprintf("call %d after=%t", n, after), func(t *testing.T) {
				t.Parallel()
				run(t, n, after)
			})
		}
	}
}

// TestRollbackKilledAnywhere kills the server at every call of an upgrade that fails and is rolled back.
func TestRollbackKilledAnywhere(t *testing.T) {
	immutable := func(v string) map[string]string { return map[string]string{"immutable": v} }
	first := source(el{name: "db", annotations: immutable("1")}, el{name: "web", value: "1", reads: "db"}, el{name: "old", needs: []string{"db"}})
	second := source(el{name: "db", annotations: immutable("2")}, el{name: "web", value: "2", reads: "db"}, el{name: "new", needs: []string{"web"}},
		el{name: "bad", needs: []string{"new"}, annotations: map[string]string{"fail": "no"}})
	run := func(t *testing.T, n int) int {
		l := newLives(t)
		l.push("shop", "1.0", first)
		l.push("shop", "2.0", second)
		l.want(fairlead.ActionSucceeded, l.wait(l.engine.Create(t.Context(), request("1.0"))))
		l.killAt(n, n%2 == 0)
		r := request("2.0")
		r.OnFailure = fairlead.Rollback
		a := l.want(fairlead.ActionFailed, l.end(l.engine.Upgrade(t.Context(), r)))
		if want := "element bad: no; rolled back to shop@1.0"; a.Message != want {
			t.Errorf("message %q, want %q", a.Message, want)
		}
		if got := objects(l.world); got != "default/db default/old default/web" {
			t.Errorf("objects %s\n%s", got, planText(a.Plan))
		}
		if d := dataOf(l.world, "default/web"); d["value"] != "1" || d["other"] != "default/db#3" {
			t.Errorf("web %v", d)
		}
		if made := l.world.Made(); made["default/db"] != 3 || made["default/new"] != 1 || made["default/web"] != 1 {
			t.Errorf("made %v", made)
		}
		if s := l.stack("shop"); s.Status != fairlead.StackRunning || s.Version != "1.0" || s.Action != "" {
			t.Errorf("stack %+v", s)
		}
		return int(l.count.Load())
	}
	calls := run(t, 0)
	for n := 1; n <= calls; n++ {
		if brief() && n%4 != 1 {
			continue
		}
		t.Run(fmt.Sprintf("call %d", n), func(t *testing.T) {
			t.Parallel()
			run(t, n)
		})
	}
}

// checkEvents looks whether each step of an action is told exactly once.
func checkEvents(t *testing.T, b *bench, a fairlead.Action) {
	t.Helper()
	told := map[string]int{}
	for _, e := range b.events(a.ID) {
		told[e.Type+" "+e.Part]++
	}
	want := map[string]int{"action-begun ": 1, "action-" + string(a.State) + " ": 1}
	for _, op := range a.Plan.Operations {
		if op.Verb == fairlead.OpNone {
			continue
		}
		want["element-begun "+op.Element] = 1
		if op.Verb == fairlead.OpDelete {
			want["element-deleted "+op.Element] = 1
		} else {
			want["element-healthy "+op.Element] = 1
		}
	}
	for what, n := range want {
		if told[what] != n {
			t.Errorf("%s: %d events %q, want %d", a.Verb, told[what], what, n)
		}
	}
	for what := range told {
		if want[what] == 0 && !strings.HasPrefix(what, "element-unavailable ") {
			t.Errorf("%s: event %q", a.Verb, what)
		}
	}
}

// TestRandomGraphs makes stacks of random graphs in which random elements fail, kills the server at a random call, and looks
// whether the outcome is what the graph says.
func TestRandomGraphs(t *testing.T) {
	rounds := 24
	if brief() {
		rounds = 6
	}
	for seed := range rounds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(seed), 1))
			l := newLives(t)
			elements := randomElements(r, 3+r.IntN(20), seed%2 == 1)
			l.push("shop", "1.0", source(elements...))
			l.killAt(1+r.IntN(3*len(elements)), r.IntN(2) == 0)
			req := request("1.0")
			if seed%4 == 3 {
				req.OnFailure = fairlead.Rollback
			}
			a := l.end(l.engine.Create(t.Context(), req))
			checkOutcome(t, l, a, elements)
			l.want(fairlead.ActionSucceeded, l.end(l.engine.Delete(t.Context(), stack.Request{Name: "shop"})))
			if got := objects(l.world); got != "" {
				t.Errorf("left after delete: %s", got)
			}
		})
	}
}

func randomElements(r *rand.Rand, n int, failing bool) []el {
	list := make([]el, n)
	for i := range list {
		list[i] = el{name: fmt.Sprintf("e%d", i), annotations: map[string]string{}}
		for j := range i {
			if r.IntN(4) == 0 {
				list[i].needs = append(list[i].needs, list[j].name)
			}
		}
		switch k := r.IntN(12); {
		case k == 0 && failing:
			list[i].annotations["fail"] = "as the dice fell"
		case k == 1:
			list[i].annotations["steps"] = "2"
		case k == 2:
			list[i].annotations["unavailable"] = "1"
		}
	}
	return list
}

// checkOutcome compares the end of a create with the graph: nothing that needs a failed element was made, whatever was made
// was made once, and the records tell the truth.
func checkOutcome(t *testing.T, l *lives, a fairlead.Action, elements []el) {
	t.Helper()
	bad := map[string]bool{} // failed itself, or needs what did
	fails := false
	for _, e := range elements {
		failed := e.annotations["fail"] != ""
		fails = fails || failed
		bad[e.name] = failed || slices.ContainsFunc(e.needs, func(n string) bool { return bad[n] })
	}
	if want := map[bool]fairlead.ActionState{true: fairlead.ActionFailed, false: fairlead.ActionSucceeded}[fails]; a.State != want {
		t.Fatalf("ended %s (%s), want %s\n%s", a.State, a.Message, want, planText(a.Plan))
	}
	for name, made := range l.world.Made() {
		if made != 1 || bad[name[len("default/"):]] {
			t.Errorf("%s was made %d times; must it fail: %t", name, made, bad[name[len("default/"):]])
		}
	}
	records, err := l.engine.Elements(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	recorded := map[string]bool{}
	for _, r := range records {
		recorded[r.Identity["name"]] = true
		if _, exists := l.world.Objects()[r.Identity["name"]]; r.State == fairlead.RecordMade && !exists {
			t.Errorf("%s is recorded as made and does not exist", r.Element)
		}
	}
	for name := range l.world.Objects() {
		if !recorded[name] {
			t.Errorf("%s exists and is not recorded", name)
		}
	}
	if a.OnFailure == fairlead.Rollback && fails && len(l.world.Objects()) > 0 {
		t.Errorf("left after the rollback: %s", objects(l.world))
	}
	if !fails {
		checkEvents(t, l.bench, a)
	}
}
