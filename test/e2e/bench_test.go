package e2e_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bare is a server without a client, for figures.
type bare struct {
	cmd     *exec.Cmd
	address string
}

func startBare(b *testing.B, data string) *bare {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &bare{address: l.Addr().String()}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	s.cmd = exec.Command(binary, "serve", "--data", data, "--listen", s.address)
	s.cmd.Env = append(os.Environ(), "FAIRLEAD_ADMIN_PASSWORD="+adminPassword)
	if err := s.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	for {
		res, err := http.Get("http://" + s.address + "/readyz")
		if err != nil {
			continue // not listening yet; asking again costs less than what is measured
		}
		res.Body.Close() //nolint:errcheck // only the status counts
		if res.StatusCode == http.StatusOK {
			return s
		}
	}
}

func (s *bare) stop(b *testing.B) {
	b.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkServeReady is the time from starting the process to its first 200 at /readyz: on an empty data directory, and on
// one that is there.
func BenchmarkServeReady(b *testing.B) {
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			s := startBare(b, filepath.Join(b.TempDir(), strconv.FormatInt(time.Now().UnixNano(), 36)))
			b.StopTimer()
			s.stop(b)
			b.StartTimer()
		}
	})
	b.Run("again", func(b *testing.B) {
		data := filepath.Join(b.TempDir(), "data")
		startBare(b, data).stop(b)
		for b.Loop() {
			s := startBare(b, data)
			b.StopTimer()
			s.stop(b)
			b.StartTimer()
		}
	})
}

// BenchmarkIdle watches a server that nobody asks anything, for 20 seconds.
func BenchmarkIdle(b *testing.B) {
	const watch = 20 * time.Second
	for b.Loop() {
		s := startBare(b, filepath.Join(b.TempDir(), "data"))
		settle := time.After(3 * time.Second) // the first checkpoint and scan are not idling
		<-settle
		before := s.cpu(b)
		<-time.After(watch)
		b.ReportMetric(100*float64(s.cpu(b)-before)/float64(watch), "%-of-a-core")
		b.ReportMetric(s.memory(b), "MB-resident")
		asked := time.Now()
		s.stop(b)
		b.ReportMetric(float64(time.Since(asked).Milliseconds()), "ms-to-stop")
	}
}

// cpu is the processor time that the server used so far, from the kernel's account in ticks of 10 ms.
func (s *bare) cpu(b *testing.B) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		b.Skip("needs Linux: ", err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		b.Fatal(err1, err2)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// memory is the resident size in megabytes.
func (s *bare) memory(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		b.Skip("needs Linux: ", err)
	}
	for line := range bytes.Lines(text) {
		if value, ok := strings.CutPrefix(string(line), "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb / 1024
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
