// Package registry is the OCI registry inside the server: distribution keeps blobs, manifests and tags in files, and this
// package stands in front of it. It decides who a client is and what it may do, holds names to the rules, records every
// push in the catalogue before the client hears of success, and repairs the catalogue from the files at start.
//
// It knows nothing of users, roles or the API: who somebody is and what they may do comes in as two functions. It opens no
// listener and no connection.
package registry

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// The verbs that [Config.Can] is asked about.
const (
	Pull   = "pull"
	Push   = "push"
	Delete = "delete"
)

// Config says where a registry keeps its files and whom it asks. DB, Dir, Auth and Can are required.
type Config struct {
	DB *store.DB
	// Dir holds the blobs and the file "secret" (mode 0600), with which tokens and upload sessions are signed.
	Dir string
	// Auth says who has a user name and a password or API token. It returns an Unauthenticated error when they do not fit.
	Auth func(ctx context.Context, user, password string) (fairlead.Actor, error)
	// Again looks anew at an actor who comes with a token of the registry, which lives on for a while after the credentials were
	// checked. Who is not known any more is Unauthenticated. Default: everybody is as he was.
	Again func(ctx context.Context, actor fairlead.Actor) (fairlead.Actor, error)
	// Can says whether an actor may do a verb (Pull, Push, Delete) in an organization.
	Can func(actor fairlead.Actor, verb, org string) bool
	// Anonymous lets everybody pull from public organizations. Default: nobody without credentials.
	Anonymous bool
	// PublicURL is where clients reach the server. Default: each request's own host, and image addresses without a host.
	PublicURL string
	// OnPush is called in the transaction that records a pushed tag; its error fails the push. Default: nothing.
	OnPush func(ctx context.Context, tx *store.Tx, tag fairlead.Tag) error
	// Log receives what went wrong. Default: discarded.
	Log *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

func (cfg *Config) complete() error {
	if cfg.DB == nil || cfg.Dir == "" || cfg.Auth == nil || cfg.Can == nil {
		return errors.New("registry: DB, Dir, Auth and Can are required")
	}
	if cfg.Again == nil {
		cfg.Again = func(_ context.Context, actor fairlead.Actor) (fairlead.Actor, error) { return actor, nil }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return nil
}

// Registry serves /v2/ and answers questions about images. Safe for concurrent use.
type Registry struct {
	cfg    Config
	public *url.URL // nil when not configured
	disk   *disk
	tokens signer

	// pushes is held by everything that adds blobs, manifests or tags; Collect takes it alone.
	pushes sync.RWMutex
	// repositories orders changes of the same repository, so that files and catalogue see them in one order.
	repositories [64]sync.Mutex
	seed         maphash.Seed
}

// New opens the registry below cfg.Dir and makes it when absent. The catalogue may be behind the files after a crash:
// run [Registry.Scan] soon. Close it when done.
func New(cfg Config) (*Registry, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	r := &Registry{cfg: cfg, seed: maphash.MakeSeed()}
	if cfg.PublicURL != "" {
		u, err := url.Parse(cfg.PublicURL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return nil, fairlead.Errorf(fairlead.Invalid, "public URL %q: want http:// or https:// and a host, such as https://fairlead.example.com", cfg.PublicURL)
		}
		r.public = u
	}
	secret, err := openSecret(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if err := cfg.shared(); err != nil {
		return nil, err
	}
	r.tokens = signer{key: derive(secret, "tokens")}
	if r.disk, err = openDisk(cfg.Dir, derive(secret, "uploads"), cfg.Log); err != nil {
		return nil, fmt.Errorf("registry: open %s: %w", cfg.Dir, err)
	}
	return r, nil
}

// Close ends what distribution runs in the background. The owner has ended the requests before.
func (r *Registry) Close() error { return r.disk.close() }

// lock orders changes of one repository, on all servers, and keeps Collect out. Call the result to unlock.
func (r *Registry) lock(ctx context.Context, repository string) (unlock func(), err error) {
	mu := &r.repositories[maphash.String(r.seed, repository)%uint64(len(r.repositories))]
	mu.Lock()
	others, err := r.cfg.DB.Lock(ctx, store.Together(collecting), store.Alone("repository "+repository))
	if err != nil {
		mu.Unlock()
		return nil, err
	}
	return func() { others(); mu.Unlock() }, nil
}

// ServeHTTP serves the OCI distribution API below /v2/ and the token endpoint /v2/token.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			r.cfg.Log.Error("registry: request panicked", "method", req.Method, "path", req.URL.Path, "panic", p)
			writeError(w, fault{http.StatusInternalServerError, codeUnknown, "internal error; see the server's log"})
		}
	}()
	if err := r.serve(w, req); err != nil {
		r.fail(w, req, err)
	}
}
