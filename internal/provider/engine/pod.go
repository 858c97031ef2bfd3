package engine

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
)

// pod is one copy of a workload as it is on the engine. main is nil while it is being made.
type pod struct {
	owner   owner
	name    string
	hash    string
	index   int
	labels  map[string]string // of the manifest
	main    *member
	sides   []*member
	inits   []*member
	members []*member // all of them
}

// member is one container of a pod.
type member struct {
	id   string
	name string // in the pod
	role string
	care care
	info *container.InspectResponse
}

// care is what a container's label remembers for its whole life: how it is probed and stopped.
type care struct {
	Readiness *corev1.Probe  `json:"readiness,omitempty"`
	Liveness  *corev1.Probe  `json:"liveness,omitempty"`
	Startup   *corev1.Probe  `json:"startup,omitempty"`
	Grace     int            `json:"grace"` // seconds
	PreStop   []string       `json:"preStop,omitempty"`
	MinReady  time.Duration  `json:"minReady,omitempty"`
	Ports     map[string]int `json:"ports,omitempty"` // by name, of the whole pod
	// Expect is the number of containers in the pod beside the init containers.
	Expect int `json:"expect"`
	// Ends tells that the pod is meant to run to its end.
	Ends bool `json:"ends,omitempty"`
	// Tries is how often it is started again after a failure; -1 is without end.
	Tries int `json:"tries"`
}

func (m *member) running() bool {
	return m.info.State != nil && m.info.State.Running && !m.info.State.Restarting && !m.info.State.Paused
}

// exited reports a container that ended; created ones have not.
func (m *member) exited() bool {
	s := m.info.State
	return s != nil && !s.Running && !s.Restarting && (s.Status == container.StateExited || s.Status == container.StateDead)
}

func (m *member) created() bool {
	return m.info.State != nil && m.info.State.Status == container.StateCreated
}

// over reports a container that ended and that the engine will not start again.
func (m *member) over() bool {
	if !m.exited() {
		return false
	}
	return m.care.Tries == 0 || m.info.State.ExitCode == 0 && m.care.Ends || m.care.Tries > 0 && m.info.RestartCount >= m.care.Tries
}

func (m *member) startedAt() time.Time {
	t, _ := time.Parse(time.RFC3339Nano, m.info.State.StartedAt)
	return t
}

func (m *member) createdAt() time.Time {
	t, _ := time.Parse(time.RFC3339Nano, m.info.Created)
	return t
}

// settleTime is how long a container must run to count as ready. Where no readiness probe tells, a moment of its own shows
// that it does not end at once, and a longer one that it does not end again.
func (m *member) settleTime() time.Duration {
	switch {
	case m.care.Readiness != nil:
		return m.care.MinReady
	case m.info.RestartCount > 0:
		return max(m.care.MinReady, 5*time.Second)
	}
	return max(m.care.MinReady, time.Second)
}

// address is where probes reach the pod.
func (po *pod) address() netip.Addr {
	if po.main.info.HostConfig != nil && po.main.info.HostConfig.NetworkMode.IsHost() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if s := po.main.info.NetworkSettings; s != nil {
		for _, e := range s.Networks {
			if e != nil && e.IPAddress.IsValid() {
				return e.IPAddress
			}
		}
	}
	return netip.Addr{}
}

// working are the containers that make the pod: all but the init containers.
func (po *pod) working() []*member {
	if po.main == nil {
		return po.sides
	}
	return append([]*member{po.main}, po.sides...)
}

// id identifies this copy; another of the same name has another.
func (po *pod) id() string {
	if po.main != nil {
		return po.main.id
	}
	return po.members[0].id
}

func (po *pod) complete() bool { return po.main != nil && 1+len(po.sides) >= po.main.care.Expect }

// done reports a pod that ran to its end with success.
func (po *pod) done() bool {
	return po.complete() && po.main.care.Ends && !slices.ContainsFunc(po.working(), func(m *member) bool { return !m.over() || m.info.State.ExitCode != 0 })
}

// failed reports a pod that ended without success and is not started again.
func (po *pod) failed() bool {
	return slices.ContainsFunc(po.members, func(m *member) bool { return m.over() && m.info.State.ExitCode != 0 })
}

