// Package forward is the small program behind a published port: it accepts connections and datagrams and hands them to
// whichever containers carry a network alias at that moment. It runs alone in a container, also while the server is down,
// and knows nothing of stacks, engines or the server.
package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Route is one port and where its traffic goes.
type Route struct {
	Network string // tcp or udp
	Listen  string // address to listen on, such as :80
	Host    string // alias of the targets
	Port    uint16 // port of the targets
}

func (r Route) String() string {
	return fmt.Sprintf("%s/%s to %s:%d", r.Listen, r.Network, r.Host, r.Port)
}

// Main runs the forwarder until ctx ends or a signal comes. The arguments are pairs:
//
//	--listen :PORT[/udp] --to HOST:PORT ...
func Main(ctx context.Context, args []string) error {
	routes, err := Parse(args)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	f := &Forwarder{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	return f.Run(ctx, routes)
}

// Parse reads the arguments of [Main].
func Parse(args []string) ([]Route, error) {
	if len(args) == 0 {
		return nil, errors.New("forward: no routes; want pairs of --listen :PORT[/udp] and --to HOST:PORT")
	}
	var routes []Route
	for len(args) > 0 {
		if len(args) < 4 || args[0] != "--listen" || args[2] != "--to" {
			return nil, fmt.Errorf("forward: at %q: want --listen :PORT[/udp] --to HOST:PORT", args[0])
		}
		r, err := parseRoute(args[1], args[3])
		if err != nil {
			return nil, err
		}
		routes = append(routes, r)
		args = args[4:]
	}
	return routes, nil
}

func parseRoute(listen, to string) (Route, error) {
	listen, network, ok := strings.Cut(listen, "/")
	if !ok {
		network = "tcp"
	}
	if network != "tcp" && network != "udp" {
		return Route{}, fmt.Errorf("forward: --listen %s/%s: the protocol is tcp or udp", listen, network)
	}
	if _, _, err := net.SplitHostPort(listen); err != nil {
		return Route{}, fmt.Errorf("forward: --listen %s: want ADDRESS:PORT: %w", listen, err)
	}
	host, p, err := net.SplitHostPort(to)
	if err != nil {
		return Route{}, fmt.Errorf("forward: --to %s: want HOST:PORT: %w", to, err)
	}
	port, err := strconv.ParseUint(p, 10, 16)
	if err != nil || port == 0 || host == "" {
		return Route{}, fmt.Errorf("forward: --to %s: want HOST:PORT with a port from 1 to 65535", to)
	}
	return Route{Network: network, Listen: listen, Host: host, Port: uint16(port)}, nil
}

// Forwarder serves routes. The zero value works; the fields are for tests.
type Forwarder struct {
	Log *slog.Logger
	// Lookup finds the addresses that carry an alias now; the system's resolver when nil.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Patience is how long a new connection looks for a target that answers, 15 s when 0: containers that are being
	// replaced cost time and no connection.
	Patience time.Duration
	// Pause is the time between two rounds over the targets, 100 ms when 0.
	Pause time.Duration
	// Idle is how long a silent UDP conversation is remembered, a minute when 0.
	Idle time.Duration

	turn atomic.Uint32 // which target is next
}

const (
	dialTimeout   = 2 * time.Second
	lookupTimeout = 2 * time.Second
)

// Run listens on all routes, serves them until ctx ends, and waits for what it started.
func (f *Forwarder) Run(ctx context.Context, routes []Route) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var serve []func()
	for _, r := range routes {
		s, err := f.listen(ctx, r)
		if err != nil {
			return fmt.Errorf("forward: %s: %w", r, err)
		}
		serve = append(serve, s)
	}
	var wg sync.WaitGroup
	for _, s := range serve {
		wg.Go(s)
	}
	<-ctx.Done()
	wg.Wait()
	return nil
}

func (f *Forwarder) listen(ctx context.Context, r Route) (func(), error) {
	if r.Network == "udp" {
		conn, err := net.ListenPacket("udp", r.Listen)
		if err != nil {
			return nil, err
		}
		return func() { f.ServeUDP(ctx, conn, r) }, nil
	}
	l, err := net.Listen("tcp", r.Listen)
	if err != nil {
		return nil, err
	}
	return func() { f.ServeTCP(ctx, l, r) }, nil
}

// targets are the addresses that carry the route's alias now, each call starting at another one.
func (f *Forwarder) targets(ctx context.Context, r Route) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	lookup := f.Lookup
	if lookup == nil {
		lookup = lookupHost
	}
	addrs, err := lookup(ctx, r.Host)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(addrs))
	first := int(f.turn.Add(1))
	for i := range addrs {
		a := addrs[(first+i)%len(addrs)].Unmap()
		out[i] = netip.AddrPortFrom(a, r.Port).String()
	}
	return out, nil
}

func lookupHost(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
}

// dial connects to a target that answers. It goes round the targets, asking again who they are, until patience ends.
func (f *Forwarder) dial(ctx context.Context, r Route) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, orDefault(f.Patience, 15*time.Second))
	defer cancel()
	dialer := net.Dialer{Timeout: dialTimeout}
	var last error
	for {
		addrs, err := f.targets(ctx, r)
		if err != nil {
			last = err
		}
		for _, addr := range addrs {
			conn, err := dialer.DialContext(ctx, r.Network, addr)
			if err == nil {
				return conn, nil
			}
			last = err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("no target of %s answers: %w", r.Host, last)
		case <-time.After(orDefault(f.Pause, 100*time.Millisecond)):
		}
	}
}

func (f *Forwarder) warn(r Route, err error) {
	if f.Log != nil && err != nil {
		f.Log.Warn("forward", "route", r.String(), "error", err)
	}
}

func orDefault(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}
