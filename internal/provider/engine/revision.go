package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	corev1 "k8s.io/api/core/v1"
)

// revision is a workload at one wanted state: everything that a pod of it is made from.
type revision struct {
	owner
	work    *workload
	hash    string
	configs configs
	machine *machine
	network string
	image   func(string) string // name of an image on the engine
}

// errRepeat ends a pass that the next one continues.
var errRepeat = errors.New("interrupted by what another pass left behind; trying again")

// revise computes the wanted revision. Its hash covers the pod template, the digests of our registry's images and the content
// of the ConfigMaps and Secrets that it reads, so that a change of any of them replaces the containers.
func (p *Provider) revise(ctx context.Context, o owner, w *workload, identity map[string]string) (*revision, error) {
	m, err := p.about(ctx)
	if err != nil {
		return nil, err
	}
	cfg, err := p.configsOf(ctx, o.stackID, o.namespace, &w.template.Spec)
	if err != nil {
		return nil, err
	}
	images := map[string]string{}
	for k, v := range identity {
		if strings.HasPrefix(k, imageIdentity) {
			images[k] = v
		}
	}
	content := map[string]any{}
	for k, v := range cfg {
		content[k.String()] = v
	}
	r := &revision{owner: o, work: w, configs: cfg, machine: m, image: func(image string) string { return p.engineImage(identity, image) }}
	r.hash = digest([]any{o.kind, o.name, o.namespace, w.template, images, content, w.claims, w.serviceName, w.minReady, w.backoff})[:16]
	return r, nil
}

func (r *revision) volume(name string) *corev1.Volume {
	for i := range r.work.template.Spec.Volumes {
		if v := &r.work.template.Spec.Volumes[i]; v.Name == name {
			return v
		}
	}
	return nil
}

// ensurePod takes a pod one step on: init containers one after the other, then the first container, then the others. have is
// what exists of it; nil is nothing. It returns what the pod waits for, "" when all its containers run.
func (p *Provider) ensurePod(ctx context.Context, r *revision, index int, have *pod) (waits string, err error) {
	spec := &r.work.template.Spec
	if have == nil || have.main == nil {
		if err := p.ensureVolumes(ctx, r, index); err != nil {
			return "", err
		}
	}
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		m := have.find(c.Name)
		if have != nil && have.main != nil && m == nil {
			continue // somebody cleaned up what had ended
		}
		if m != nil && m.exited() && m.info.State.ExitCode == 0 {
			continue
		}
		if m == nil || m.created() {
			if _, err := p.ensureContainer(ctx, r, index, c, roleInit, m, ""); err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("init container %s runs", c.Name), nil
	}
	mainID := ""
	for i := range spec.Containers {
		c := &spec.Containers[i]
		role := roleSide
		if i == 0 {
			role = roleMain
		}
		id, err := p.ensureContainer(ctx, r, index, c, role, have.find(c.Name), mainID)
		if err != nil {
			return "", err
		}
		if i == 0 {
			mainID = id
		}
	}
	return "", nil
}

func (po *pod) find(container string) *member {
	if po == nil {
		return nil
	}
	for _, m := range po.members {
		if m.name == container {
			return m
		}
	}
	return nil
}

// ensureContainer makes and starts a container unless it was started before.
func (p *Provider) ensureContainer(ctx context.Context, r *revision, index int, c *corev1.Container, role string, have *member, mainID string) (id string, err error) {
	if have != nil && !have.created() {
		return have.id, nil
	}
	if have != nil {
		id = have.id
	} else if id, err = p.createContainer(ctx, r, index, c, role, mainID); err != nil {
		return "", fmt.Errorf("container %s: %w", c.Name, err)
	}
	if err := p.copyFiles(ctx, r, c, id); err != nil {
		return "", fmt.Errorf("container %s: files: %w", c.Name, err)
	}
	if _, err := p.api.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		if gone(err) {
			// Somebody removes it, or the network that it was made for is gone: the next pass must make it anew.
			return "", errors.Join(p.discard(context.WithoutCancel(ctx), id), errRepeat)
		}
		if cerrdefs.IsConflict(err) {
			return "", errRepeat // somebody removes it
		}
		return "", fmt.Errorf("container %s cannot start: %w", c.Name, err)
	}
	return id, nil
}

