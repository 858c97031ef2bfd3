package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/examples"
	"github.com/fairlead/fairlead/internal/api"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/notify"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/provider/engine"
	"github.com/fairlead/fairlead/internal/registry"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/web"
)

const (
	defaultListen = "127.0.0.1:8080"
	adminUser     = "admin"
	// stopTime bounds how long a stop waits for requests and jobs.
	stopTime = 10 * time.Second
	// refreshEvery is how often the health of settled stacks is looked at.
	refreshEvery = 30 * time.Second
	// collectEvery is how often the space of images that nobody can pull any more is given back.
	collectEvery = 24 * time.Hour
	// pruneEvery is how often history that is not kept is removed.
	pruneEvery = time.Hour
	// targetsEvery is how often a server looks for targets that were added on another one.
	targetsEvery = 10 * time.Second
)

// ServerConfig says where a server keeps its state and where it listens.
type ServerConfig struct {
	// Data is the data directory. Default: $XDG_DATA_HOME/fairlead or ~/.local/share/fairlead.
	Data string
	// Listen is the address to listen on. Default: 127.0.0.1:8080. Port 0 takes a free one; see [Server.Addr].
	Listen string
	// PublicURL is where clients reach the server. Default: http:// and the address that it listens on.
	PublicURL string
	// RegistryAddress is the host, with its port, in the addresses of images, when it is not that of PublicURL: clusters pull
	// from there.
	RegistryAddress string
	// DatabaseURL is a PostgreSQL database, postgres://..., which several servers can share. Default: a file in the data
	// directory.
	DatabaseURL string
	// Key is the content of a key file, in place of one. KeyFile is the file with the key that seals secrets; default: key in
	// the data directory. All servers on one database need the same.
	Key, KeyFile string
	// RegistryDir holds the images. Servers on one database share it. Default: registry in the data directory.
	RegistryDir string
	// AdminPassword is the first administrator's. Default: a generated one, which is printed once to Out. It is only read when
	// there is no user yet.
	AdminPassword string
	// Anonymous lets everybody pull images of public organizations.
	Anonymous bool
	// PublishAddress is the machine's IP address on which Services of engine targets publish ports, unless they say otherwise.
	// Default: 127.0.0.1.
	PublishAddress string
	// AllowPrivateWebhooks lets notifications of stages call addresses that are not public.
	AllowPrivateWebhooks bool
	// SMTPURL and MailFrom are the mail server and the sender. Default: nobody gets e-mail.
	SMTPURL, MailFrom string
	// SMS is the gateway for text messages, SMSHeader a header of its requests, "Name: value". Default: nobody gets any.
	SMS       notify.SMSGateway
	SMSHeader string
	// TrustedProxies are the addresses, as prefixes with commas between them, whose X-Forwarded-For tells where a request comes
	// from. Default: none.
	TrustedProxies string
	// AuditKeep is how long entries of the audit log stay. Default: for ever.
	AuditKeep time.Duration
	// Log receives what the server has to say. Default: discarded.
	Log *slog.Logger
	// Out receives what a person has to see at the first start. Default: discarded.
	Out io.Writer
}

