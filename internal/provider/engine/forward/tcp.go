package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// ServeTCP accepts connections until ctx ends; then it closes the listener and every connection and returns.
func (f *Forwarder) ServeTCP(ctx context.Context, l net.Listener, r Route) {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// Out of file descriptors, or the peer gave up: the next one may work.
			f.warn(r, err)
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		default:
			wg.Go(func() { f.serveConn(ctx, conn, r) })
		}
	}
}

func (f *Forwarder) serveConn(ctx context.Context, client net.Conn, r Route) {
	defer client.Close()
	target, err := f.dial(ctx, r)
	if err != nil {
		if ctx.Err() == nil {
			f.warn(r, err)
		}
		return
	}
	defer target.Close()
	stop := context.AfterFunc(ctx, func() { client.Close(); target.Close() })
	defer stop()

	var wg sync.WaitGroup
	wg.Go(func() { pipe(target, client) })
	wg.Go(func() { pipe(client, target) })
	wg.Wait()
}

// pipe copies one direction. An orderly end is passed on and leaves the other direction open; a broken one ends both.
func pipe(dst, src net.Conn) {
	_, err := io.Copy(dst, src)
	if half, ok := dst.(interface{ CloseWrite() error }); ok && err == nil {
		if half.CloseWrite() == nil {
			return
		}
	}
	dst.Close()
	src.Close()
}
