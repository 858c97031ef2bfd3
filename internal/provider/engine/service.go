package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
)

// service is what a Service wants, as the label of its marker volume remembers it. The marker lets whoever makes a container
// ready know the aliases, whichever element and server process that is.
type service struct {
	owner    owner
	Selector map[string]string `json:"selector,omitempty"`
	Ports    []servicePort     `json:"ports"`
	Publish  string            `json:"publish,omitempty"` // "", NodePort or LoadBalancer
	Address  string            `json:"address,omitempty"` // on which it is published
	Headless bool              `json:"headless,omitempty"`
	Early    bool              `json:"early,omitempty"` // also containers that are not ready
}

type servicePort struct {
	Name     string `json:"name,omitempty"`
	Protocol string `json:"protocol"` // tcp or udp
	Port     int    `json:"port"`
	Target   string `json:"target"` // number, or name of a container's port
	NodePort int    `json:"nodePort,omitempty"`
}

// publishAnnotation chooses the address of the machine on which a Service publishes its ports.
const publishAnnotation = "fairlead/publish-address"

func (p *Provider) serviceOf(o owner, m *manifest) (*service, error) {
	s := m.service
	out := &service{owner: o, Selector: s.Selector, Headless: s.ClusterIP == corev1.ClusterIPNone, Early: s.PublishNotReadyAddresses}
	if s.Type == corev1.ServiceTypeNodePort || s.Type == corev1.ServiceTypeLoadBalancer {
		out.Publish, out.Address = string(s.Type), p.publish.String()
		if a := m.annotations[publishAnnotation]; a != "" {
			addr, err := netip.ParseAddr(a)
			if err != nil {
				return nil, fairlead.Errorf(fairlead.Invalid, "Service %s: annotation %s: %q is not an IP address", o.name, publishAnnotation, a)
			}
			out.Address = addr.String()
		}
	}
	for _, sp := range s.Ports {
		target := sp.TargetPort.String()
		if target == "0" || target == "" {
			target = strconv.Itoa(int(sp.Port))
		}
		out.Ports = append(out.Ports, servicePort{Name: sp.Name, Protocol: string(protocol(sp.Protocol)), Port: int(sp.Port), Target: target, NodePort: int(sp.NodePort)})
	}
	return out, nil
}

// serviceNames are the names by which containers of the same stack and namespace reach a Service.
func serviceNames(name, namespace string) []string {
	return []string{name, name + "." + namespace, name + "." + namespace + ".svc", name + "." + namespace + ".svc.cluster.local"}
}

// endpointsAlias stands for the ready containers of a Service, whoever carries the Service's own name.
func (s *service) endpointsAlias() string { return boundedTo(63, s.owner.name, "endpoints") }

