package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// ensureNetwork finds or makes the network of a stack and namespace. Its subnet is explicit, because only then a container
// can leave it and come back with the same address, which is how aliases change while connections live.
func (p *Provider) ensureNetwork(ctx context.Context, s scope) (id string, err error) {
	defer p.scopes.lock(s.key())()
	id, err = p.findNetwork(ctx, s)
	if id != "" || err != nil {
		return id, err
	}
	name := s.networkName()
	var last error
	for range 5 {
		subnet, err := p.freeSubnet(ctx, name, s)
		if err != nil {
			return "", err
		}
		labels := s.labels()
		labels[labelRole] = roleNetwork
		res, err := p.api.NetworkCreate(ctx, name, client.NetworkCreateOptions{Driver: "bridge", Labels: labels,
			IPAM: &network.IPAM{Driver: "default", Config: []network.IPAMConfig{subnet}}})
		if err == nil {
			return res.ID, nil
		}
		if p.unreachable(err) || ctx.Err() != nil {
			return "", err
		}
		last = err // somebody took the subnet in between
	}
	return "", fmt.Errorf("network %s: no free subnet: %w", name, last)
}

// findNetwork returns "" when there is none. Networks without the role label are left-overs of freeSubnet.
func (p *Provider) findNetwork(ctx context.Context, s scope) (string, error) {
	list, err := p.networks(ctx, s.with(labelRole, roleNetwork))
	if err != nil || len(list) == 0 {
		return "", err
	}
	slices.SortFunc(list, func(a, b network.Summary) int { return a.Created.Compare(b.Created) })
	return list[0].ID, nil
}

// freeSubnet lets the engine choose a subnet, by making a network and removing it.
func (p *Provider) freeSubnet(ctx context.Context, name string, s scope) (network.IPAMConfig, error) {
	res, err := p.api.NetworkCreate(ctx, name+"-subnet", client.NetworkCreateOptions{Driver: "bridge", Labels: s.labels()})
	if err != nil {
		return network.IPAMConfig{}, err
	}
	seen, err := p.api.NetworkInspect(ctx, res.ID, client.NetworkInspectOptions{})
	_, rmErr := p.api.NetworkRemove(context.WithoutCancel(ctx), res.ID, client.NetworkRemoveOptions{})
	if err := errors.Join(err, rmErr); err != nil {
		return network.IPAMConfig{}, err
	}
	for _, c := range seen.Network.IPAM.Config {
		if c.Subnet.Addr().Is4() {
			return network.IPAMConfig{Subnet: c.Subnet, Gateway: c.Gateway}, nil
		}
	}
	return network.IPAMConfig{}, fmt.Errorf("network %s: the engine gave it no IPv4 subnet", name)
}

// releaseNetwork removes the network of a scope when nothing of the scope is left on it.
func (p *Provider) releaseNetwork(ctx context.Context, s scope) error {
	defer p.scopes.lock(s.key())()
	left, err := p.containers(ctx, s.with())
	if err != nil || len(left) > 0 {
		return err
	}
	markers, err := p.volumes(ctx, s.with(labelRole, roleMarker))
	if err != nil || len(markers) > 0 {
		return err
	}
	nets, err := p.networks(ctx, s.with())
	if err != nil {
		return err
	}
	for _, n := range nets {
		if _, err := p.api.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{}); err != nil && !gone(err) && !cerrdefs.IsPermissionDenied(err) && !cerrdefs.IsConflict(err) {
			return err // in use by a stranger's container is permission denied: it stays
		}
	}
	return nil
}

// endpoint returns a container's place on the network of its scope; nil when it is not there. Podman says the network's name
// where Docker says its id.
func endpoint(info *container.InspectResponse, networkID string) *network.EndpointSettings {
	if info.NetworkSettings == nil {
		return nil
	}
	name := ownerOf(info.Config.Labels).networkName()
	for _, e := range info.NetworkSettings.Networks {
		if e != nil && (e.NetworkID == networkID || e.NetworkID == name) {
			return e
		}
	}
	return nil
}

func (s scope) networkName() string { return bounded("fairlead", s.stack, s.namespace, s.tag()) }

// setAliases makes a container's aliases on the network exactly those wanted, keeping its address. Connections pause for a
// moment. The caller holds the scope's lock.
func (p *Provider) setAliases(ctx context.Context, networkID, id string, want []string) error {
	res, err := p.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	info := &res.Container
	at := endpoint(info, networkID)
	if at != nil && sameAliases(info, at.Aliases, want) {
		return nil
	}
	// Half done would be a container without a network: no cancellation from here on.
	ctx = context.WithoutCancel(ctx)
	var ip netip.Addr
	if at != nil {
		ip = at.IPAddress
		if !ip.IsValid() && at.IPAMConfig != nil {
			ip = at.IPAMConfig.IPv4Address
		}
		if _, err := p.api.NetworkDisconnect(ctx, networkID, client.NetworkDisconnectOptions{Container: id}); err != nil {
			return err
		}
	}
	return p.connect(ctx, networkID, id, ip, want)
}

// connect joins a container to the network, with its old address if nobody took it meanwhile.
func (p *Provider) connect(ctx context.Context, networkID, id string, ip netip.Addr, aliases []string) error {
	var err error
	for try := range 4 {
		e := &network.EndpointSettings{Aliases: aliases}
		if ip.IsValid() && try < 2 {
			e.IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: ip}
		}
		_, err = p.api.NetworkConnect(ctx, networkID, client.NetworkConnectOptions{Container: id, EndpointConfig: e})
		if err == nil || gone(err) || p.unreachable(err) {
			return err
		}
		pause(ctx, 50*time.Millisecond)
	}
	return err
}

// sameAliases ignores the names that engines add by themselves.
func sameAliases(info *container.InspectResponse, have, want []string) bool {
	own := []string{info.ID[:min(12, len(info.ID))], trimSlash(info.Name), info.Config.Hostname}
	for _, w := range want {
		if !slices.Contains(have, w) {
			return false
		}
	}
	for _, h := range have {
		if !slices.Contains(want, h) && !slices.Contains(own, h) {
			return false
		}
	}
	return true
}

func trimSlash(s string) string {
	if len(s) > 0 && s[0] == '/' {
		return s[1:]
	}
	return s
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
