// Package api is the HTTP face of the server: the REST API with its OpenAPI document, problem details, event streams, the
// generated webhook addresses and the pages that need no console. All routes stand in routes.go.
//
// A handler finds out who asks, asks [auth.Can], lets an engine or the store act, and answers. It decides nothing about
// templates, stacks, pipelines or images, opens no listener and starts no goroutine.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/registry"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/store"
)

// Config is what an [API] works with. The first group is required.
type Config struct {
	DB        *store.DB
	Auth      *auth.Auth
	Registry  *registry.Registry
	Stacks    *stack.Engine
	Pipelines *pipeline.Engine
	// PrepareTarget checks a target that shall be added and fills in what was left out; kubeconfig is for clusters.
	PrepareTarget func(ctx context.Context, t fairlead.Target, kubeconfig []byte) (fairlead.Target, store.TargetCredentials, error)
	// CheckTarget looks whether a target answers.
	CheckTarget func(ctx context.Context, t fairlead.Target) fairlead.TargetCheck

	// ForgetTarget is told that a target was removed. Default: nobody.
	ForgetTarget func(name string)
	// Settings are what administrators see of how the server was started; its version and limits are filled in.
	Settings fairlead.Settings
	// SendTest sends a user a message by "email" or "sms" at once. Default: it is refused.
	SendTest func(ctx context.Context, by string, u fairlead.User) error
	// Ready says why the server is not ready, nil when it is. Default: the database answers.
	Ready func() error
	// Console holds the console's built files, as package web has them. Default: a page that says how to get them.
	Console fs.FS
	// SecureCookie keeps the cookies of sessions to encrypted connections.
	SecureCookie bool
	// Metrics serves /metrics. Default: not found.
	Metrics http.Handler
	// Observe is told of every request when it ends; route is its pattern. Default: nobody.
	Observe func(route string, status int, took time.Duration)
	// Version is the program's version for the OpenAPI document. Default: dev.
	Version string
	// TrustedProxies are the addresses of proxies whose X-Forwarded-For is believed. Default: none, so the address of a request
	// is that of its connection.
	TrustedProxies []netip.Prefix
	// BodyTimeout is how long the body of a request may take to arrive. Default: 1 minute.
	BodyTimeout time.Duration
	// Heartbeat is how often a silent stream says that it is alive. Default: 15 seconds.
	Heartbeat time.Duration
	// Log receives requests and what went wrong inside. Default: discarded.
	Log *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

func (cfg *Config) complete() error {
	if cfg.DB == nil || cfg.Auth == nil || cfg.Registry == nil || cfg.Stacks == nil || cfg.Pipelines == nil ||
		cfg.PrepareTarget == nil || cfg.CheckTarget == nil {
		return errors.New("api: DB, Auth, Registry, Stacks, Pipelines, PrepareTarget and CheckTarget are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Ready == nil {
		cfg.Ready = func() error { return nil }
	}
	if cfg.Observe == nil {
		cfg.Observe = func(string, int, time.Duration) {}
	}
	if cfg.ForgetTarget == nil {
		cfg.ForgetTarget = func(string) {}
	}
	if cfg.Version == "" {
		cfg.Version = "dev"
	}
	if cfg.BodyTimeout <= 0 {
		cfg.BodyTimeout = time.Minute
	}
	if cfg.Heartbeat <= 0 {
		cfg.Heartbeat = 15 * time.Second
	}
	return nil
}

// API serves HTTP. Safe for concurrent use.
type API struct {
	Config
	mux     *http.ServeMux
	huma    huma.API
	openapi []byte
	console *console
	handler http.Handler

	closeOnce sync.Once
	closing   chan struct{} // closed when streams shall end
}

// New returns an API. More can be mounted beside it with [API.Handle] until it serves.
func New(cfg Config) (*API, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	a := &API{Config: cfg, mux: http.NewServeMux(), closing: make(chan struct{})}
	a.huma = humago.New(a.mux, a.humaConfig())
	a.huma.UseMiddleware(a.requireActor)
	if cfg.Console != nil {
		var err error
		if a.console, err = newConsole(cfg.Console); err != nil {
			return nil, err
		}
	}
	a.routes()
	a.pages()
	a.describe()
	var err error
	if a.openapi, err = json.MarshalIndent(a.huma.OpenAPI(), "", "  "); err != nil {
		return nil, fmt.Errorf("api: OpenAPI document: %w", err)
	}
	a.handler = a.observe(a.recover(a.identify(a.mux)))
	return a, nil
}

// Handle mounts another handler, which authenticates its requests itself, below a path that ends with a slash.
func (a *API) Handle(path string, h http.Handler) { a.mux.Handle(path, h) }

// ServeHTTP serves everything that the server has.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// EndStreams ends all event streams, now and from now on, so that the server can stop. Twice is fine.
func (a *API) EndStreams() { a.closeOnce.Do(func() { close(a.closing) }) }

// maxBody bounds JSON bodies. Routes with larger or smaller bodies say so in routes.go.
const maxBody = 1 << 20

func (a *API) humaConfig() huma.Config {
	cfg := huma.DefaultConfig("Fairlead", a.Version)
	cfg.Info.Description = "Templates, stacks, pipelines and container images. " +
		"Errors are problem details (RFC 9457) with a code and every single finding."
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "an API token (flt_...) or the token of a sign-in"},
		"basic": {Type: "http", Scheme: "basic", Description: "user name with its password or a token"},
	}
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", "" // served by pages.go, without another host
	cfg.RejectUnknownQueryParameters = true
	cfg.CreateHooks = nil // no $schema in answers
	cfg.Formats = map[string]huma.Format{"application/json": jsonFormat(), "json": jsonFormat()}
	cfg.Transformers = []huma.Transformer{a.shapeErrors}
	registerAliases(cfg.Components.Schemas)
	return cfg
}
