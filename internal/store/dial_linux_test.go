package store

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"
)

// A statement on its way to a host that has vanished would hold the turn to write for as long as the system sends it again.
func TestConnectionsBoundTheSilenceOfTheOtherEnd(t *testing.T) {
	conn := dialed(t, "tcp", "127.0.0.1:0")
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var got int
	var option error
	err = raw.Control(func(fd uintptr) { got, option = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout) })
	if err != nil || option != nil || got != int(silence.Milliseconds()) {
		t.Errorf("the other end may be silent for %d ms (%v, %v), want %s", got, err, option, silence)
	}
	dialed(t, "unix", filepath.Join(t.TempDir(), "s")) // a socket of the same host has no such option, and works
}

func dialed(t *testing.T, network, address string) net.Conn {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	conn, err := dialer().DialContext(t.Context(), network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
