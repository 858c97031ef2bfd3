package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/provider/engine"
	"github.com/fairlead/fairlead/internal/registry"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/store"
)

// checkTime bounds a look at a target.
const checkTime = 10 * time.Second

// opened is what a target's kind gives: a provider with what it needs besides.
type opened interface {
	stack.Provider
	pipeline.Runner
	// Run supervises the target until ctx ends. It is called at most once.
	Run(ctx context.Context) error
	// About asks the target for its version and for the rights that are missing.
	About(ctx context.Context) (version string, missing []string, err error)
	Close()
}

// targets keeps one provider for each target and runs its supervisor.
type targets struct {
	db       *store.DB
	images   *registry.Registry
	instance string
	publish  string // address on which Services publish ports
	pullFrom string // host of the registry in the addresses of images
	log      *slog.Logger

	mu      sync.Mutex
	life    context.Context // of the supervisors; nil before start and after stop
	end     context.CancelFunc
	running map[string]*connected // by target name
	stopped bool
}

// connected is the provider of one target with its supervisor.
type connected struct {
	target   fairlead.Target
	provider opened
	end      context.CancelFunc
	done     chan struct{}
}

// serves reports whether it is still the target that it was made for: a name can be removed and added again.
func (c *connected) serves(target fairlead.Target) bool {
	return c.target.Address() == target.Address() && c.target.CreatedAt.Equal(target.CreatedAt) && renewed(c.target).Equal(renewed(target))
}

// renewed is when the credentials of a target were given.
func renewed(t fairlead.Target) time.Time {
	if t.RenewedAt == nil {
		return t.CreatedAt
	}
	return *t.RenewedAt
}

// start begins to supervise the targets that are there. New ones follow when they are first used.
func (t *targets) start(ctx context.Context) error {
	t.mu.Lock()
	t.life, t.end = context.WithCancel(context.WithoutCancel(ctx))
	t.mu.Unlock()
	return t.follow(ctx)
}

// follow takes up the targets that there are and that this server does not know yet.
func (t *targets) follow(ctx context.Context) error {
	var list []fairlead.Target
	if err := t.db.Read(ctx, func(tx *store.Tx) (err error) { list, err = tx.Targets(ctx); return err }); err != nil {
		return err
	}
	for _, target := range list {
		if _, err := t.provider(ctx, target); err != nil {
			t.log.Warn("a target cannot be used", "target", target.Name, "error", err)
		}
	}
	return nil
}

// stop ends the supervisors and waits for them. Twice is fine.
func (t *targets) stop() {
	t.mu.Lock()
	t.stopped = true
	all := t.running
	t.running = nil
	if t.end != nil {
		t.end()
	}
	t.mu.Unlock()
	for _, c := range all {
		c.close()
	}
}

// forget ends what runs for a target that was removed.
func (t *targets) forget(name string) {
	t.mu.Lock()
	c := t.running[name]
	delete(t.running, name)
	t.mu.Unlock()
	if c != nil {
		c.close()
	}
}

func (c *connected) close() {
	c.end()
	<-c.done
	c.provider.Close()
}

// provider returns the provider of a target. It does not contact the target.
func (t *targets) provider(ctx context.Context, target fairlead.Target) (stack.Provider, error) {
	return t.get(ctx, target)
}

// runner returns what runs containers on a target. It does not contact the target.
func (t *targets) runner(ctx context.Context, target fairlead.Target) (pipeline.Runner, error) {
	return t.get(ctx, target)
}

func (t *targets) get(ctx context.Context, target fairlead.Target) (opened, error) {
	if c, err := t.find(target); c != nil || err != nil {
		return c, err
	}
	p, err := t.open(ctx, target)
	if err != nil {
		return nil, err
	}
	return t.run(target, p)
}

// find returns the provider that runs for a target, nil when there is none yet.
func (t *targets) find(target fairlead.Target) (opened, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped || t.life == nil {
		return nil, fairlead.Errorf(fairlead.Unavailable, "target %s: the server is stopping or not started", target.Name)
	}
	if c := t.running[target.Name]; c != nil && c.serves(target) {
		return c.provider, nil
	}
	return nil, nil
}

// run begins to supervise a target with its new provider, unless somebody else did so meanwhile.
func (t *targets) run(target fairlead.Target, p opened) (opened, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.running[target.Name]
	switch {
	case t.stopped:
		p.Close()
		return nil, fairlead.Errorf(fairlead.Unavailable, "target %s: the server is stopping", target.Name)
	case old != nil && old.serves(target):
		p.Close()
		return old.provider, nil
	}
	life, end := context.WithCancel(t.life)
	c := &connected{target: target, provider: p, end: end, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		if old != nil { // the target was removed and added again as another
			old.close()
		}
		if err := t.supervise(life, target, p); err != nil && !errors.Is(err, context.Canceled) {
			t.log.Error("the supervisor of a target ended", "target", target.Name, "error", err)
		}
	}()
	t.running[target.Name] = c
	return p, nil
}

