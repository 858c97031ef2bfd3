package forward_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead/fairlead/internal/provider/engine/forward"
)

func TestParse(t *testing.T) {
	tests := []struct{ name, args, want, err string }{
		{"one", "--listen :80 --to web:8080", ":80/tcp to web:8080", ""},
		{"two", "--listen :80 --to web:8080 --listen :53/udp --to dns:53", ":80/tcp to web:8080, :53/udp to dns:53", ""},
		{"none", "", "", "no routes"},
		{"half", "--listen :80", "", `at "--listen"`},
		{"unknown flag", "--port 80 --to web:80", "", `at "--port"`},
		{"protocol", "--listen :80/sctp --to web:80", "", "tcp or udp"},
		{"listen", "--listen 80 --to web:80", "", "want ADDRESS:PORT"},
		{"target port", "--listen :80 --to web:http", "", "port from 1 to 65535"},
		{"target host", "--listen :80 --to :80", "", "want HOST:PORT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			routes, err := forward.Parse(strings.Fields(tt.args))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range routes {
				got = append(got, r.String())
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("got %s, want %s", s, tt.want)
			}
		})
	}
}

// echo answers each TCP connection with prefix and what it read until the client's half-close.
func echo(t *testing.T, addr, prefix string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				b, _ := io.ReadAll(c)
				io.WriteString(c, prefix+string(b))
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l
}

func ask(t *testing.T, addr, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func port(a net.Addr) uint16 { return netip.MustParseAddrPort(a.String()).Port() }

func addrs(s ...string) []netip.Addr {
	out := make([]netip.Addr, len(s))
	for i := range s {
		out[i] = netip.MustParseAddr(s[i])
	}
	return out
}

// serve runs a forwarder on a loopback port and returns its address.
func serve(t *testing.T, f *forward.Forwarder, target uint16) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.ServeTCP(ctx, l, forward.Route{Network: "tcp", Host: "app", Port: target})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return l.Addr().String()
}

func TestTCPPassesHalfClose(t *testing.T) {
	app := echo(t, "127.0.0.1:0", "got ")
	f := &forward.Forwarder{Lookup: func(context.Context, string) ([]netip.Addr, error) { return addrs("127.0.0.1"), nil }}
	if got := ask(t, serve(t, f, port(app.Addr())), "hello"); got != "got hello" {
		t.Errorf("got %q", got)
	}
}

func TestTCPTakesTurnsAndSkipsTheDead(t *testing.T) {
	a := echo(t, "127.0.0.1:0", "a")
	p := port(a.Addr())
	echo(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), p).String(), "b")
	f := &forward.Forwarder{Lookup: func(context.Context, string) ([]netip.Addr, error) {
		return addrs("127.0.0.1", "127.0.0.2", "127.0.0.3"), nil // nobody listens on the third
	}}
	addr := serve(t, f, p)
	seen := map[string]int{}
	for range 12 {
		seen[ask(t, addr, "")]++
	}
	if seen["a"] == 0 || seen["b"] == 0 || seen["a"]+seen["b"] != 12 {
		t.Errorf("answers %v, want both a and b and nothing else", seen)
	}
}

func TestTCPWaitsForATarget(t *testing.T) {
	app := echo(t, "127.0.0.1:0", "late ")
	var rounds atomic.Int32
	f := &forward.Forwarder{Pause: time.Millisecond, Lookup: func(context.Context, string) ([]netip.Addr, error) {
		if rounds.Add(1) < 5 {
			return nil, errors.New("no such host")
		}
		return addrs("127.0.0.1"), nil
	}}
	if got := ask(t, serve(t, f, port(app.Addr())), "x"); got != "late x" {
		t.Errorf("got %q", got)
	}
}

func TestTCPGivesUp(t *testing.T) {
	f := &forward.Forwarder{Patience: 20 * time.Millisecond, Pause: time.Millisecond,
		Lookup: func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }}
	c, err := net.Dial("tcp", serve(t, f, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if b, _ := io.ReadAll(c); len(b) != 0 {
		t.Errorf("read %q, want nothing", b)
	}
}

func TestUDP(t *testing.T) {
	app, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 100)
		for {
			n, from, err := app.ReadFrom(buf)
			if err != nil {
				return
			}
			app.WriteTo(append([]byte("got "), buf[:n]...), from)
		}
	})
	t.Cleanup(func() { app.Close(); wg.Wait() })

	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forward.Forwarder{Lookup: func(context.Context, string) ([]netip.Addr, error) { return addrs("127.0.0.1"), nil }}
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() { f.ServeUDP(ctx, conn, forward.Route{Network: "udp", Host: "app", Port: port(app.LocalAddr())}) })
	t.Cleanup(cancel)

	client, err := net.Dial("udp", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.SetDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 100)
	for _, text := range []string{"one", "two"} {
		if _, err := client.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		n, err := client.Read(buf)
		if err != nil || string(buf[:n]) != "got "+text {
			t.Fatalf("read %q, %v", buf[:n], err)
		}
	}
}

func TestRunNamesThePortItCannotHave(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = new(forward.Forwarder).Run(context.Background(), []forward.Route{{Network: "tcp", Listen: l.Addr().String(), Host: "app", Port: 1}})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("error %v, want one that names %s", err, l.Addr())
	}
}
