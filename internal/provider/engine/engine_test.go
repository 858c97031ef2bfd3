package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

func TestDeploymentBehindAPublishedPort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.make(w.element("svc", "CCE.Service", nodePort("web", "web")))
	web := w.element("web", "CCE.Deployment", deployment("web", 2, webContainer("demo/web:1")))
	c := w.make(web)
	if c.Verb != fairlead.OpCreate {
		t.Errorf("verb %s, want create", c.Verb)
	}
	w.make(w.element("svc", "CCE.Service", nodePort("web", "web"))) // its attributes
	if got := mustGet(t, w.url("svc")); !strings.HasPrefix(got, "one web-") {
		t.Errorf("page %q", got)
	}
	hosts := map[string]bool{}
	for range 8 {
		hosts[mustGet(t, w.url("svc"))] = true
	}
	if len(hosts) != 2 {
		t.Errorf("answers from %v, want both containers", hosts)
	}
	if c := w.plan(web); c.Verb != fairlead.OpNone {
		t.Errorf("a second plan says %s (%s), want none", c.Verb, c.Reason)
	}
	if got := w.prior("web").Attributes; got["refName"] != "web" || got["refLabelsApp"] != "web" || got["refID"] == "" {
		t.Errorf("attributes %v", got)
	}
}

// load asks without a break until stopped and counts.
type load struct {
	done, failed atomic.Int64
	mu           sync.Mutex
	errs         []string
	stop         context.CancelFunc
	wg           sync.WaitGroup
}

func startLoad(url string, workers int) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{stop: cancel}
	for range workers {
		l.wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := get(url); err != nil {
					l.failed.Add(1)
					l.mu.Lock()
					l.errs = append(l.errs, time.Now().Format("05.000 ")+err.Error())
					l.mu.Unlock()
				}
				l.done.Add(1)
			}
		})
	}
	return l
}

func (l *load) end(t *testing.T) {
	t.Helper()
	l.stop()
	l.wg.Wait()
	t.Logf("%d requests, %d failed", l.done.Load(), l.failed.Load())
	if l.failed.Load() > 0 {
		t.Errorf("%d of %d requests failed: %v", l.failed.Load(), l.done.Load(), l.errs[:min(90, len(l.errs))])
	}
	if l.done.Load() == 0 {
		t.Error("no request was made")
	}
}

func TestRollingReplacementLosesNoRequest(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprint(replicas), func(t *testing.T) {
			w := newWorld(t)
			w.run()
			w.make(w.element("web", "CCE.Deployment", deployment("web", replicas, webContainer("demo/web:1"))))
			w.make(w.element("svc", "CCE.Service", nodePort("web", "web")))
			l := startLoad(w.url("svc"), 4)
			before := w.url("svc")
			w.make(w.element("web", "CCE.Deployment", deployment("web", replicas, webContainer("demo/web:2"))))
			w.make(w.element("svc", "CCE.Service", nodePort("web", "web")))
			w.make(w.element("web", "CCE.Deployment", deployment("web", replicas, webContainer("demo/web:1"))))
			w.make(w.element("web", "CCE.Deployment", deployment("web", replicas, webContainer("demo/web:2"))))
			l.end(t)
			t.Log("forwarder:", logs(t, w, w.containers("forwarder")[0]))
			if got := mustGet(t, w.url("svc")); !strings.HasPrefix(got, "two ") {
				t.Errorf("page %q, want that of version two", got)
			}
			if got := w.containers("main"); len(got) != replicas {
				t.Errorf("containers %v, want %d", got, replicas)
			}
			if w.url("svc") != before {
				t.Errorf("published at %s, before at %s", w.url("svc"), before)
			}
		})
	}
}