func (p *Provider) createContainer(ctx context.Context, r *revision, index int, c *corev1.Container, role, mainID string) (string, error) {
	opts, err := r.options(index, c, role, mainID)
	if err != nil {
		return "", err
	}
	res, err := p.api.ContainerCreate(ctx, *opts)
	if cerrdefs.IsConflict(err) {
		// The name is taken: by ourselves in a pass that was cut off, or by a stranger.
		there, ierr := p.api.ContainerInspect(ctx, opts.Name, client.ContainerInspectOptions{})
		if gone(ierr) {
			return "", errRepeat
		}
		if ierr != nil {
			return "", ierr
		}
		l := there.Container.Config.Labels
		if ownerOf(l) == r.owner && l[labelHash] == r.hash && l[labelReplica] == strconv.Itoa(index) {
			if there.Container.State.Status != container.StateCreated {
				return "", errRepeat // an earlier copy of the same name is on its way out
			}
			return there.Container.ID, nil
		}
		opts.Name += "-" + digest(r.instance + r.stackID)[:6]
		res, err = p.api.ContainerCreate(ctx, *opts)
	}
	return res.ID, err
}

// options translates a container of the manifest.
func (r *revision) options(index int, c *corev1.Container, role, mainID string) (*client.ContainerCreateOptions, error) {
	spec := &r.work.template.Spec
	hostname := r.hostname(r.hash, index)
	env, err := environment(c, r.configs, facts{name: hostname, namespace: r.namespace, node: r.machine.name,
		labels: r.work.template.Labels, annotations: r.work.template.Annotations})
	if err != nil {
		return nil, err
	}
	vars := environ(env)
	cfg := &container.Config{Image: r.image(c.Image), Env: env, WorkingDir: c.WorkingDir, Tty: c.TTY, OpenStdin: c.Stdin, StdinOnce: c.StdinOnce,
		User: user(spec.SecurityContext, c.SecurityContext), Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		Labels: r.containerLabels(index, c, role)}
	for _, a := range c.Command {
		cfg.Entrypoint = append(cfg.Entrypoint, expand(a, vars))
	}
	for _, a := range c.Args {
		cfg.Cmd = append(cfg.Cmd, expand(a, vars))
	}
	host := r.hostConfig(c, role)
	host.Mounts, host.Binds = r.mounts(c, index)
	opts := &client.ContainerCreateOptions{Config: cfg, HostConfig: host}
	switch {
	case role == roleSide:
		opts.Name = r.objectName(r.hash[:8], strconv.Itoa(index), c.Name)
		host.NetworkMode = container.NetworkMode("container:" + mainID)
	default:
		opts.Name = r.podName(r.hash, index)
		if role == roleInit {
			opts.Name = r.objectName(r.hash[:8], strconv.Itoa(index), "init", c.Name)
		}
		cfg.Hostname = hostname
		if spec.Hostname != "" {
			cfg.Hostname = spec.Hostname
		}
		r.attach(opts, index, role)
	}
	return opts, nil
}

// attach puts a container on the stack's network, or on the machine's.
func (r *revision) attach(opts *client.ContainerCreateOptions, index int, role string) {
	spec := &r.work.template.Spec
	host := opts.HostConfig
	if spec.HostNetwork {
		host.NetworkMode = "host"
		opts.Config.Hostname = ""
		return
	}
	host.NetworkMode = container.NetworkMode(r.network)
	e := &network.EndpointSettings{}
	if role == roleMain {
		e.Aliases = r.stableAliases(index)
	}
	opts.NetworkingConfig = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{r.network: e}}
	for _, a := range spec.HostAliases {
		for _, n := range a.Hostnames {
			host.ExtraHosts = append(host.ExtraHosts, n+":"+a.IP)
		}
	}
	if d := spec.DNSConfig; d != nil {
		for _, n := range d.Nameservers {
			if a, err := netip.ParseAddr(n); err == nil {
				host.DNS = append(host.DNS, a)
			}
		}
		host.DNSSearch = d.Searches
		for _, o := range d.Options {
			if o.Value != nil {
				host.DNSOptions = append(host.DNSOptions, o.Name+":"+*o.Value)
			} else {
				host.DNSOptions = append(host.DNSOptions, o.Name)
			}
		}
	}
	if role == roleMain {
		r.publishHostPorts(opts)
	}
}

