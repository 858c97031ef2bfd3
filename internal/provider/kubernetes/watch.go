package kubernetes

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// idleTime is how long a watch that nobody reads from is kept.
const idleTime = 10 * time.Minute

// watches keeps copies of what is on the cluster: the marked objects of each kind and namespace that records are read from, and
// the pods and ReplicaSets of the namespaces with workloads. A watch starts when it is first read from and ends when it was not
// read from for a while.
type watches struct {
	objects dynamic.Interface
	log     *slog.Logger

	mu      sync.Mutex
	life    context.Context // nil while nothing runs
	running map[scope]*copies
	written map[place]fence
	readers map[string]map[chan string]struct{} // by stack id
	owners  map[types.UID]owner
	started sync.WaitGroup
}

// scope is what one watch sees.
type scope struct {
	schema.GroupVersionResource
	namespace string
	all       bool // also what is not marked
}

// copies is one watch.
type copies struct {
	informer cache.SharedIndexInformer
	used     time.Time
	end      context.CancelFunc
	done     chan struct{} // closed when it ended
	broken   atomic.Bool   // what is kept may be old
	first    sync.Once
	failed   chan struct{} // closed at the first trouble
	late     atomic.Bool   // nobody waits for it any more
}

// syncTime is how long somebody waits for a watch that begins; asking the API server for each object costs more.
const syncTime = time.Second

// trouble notes that what is kept may be old.
func (c *copies) trouble() {
	c.broken.Store(true)
	c.first.Do(func() { close(c.failed) })
}

// wait waits for a watch that begins to have everything.
func (c *copies) wait() {
	if c.late.Load() || c.informer.HasSynced() {
		return
	}
	timer := time.NewTimer(syncTime)
	defer timer.Stop()
	select {
	case <-c.informer.HasSyncedChecker().Done():
	case <-c.failed:
	case <-timer.C:
		c.late.Store(true)
	}
}

// fence is a write of our own: copies that are older must not be believed.
type fence struct {
	version uint64
	gone    types.UID
	at      time.Time
	written *unstructured.Unstructured // what the API server answered, until somebody looks at it
}

// owner is the element that an object belongs to.
type owner struct{ stackID, element string }

func newWatches(objects dynamic.Interface, log *slog.Logger) *watches {
	return &watches{objects: objects, log: log, running: map[scope]*copies{}, written: map[place]fence{},
		readers: map[string]map[chan string]struct{}{}, owners: map[types.UID]owner{}}
}

// run lets watches start, and ends them with ctx.
func (w *watches) run(ctx context.Context) error {
	// What the client library has to say goes through onError.
	life, end := context.WithCancel(klog.NewContext(ctx, logr.Discard()))
	w.mu.Lock()
	w.life = life
	w.mu.Unlock()
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			w.sweep(now)
		case <-ctx.Done():
			w.mu.Lock()
			w.life = nil
			clear(w.running)
			clear(w.owners)
			w.mu.Unlock()
			end()
			w.started.Wait()
			return ctx.Err()
		}
	}
}

// sweep ends watches that nobody reads from and forgets writes that nobody asked about.
func (w *watches) sweep(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s, c := range w.running {
		if now.Sub(c.used) > idleTime {
			c.end()
			delete(w.running, s)
		}
	}
	for l, f := range w.written {
		if now.Sub(f.at) > idleTime {
			delete(w.written, l)
		}
	}
	if len(w.running) == 0 {
		clear(w.owners)
	}
}

// of returns the watch of a scope if it has everything, and starts it when it does not run; nil otherwise.
func (w *watches) of(s scope) cache.Indexer {
	c := w.reads(s)
	if c == nil {
		return nil
	}
	c.wait()
	if !c.informer.HasSynced() || c.broken.Load() {
		return nil
	}
	return c.informer.GetIndexer()
}

// reads notes that a scope is read from, and starts its watch when it does not run; nil when none can.
func (w *watches) reads(s scope) *copies {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.life == nil {
		return nil
	}
	c := w.running[s]
	if c == nil {
		c = w.start(s)
	}
	c.used = time.Now()
	return c
}

const (
	byName  = "name"
	byOwner = "owner"
)

func (w *watches) start(s scope) *copies {
	at := w.objects.Resource(s.GroupVersionResource).Namespace(s.namespace)
	if s.namespace == "" {
		at = w.objects.Resource(s.GroupVersionResource)
	}
	narrow := func(o metav1.ListOptions) metav1.ListOptions {
		if !s.all {
			o.LabelSelector = labelStackID
		}
		return o
	}
	c := &copies{done: make(chan struct{}), failed: make(chan struct{})}
	informer := cache.NewSharedIndexInformer(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return at.List(ctx, narrow(o))
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			news, err := at.Watch(ctx, narrow(o))
			if c.broken.Store(false); err != nil {
				c.trouble()
			}
			return news, err
		},
	}, &unstructured.Unstructured{}, 0, cache.Indexers{
		byName: func(o any) ([]string, error) { return []string{nameOf(o)}, nil },
		byOwner: func(o any) ([]string, error) {
			if ref := controllerOf(o); ref != nil {
				return []string{string(ref.UID)}, nil
			}
			return nil, nil
		},
	})
	// These fail only on an informer that runs already.
	_ = informer.SetTransform(trim(s.all))
	_ = informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, _ *cache.Reflector, err error) {
		c.trouble()
		if ctx.Err() == nil {
			w.log.Debug("a watch on the cluster was broken off", "resource", s.Resource, "namespace", s.namespace, "error", err)
		}
	})
	_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { w.changed(o, false) },
		UpdateFunc: func(_, o any) { w.changed(o, false) },
		DeleteFunc: func(o any) { w.changed(o, true) },
	})
	life, end := context.WithCancel(w.life)
	c.informer, c.end = informer, end
	w.running[s] = c
	w.started.Go(func() {
		defer close(c.done)
		informer.RunWithContext(life)
	})
	return c
}

