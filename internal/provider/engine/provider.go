// Package engine makes elements real on one machine, through the API of a container engine (Docker or Podman).
//
// A Deployment, StatefulSet, DaemonSet, Job or Pod becomes containers; a Service becomes network aliases that only ready
// containers carry, and where it publishes a port, a small forwarder container; ConfigMaps and Secrets become variables and
// files of containers. What is on the engine is found by labels, so that a pass can be repeated at any time, by another
// server process too. A loop ([Provider.Run]) probes containers and keeps aliases right after an action is over.
//
// The package must not know templates, stacks' plans, the database or the registry's storage.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"

	"github.com/fairlead/fairlead"
)

// ImageSource is where the images of our own registry come from, without a network.
type ImageSource interface {
	// Own tells whether an image's address is one of the registry's, and its "org/repo:tag" there.
	Own(image string) (ref string, ok bool)
	// Resolve finds "org/repo:tag" or "org/repo@digest"; a NotFound error when it does not exist.
	Resolve(ctx context.Context, ref string) (fairlead.Tag, error)
	// Image opens the image for one platform.
	Image(ctx context.Context, ref string, platform v1.Platform) (v1.Image, error)
}

// Config is what a Provider needs.
type Config struct {
	// Host is the engine's address, such as unix:///var/run/docker.sock.
	Host string
	// Images are the images of our own registry; nil when there is none.
	Images ImageSource
	// Lookup finds the content of a ConfigMap or Secret of the same stack and namespace; [Data] reads it from a record.
	Lookup func(ctx context.Context, stackID, namespace, kind, name string) (data map[string][]byte, ok bool, err error)
	// Forwarder is the path of a static linux program whose sub-command "forward" is [forward.Main]; this program when empty.
	Forwarder string
	// PublishAddress is the address of this machine on which Services publish ports, 127.0.0.1 when empty.
	PublishAddress string
	// InstanceID sets apart what several Fairlead servers make on one engine.
	InstanceID string
	Log        *slog.Logger
	Now        func() time.Time
}

// Provider is the engine provider of one engine. It is safe for concurrent use.
type Provider struct {
	api       *client.Client
	host      string
	images    ImageSource
	lookup    func(ctx context.Context, stackID, namespace, kind, name string) (map[string][]byte, bool, error)
	forwarder string
	publish   netip.Addr
	instance  string
	log       *slog.Logger
	now       func() time.Time

	elements locks // one pass per element at a time
	scopes   locks // one change of a network, its aliases and forwarders at a time; taken after an element's lock

	life    context.Context // ends with Close
	end     context.CancelFunc
	started sync.WaitGroup // what runs beside the calls: stops, fetches

	mu       sync.Mutex
	machine  *machine
	watches  map[string]*watch // by container id
	leaving  map[string]bool   // pods that are being stopped, by id of the first container
	notes    map[string]string // what an element waits for, by owner key
	needs    map[string][]string
	fetches  map[string]*fetch
	loaded   map[string]bool // volumes whose files are complete
	program  func() (*program, error)
	wake     chan string // owner keys that the supervisor shall look at
	imagesMu sync.Mutex
}

// machine is what we need to know of the engine's machine.
type machine struct {
	name     string
	cpus     int
	platform v1.Platform
	podman   bool
}

// New returns a Provider. It does not contact the engine.
func New(c Config) (*Provider, error) {
	if c.Host == "" {
		return nil, fairlead.Errorf(fairlead.Invalid, "engine: no host; want an address such as unix:///var/run/docker.sock")
	}
	if c.InstanceID == "" {
		return nil, fairlead.Errorf(fairlead.Invalid, "engine: no instance id")
	}
	publish := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if c.PublishAddress != "" {
		var err error
		if publish, err = netip.ParseAddr(c.PublishAddress); err != nil {
			return nil, fairlead.Errorf(fairlead.Invalid, "engine: publish address %q is not an IP address: %w", c.PublishAddress, err)
		}
	}
	api, err := client.New(client.WithHost(c.Host), client.WithTLSClientConfigFromEnv(), client.WithUserAgent("fairlead"))
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "engine: address %s: %w", c.Host, err)
	}
	p := &Provider{api: api, host: c.Host, images: c.Images, lookup: c.Lookup, forwarder: c.Forwarder, publish: publish, instance: c.InstanceID,
		log: c.Log, now: c.Now, watches: map[string]*watch{}, leaving: map[string]bool{}, notes: map[string]string{}, needs: map[string][]string{},
		fetches: map[string]*fetch{}, loaded: map[string]bool{}, wake: make(chan string, 64)}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.now == nil {
		p.now = time.Now
	}
	p.program = sync.OnceValues(func() (*program, error) { return openProgram(p.forwarder) })
	p.life, p.end = context.WithCancel(context.Background())
	return p, nil
}