// observe reads the pods that have the labels, in the order of their indices.
func (p *Provider) observe(ctx context.Context, l labelled) ([]*pod, error) {
	list, err := p.containers(ctx, l)
	if err != nil {
		return nil, err
	}
	infos := make([]*container.InspectResponse, len(list))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, c := range list {
		if c.Labels[labelPod] == "" {
			continue
		}
		g.Go(func() error {
			res, err := p.api.ContainerInspect(gctx, c.ID, client.ContainerInspectOptions{})
			if gone(err) {
				return nil
			}
			infos[i] = &res.Container
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return groupPods(infos), nil
}

func groupPods(infos []*container.InspectResponse) []*pod {
	type key struct{ element, name, hash string }
	byKey := map[key]*pod{}
	var pods []*pod
	for _, info := range infos {
		if info == nil || info.Config == nil || info.State == nil || info.State.Status == container.StateRemoving {
			continue
		}
		l := info.Config.Labels
		o := ownerOf(l)
		k := key{o.key(), l[labelPod], l[labelHash]}
		po := byKey[k]
		if po == nil {
			index, _ := strconv.Atoi(l[labelReplica])
			po = &pod{owner: o, name: l[labelPod], hash: l[labelHash], index: index}
			byKey[k] = po
			pods = append(pods, po)
		}
		po.add(info)
	}
	slices.SortFunc(pods, func(a, b *pod) int {
		return cmp.Or(cmp.Compare(a.index, b.index), cmp.Compare(a.name, b.name), cmp.Compare(a.hash, b.hash))
	})
	for _, po := range pods {
		byName := func(a, b *member) int { return cmp.Compare(a.info.Name, b.info.Name) }
		slices.SortFunc(po.members, byName)
		slices.SortFunc(po.sides, byName)
	}
	return pods
}

func (po *pod) add(info *container.InspectResponse) {
	l := info.Config.Labels
	m := &member{id: info.ID, name: l[labelContainer], role: l[labelRole], info: info}
	// A label that somebody else wrote counts as no care.
	_ = json.Unmarshal([]byte(l[labelCare]), &m.care)
	switch m.role {
	case roleMain:
		po.main, po.labels = m, podLabels(l)
	case roleSide:
		po.sides = append(po.sides, m)
	case roleInit:
		po.inits = append(po.inits, m)
	default:
		return
	}
	po.members = append(po.members, m)
}

func podLabels(l map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range l {
		if name, ok := strings.CutPrefix(k, labelPodLabel); ok {
			out[name] = v
		}
	}
	return out
}

// troubleOf says in a few words what is wrong with a pod's containers; "" when nothing is.
func (p *Provider) troubleOf(ctx context.Context, po *pod) string {
	for _, m := range po.members {
		s := m.info.State
		again := m.info.RestartCount > 0 && !p.memberReady(m)
		if s.ExitCode == 0 && !again || m.running() && !again {
			continue
		}
		if !m.exited() && !s.Restarting && m.info.RestartCount == 0 {
			continue
		}
		if m.role == roleInit && m.exited() && s.ExitCode == 0 {
			continue
		}
		text := fmt.Sprintf("container %s exited with code %d", m.name, s.ExitCode)
		if s.OOMKilled {
			text = fmt.Sprintf("container %s ran out of memory", m.name)
		}
		if s.ExitCode == 0 && m.running() {
			text = fmt.Sprintf("container %s exited", m.name)
		}
		if m.info.RestartCount > 0 {
			text += fmt.Sprintf(" and was started again %s", times(m.info.RestartCount))
		}
		if s.Error != "" {
			return text + ": " + s.Error
		}
		if line := p.lastLine(ctx, m.id); line != "" {
			text += ": " + line
		}
		return text
	}
	return ""
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// lastLine is the last line that a container wrote, at most 200 bytes of it.
func (p *Provider) lastLine(ctx context.Context, id string) string {
	logs, err := p.api.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "5"})
	if err != nil {
		return ""
	}
	defer logs.Close()
	raw, err := io.ReadAll(io.LimitReader(logs, 64<<10))
	if err != nil {
		return ""
	}
	var buf bytes.Buffer
	if _, err := stdcopy.StdCopy(&buf, &buf, bytes.NewReader(raw)); err != nil {
		buf = *bytes.NewBuffer(raw) // a terminal's output comes as it is
	}
	lines := strings.Split(strings.TrimSpace(buf.String()), "\n")
	line := strings.TrimSpace(lines[len(lines)-1])
	return strings.ToValidUTF8(line[:min(len(line), 200)], "")
}

// restarts is how often the engine or a liveness probe started the pod's containers again.
func (p *Provider) restarts(po *pod) int {
	n := 0
	for _, m := range po.members {
		n = max(n, m.info.RestartCount+p.watchOf(m).restarts())
	}
	return n
}

// terminate takes a pod out of service at once and stops it beside the calls: aliases first, then a moment for those who
// have just resolved them, the preStop command, the stop signal, the grace period, removal.
func (p *Provider) terminate(ctx context.Context, networkID string, po *pod) error {
	id := po.id()
	p.mu.Lock()
	before := p.leaving[id]
	p.leaving[id] = true
	p.mu.Unlock()
	if before {
		return nil
	}
	served := false
	if networkID != "" && po.main != nil && po.main.running() {
		served = true
		if err := p.withdraw(ctx, networkID, po); err != nil && !gone(err) {
			p.mu.Lock()
			delete(p.leaving, id)
			p.mu.Unlock()
			return err
		}
	}
	if p.life.Err() != nil {
		return fmt.Errorf("the provider is closed: %w", context.Canceled)
	}
	p.beside(func(ctx context.Context) {
		if served {
			pause(ctx, drain)
		}
		if err := p.remove(ctx, po); err != nil && ctx.Err() == nil {
			p.log.Warn("engine: remove pod", "pod", po.name, "error", err)
		}
		p.mu.Lock()
		delete(p.leaving, id)
		for _, m := range po.members {
			delete(p.watches, m.id)
		}
		p.mu.Unlock()
		if err := p.releaseImages(ctx); err != nil && ctx.Err() == nil {
			p.log.Warn("engine: remove unused images", "error", err)
		}
	})
	return nil
}

// drain is the time between the end of an alias and the stop signal. Who resolved the alias before has connected by then,
// also when the machine is busy and when a packet was lost while the container changed its aliases and is sent again.
const drain = 2 * time.Second

// remove stops and removes a pod's containers and what belongs only to it.
func (p *Provider) remove(ctx context.Context, po *pod) error {
	var g errgroup.Group
	for _, m := range po.members {
		g.Go(func() error { return p.stop(ctx, m) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	// The first container goes last: the others are on its network.
	for _, m := range slices.Concat(po.inits, po.sides, po.members) {
		if err := p.discard(ctx, m.id); err != nil {
			return err
		}
	}
	return p.removeVolumes(ctx, po.owner.with(labelPod, po.name, labelRole, roleEmpty))
}

// stop ends a container the way it asked for: preStop, stop signal, grace period.
func (p *Provider) stop(ctx context.Context, m *member) error {
	if m.created() {
		return nil
	}
	grace := m.care.Grace
	if m.running() && len(m.care.PreStop) > 0 {
		begun := time.Now()
		ectx, cancel := context.WithTimeout(ctx, time.Duration(grace)*time.Second)
		if err := p.exec(ectx, m.id, m.care.PreStop); err != nil {
			p.log.Info("engine: preStop", "container", trimSlash(m.info.Name), "error", err)
		}
		cancel()
		grace = max(2, grace-int(time.Since(begun).Seconds()))
	}
	if _, err := p.api.ContainerStop(ctx, m.id, client.ContainerStopOptions{Timeout: &grace}); err != nil && !gone(err) {
		return err
	}
	return nil
}

// discard removes a container at once.
func (p *Provider) discard(ctx context.Context, id string) error {
	_, err := p.api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if gone(err) || alreadyRemoving(err) {
		return nil
	}
	return err
}

func (p *Provider) removeVolumes(ctx context.Context, l labelled) error {
	vols, err := p.volumes(ctx, l)
	if err != nil {
		return err
	}
	for _, v := range vols {
		if _, err := p.api.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{}); err != nil && !gone(err) && !inUse(err) {
			return err
		}
		p.mu.Lock()
		delete(p.loaded, v.Name)
		p.mu.Unlock()
	}
	return nil
}

func (p *Provider) isLeaving(po *pod) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leaving[po.id()]
}
