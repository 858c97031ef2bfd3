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
	"github.com/fairlead/fairlead/internal/provider/engine"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/store"
)

// targets keeps one provider for each target and runs its supervisor.
type targets struct {
	db       *store.DB
	images   engine.ImageSource
	instance string
	publish  string // address on which Services publish ports
	log      *slog.Logger

	mu      sync.Mutex
	life    context.Context // of the supervisors; nil before start and after stop
	end     context.CancelFunc
	running map[string]*connected // by target name
	stopped bool
}

// connected is the provider of one target with its supervisor.
type connected struct {
	host     string
	provider *engine.Provider
	end      context.CancelFunc
	done     chan struct{}
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
func (t *targets) provider(_ context.Context, target fairlead.Target) (stack.Provider, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped || t.life == nil {
		return nil, fairlead.Errorf(fairlead.Unavailable, "target %s: the server is stopping or not started", target.Name)
	}
	old := t.running[target.Name]
	if old != nil && old.host == target.Host {
		return old.provider, nil
	}
	p, err := t.open(target)
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(t.life)
	c := &connected{host: target.Host, provider: p, end: end, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		if old != nil { // the target was removed and added again with another address
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
func (t *targets) supervise(ctx context.Context, target fairlead.Target, p *engine.Provider) error {
	queue := t.queue(target)
	if queue == "" {
		return p.Run(ctx)
	}
	return t.db.HoldQueue(ctx, queue, p.Run)
}

// queue is the job queue of a target's actions; empty is the common one.
func (t *targets) queue(target fairlead.Target) string {
	if !t.db.Shared() || target.Kind != fairlead.TargetEngine {
		return ""
	}
	const maxName = 50 // River's limit is 64, fewer of its characters are ours
	name := target.Name
	if len(name) > maxName {
		name = fmt.Sprintf("%x", sha256.Sum256([]byte(name)))[:maxName]
	}
	return "target-" + name
}

func (t *targets) open(target fairlead.Target) (*engine.Provider, error) {
	if target.Kind != fairlead.TargetEngine {
		return nil, fairlead.Errorf(fairlead.Invalid, "target %s: kind %s is not available yet; want engine", target.Name, target.Kind)
	}
	return engine.New(engine.Config{
		Host: target.Host, Images: t.images, Lookup: t.lookup, InstanceID: t.instance, PublishAddress: t.publish, Log: t.log.With("target", target.Name),
	})
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
func (t *targets) prepare(ctx context.Context, target fairlead.Target) (fairlead.Target, error) {
	if target.Kind == fairlead.TargetEngine && target.Host == "" {
		host, ok := engine.Discover(ctx)
		if !ok {
			return target, fairlead.Errorf(fairlead.Unavailable, "target %s: no container engine answers at DOCKER_HOST or where Docker and Podman listen; start one, or give its address", target.Name)
		}
		target.Host = host
	}
	_, err := t.ping(ctx, target)
	return target, err
}

// check looks whether a target answers.
func (t *targets) check(ctx context.Context, target fairlead.Target) fairlead.TargetCheck {
	version, err := t.ping(ctx, target)
	if err != nil {
		return fairlead.TargetCheck{Target: target.Name, Message: err.Error()}
	}
	return fairlead.TargetCheck{Target: target.Name, OK: true, Version: version}
}

func (t *targets) ping(ctx context.Context, target fairlead.Target) (string, error) {
	p, err := t.open(target)
	if err != nil {
		return "", err
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return p.Ping(ctx)
}