// Close ends what runs beside the calls and waits for it. What was under way is taken up by the next pass.
func (p *Provider) Close() {
	p.end()
	p.started.Wait()
	p.api.Close()
}

// Ping reports the engine's version.
func (p *Provider) Ping(ctx context.Context) (string, error) {
	v, err := p.api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return "", p.wrap("engine", err)
	}
	return fmt.Sprintf("%s (API %s)", v.Version, v.APIVersion), nil
}

// about asks the engine once what machine it runs on.
func (p *Provider) about(ctx context.Context) (*machine, error) {
	p.mu.Lock()
	m := p.machine
	p.mu.Unlock()
	if m != nil {
		return m, nil
	}
	res, err := p.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, err
	}
	version, err := p.api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return nil, err
	}
	podman := slices.ContainsFunc(version.Components, func(c system.ComponentVersion) bool { return strings.Contains(c.Name, "Podman") })
	m = &machine{podman: podman, name: res.Info.Name, cpus: res.Info.NCPU, platform: v1.Platform{OS: "linux", Architecture: architecture(res.Info.Architecture)}}
	p.mu.Lock()
	p.machine = m
	p.mu.Unlock()
	return m, nil
}

// architecture is Go's name for what uname -m says.
func architecture(uname string) string {
	switch uname {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	case "armv7l", "armv6l":
		return "arm"
	}
	return uname
}

// wrap gives an engine error its code: Unavailable when the engine did not answer, else Failed with the engine's own words.
func (p *Provider) wrap(subject string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fairlead.Error](err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", subject, err)
	}
	if p.unreachable(err) {
		return &fairlead.Error{Code: fairlead.Unavailable, Err: err,
			Message: fmt.Sprintf("%s: the container engine at %s does not answer; start it, or correct the target's address", subject, p.host)}
	}
	return fairlead.Errorf(fairlead.Failed, "%s: %w", subject, err)
}

func (p *Provider) unreachable(err error) bool {
	if client.IsErrConnectionFailed(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	_, ok := errors.AsType[*url.Error](err)
	return ok
}

// gone reports whether what was asked for is not there. Podman 4 answers 500 with this text when a removal is under way.
func gone(err error) bool {
	return cerrdefs.IsNotFound(err) || cerrdefs.IsInternal(err) && strings.Contains(err.Error(), "no such container")
}

// Discover finds an engine that answers: DOCKER_HOST, Docker's socket, Podman's sockets.
func Discover(ctx context.Context) (host string, ok bool) {
	candidates := []string{os.Getenv("DOCKER_HOST"), "unix:///var/run/docker.sock", "unix:///run/podman/podman.sock"}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		candidates = append(candidates, "unix://"+dir+"/docker.sock", "unix://"+dir+"/podman/podman.sock")
	}
	for _, host := range candidates {
		if host != "" && answers(ctx, host) {
			return host, true
		}
	}
	return "", false
}

func answers(ctx context.Context, host string) bool {
	api, err := client.New(client.WithHost(host), client.WithTLSClientConfigFromEnv())
	if err != nil {
		return false
	}
	defer api.Close()
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	_, err = api.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	return err == nil
}

// note remembers what an element waits for, for the next look at its health; "" forgets.
func (p *Provider) note(o owner, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if text == "" {
		delete(p.notes, o.key())
		return
	}
	p.notes[o.key()] = text
}

func (p *Provider) noted(o owner) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.notes[o.key()]
}

// beside runs fn until it returns or Close ends its context; Close waits for it.
func (p *Provider) beside(fn func(ctx context.Context)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life.Err() != nil {
		return
	}
	p.started.Go(func() { fn(p.life) })
}

// locks is a set of named locks. The zero value is ready.
type locks struct {
	mu   sync.Mutex
	held map[string]*namedLock
}

type namedLock struct {
	sync.Mutex
	users int
}

// lock waits for the named lock and returns what releases it.
func (l *locks) lock(name string) (unlock func()) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*namedLock{}
	}
	n := l.held[name]
	if n == nil {
		n = &namedLock{}
		l.held[name] = n
	}
	n.users++
	l.mu.Unlock()
	n.Lock()
	return func() {
		n.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if n.users--; n.users == 0 {
			delete(l.held, name)
		}
	}
}
