// Package helm makes elements of type CCE.HelmRelease real: releases of Helm charts on a Kubernetes cluster, with the Helm SDK.
//
// What is known of a release is in the cluster, where Helm keeps it; labels on Helm's records say which stack and element a
// release belongs to and which chart, by digest, it was made from. So a pass can be repeated at any time, by another server
// process too, and a release that a crash or a failed installation left half made is repaired by the next pass.
//
// The package must not know templates, stacks' plans, the database or the registry's storage.
package helm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"helm.sh/helm/v4/pkg/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fairlead/fairlead"
)

// Type is the element type that the provider makes.
const Type = "CCE.HelmRelease"

// ImageSource is the embedded registry, read without a network.
type ImageSource interface {
	// Own tells whether an address is one of the registry's, and its "org/repo:tag" there.
	Own(image string) (ref string, ok bool)
	// Resolve finds "org/repo:tag" or "org/repo@digest"; a NotFound error when it does not exist.
	Resolve(ctx context.Context, ref string) (fairlead.Tag, error)
	// Image opens the artifact.
	Image(ctx context.Context, ref string, platform v1.Platform) (v1.Image, error)
}

// FileSource has the files of template packages.
type FileSource interface {
	// TemplateFile returns one file; NotFound when there is none.
	TemplateFile(ctx context.Context, template, version, path string) ([]byte, error)
	// TemplateFiles lists the paths of all files.
	TemplateFiles(ctx context.Context, template, version string) ([]string, error)
	// TemplateContents returns all files by their paths; NotFound when the template is a text alone.
	TemplateContents(ctx context.Context, template, version string) (map[string][]byte, error)
}

// Charts says where charts come from. What is nil has none.
type Charts struct {
	Files  FileSource
	Images ImageSource
	// HTTP fetches from repositories and other registries. Default: a client of its own with a time limit.
	HTTP *http.Client
}

// Config is what a Provider needs.
type Config struct {
	// Kubeconfig is the text of a kubeconfig file; Context chooses one of its contexts, else its current one.
	Kubeconfig []byte
	Context    string
	// InCluster uses the service account of the pod that the server runs in, in place of a kubeconfig.
	InCluster bool
	Charts    Charts
	// Instance sets apart what several Fairlead servers make on one cluster.
	Instance string
	// MakeNamespace makes the namespace of a record's stack, and LeaveNamespace removes it when it was made so and nothing is in
	// it any more. Default: the namespace must be there.
	MakeNamespace  func(ctx context.Context, rec fairlead.Record) error
	LeaveNamespace func(ctx context.Context, rec fairlead.Record) error
	Log            *slog.Logger
	Now            func() time.Time
}

// Provider is the Helm provider of one cluster. It is safe for concurrent use, and connects when it is first asked something.
type Provider struct {
	config   Config
	http     *http.Client
	log      *slog.Logger
	now      func() time.Time
	releases locks // one pass per release at a time
	kept     chartCache

	mu      sync.Mutex
	clients *clients
}

// manager is the name under which Helm owns the fields that it applies, whatever the program is called: two servers, or two
// versions of one, would leave fields of each other behind otherwise.
const manager = "fairlead"

// nameManager tells Helm so; it has one name for the whole process.
var nameManager = sync.OnceFunc(func() { kube.ManagedFieldsManager = manager })

// New returns a Provider. It does not contact the cluster.
func New(c Config) (*Provider, error) {
	if len(c.Kubeconfig) == 0 && !c.InCluster {
		return nil, fairlead.Errorf(fairlead.Invalid, "helm: no kubeconfig; want one, or in-cluster")
	}
	p := &Provider{config: c, http: c.Charts.HTTP, log: c.Log, now: c.Now}
	if p.http == nil {
		p.http = &http.Client{Timeout: fetchTimeout}
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.now == nil {
		p.now = time.Now
	}
	if _, err := p.restConfig(); err != nil {
		return nil, err
	}
	nameManager()
	return p, nil
}

// Close releases the connections.
func (p *Provider) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clients != nil {
		p.clients.http.CloseIdleConnections()
	}
	p.http.CloseIdleConnections()
}

// wrap gives an error of the cluster or of Helm its code: Unavailable when a wait can cure it, else Failed with its own words.
func (p *Provider) wrap(subject string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fairlead.Error](err); ok {
		return err
	}
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", subject, err)
	case apierrors.IsUnauthorized(err):
		return fairlead.Errorf(fairlead.Failed, "%s: the cluster refuses the credentials of the target; give it a new kubeconfig: %w", subject, err)
	case unreachable(err):
		return fairlead.Errorf(fairlead.Unavailable, "%s: the cluster does not answer: %w", subject, err)
	}
	return fairlead.Errorf(fairlead.Failed, "%s: %w", subject, err)
}

func unreachable(err error) bool {
	if apierrors.IsServiceUnavailable(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || requestFailed(err)
}

// requestFailed tells that a request got no answer.
func requestFailed(err error) bool {
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	_, ok := errors.AsType[*url.Error](err)
	return ok
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