func (cfg *ServerConfig) complete() error {
	if cfg.DatabaseURL != "" {
		if kind, _, _ := strings.Cut(cfg.DatabaseURL, "://"); kind != "postgres" && kind != "postgresql" {
			return fairlead.Errorf(fairlead.Invalid, "database URL: want postgres://user:password@host:5432/database, or none for the database file in the data directory")
		}
	}
	if cfg.Data == "" {
		var err error
		if cfg.Data, err = defaultData(os.Getenv); err != nil {
			return err
		}
	}
	if cfg.RegistryDir == "" {
		cfg.RegistryDir = filepath.Join(cfg.Data, "registry")
	}
	if cfg.Listen == "" {
		cfg.Listen = defaultListen
	}
	if _, err := trustedProxies(cfg.TrustedProxies); err != nil {
		return err
	}
	if cfg.AuditKeep < 0 {
		return fairlead.Errorf(fairlead.Invalid, "audit keep %s: want a span such as 8760h, or 0 for ever", cfg.AuditKeep)
	}
	if cfg.PublishAddress != "" {
		if _, err := netip.ParseAddr(cfg.PublishAddress); err != nil {
			return fairlead.Errorf(fairlead.Invalid, "publish address %q: want an IP address of this machine, such as 0.0.0.0 for all: %w", cfg.PublishAddress, err)
		}
	}
	cfg.PublicURL = strings.TrimRight(cfg.PublicURL, "/")
	if a := cfg.RegistryAddress; a != "" {
		if u, err := url.Parse("//" + a); err != nil || u.Host != a || u.Hostname() == "" {
			return fairlead.Errorf(fairlead.Invalid, "registry address %q: want a host with its port, such as registry.example.com:5000, without scheme and path", a)
		}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Out == nil {
		cfg.Out = io.Discard
	}
	return nil
}

// registryURL is where images are pushed to and pulled from.
func (cfg *ServerConfig) registryURL() string {
	if cfg.RegistryAddress == "" {
		return cfg.PublicURL
	}
	scheme, _, _ := strings.Cut(cfg.PublicURL, "://")
	return scheme + "://" + cfg.RegistryAddress
}

// trustedProxies reads addresses and prefixes with commas between them.
func trustedProxies(text string) (list []netip.Prefix, err error) {
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if addr, err2 := netip.ParseAddr(part); err2 == nil {
			prefix, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			return nil, fairlead.Errorf(fairlead.Invalid, "trusted proxies: %q is no address or prefix such as 10.0.0.0/8", part)
		}
		list = append(list, prefix)
	}
	return list, nil
}

// registryHost is the host, with its port, in the addresses of images.
func (cfg *ServerConfig) registryHost() string {
	_, host, _ := strings.Cut(cfg.registryURL(), "://")
	host, _, _ = strings.Cut(host, "/")
	return host
}

// defaultData is where the XDG base directory specification puts data of a user.
func defaultData(env func(string) string) (string, error) {
	if dir := env("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "fairlead"), nil
	}
	if home := env("HOME"); home != "" {
		return filepath.Join(home, ".local", "share", "fairlead"), nil
	}
	return "", fairlead.Errorf(fairlead.Invalid, "data directory: neither XDG_DATA_HOME nor HOME is set; say where with --data")
}

// Server is everything that `fairlead serve` runs, wired together.
type Server struct {
	cfg       ServerConfig
	log       *slog.Logger
	lock      *os.File
	db        *store.DB
	listener  net.Listener
	registry  *registry.Registry
	targets   *targets
	stacks    *stack.Engine
	pipelines *pipeline.Engine
	api       *api.API
	http      *http.Server

	started   atomic.Bool
	closeOnce sync.Once
	closeErr  error
}

// NewServer opens the data directory, makes what the first start makes, and listens; nothing is served before [Server.Run].
func NewServer(ctx context.Context, cfg ServerConfig) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: cfg.Log}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) open(ctx context.Context) error {
	var err error
	if s.lock, err = lockData(s.cfg.Data); err != nil {
		return err
	}
	// Listening comes before everything that takes time or makes something, because it is what fails most.
	if err := s.listen(ctx); err != nil {
		return err
	}
	if s.db, err = store.Open(ctx, store.Config{
		Dir: s.cfg.Data, URL: s.cfg.DatabaseURL, Key: s.cfg.Key, KeyFile: s.cfg.KeyFile, Log: s.log,
	}); err != nil {
		return err
	}
	who := auth.New(auth.Config{DB: s.db, Log: s.log})
	instance, err := s.firstStart(ctx, who)
	if err != nil {
		return err
	}
	if err := s.sameURL(ctx); err != nil {
		return err
	}
	s.registry, err = registry.New(registry.Config{
		DB: s.db, Dir: s.cfg.RegistryDir, Auth: who.Images, Again: who.Again, Can: mayImages, Anonymous: s.cfg.Anonymous,
		PublicURL: s.cfg.registryURL(), Log: s.log,
		OnPush: func(ctx context.Context, tx *store.Tx, tag fairlead.Tag) error {
			return s.pipelines.OnPush(ctx, tx, tag)
		},
	})
	if err != nil {
		return err
	}
	s.targets = &targets{
		db: s.db, images: s.registry, instance: instance, publish: s.cfg.PublishAddress, pullFrom: s.cfg.registryHost(), log: s.log, running: map[string]*connected{},
	}
	s.stacks = stack.New(stack.Config{DB: s.db, Provider: s.targets.provider, Queue: s.targets.queue, Log: s.log})
	sender, err := s.cfg.sender(s.db)
	if err != nil {
		return err
	}
	s.pipelines = pipeline.New(pipeline.Config{Runner: s.targets.runner, Queue: s.targets.queue,
		Notify: sender, DB: s.db, Stacks: s.stacks, Images: s.registry, Stands: stands, PublicURL: s.cfg.PublicURL, Samples: examples.PipelineTemplates(), Log: s.log,
	})
	return s.openAPI(who, sender)
}