func (s *service) selects(labels map[string]string) bool {
	if len(s.Selector) == 0 {
		return false
	}
	for k, v := range s.Selector {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// target is the number of a port's target in a pod with these named ports; 0 when it has no such port.
func (sp servicePort) target(named map[string]int) int {
	if n, err := strconv.Atoi(sp.Target); err == nil {
		return n
	}
	return named[sp.Target]
}

// translates reports whether the Service's port differs from its target's. An alias leads to the container itself, so that
// then the forwarder carries the Service's name.
func (s *service) translates(named map[string]int) bool {
	if s.Headless {
		return false
	}
	return slices.ContainsFunc(s.Ports, func(sp servicePort) bool {
		n := sp.target(named)
		return n != 0 && n != sp.Port
	})
}

// aliasesFor are the aliases that the Service gives to a pod with these named ports.
func (s *service) aliasesFor(named map[string]int) []string {
	out := []string{s.endpointsAlias()}
	if !s.translates(named) {
		out = append(out, serviceNames(s.owner.name, s.owner.namespace)...)
	}
	return out
}

// services reads the markers of a scope.
func (p *Provider) services(ctx context.Context, sc scope) ([]*service, error) {
	vols, err := p.volumes(ctx, sc.with(labelRole, roleMarker))
	if err != nil {
		return nil, err
	}
	var out []*service
	for _, v := range vols {
		s := &service{}
		if err := json.Unmarshal([]byte(v.Labels[labelService]), s); err != nil {
			continue // not ours after all
		}
		s.owner = ownerOf(v.Labels)
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *service) int { return strings.Compare(a.owner.name, b.owner.name) })
	return out, nil
}

func markerName(o owner) string { return o.objectName("service") }

// ensureMarker makes the Service's marker say what is wanted.
func (p *Provider) ensureMarker(ctx context.Context, s *service) error {
	want := s.owner.labels(roleMarker, map[string]string{labelService: toJSON(s)})
	name := markerName(s.owner)
	res, err := p.api.VolumeInspect(ctx, name, client.VolumeInspectOptions{})
	if err != nil && !gone(err) {
		return err
	}
	if err == nil {
		have := res.Volume.Labels
		if have[labelService] == want[labelService] && ownerOf(have) == s.owner {
			return nil
		}
		if have[labelInstance] != p.instance || have[labelStackID] != s.owner.stackID {
			name += "-" + digest(s.owner.instance + s.owner.stackID)[:6]
		}
		if _, err := p.api.VolumeRemove(ctx, name, client.VolumeRemoveOptions{}); err != nil && !gone(err) {
			return err
		}
	}
	_, err = p.api.VolumeCreate(ctx, client.VolumeCreateOptions{Name: name, Driver: "local", Labels: want})
	return err
}

// wantedAliases are all aliases of a pod as of now.
func (p *Provider) wantedAliases(po *pod, services []*service) []string {
	var out []string
	_ = json.Unmarshal([]byte(po.main.info.Config.Labels[labelAliases]), &out)
	if p.isLeaving(po) {
		return out
	}
	ready := p.podReady(po)
	for _, s := range services {
		if s.selects(po.labels) && (ready || s.Early) {
			out = append(out, s.aliasesFor(po.main.care.Ports)...)
		}
	}
	return out
}

// onNetwork reports whether the pod can carry aliases.
func (po *pod) onNetwork() bool {
	return po.main != nil && po.main.running() && !po.main.info.HostConfig.NetworkMode.IsHost()
}

// syncAliases gives pods the aliases that their readiness and the scope's Services call for.
func (p *Provider) syncAliases(ctx context.Context, sc scope, networkID string, pods []*pod) error {
	if !slices.ContainsFunc(pods, (*pod).onNetwork) {
		return nil
	}
	defer p.scopes.lock(sc.key())()
	services, err := p.services(ctx, sc)
	if err != nil {
		return err
	}
	for _, po := range pods {
		if !po.onNetwork() {
			continue
		}
		want := p.wantedAliases(po, services)
		if at := endpoint(po.main.info, networkID); at != nil && sameAliases(po.main.info, at.Aliases, want) {
			continue
		}
		if err := p.setAliases(ctx, networkID, po.main.id, want); err != nil && !gone(err) {
			return fmt.Errorf("aliases of %s: %w", po.name, err)
		}
	}
	return nil
}

// withdraw takes all Services' aliases from a pod.
func (p *Provider) withdraw(ctx context.Context, networkID string, po *pod) error {
	if !po.onNetwork() {
		return nil
	}
	defer p.scopes.lock(po.owner.scope.key())()
	var stable []string
	_ = json.Unmarshal([]byte(po.main.info.Config.Labels[labelAliases]), &stable)
	return p.setAliases(ctx, networkID, po.main.id, stable)
}

// syncForwarders makes the forwarders of a scope's Services what the Services and the pods' named ports call for.
func (p *Provider) syncForwarders(ctx context.Context, sc scope, networkID string) error {
	services, err := p.services(ctx, sc)
	if err != nil {
		return err
	}
	for _, s := range services {
		if _, err := p.syncForwarder(ctx, s, networkID); err != nil {
			return err
		}
	}
	return nil
}

// namedPorts are the names of ports that the pods of a Service have.
func (p *Provider) namedPorts(ctx context.Context, s *service) (map[string]int, error) {
	list, err := p.containers(ctx, s.owner.scope.with(labelRole, roleMain))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b container.Summary) int { return int(b.Created - a.Created) })
	for _, c := range list {
		if s.selects(podLabels(c.Labels)) {
			var k care
			_ = json.Unmarshal([]byte(c.Labels[labelCare]), &k)
			return k.Ports, nil
		}
	}
	return nil, nil
}