// trim takes away what is never read, so that copies stay small.
func trim(workings bool) cache.TransformFunc {
	return func(v any) (any, error) {
		o, ok := v.(*unstructured.Unstructured)
		if !ok {
			return v, nil
		}
		o.SetManagedFields(nil)
		if workings {
			spec, _ := o.Object["spec"].(map[string]any)
			kept := map[string]any{}
			for _, k := range []string{"replicas", "nodeName"} {
				if x, ok := spec[k]; ok {
					kept[k] = x
				}
			}
			o.Object["spec"] = kept
		}
		return o, nil
	}
}

func nameOf(v any) string {
	if o, ok := v.(*unstructured.Unstructured); ok {
		return o.GetName()
	}
	return ""
}

func controllerOf(v any) *metav1.OwnerReference {
	o, ok := v.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	return metav1.GetControllerOf(o)
}

// object returns the copy of a marked object, nil when there is none that can be believed.
func (w *watches) object(l place) *unstructured.Unstructured {
	index := w.of(scope{GroupVersionResource: l.GroupVersionResource, namespace: l.namespace})
	if index == nil {
		return nil
	}
	list, err := index.ByIndex(byName, l.name)
	w.mu.Lock()
	defer w.mu.Unlock()
	f, fenced := w.written[l]
	if err != nil || len(list) != 1 {
		if fenced && f.gone != "" {
			delete(w.written, l)
		}
		return nil
	}
	o, ok := list[0].(*unstructured.Unstructured)
	switch {
	case !ok, fenced && f.gone == o.GetUID(), fenced && f.gone == "" && versionOf(o) < f.version:
		return nil
	case fenced:
		delete(w.written, l)
	}
	return o
}

// wrote remembers a write of our own.
func (w *watches) wrote(l place, o *unstructured.Unstructured) {
	w.fence(l, fence{version: versionOf(o), written: o})
}

// justWritten returns, once, what the API server answered to a write of our own, and has the object watched from then on unless
// its kind has nothing to wait for. The object is shared.
func (w *watches) justWritten(l place) *unstructured.Unstructured {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.written[l]
	o := f.written
	if o != nil {
		f.written = nil
		w.written[l] = f
	}
	return o
}

// erased remembers a deletion of our own.
func (w *watches) erased(l place, uid types.UID) { w.fence(l, fence{gone: uid}) }

func (w *watches) fence(l place, f fence) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.at = time.Now()
	w.written[l] = f
}

// versionOf is the resource version, which counts up.
func versionOf(o *unstructured.Unstructured) uint64 {
	n, err := strconv.ParseUint(o.GetResourceVersion(), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// changed tells the readers whose object changed.
func (w *watches) changed(v any, gone bool) {
	if last, ok := v.(cache.DeletedFinalStateUnknown); ok {
		v = last.Obj
	}
	o, ok := v.(*unstructured.Unstructured)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	own, ok := w.ownerOf(o)
	if !ok {
		return
	}
	if gone {
		delete(w.owners, o.GetUID())
	} else if o.GetKind() != "Pod" || o.GetLabels()[labelStackID] != "" {
		w.owners[o.GetUID()] = own
	}
	for ch := range w.readers[own.stackID] {
		select {
		case ch <- own.element:
		default:
		}
	}
}

// ownerOf finds the element of a marked object, or of one that belongs to it. Watches tell in any order: what has not been told
// yet when something of it changes is looked up in the copies.
func (w *watches) ownerOf(o *unstructured.Unstructured) (owner, bool) {
	if id := o.GetLabels()[labelStackID]; id != "" {
		return owner{id, o.GetAnnotations()[annotationElement]}, true
	}
	ref := metav1.GetControllerOf(o)
	if ref == nil {
		return owner{}, false
	}
	if own, ok := w.owners[ref.UID]; ok {
		return own, true
	}
	for s, c := range w.running {
		if s.Resource != strings.ToLower(ref.Kind)+"s" || s.namespace != "" && s.namespace != o.GetNamespace() {
			continue
		}
		list, _ := c.informer.GetIndexer().ByIndex(byName, ref.Name) // the index is there
		for _, v := range list {
			parent, ok := v.(*unstructured.Unstructured)
			if !ok || parent.GetUID() != ref.UID {
				continue
			}
			if own, ok := w.ownerOf(parent); ok {
				w.owners[ref.UID] = own
				return own, true
			}
		}
	}
	return owner{}, false
}

// Watch sends the names of the stack's elements whose objects, pods or ReplicaSets changed. Kinds and namespaces are watched from
// the first look at the health of an element in them.
func (p *Provider) Watch(ctx context.Context, stackID string) <-chan string {
	ch := make(chan string, 256)
	w, id := p.watches, labelValue(stackID)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.readers[id] == nil {
		w.readers[id] = map[chan string]struct{}{}
	}
	w.readers[id][ch] = struct{}{}
	context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.readers[id], ch)
		if len(w.readers[id]) == 0 {
			delete(w.readers, id)
		}
	})
	return ch
}
