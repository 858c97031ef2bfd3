// Package kubernetes makes elements real on a Kubernetes cluster, through its API server.
//
// An element becomes one object: what its manifest says is applied on the server's side with one field manager, so the API
// server decides what a change means, and fields that others own stay theirs. Objects carry labels that say which stack and
// element they belong to; that is how an object is found to be ours after a crash, and how nobody else's is ever touched.
// [Provider.Run] owns the watches from which health is read; without it everything works and the API server is asked instead.
//
// The package must not know templates, stacks' plans, the database or the registry.
package kubernetes

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead"
)

// Config is what a Provider needs.
type Config struct {
	// Kubeconfig is a whole kubeconfig without references to files; InCluster uses the service account of the pod instead.
	Kubeconfig []byte
	// Context is the kubeconfig's context to use, its current one when empty.
	Context   string
	InCluster bool
	// Instance sets apart what several Fairlead servers make on one cluster.
	Instance string
	// PullSecret returns the content of a kubernetes.io/dockerconfigjson Secret for the registry of this server; ok is false when
	// it needs none. Nil: there is none.
	PullSecret func(ctx context.Context, namespace string) (dockerconfigjson []byte, ok bool, err error)
	// PullFrom is the host of that registry in the addresses of images. Workloads that pull from it and name no pull secret are
	// given ours. Empty: they stay as they are.
	PullFrom string
	Log      *slog.Logger
}

// Provider is the Kubernetes provider of one cluster. It is safe for concurrent use.
type Provider struct {
	host       string
	instance   string
	pullSecret func(ctx context.Context, namespace string) ([]byte, bool, error)
	pullFrom   string
	log        *slog.Logger

	http      *http.Client
	discovery discovery.DiscoveryInterfaceWithContext
	objects   dynamic.Interface
	meta      metadata.Interface
	core      corev1client.PodsGetter

	kinds      *kinds
	watches    *watches
	namespaces *namespaces
	secrets    *pullSecrets
	access     *access
}

// New returns a Provider. It does not contact the cluster.
func New(c Config) (*Provider, error) {
	config, err := restConfig(c)
	if err != nil {
		return nil, err
	}
	p := &Provider{host: config.Host, instance: c.Instance, pullSecret: c.PullSecret, pullFrom: c.PullFrom, log: c.Log}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if err := p.connect(config); err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "kubernetes: the access to %s cannot be used: %w", config.Host, err)
	}
	p.kinds = &kinds{find: p.discovery}
	p.watches = newWatches(p.objects, p.log)
	p.namespaces = &namespaces{foreign: map[string]bool{}, left: map[string]*sync.Mutex{}, hint: map[string]schema.GroupVersionResource{},
		again: map[owner]time.Time{}}
	p.secrets = &pullSecrets{done: map[string]bool{}}
	p.access = &access{}
	return p, nil
}

func (p *Provider) connect(config *rest.Config) (err error) {
	if p.http, err = rest.HTTPClientFor(config); err != nil {
		return err
	}
	find, err := discovery.NewDiscoveryClientForConfigAndClient(config, p.http)
	if err != nil {
		return err
	}
	p.discovery = discovery.ToDiscoveryInterfaceWithContext(find)
	if p.objects, err = dynamic.NewForConfigAndClient(config, p.http); err != nil {
		return err
	}
	if p.core, err = corev1client.NewForConfigAndClient(config, p.http); err != nil {
		return err
	}
	p.meta, err = metadata.NewForConfigAndClient(config, p.http)
	return err
}

// Run owns the watches, until ctx ends. It is called at most once.
func (p *Provider) Run(ctx context.Context) error { return p.watches.run(ctx) }

// Close frees the connections.
func (p *Provider) Close() { p.http.CloseIdleConnections() }
