package store

import (
	"errors"
	"strings"
	"syscall"
)

// tcpUserTimeout is TCP_USER_TIMEOUT, which package syscall does not name: for how many milliseconds what was sent may stay
// without an acknowledgement.
const tcpUserTimeout = 18

// boundSilence ends a connection whose other end takes nothing for a while. Keep-alives do not as long as something is on its
// way, and left alone the system tries for about a quarter of an hour.
func boundSilence(network, _ string, conn syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var set error
	err := conn.Control(func(fd uintptr) {
		set = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(silence.Milliseconds()))
	})
	return errors.Join(err, set)
}