func (s *Server) openAPI(who *auth.Auth, sender *notify.Service) (err error) {
	t := newTelemetry(s.db, s.log)
	proxies, err := trustedProxies(s.cfg.TrustedProxies)
	if err != nil {
		return err
	}
	s.api, err = api.New(api.Config{
		DB: s.db, Auth: who, Registry: s.registry, Stacks: s.stacks, Pipelines: s.pipelines,
		PrepareTarget: s.targets.prepare, CheckTarget: s.targets.check, ForgetTarget: s.targets.forget,
		Ready: s.ready, Metrics: t.handler(), Observe: t.observe, Version: buildVersion(), Log: s.log,
		Settings: s.cfg.shown(sender), SendTest: sendTest(sender),
		Console: web.Files(), SecureCookie: strings.HasPrefix(s.cfg.PublicURL, "https://"),
		TrustedProxies: proxies,
	})
	if err != nil {
		return err
	}
	s.api.Handle("/v2/", s.registry)
	s.http = &http.Server{
		Handler: s.api, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	s.http.RegisterOnShutdown(s.api.EndStreams)
	return nil
}

// lockData makes the data directory and holds it for this process alone.
func lockData(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fairlead.Errorf(fairlead.Failed, "data directory %s cannot be made: %w", dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Failed, "data directory %s cannot be used: %w", dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := make([]byte, 32)
		n, _ := f.ReadAt(holder, 0) // it helps to find the other server, and is not needed
		err = fairlead.Errorf(fairlead.Conflict, "data directory %s is in use by another server (process %s); stop that one or use another --data", dir, strings.TrimSpace(string(holder[:n])))
		return nil, errors.Join(err, f.Close())
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	_, err = fmt.Fprintf(f, "%d\n", os.Getpid())
	return f, err
}

// unlockData gives a data directory free. Closing alone does not while a program that is being started has a copy of the file.
func unlockData(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

func (s *Server) listen(ctx context.Context) (err error) {
	var lc net.ListenConfig
	if s.listener, err = lc.Listen(ctx, "tcp", s.cfg.Listen); err != nil {
		return fairlead.Errorf(fairlead.Failed, "listening on %s failed: %w; choose another address with --listen", s.cfg.Listen, err)
	}
	addr := s.listener.Addr().(*net.TCPAddr)
	if !addr.IP.IsLoopback() && !strings.HasPrefix(s.cfg.PublicURL, "https://") {
		s.log.Warn("the server can be reached from other machines without encryption; put a proxy with TLS before it and say so with --public-url https://...", "listen", addr.String())
	}
	if s.cfg.PublicURL == "" {
		host := addr.IP.String()
		if addr.IP.IsUnspecified() {
			host = "127.0.0.1"
		}
		s.cfg.PublicURL = "http://" + net.JoinHostPort(host, fmt.Sprint(addr.Port))
	}
	return nil
}

// mayImages asks the one place that decides about rights, in the registry's words.
func mayImages(actor fairlead.Actor, verb, org string) bool {
	verbs := map[string]auth.Verb{registry.Pull: auth.View, registry.Push: auth.Change, registry.Delete: auth.Remove}
	v, ok := verbs[verb]
	return ok && auth.Can(actor, v, auth.Object{Kind: auth.Images, Name: org}) == nil
}

// stands says for whom a group of a review stands; the roles of the actor are those that were read with his credentials.
func stands(_ context.Context, _ *store.Tx, actor fairlead.Actor, group fairlead.ReviewGroup) (bool, error) {
	return auth.Stands(actor, group), nil
}

// firstStart makes the administrator, the default group and the local target when there is no user yet. It returns the id
// that sets apart what this server makes on an engine.
func (s *Server) firstStart(ctx context.Context, who *auth.Auth) (instance string, err error) {
	users := 0
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		if users, _, err = tx.CountUsers(ctx); err != nil || users == 0 {
			return err
		}
		instance, err = tx.Setting(ctx, "instance")
		return err
	})
	if err != nil || users > 0 {
		return instance, err
	}
	password, generated := s.cfg.AdminPassword, false
	if password == "" {
		password, generated = rand.Text(), true
	}
	if err := auth.CheckPassword(password); err != nil {
		return "", fmt.Errorf("first administrator: %w", err)
	}
	hash, err := who.Hash(ctx, password)
	if err != nil {
		return "", err
	}
	host, found := engine.Discover(ctx)
	instance = uuid.NewString()
	other := false
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		all, _, err := tx.CountUsers(ctx)
		if other = all > 0; err != nil || other { // another server on the same database was faster
			return err
		}
		var errs []error
		if found {
			errs = append(errs, tx.CreateTarget(ctx, &fairlead.Target{Name: fairlead.LocalTarget, Kind: fairlead.TargetEngine, Host: host}))
		}
		return errors.Join(append(errs,
			tx.SetSetting(ctx, "instance", instance),
			tx.CreateGroup(ctx, &fairlead.Group{Name: fairlead.DefaultGroup}),
			tx.CreateUser(ctx, &fairlead.User{Name: adminUser, Admin: true}, hash),
			mustChange(ctx, tx, generated))...)
	})
	if other {
		return s.firstStart(ctx, who)
	}
	if err == nil && generated {
		_, err = fmt.Fprintf(s.cfg.Out, "First start: user %s has the password %s\nIt is shown only now; change it with: fairlead user passwd %s\n", adminUser, password, adminUser)
	}
	return instance, err
}

