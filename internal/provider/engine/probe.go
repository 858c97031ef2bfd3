package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"crypto/tls"

	"github.com/moby/moby/client"
	corev1 "k8s.io/api/core/v1"
)

// watch is what probes found out about one container since it started.
type watch struct {
	mu        sync.Mutex
	startedAt string // the run of the container that the rest is about
	started   bool   // the startup probe succeeded, or there is none
	ready     bool
	successes int
	failures  int
	lives     int // failures in a row of the liveness probe
	starts    int // failures of the startup probe
	restarted int // by us
	last      string
	due       [3]time.Time // next startup, readiness, liveness
}

const (
	dueStartup = iota
	dueReadiness
	dueLiveness
)

func (p *Provider) watchOf(m *member) *watch {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.watches[m.id]
	if w == nil {
		w = &watch{}
		p.watches[m.id] = w
	}
	return w
}

func (w *watch) restarts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.restarted
}

// reason is why the container is not ready, as far as probes know.
func (w *watch) reason() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// follow forgets what is about an earlier run of the container.
func (w *watch) follow(m *member) {
	if w.startedAt == m.info.State.StartedAt {
		return
	}
	w.startedAt = m.info.State.StartedAt
	w.started = m.care.Startup == nil
	w.ready = false
	w.successes, w.failures, w.lives, w.starts, w.last = 0, 0, 0, 0, ""
	begun := m.startedAt()
	for i, pr := range []*corev1.Probe{m.care.Startup, m.care.Readiness, m.care.Liveness} {
		w.due[i] = time.Time{}
		if pr != nil {
			w.due[i] = begun.Add(time.Duration(pr.InitialDelaySeconds) * time.Second)
		}
	}
}

// memberReady reports whether a container does its work, as far as is known now.
func (p *Provider) memberReady(m *member) bool {
	if !m.running() {
		return false
	}
	w := p.watchOf(m)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.follow(m)
	if !w.started || m.care.Readiness != nil && !w.ready {
		return false
	}
	return p.now().Sub(m.startedAt()) >= m.settleTime()
}

func (p *Provider) podReady(po *pod) bool {
	if !po.complete() {
		return false
	}
	for _, m := range po.working() {
		if !p.memberReady(m) {
			return false
		}
	}
	return true
}

// check runs the probes of a pod that are due. eager runs those again that hold up its becoming ready, whatever their period,
// because somebody waits. It returns when the next one is due; zero is never.
func (p *Provider) check(ctx context.Context, po *pod, eager bool) time.Time {
	var next time.Time
	if po.main == nil {
		return next
	}
	for _, m := range po.working() {
		if m.running() {
			next = earliest(next, p.checkMember(ctx, po.address(), m, eager))
		}
	}
	return next
}

func (p *Provider) checkMember(ctx context.Context, addr netip.Addr, m *member, eager bool) time.Time {
	w := p.watchOf(m)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.follow(m)
	now := p.now()
	if !w.started && w.isDue(dueStartup, now, eager, m.care.Startup, m) {
		err := p.probe(ctx, addr, m, m.care.Startup)
		w.due[dueStartup] = now.Add(period(m.care.Startup))
		if w.starting(err, m.care.Startup) {
			p.restart(m, w, "startup probe: "+w.last)
		}
	}
	if !w.started {
		return w.due[dueStartup]
	}
	if r := m.care.Readiness; r != nil && w.isDue(dueReadiness, now, eager && !w.ready, r, m) {
		w.readiness(p.probe(ctx, addr, m, r), r)
		w.due[dueReadiness] = now.Add(period(r))
	}
	if l := m.care.Liveness; l != nil && !w.due[dueLiveness].After(now) {
		w.due[dueLiveness] = now.Add(period(l))
		if w.liveness(p.probe(ctx, addr, m, l), l) {
			p.restart(m, w, "liveness probe: "+w.last)
		}
	}
	var next time.Time
	if m.care.Readiness != nil {
		next = w.due[dueReadiness]
	}
	if m.care.Liveness != nil {
		next = earliest(next, w.due[dueLiveness])
	}
	if settled := m.startedAt().Add(m.settleTime()); settled.After(now) {
		next = earliest(next, settled)
	}
	return next
}

// isDue respects the initial delay also when eager.
func (w *watch) isDue(which int, now time.Time, eager bool, pr *corev1.Probe, m *member) bool {
	if !w.due[which].After(now) {
		return true
	}
	return eager && !m.startedAt().Add(time.Duration(pr.InitialDelaySeconds)*time.Second).After(now)
}

// starting counts a run of the startup probe; true when it failed for good.
func (w *watch) starting(err error, pr *corev1.Probe) bool {
	if err == nil {
		w.started, w.last = true, ""
		return false
	}
	w.last = err.Error()
	w.starts++
	return w.starts >= threshold(pr.FailureThreshold, 3)
}

