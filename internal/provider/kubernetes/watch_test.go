package kubernetes

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
)

// TestWatchesEnd lets a watch that nobody reads from go, and starts it again when it is read from.
func TestWatchesEnd(t *testing.T) {
	t.Parallel()
	p, err := New(Config{Kubeconfig: kubetest.Kubeconfig(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	w, s := p.watches, scope{GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, namespace: "default"}
	if w.of(s) != nil {
		t.Error("a watch is believed before run")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Run(ctx)
	}()
	w.untilRead(t, s)
	w.sweep(time.Now())
	w.mu.Lock()
	ended := w.running[s]
	w.mu.Unlock()
	if ended == nil {
		t.Fatal("a watch that was read from ended")
	}
	w.sweep(time.Now().Add(2 * idleTime))
	select {
	case <-ended.done:
	case <-time.After(30 * time.Second):
		t.Error("a watch that nobody reads from did not end")
	}
	w.untilRead(t, s)
	cancel()
	<-done
	if w.of(s) != nil {
		t.Error("a watch is believed after run")
	}
}

func (w *watches) untilRead(t *testing.T, s scope) {
	t.Helper()
	late := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for w.of(s) == nil {
		select {
		case <-late:
			t.Fatal("the watch did not start")
		case <-tick.C:
		}
	}
}