// mustChange remembers that the administrator's password is one that was generated.
func mustChange(ctx context.Context, tx *store.Tx, generated bool) error {
	if !generated {
		return nil
	}
	return tx.SetMustChange(ctx, adminUser)
}

// sameURL complains when the servers on one database do not go by the same address: an image that one of them knows as its
// own would be somebody else's to another.
func (s *Server) sameURL(ctx context.Context) error {
	if !s.db.Shared() {
		return nil
	}
	const setting = "public-url"
	want := s.cfg.registryURL() + " " + s.cfg.PublicURL
	return s.db.Write(ctx, func(tx *store.Tx) error {
		there, err := tx.Setting(ctx, setting)
		if fairlead.ErrorCode(err) != fairlead.NotFound && (err != nil || there == want) {
			return err
		}
		if there != "" {
			s.log.Warn("the last server on this database went by another address; give all of them the same --public-url, that of the proxy before them", "here", want, "there", there)
		}
		return tx.SetSetting(ctx, setting, want)
	})
}

// ready says why the server is not ready yet, or not any more.
func (s *Server) ready() error {
	if !s.started.Load() {
		return errors.New("it is starting or stopping")
	}
	return nil
}

// Addr is the address that the server listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is where clients reach the server.
func (s *Server) URL() string { return s.cfg.PublicURL }