// supervise runs the supervisor of a target: on one server of all, which also works the actions of its stacks. What the two
// do to the same containers goes together only within one process.
func (t *targets) supervise(ctx context.Context, target fairlead.Target, p opened) error {
	queue := t.queue(target)
	if queue == store.QueueTargets {
		return p.Run(ctx)
	}
	return t.db.HoldQueue(ctx, queue, p.Run)
}

// queue is the job queue of a target's actions and containers: of its own, or the one of all targets.
func (t *targets) queue(target fairlead.Target) string {
	if !t.db.Shared() || target.Kind != fairlead.TargetEngine {
		return store.QueueTargets
	}
	const maxName = 50 // River's limit is 64, fewer of its characters are ours
	name := target.Name
	if len(name) > maxName {
		name = fmt.Sprintf("%x", sha256.Sum256([]byte(name)))[:maxName]
	}
	return "target-" + name
}

// open makes the provider of a target that is stored.
func (t *targets) open(ctx context.Context, target fairlead.Target) (opened, error) {
	var credentials store.TargetCredentials
	err := t.db.Read(ctx, func(tx *store.Tx) (err error) { credentials, err = tx.TargetCredentials(ctx, target.Name); return err })
	if err != nil {
		return nil, err
	}
	return t.openWith(target, credentials)
}

func (t *targets) openWith(target fairlead.Target, credentials store.TargetCredentials) (opened, error) {
	switch target.Kind {
	case fairlead.TargetEngine:
		return t.openEngine(target)
	case fairlead.TargetKubernetes:
		return t.openCluster(target, credentials)
	}
	return nil, fairlead.Errorf(fairlead.Invalid, "target %s: no kind %q; want engine or kubernetes", target.Name, target.Kind)
}

// engineTarget is an engine's provider as a target.
type engineTarget struct{ *engine.Provider }

// About has no rights to miss: whoever reaches an engine may everything there.
func (e engineTarget) About(ctx context.Context) (string, []string, error) {
	version, err := e.Ping(ctx)
	return version, nil, err
}

func (t *targets) openEngine(target fairlead.Target) (opened, error) {
	p, err := engine.New(engine.Config{
		Host: target.Host, Images: t.images, Lookup: t.lookup, InstanceID: t.instance, PublishAddress: t.publish, Log: t.log.With("target", target.Name),
	})
	if err != nil {
		return nil, err
	}
	return engineTarget{p}, nil
}

// lookup finds the content of a ConfigMap or Secret among the records of its stack.
func (t *targets) lookup(ctx context.Context, stackID, namespace, kind, name string) (map[string][]byte, bool, error) {
	var records []fairlead.Record
	if err := t.db.Read(ctx, func(tx *store.Tx) (err error) { records, err = tx.Records(ctx, stackID); return err }); err != nil {
		return nil, false, err
	}
	for _, r := range records {
		if k, ns, n, data, ok := engine.Data(r); ok && k == kind && ns == namespace && n == name {
			return data, true, nil
		}
	}
	return nil, false, nil
}

// prepare completes a target that shall be added, and refuses one that does not answer.
func (t *targets) prepare(ctx context.Context, target fairlead.Target, kubeconfig []byte) (fairlead.Target, store.TargetCredentials, error) {
	var credentials store.TargetCredentials
	var err error
	if target.Kind == fairlead.TargetKubernetes {
		target, credentials, err = prepareCluster(target, kubeconfig)
	} else {
		target, err = prepareEngine(ctx, target)
	}
	if err != nil {
		return target, credentials, err
	}
	_, _, err = t.about(ctx, target, credentials)
	return target, credentials, err
}

func prepareEngine(ctx context.Context, target fairlead.Target) (fairlead.Target, error) {
	if target.Host != "" {
		return target, nil
	}
	host, ok := engine.Discover(ctx)
	if !ok {
		return target, fairlead.Errorf(fairlead.Unavailable, "target %s: no container engine answers at DOCKER_HOST or where Docker and Podman listen; start one, or give its address", target.Name)
	}
	target.Host = host
	return target, nil
}

// check looks whether a target answers and what the server may do there.
func (t *targets) check(ctx context.Context, target fairlead.Target) fairlead.TargetCheck {
	var credentials store.TargetCredentials
	err := t.db.Read(ctx, func(tx *store.Tx) (err error) { credentials, err = tx.TargetCredentials(ctx, target.Name); return err })
	check := fairlead.TargetCheck{Target: target.Name}
	if err == nil {
		check.Version, check.Missing, err = t.about(ctx, target, credentials)
	}
	switch {
	case err != nil:
		check.Message = err.Error()
	case len(check.Missing) > 0:
		check.Message = "it answers, but the server may not do everything that stacks may need"
	default:
		check.OK = true
	}
	return check
}

func (t *targets) about(ctx context.Context, target fairlead.Target, credentials store.TargetCredentials) (string, []string, error) {
	p, err := t.openWith(target, credentials)
	if err != nil {
		return "", nil, err
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	return p.About(ctx)
}
