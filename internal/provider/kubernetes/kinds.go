package kubernetes

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// Discovery is asked again when a kind is missing, but not more often than this, and when it is old: a group can be upgraded.
const (
	missTime  = 2 * time.Second
	stateTime = 10 * time.Minute
	soonTime  = 6 * time.Second
)

// kinds knows which kinds the cluster serves.
type kinds struct {
	find discovery.DiscoveryInterfaceWithContext

	mu    sync.Mutex
	read  time.Time
	lists []*metav1.APIResourceList
	known map[schema.GroupVersionKind]mapping
	down  map[schema.GroupVersion]error // whose own servers did not answer
}

// mapping is where the objects of a kind are.
type mapping struct {
	schema.GroupVersionResource
	kind       schema.GroupVersionKind
	namespaced bool
}

// soon finds a kind that may have been defined a moment ago: discovery is behind definitions by a second or two.
func (k *kinds) soon(ctx context.Context, gvk schema.GroupVersionKind) (mapping, error) {
	late := time.NewTimer(soonTime)
	defer late.Stop()
	tick := time.NewTicker(soonTime / 20)
	defer tick.Stop()
	for {
		m, err := k.of(ctx, gvk)
		if !isMissingKind(err) {
			return m, err
		}
		select {
		case <-tick.C:
			k.mu.Lock()
			k.read = time.Time{}
			k.mu.Unlock()
		case <-late.C:
			return m, err
		case <-ctx.Done():
			return m, ctx.Err()
		}
	}
}

// of finds a kind. The error of one that the cluster does not serve is a [missingKind].
func (k *kinds) of(ctx context.Context, gvk schema.GroupVersionKind) (mapping, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	age := time.Since(k.read)
	m, ok := k.known[gvk]
	if ok && age < stateTime {
		return m, nil
	}
	if !ok && k.known != nil && age < missTime {
		return m, k.missing(gvk)
	}
	if err := k.refresh(ctx); err != nil {
		return m, err
	}
	if m, ok = k.known[gvk]; !ok {
		return m, k.missing(gvk)
	}
	return m, nil
}

func (k *kinds) refresh(ctx context.Context) error {
	_, lists, err := k.find.ServerGroupsAndResourcesWithContext(ctx)
	// A group whose own server is down must not hide the others.
	partly, ok := errors.AsType[*discovery.ErrGroupDiscoveryFailed](err)
	if err != nil && !ok {
		return err
	}
	k.down = nil
	if ok {
		k.down = partly.Groups
	}
	k.lists, k.read, k.known = lists, time.Now(), map[schema.GroupVersionKind]mapping{}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			continue
		}
		for _, r := range list.APIResources {
			if strings.Contains(r.Name, "/") {
				continue
			}
			gvk := gv.WithKind(r.Kind)
			if _, twice := k.known[gvk]; !twice {
				k.known[gvk] = mapping{gv.WithResource(r.Name), gvk, r.Namespaced}
			}
		}
	}
	return nil
}

// all are the namespaced kinds that can be listed, each in one version.
func (k *kinds) all(ctx context.Context) ([]schema.GroupVersionResource, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.read) > stateTime {
		if err := k.refresh(ctx); err != nil {
			return nil, err
		}
	}
	var out []schema.GroupVersionResource
	seen := map[schema.GroupResource]bool{}
	for _, list := range k.lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			continue
		}
		for _, r := range list.APIResources {
			gvr := gv.WithResource(r.Name)
			if r.Namespaced && !strings.Contains(r.Name, "/") && slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "delete") && !seen[gvr.GroupResource()] {
				seen[gvr.GroupResource()] = true
				out = append(out, gvr)
			}
		}
	}
	return out, nil
}

// missingKind says that the cluster does not serve a kind.
type missingKind struct {
	kind     schema.GroupVersionKind
	versions []string // of the same kind that the cluster does serve
	group    bool     // it serves other kinds of the group
}

func (k *kinds) missing(gvk schema.GroupVersionKind) error {
	if err := k.down[gvk.GroupVersion()]; err != nil {
		return apierrors.NewServiceUnavailable(gvk.GroupVersion().String() + ": " + err.Error())
	}
	e := &missingKind{kind: gvk}
	for known := range k.known {
		if known.Group != gvk.Group {
			continue
		}
		e.group = true
		if known.Kind == gvk.Kind {
			e.versions = append(e.versions, known.GroupVersion().String())
		}
	}
	slices.Sort(e.versions)
	return e
}

func (e *missingKind) Error() string {
	gv := e.kind.GroupVersion().String()
	switch {
	case len(e.versions) > 0:
		return "the cluster does not serve " + e.kind.Kind + " in " + gv + "; it serves " + strings.Join(e.versions, ", ")
	case e.group || e.kind.Group == "":
		return "the cluster has no kind " + e.kind.Kind + " in " + gv + "; correct kind or apiVersion"
	}
	return "the cluster has no API group " + e.kind.Group + " (kind " + e.kind.Kind + "); install what brings its CustomResourceDefinition first, or correct apiVersion"
}

// isMissingKind reports whether the cluster does not know a kind.
func isMissingKind(err error) bool {
	if _, ok := errors.AsType[*missingKind](err); ok {
		return true
	}
	return meta.IsNoMatchError(err)
}
