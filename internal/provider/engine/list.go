package engine

import (
	"context"
	"slices"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/volume"
	"github.com/moby/moby/client"
)

// labelled are labels that all must match. Engines are asked with a filter, and their answer is checked again: Podman takes
// several label filters of volumes and networks as alternatives.
type labelled map[string]string

func (l labelled) filters() client.Filters {
	f := client.Filters{}
	for k, v := range l {
		f.Add("label", k+"="+v)
	}
	return f
}

func (l labelled) match(labels map[string]string) bool {
	for k, v := range l {
		if have, ok := labels[k]; !ok || have != v {
			return false
		}
	}
	return true
}

// containers lists containers, those that do not run too.
func (p *Provider) containers(ctx context.Context, l labelled) ([]container.Summary, error) {
	list, err := p.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: l.filters()})
	return slices.DeleteFunc(list.Items, func(c container.Summary) bool { return !l.match(c.Labels) }), err
}

func (p *Provider) volumes(ctx context.Context, l labelled) ([]volume.Volume, error) {
	list, err := p.api.VolumeList(ctx, client.VolumeListOptions{Filters: l.filters()})
	return slices.DeleteFunc(list.Items, func(v volume.Volume) bool { return !l.match(v.Labels) }), err
}

func (p *Provider) networks(ctx context.Context, l labelled) ([]network.Summary, error) {
	list, err := p.api.NetworkList(ctx, client.NetworkListOptions{Filters: l.filters()})
	return slices.DeleteFunc(list.Items, func(n network.Summary) bool { return !l.match(n.Labels) }), err
}
