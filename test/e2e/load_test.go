package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

const (
	loadKills   = 10
	loadSenders = 4
	// loadMessages is how many messages are sent at least; they go on while there are kills to come.
	loadMessages = 120
)

const loadTemplate = `
tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  tag: {type: string}
node_templates:
  settings:
    type: HuaweiCloud.CCE.ConfigMap
    properties:
      k8sManifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {tag: {get_input: tag}}}
  words:
    type: HuaweiCloud.CCE.ConfigMap
    properties:
      k8sManifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: words}, data: {tag: {concat: [x-, {get_input: tag}]}}}
    requirements:
      - dependency: {node: settings}
`

const loadPipeline = `
name: load
variables: [{name: tag, value: none}]
start:
  mode: any
  conditions:
    - webhook: {}
      params: [{name: tag, variable: tag}]
stages:
  - name: deploy
    type: template-deploy
    deploy: {tool: aos, stack: load, create: true, target: local, template: load, version: "1.0", parameters: {tag: "${tag}-${SYS_INCREMENT}"}}
    timeout: 5m
`

// TestKilledServerUnderLoad kills the server at random moments while messages pour in. Who sends one repeats it with the same
// key until it is accepted, as a careful client does; then every message has one run, every run has ended well, numbers and
// events have no gaps, and no job is left.
func TestKilledServerUnderLoad(t *testing.T) {
	mustEngine(t)
	s := newServer(t)
	s.mustRun("template", "push", "load", "1.0", s.writeFile("load.yaml", loadTemplate))
	s.mustRun("pipeline", "apply", "-f", s.writeFile("pipeline.yaml", loadPipeline))
	hook := s.url(mustJSON[fairlead.Pipeline](s, "pipeline", "get", "load").Webhooks[0].Path)

	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	load := &load{hooks: func(string) []string { return []string{hook} }, gap: 120 * time.Millisecond, accepted: map[string]acceptance{}, killing: make(chan struct{})}
	var senders sync.WaitGroup
	for range loadSenders {
		senders.Go(func() { load.send(ctx) })
	}
	for range loadKills {
		pause(ctx, rand.N(700*time.Millisecond))
		s.kill()
		s.start()
	}
	close(load.killing)
	senders.Wait()
	for _, err := range load.errs {
		t.Error(err)
	}

	s.eventually("all runs end", func() error {
		busy := s.metrics("fairlead_runs", "queued", "running", "waiting", "held")
		if busy != "" {
			return errors.New(busy)
		}
		return nil
	})
	checkLoad(t, load.accepted, pages[fairlead.Run](s, "/api/v1/pipelines/load/runs"))
	s.eventually("no job is left", func() error {
		if left := s.metrics("fairlead_jobs", "available", "running", "retryable", "scheduled", "pending", "discarded", "cancelled"); left != "" {
			return errors.New(left)
		}
		return nil
	})
	s.checkNumbers()
	t.Logf("%d messages, %d attempts, %d kills", len(load.accepted), load.attempts, loadKills)
}

// checkLoad compares what was accepted with the runs, which come newest first.
func checkLoad(t *testing.T, accepted map[string]acceptance, runs []fairlead.Run) {
	t.Helper()
	if len(runs) != len(accepted) {
		t.Errorf("%d messages were accepted, and there are %d runs", len(accepted), len(runs))
	}
	byID, actions := map[string]fairlead.Run{}, map[string]bool{}
	for i, run := range runs {
		if want := int64(len(runs) - i); run.Number != want || run.Variables["SYS_INCREMENT"] != fmt.Sprint(want) {
			t.Fatalf("run %d of the list is number %d with SYS_INCREMENT %s: want %d", i, run.Number, run.Variables["SYS_INCREMENT"], want)
		}
		if stage := run.Stages[0]; run.State != fairlead.RunSucceeded || stage.Attempt != 1 || stage.Action == "" || actions[stage.Action] {
			t.Errorf("run %d: %+v", run.Number, run)
		}
		actions[run.Stages[0].Action] = true
		byID[run.ID] = run
	}
	for key, a := range accepted {
		if run, ok := byID[a.Run]; !ok || run.Variables["tag"] != key {
			t.Errorf("message %s was accepted for run %s, which is %+v", key, a.Run, run)
		}
	}
}

