package helm

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead"
)

// discoveryAge is how long what the cluster serves is believed before it is asked again.
const discoveryAge = 10 * time.Second

// clients talk to the cluster; they share its connections.
type clients struct {
	config    *rest.Config
	http      *http.Client
	discovery discovery.CachedDiscoveryInterface
	mapper    *restmapper.DeferredDiscoveryRESTMapper
	dynamic   dynamic.Interface
	asked     time.Time // when discovery was last made to ask; under the provider's mutex
}

func (p *Provider) restConfig() (*rest.Config, error) {
	var config *rest.Config
	var err error
	if p.config.InCluster {
		config, err = rest.InClusterConfig()
	} else {
		var file *clientcmdapi.Config
		if file, err = clientcmd.Load(p.config.Kubeconfig); err == nil {
			config, err = clientcmd.NewNonInteractiveClientConfig(*file, p.config.Context, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
		}
	}
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "kubeconfig: %w", err)
	}
	config.QPS = -1 // the API server says itself when it is asked too much
	config.UserAgent = "fairlead"
	return config, nil
}

// connect makes the clients when they are first needed.
func (p *Provider) connect() (*clients, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clients != nil {
		return p.clients, nil
	}
	config, err := p.restConfig()
	if err != nil {
		return nil, err
	}
	c := &clients{config: config}
	if c.http, err = rest.HTTPClientFor(config); err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "kubeconfig: %w", err)
	}
	dc, err := discovery.NewDiscoveryClientForConfigAndClient(config, c.http)
	if err != nil {
		return nil, err
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(config, c.http); err != nil {
		return nil, err
	}
	c.discovery = memory.NewMemCacheClient(dc)
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(c.discovery)
	p.clients = c
	return c, nil
}

// session is the clients for one pass over a namespace. Its requests end with the context that it was made with, also those of
// Helm's functions that take none.
type session struct {
	*clients
	provider  *Provider
	ctx       context.Context
	namespace string
	config    *rest.Config
	releases  *storage.Storage
}

func (p *Provider) session(ctx context.Context, namespace string) (*session, error) {
	c, err := p.connect()
	if err != nil {
		return nil, err
	}
	s := &session{clients: c, provider: p, ctx: ctx, namespace: namespace, config: rest.CopyConfig(c.config)}
	s.config.Wrap(func(next http.RoundTripper) http.RoundTripper { return bound{ctx, next} })
	core, err := corev1client.NewForConfig(s.config)
	if err != nil {
		return nil, err
	}
	secrets := driver.NewSecrets(core.Secrets(namespace))
	secrets.SetLogger(p.log.Handler())
	s.releases = storage.Init(secrets)
	s.releases.SetLogger(p.log.Handler())
	return s, nil
}

// configuration is what Helm's actions work with.
func (s *session) configuration() (*action.Configuration, error) {
	s.refresh(0) // kinds may have come to the cluster with what the release requires
	capabilities, err := s.capabilities()
	if err != nil {
		return nil, err
	}
	c := action.NewConfiguration(action.ConfigurationSetLogger(s.provider.log.Handler()))
	client := kube.New(s)
	client.Namespace = s.namespace
	client.SetLogger(s.provider.log.Handler())
	c.RESTClientGetter, c.KubeClient, c.Releases, c.Capabilities = s, client, s.releases, capabilities
	c.HookOutputFunc = func(string, string, string) io.Writer { return io.Discard }
	return c, nil
}

// capabilities are what charts can read of the cluster.
func (s *session) capabilities() (*common.Capabilities, error) {
	s.refresh(discoveryAge)
	version, err := s.discovery.ServerVersion()
	if err != nil {
		return nil, err
	}
	served, err := action.GetVersionSet(s.discovery)
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return nil, err
	}
	return &common.Capabilities{
		APIVersions: served, HelmVersion: common.DefaultCapabilities.HelmVersion,
		KubeVersion: common.KubeVersion{Version: version.GitVersion, Major: version.Major, Minor: version.Minor},
	}, nil
}

// refresh has the cluster asked again what it serves when the answer is older than age.
func (s *session) refresh(age time.Duration) {
	s.provider.mu.Lock()
	now := s.provider.now()
	old := now.Sub(s.asked) > age
	if old {
		s.asked = now
	}
	s.provider.mu.Unlock()
	if old {
		s.discovery.Invalidate()
		s.mapper.Reset()
	}
}

// ToRESTConfig gives Helm a configuration whose requests end with the session.
func (s *session) ToRESTConfig() (*rest.Config, error) { return s.config, nil }

// ToDiscoveryClient gives Helm what is known of the cluster.
func (s *session) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return s.discovery, nil
}

// ToRESTMapper gives Helm the resources of kinds.
func (s *session) ToRESTMapper() (meta.RESTMapper, error) { return s.mapper, nil }

// ToRawKubeConfigLoader gives Helm the namespace.
func (s *session) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	overrides := &clientcmd.ConfigOverrides{Context: clientcmdapi.Context{Namespace: s.namespace}}
	return clientcmd.NewDefaultClientConfig(*clientcmdapi.NewConfig(), overrides)
}

// bound ends requests with a context beside their own.
type bound struct {
	ctx  context.Context
	next http.RoundTripper
}

func (b bound) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := b.ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(b.ctx, cancel)
	end := func() { stop(); cancel() }
	resp, err := b.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		end()
		if cause := b.ctx.Err(); cause != nil {
			err = fmt.Errorf("%w: %w", cause, err)
		}
		return nil, err
	}
	resp.Body = &boundBody{resp.Body, end}
	return resp, nil
}

type boundBody struct {
	io.ReadCloser
	end func()
}

func (b *boundBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