func (r *revision) publishHostPorts(opts *client.ContainerCreateOptions) {
	for _, c := range r.work.template.Spec.Containers {
		for _, cp := range c.Ports {
			if cp.HostPort == 0 {
				continue
			}
			port, ok := network.PortFrom(uint16(cp.ContainerPort), protocol(cp.Protocol))
			if !ok {
				continue
			}
			if opts.Config.ExposedPorts == nil {
				opts.Config.ExposedPorts, opts.HostConfig.PortBindings = network.PortSet{}, network.PortMap{}
			}
			ip, err := netip.ParseAddr(cp.HostIP)
			if err != nil {
				ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
			}
			opts.Config.ExposedPorts[port] = struct{}{}
			opts.HostConfig.PortBindings[port] = append(opts.HostConfig.PortBindings[port], network.PortBinding{HostIP: ip, HostPort: strconv.Itoa(int(cp.HostPort))})
		}
	}
}

func protocol(p corev1.Protocol) network.IPProtocol {
	if p == "" {
		return network.TCP
	}
	return network.IPProtocol(strings.ToLower(string(p)))
}

// stableAliases are the names that a pod of a StatefulSet always has, ready or not, so that members find each other.
func (r *revision) stableAliases(index int) []string {
	if r.kind != kindStatefulSet {
		return nil
	}
	n := r.stableName(index)
	if r.work.serviceName == "" {
		return []string{n}
	}
	out := []string{n}
	for _, svc := range serviceNames(r.work.serviceName, r.namespace) {
		out = append(out, n+"."+svc)
	}
	return out
}

func (r *revision) containerLabels(index int, c *corev1.Container, role string) map[string]string {
	w, spec := r.work, &r.work.template.Spec
	k := care{Grace: int(int64Or(spec.TerminationGracePeriodSeconds, 30)), MinReady: w.minReady, Expect: len(spec.Containers),
		Ends: r.kind == kindJob || r.kind == kindPod && spec.RestartPolicy != "" && spec.RestartPolicy != corev1.RestartPolicyAlways, Tries: w.tries(r.kind)}
	k.Ports = map[string]int{}
	for _, other := range spec.Containers {
		for _, cp := range other.Ports {
			if cp.Name != "" {
				k.Ports[cp.Name] = int(cp.ContainerPort)
			}
		}
	}
	if role == roleInit {
		k.Ends, k.MinReady = true, 0
	} else {
		k.Readiness, k.Liveness, k.Startup = numbered(c, c.ReadinessProbe), numbered(c, c.LivenessProbe), numbered(c, c.StartupProbe)
	}
	if l := c.Lifecycle; l != nil && l.PreStop != nil {
		if l.PreStop.Exec != nil {
			k.PreStop = l.PreStop.Exec.Command
		} else if l.PreStop.Sleep != nil {
			k.Grace += int(l.PreStop.Sleep.Seconds)
		}
	}
	more := map[string]string{labelHash: r.hash, labelReplica: strconv.Itoa(index), labelPod: r.podName(r.hash, index), labelContainer: c.Name, labelCare: toJSON(k)}
	if role == roleMain {
		more[labelAliases] = toJSON(r.stableAliases(index))
		for key, v := range w.template.Labels {
			more[labelPodLabel+key] = v
		}
	}
	return r.labels(role, more)
}

// tries is how often the engine starts a container again after a failure; -1 is without end.
func (w *workload) tries(kind string) int {
	switch w.template.Spec.RestartPolicy {
	case corev1.RestartPolicyNever:
		return 0
	case corev1.RestartPolicyOnFailure:
		if kind == kindJob {
			return w.backoff
		}
	}
	return -1
}

// numbered is a probe whose port is a number.
func numbered(c *corev1.Container, pr *corev1.Probe) *corev1.Probe {
	if pr == nil {
		return nil
	}
	pr = pr.DeepCopy()
	if pr.HTTPGet != nil {
		n, _ := containerPort(c.Ports, pr.HTTPGet.Port)
		pr.HTTPGet.Port.Type, pr.HTTPGet.Port.IntVal = 0, int32(n)
	}
	if pr.TCPSocket != nil {
		n, _ := containerPort(c.Ports, pr.TCPSocket.Port)
		pr.TCPSocket.Port.Type, pr.TCPSocket.Port.IntVal = 0, int32(n)
	}
	return pr
}