// Run serves until ctx ends, then stops: it accepts nothing more, ends streams, waits a while for requests and jobs, and
// closes everything. Jobs that did not end go on at the next start.
func (s *Server) Run(ctx context.Context) error {
	if err := s.startJobs(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	// What one server does for all that share the database.
	for name, work := range map[string]func(context.Context) error{
		"scan":    s.scan,
		"refresh": s.every(refreshEvery, "the health of stacks was not looked at", s.refreshAll),
		"collect": s.every(collectEvery, "the space of deleted images was not given back", s.registry.Collect),
		"prune":   s.every(pruneEvery, "history that is not kept was not removed", s.prune),
	} {
		g.Go(func() error {
			if err := s.db.Hold(gctx, name, work); err != nil && gctx.Err() == nil {
				s.log.Error("a task of the server ended", "task", name, "error", err)
			}
			return nil
		})
	}
	if s.db.Shared() {
		look := s.every(targetsEvery, "new targets were not looked for", s.targets.follow)
		g.Go(func() error { return look(gctx) })
	}
	g.Go(func() error {
		<-gctx.Done()
		return s.stop(context.WithoutCancel(ctx))
	})
	s.started.Store(true)
	s.log.Info("the server is ready", "listen", s.Addr(), "url", s.cfg.PublicURL, "data", s.cfg.Data)
	err := g.Wait()
	return errors.Join(err, s.Close())
}

func (s *Server) startJobs(ctx context.Context) error {
	workers := river.NewWorkers()
	s.stacks.Register(workers)
	s.pipelines.Register(workers)
	if err := s.targets.start(ctx); err != nil {
		return err
	}
	if err := errors.Join(s.stacks.Recover(ctx), s.pipelines.Recover(ctx)); err != nil {
		return err
	}
	return s.db.StartJobs(ctx, workers)
}

// prune removes the history that is not kept.
func (s *Server) prune(ctx context.Context) error {
	err := s.pipelines.Prune(ctx)
	if s.cfg.AuditKeep > 0 {
		err = errors.Join(err, s.db.PruneAudit(ctx, time.Now().Add(-s.cfg.AuditKeep)))
	}
	return err
}

// scan repairs the catalogue of images from the files, once.
func (s *Server) scan(ctx context.Context) error {
	if err := s.registry.Scan(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("the image catalogue was not compared with the files", "error", err)
	}
	return nil
}

// every returns what calls fn from time to time until its context ends; complaint is what the log says when fn fails.
func (s *Server) every(interval time.Duration, complaint string, fn func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			if err := fn(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn(complaint, "error", err)
			}
		}
	}
}

// refreshAll looks at the health of all settled stacks.
func (s *Server) refreshAll(ctx context.Context) error {
	for cursor := ""; ; {
		var list []fairlead.Stack
		err := s.db.Read(ctx, func(tx *store.Tx) (err error) { list, cursor, err = tx.Stacks(ctx, 100, cursor); return err })
		if err != nil {
			return err
		}
		for _, st := range list {
			if _, err := s.stacks.Refresh(ctx, st.Name); err != nil && fairlead.ErrorCode(err) != fairlead.NotFound {
				return err
			}
		}
		if cursor == "" {
			return nil
		}
	}
}

// stop ends what was started, in the order in which things depend on each other.
func (s *Server) stop(ctx context.Context) error {
	s.started.Store(false)
	s.log.Info("the server is stopping")
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		s.log.Warn("requests were cut off", "error", err)
		err = s.http.Close()
		return errors.Join(err, s.db.StopJobs(ctx))
	}
	return s.db.StopJobs(ctx)
}

// Close releases everything. It is for servers that were not run; [Server.Run] closes by itself. Twice is fine.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		var errs []error
		if s.db != nil {
			ctx, cancel := context.WithTimeout(context.Background(), stopTime)
			defer cancel()
			errs = append(errs, s.db.StopJobs(ctx))
		}
		if s.targets != nil {
			s.targets.stop()
		}
		if s.listener != nil {
			if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
		if s.registry != nil {
			errs = append(errs, s.registry.Close())
		}
		if s.db != nil {
			errs = append(errs, s.db.Close())
		}
		if s.lock != nil {
			errs = append(errs, unlockData(s.lock))
		}
		s.closeErr = errors.Join(errs...)
	})
	return s.closeErr
}