// forwarding is a forwarder as it should be.
type forwarding struct {
	cmd     []string
	aliases []string
	hash    string
	waits   string // why there is none yet
}

func (s *service) forwarding(named map[string]int) forwarding {
	var f forwarding
	if s.translates(named) {
		f.aliases = serviceNames(s.owner.name, s.owner.namespace)
	}
	if s.Publish == "" && f.aliases == nil || len(s.Ports) == 0 {
		return f
	}
	for _, sp := range s.Ports {
		n := sp.target(named)
		if n == 0 {
			f.waits = fmt.Sprintf("no container has a port named %s yet", sp.Target)
			return f
		}
		f.cmd = append(f.cmd, "--listen", fmt.Sprintf(":%d/%s", sp.Port, sp.Protocol), "--to", fmt.Sprintf("%s:%d", s.endpointsAlias(), n))
	}
	f.hash = digest([]any{f.cmd, f.aliases, s.Publish, s.Address, s.Ports})[:16]
	return f
}

func (p *Provider) forwarderOf(ctx context.Context, o owner) (*container.InspectResponse, error) {
	list, err := p.containers(ctx, o.with(labelRole, roleForwarder))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	res, err := p.api.ContainerInspect(ctx, list[0].ID, client.ContainerInspectOptions{})
	if gone(err) {
		return nil, nil
	}
	return &res.Container, err
}

// syncForwarder makes the forwarder of one Service right. It returns what it waits for.
func (p *Provider) syncForwarder(ctx context.Context, s *service, networkID string) (waits string, err error) {
	defer p.scopes.lock("forwarder/" + s.owner.key())()
	named, err := p.namedPorts(ctx, s)
	if err != nil {
		return "", err
	}
	f := s.forwarding(named)
	have, err := p.forwarderOf(ctx, s.owner)
	if err != nil {
		return "", err
	}
	if f.waits != "" {
		return f.waits, nil // an old one goes on until the new ports are known
	}
	if have != nil && f.cmd != nil && have.Config.Labels[labelHash] == f.hash && endpoint(have, networkID) != nil {
		if have.State.Running || have.State.Restarting {
			return "", nil
		}
		_, err := p.api.ContainerStart(ctx, have.ID, client.ContainerStartOptions{})
		return "", err
	}
	kept := assignedPorts(have)
	if have != nil {
		if err := p.discard(ctx, have.ID); err != nil {
			return "", err
		}
	}
	if f.cmd == nil {
		return "", nil
	}
	return "", p.makeForwarder(ctx, s, f, networkID, kept)
}

// assignedPorts are the ports of the machine that a forwarder has, by "port/protocol".
func assignedPorts(info *container.InspectResponse) map[string]int {
	out := map[string]int{}
	if info == nil || info.HostConfig == nil {
		return out
	}
	for port, bindings := range info.HostConfig.PortBindings {
		for _, b := range bindings {
			if n, err := strconv.Atoi(b.HostPort); err == nil {
				out[port.String()] = n
			}
		}
	}
	return out
}