func user(pod *corev1.PodSecurityContext, c *corev1.SecurityContext) string {
	var uid, gid *int64
	if pod != nil {
		uid, gid = pod.RunAsUser, pod.RunAsGroup
	}
	if c != nil && c.RunAsUser != nil {
		uid = c.RunAsUser
	}
	if c != nil && c.RunAsGroup != nil {
		gid = c.RunAsGroup
	}
	switch {
	case uid == nil && gid == nil:
		return ""
	case gid == nil:
		return strconv.FormatInt(*uid, 10)
	}
	return strconv.FormatInt(int64Or(uid, 0), 10) + ":" + strconv.FormatInt(*gid, 10)
}

// hostConfig translates limits, security and the restart policy.
func (r *revision) hostConfig(c *corev1.Container, role string) *container.HostConfig {
	spec := &r.work.template.Spec
	h := &container.HostConfig{RestartPolicy: r.restartPolicy(role), Resources: resources(c, r.machine.cpus)}
	if spec.HostPID {
		h.PidMode = "host"
	}
	if spec.HostIPC {
		h.IpcMode = "host"
	}
	if s := spec.SecurityContext; s != nil {
		for _, g := range s.SupplementalGroups {
			h.GroupAdd = append(h.GroupAdd, strconv.FormatInt(g, 10))
		}
		if role != roleSide {
			for _, ctl := range s.Sysctls {
				if h.Sysctls == nil {
					h.Sysctls = map[string]string{}
				}
				h.Sysctls[ctl.Name] = ctl.Value
			}
		}
	}
	if s := c.SecurityContext; s != nil {
		h.Privileged = s.Privileged != nil && *s.Privileged
		h.ReadonlyRootfs = readOnlyRoot(c)
		if s.AllowPrivilegeEscalation != nil && !*s.AllowPrivilegeEscalation {
			h.SecurityOpt = append(h.SecurityOpt, "no-new-privileges")
		}
		if s.Capabilities != nil {
			for _, a := range s.Capabilities.Add {
				h.CapAdd = append(h.CapAdd, string(a))
			}
			for _, a := range s.Capabilities.Drop {
				h.CapDrop = append(h.CapDrop, string(a))
			}
		}
	}
	return h
}

func (r *revision) restartPolicy(role string) container.RestartPolicy {
	tries := r.work.tries(r.kind)
	ends := role == roleInit || r.kind == kindJob || r.work.template.Spec.RestartPolicy == corev1.RestartPolicyOnFailure
	switch {
	case tries == 0:
		return container.RestartPolicy{Name: container.RestartPolicyDisabled}
	case ends:
		return container.RestartPolicy{Name: container.RestartPolicyOnFailure, MaximumRetryCount: max(0, tries)}
	}
	return container.RestartPolicy{Name: container.RestartPolicyAlways}
}

const leastMemory = 6 << 20 // what Docker accepts

func resources(c *corev1.Container, cpus int) container.Resources {
	var r container.Resources
	if q, ok := c.Resources.Limits[corev1.ResourceCPU]; ok {
		r.NanoCPUs = min(q.MilliValue(), int64(cpus)*1000) * 1e6
	}
	if q, ok := c.Resources.Limits[corev1.ResourceMemory]; ok && q.Value() > 0 {
		r.Memory = max(q.Value(), leastMemory)
		r.MemorySwap = r.Memory // no swap beyond it
	}
	if q, ok := c.Resources.Requests[corev1.ResourceCPU]; ok {
		r.CPUShares = max(2, q.MilliValue()*1024/1000)
	}
	if q, ok := c.Resources.Requests[corev1.ResourceMemory]; ok && q.Value() > 0 {
		r.MemoryReservation = max(q.Value(), leastMemory)
		if r.Memory > 0 {
			r.MemoryReservation = min(r.MemoryReservation, r.Memory)
		}
	}
	return r
}

func int64Or(n *int64, def int64) int64 {
	if n == nil {
		return def
	}
	return *n
}

// instancesOf is the rollout's view of pods.
func (p *Provider) instancesOf(pods []*pod, hash string) []instance {
	out := make([]instance, len(pods))
	for i, po := range pods {
		out[i] = instance{index: po.index, current: po.hash == hash, ready: p.podReady(po), done: po.done(), failed: po.failed(), leaving: p.isLeaving(po)}
	}
	return out
}

// unfinished are the pods of the revision whose containers were not all made.
func unfinished(pods []*pod, hash string) []*pod {
	return slices.DeleteFunc(slices.Clone(pods), func(po *pod) bool {
		return po.hash != hash || po.complete() && !slices.ContainsFunc(po.members, func(m *member) bool { return m.created() })
	})
}