func (w *watch) readiness(err error, pr *corev1.Probe) {
	if err == nil {
		w.failures, w.last = 0, ""
		w.successes++
		w.ready = w.ready || w.successes >= threshold(pr.SuccessThreshold, 1)
		return
	}
	w.last = "readiness probe: " + err.Error()
	w.successes = 0
	w.failures++
	if w.failures >= threshold(pr.FailureThreshold, 3) {
		w.ready = false
	}
}

// liveness counts a run of the liveness probe; true when the container must be started again.
func (w *watch) liveness(err error, pr *corev1.Probe) bool {
	if err == nil {
		w.lives = 0
		return false
	}
	w.last = err.Error()
	w.lives++
	return w.lives >= threshold(pr.FailureThreshold, 3)
}

// restart starts a container again. The caller holds the watch's lock.
func (p *Provider) restart(m *member, w *watch, why string) {
	p.log.Info("engine: restart container", "container", trimSlash(m.info.Name), "reason", why)
	w.restarted++
	w.ready, w.lives, w.starts = false, 0, 0
	grace := m.care.Grace
	p.beside(func(ctx context.Context) {
		if _, err := p.api.ContainerRestart(ctx, m.id, client.ContainerRestartOptions{Timeout: &grace}); err != nil && !gone(err) && ctx.Err() == nil {
			p.log.Warn("engine: restart container", "container", trimSlash(m.info.Name), "error", err)
		}
	})
}

// probe runs one probe once; nil is success.
func (p *Provider) probe(ctx context.Context, addr netip.Addr, m *member, pr *corev1.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(max(1, pr.TimeoutSeconds))*time.Second)
	defer cancel()
	switch {
	case pr.Exec != nil:
		return p.exec(ctx, m.id, pr.Exec.Command)
	case pr.HTTPGet != nil:
		return probeHTTP(ctx, addr, pr.HTTPGet)
	case pr.TCPSocket != nil:
		return probeTCP(ctx, hostOr(pr.TCPSocket.Host, addr), pr.TCPSocket.Port.IntValue())
	}
	return nil
}

func hostOr(host string, addr netip.Addr) string {
	if host != "" {
		return host
	}
	return addr.String()
}

func probeTCP(ctx context.Context, host string, port int) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return plainNetError(err)
	}
	conn.Close()
	return nil
}

func probeHTTP(ctx context.Context, addr netip.Addr, get *corev1.HTTPGetAction) error {
	scheme := strings.ToLower(string(get.Scheme))
	if scheme == "" {
		scheme = "http"
	}
	path := "/" + strings.TrimPrefix(get.Path, "/")
	url := scheme + "://" + net.JoinHostPort(hostOr(get.Host, addr), get.Port.String()) + path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "fairlead-probe")
	for _, h := range get.HTTPHeaders {
		if strings.EqualFold(h.Name, "host") {
			req.Host = h.Value
			continue
		}
		req.Header.Add(h.Name, h.Value)
	}
	// A connection per probe, as the check is also about connecting; certificates are the application's own affair.
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	c := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Do(req)
	if err != nil {
		return plainNetError(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 10<<10))
	if res.StatusCode < 200 || res.StatusCode >= 400 {
		return fmt.Errorf("GET %s answered %s", path, res.Status)
	}
	return nil
}

// plainNetError leaves out the address and the syscall, which mean nothing to the template's author.
func plainNetError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		for inner := errors.Unwrap(op.Err); inner != nil; inner = errors.Unwrap(inner) {
			return inner
		}
		return op.Err
	}
	return err
}

// exec runs a command in a container and fails unless it exits with 0.
func (p *Provider) exec(ctx context.Context, id string, cmd []string) error {
	res, err := p.api.ExecCreate(ctx, id, client.ExecCreateOptions{Cmd: cmd, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return err
	}
	att, err := p.api.ExecAttach(ctx, res.ID, client.ExecAttachOptions{})
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, att.Close)
	var out strings.Builder
	_, _ = io.Copy(&out, io.LimitReader(att.Reader, 4<<10))
	_, _ = io.Copy(io.Discard, att.Reader)
	if !stop() {
		return errors.New("no answer in time")
	}
	att.Close()
	state, err := p.api.ExecInspect(ctx, res.ID, client.ExecInspectOptions{})
	if err != nil {
		return err
	}
	if state.ExitCode != 0 {
		return fmt.Errorf("command %s exited with code %d", cmd[0], state.ExitCode)
	}
	return nil
}

func period(pr *corev1.Probe) time.Duration {
	if pr.PeriodSeconds <= 0 {
		return 10 * time.Second
	}
	return time.Duration(pr.PeriodSeconds) * time.Second
}

func threshold(n int32, def int) int {
	if n <= 0 {
		return def
	}
	return int(n)
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