// makeForwarder makes and starts a forwarder. Where the Service leaves the port of the machine to us, it tries the one it
// had, for a LoadBalancer the Service's own port, and then others, until the engine accepts them all.
func (p *Provider) makeForwarder(ctx context.Context, s *service, f forwarding, networkID string, kept map[string]int) error {
	image, err := p.ensureProgram(ctx)
	if err != nil {
		return err
	}
	m, err := p.about(ctx)
	if err != nil {
		return err
	}
	var last error
	for try := range 12 {
		opts := s.forwarderOptions(f, image, networkID, kept, try, m.podman)
		res, err := p.api.ContainerCreate(ctx, opts)
		if cerrdefs.IsConflict(err) {
			opts.Name += "-" + digest(s.owner.instance + s.owner.stackID)[:6]
			res, err = p.api.ContainerCreate(ctx, opts)
		}
		if gone(err) { // the image was cleaned up in between
			if image, err = p.ensureProgram(ctx); err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		if _, last = p.api.ContainerStart(ctx, res.ID, client.ContainerStartOptions{}); last == nil {
			return nil
		}
		if err := p.discard(context.WithoutCancel(ctx), res.ID); err != nil {
			return err
		}
		if !s.choosesPorts() || p.unreachable(last) || ctx.Err() != nil {
			break
		}
	}
	return fairlead.Errorf(fairlead.Failed, "Service %s cannot publish its ports: %w", s.owner.name, last)
}

// choosesPorts reports whether another port of the machine would do as well.
func (s *service) choosesPorts() bool {
	return s.Publish != "" && slices.ContainsFunc(s.Ports, func(sp servicePort) bool { return sp.NodePort == 0 })
}

func (s *service) forwarderOptions(f forwarding, image, networkID string, kept map[string]int, try int, podman bool) client.ContainerCreateOptions {
	cfg := &container.Config{Image: image, Cmd: f.cmd, Labels: s.owner.labels(roleForwarder, map[string]string{labelHash: f.hash})}
	host := &container.HostConfig{NetworkMode: container.NetworkMode(networkID), ReadonlyRootfs: true,
		RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyUnlessStopped}}
	if !podman {
		// Names that nobody carries must fail at once and not be asked for outside. Docker's own resolver comes first.
		host.DNS = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	if s.Publish != "" {
		cfg.ExposedPorts, host.PortBindings = network.PortSet{}, network.PortMap{}
		addr, _ := netip.ParseAddr(s.Address)
		for _, sp := range s.Ports {
			port, ok := network.PortFrom(uint16(sp.Port), network.IPProtocol(sp.Protocol))
			if !ok {
				continue
			}
			cfg.ExposedPorts[port] = struct{}{}
			host.PortBindings[port] = []network.PortBinding{{HostIP: addr, HostPort: strconv.Itoa(s.hostPort(sp, kept[port.String()], try))}}
		}
	}
	return client.ContainerCreateOptions{Name: s.owner.objectName("forwarder"), Config: cfg, HostConfig: host,
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{networkID: {Aliases: f.aliases}}}}
}

// hostPort is the port of the machine to try. Ports of our choice come from the range of Kubernetes's node ports and are the
// same for the same stack and Service.
func (s *service) hostPort(sp servicePort, kept, try int) int {
	if sp.NodePort != 0 {
		return sp.NodePort
	}
	candidates := []int{}
	if kept != 0 {
		candidates = append(candidates, kept)
	}
	if s.Publish == string(corev1.ServiceTypeLoadBalancer) && kept != sp.Port {
		candidates = append(candidates, sp.Port)
	}
	if try < len(candidates) {
		return candidates[try]
	}
	h := fnv.New32a()
	fmt.Fprintf(h, "%s/%s/%s/%d/%s/%d", s.owner.stack, s.owner.namespace, s.owner.name, sp.Port, sp.Protocol, try-len(candidates))
	return 30000 + int(h.Sum32()%2768)
}

// attributes of a Service, from its forwarder where there is one.
func (s *service) attributes(forwarder *container.InspectResponse) map[string]any {
	assigned := assignedPorts(forwarder)
	ports := make([]any, len(s.Ports))
	attrs := map[string]any{"clusterIP": ""}
	for i, sp := range s.Ports {
		entry := map[string]any{"name": sp.Name, "port": int64(sp.Port), "targetPort": sp.Target, "protocol": strings.ToUpper(sp.Protocol)}
		if n := assigned[fmt.Sprintf("%d/%s", sp.Port, sp.Protocol)]; n != 0 {
			entry["nodePort"] = int64(n)
			if attrs["nodePort"] == nil {
				attrs["nodePort"] = int64(n)
				attrs["url"] = netip.AddrPortFrom(reachable(s.Address), uint16(n)).String()
			}
		}
		ports[i] = entry
	}
	attrs["ports"] = ports
	return attrs
}

// reachable is an address that a client on this machine can connect to.
func reachable(listen string) netip.Addr {
	a, err := netip.ParseAddr(listen)
	if err != nil || a.IsUnspecified() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return a
}