// acceptance is the answer to an accepted message.
type acceptance struct{ ID, Run string }

// load is the messages that were sent.
type load struct {
	hooks   func(key string) []string // where a message can be sent
	gap     time.Duration             // the longest pause of a sender between two messages
	killing chan struct{}             // closed when the last kill is over

	mu       sync.Mutex
	sent     int
	attempts int
	accepted map[string]acceptance // by Idempotency-Key
	errs     []error
}

// next is the key of the message to send, or "" when there were enough.
func (l *load) next() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.killing:
		if l.sent >= loadMessages {
			return ""
		}
	default:
	}
	l.sent++
	return fmt.Sprintf("message-%d", l.sent)
}

func (l *load) send(ctx context.Context) {
	for key := l.next(); key != ""; key = l.next() {
		a, err := l.deliver(ctx, key)
		l.mu.Lock()
		if err != nil {
			l.errs = append(l.errs, err)
		} else {
			l.accepted[key] = a
		}
		l.mu.Unlock()
		if pause(ctx, rand.N(l.gap)); ctx.Err() != nil {
			return
		}
	}
}

// deliver repeats a message until it is accepted. An answer other than 202 is an error; no answer is not.
func (l *load) deliver(ctx context.Context, key string) (a acceptance, err error) {
	for {
		status, a, err := l.post(ctx, key)
		switch {
		case err == nil && status == http.StatusAccepted:
			return a, nil
		case err == nil && status != http.StatusServiceUnavailable:
			return a, fmt.Errorf("message %s was answered with %d", key, status)
		case ctx.Err() != nil:
			return a, fmt.Errorf("message %s was not accepted in time: %d %w", key, status, err)
		}
		pause(ctx, 20*time.Millisecond)
	}
}

func (l *load) post(ctx context.Context, key string) (status int, a acceptance, err error) {
	l.mu.Lock()
	l.attempts++
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	hooks := l.hooks(key)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hooks[rand.IntN(len(hooks))]+"?tag="+url.QueryEscape(key), nil)
	if err != nil {
		return 0, a, err
	}
	req.Header.Set("Idempotency-Key", key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, a, err
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	return res.StatusCode, a, json.NewDecoder(res.Body).Decode(&a)
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// get asks as the administrator. The caller closes the body.
func (s *server) get(path string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url(path), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.SetBasicAuth("admin", adminPassword)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

// pages reads a whole list.
func pages[T any](s *server, path string) (all []T) {
	s.t.Helper()
	for cursor := ""; ; {
		var page struct {
			Items []T
			Next  string
		}
		res := s.get(path + "?limit=100&cursor=" + url.QueryEscape(cursor))
		err := json.NewDecoder(res.Body).Decode(&page)
		if err := errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusOK {
			s.t.Fatalf("%s: %s, %v", path, res.Status, err)
		}
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}

// metrics returns the lines of a metric with one of the states that are not 0.
func (s *server) metrics(name string, states ...string) string {
	s.t.Helper()
	var found []string
	known := false
	for _, line := range s.metricLines() {
		if !strings.HasPrefix(line, name+"{") {
			continue
		}
		known = true
		for _, state := range states {
			if strings.Contains(line, `state="`+state+`"`) && !strings.HasSuffix(line, " 0") {
				found = append(found, line)
			}
		}
	}
	if !known {
		s.t.Fatalf("metric %s is not there", name)
	}
	return strings.Join(found, ", ")
}

func (s *server) metricLines() (all []string) {
	s.t.Helper()
	res := s.get("/metrics")
	defer res.Body.Close() //nolint:errcheck // it was read
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		all = append(all, lines.Text())
	}
	if err := lines.Err(); err != nil {
		s.t.Fatal(err)
	}
	return all
}
