package forward

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

const maxDatagram = 64 << 10

// conversation is one client's datagrams: they all go to one target, whose answers come back to the client.
type conversation struct{ queue chan []byte }

// ServeUDP forwards datagrams until ctx ends; then it closes the socket and every conversation and returns.
func (f *Forwarder) ServeUDP(ctx context.Context, conn net.PacketConn, r Route) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		open = map[string]*conversation{}
		buf  = make([]byte, maxDatagram)
	)
	defer wg.Wait()
	for {
		n, from, err := conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error about an answer of ours; the socket is fine
		}
		key := from.String()
		mu.Lock()
		c := open[key]
		if c == nil {
			c = &conversation{queue: make(chan []byte, 64)}
			open[key] = c
			wg.Go(func() {
				f.converse(ctx, conn, from, c, r)
				mu.Lock()
				delete(open, key)
				mu.Unlock()
			})
		}
		select {
		case c.queue <- append([]byte(nil), buf[:n]...):
		default: // the target is slower than the client: datagrams may be lost
		}
		mu.Unlock()
	}
}

// converse serves one client until both sides were silent for the idle time.
func (f *Forwarder) converse(ctx context.Context, conn net.PacketConn, client net.Addr, c *conversation, r Route) {
	target, err := f.dial(ctx, r)
	if err != nil {
		if ctx.Err() == nil {
			f.warn(r, err)
		}
		return
	}
	idle := orDefault(f.Idle, time.Minute)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { target.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer target.Close()
	defer cancel()

	heard := make(chan struct{}, 1)
	wg.Go(func() {
		defer cancel()
		buf := make([]byte, maxDatagram)
		for {
			n, err := target.Read(buf)
			if err != nil {
				return // also when the target is gone: the client's next datagram finds another one
			}
			if _, err := conn.WriteTo(buf[:n], client); err != nil {
				return
			}
			select {
			case heard <- struct{}{}:
			default:
			}
		}
	})
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-heard:
		case b := <-c.queue:
			if _, err := target.Write(b); err != nil {
				return
			}
		}
		timer.Reset(idle)
	}
}
