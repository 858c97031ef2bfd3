package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/moby/moby/client"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/scratch"
)

// chainTemplate has elements that take a while to become healthy, some after others.
func chainTemplate(elements int) string {
	var b strings.Builder
	b.WriteString("tosca_definitions_version: huaweicloud_tosca_version_1_0\ninputs:\n  image: {type: string}\nnode_templates:\n")
	for i := range elements {
		fmt.Fprintf(&b, `  web-%[1]d:
    type: HuaweiCloud.CCE.Deployment
    properties:
      k8sManifest:
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web-%[1]d}
        spec:
          replicas: 2
          selector: {matchLabels: {app: web-%[1]d}}
          template:
            metadata: {labels: {app: web-%[1]d}}
            spec:
              containers:
                - name: web
                  image: {get_input: image}
                  readinessProbe:
                    httpGet: {path: /healthz, port: 8080}
                    periodSeconds: 1
`, i)
		if i >= 2 {
			fmt.Fprintf(&b, "    requirements:\n      - dependency: {node: web-%d}\n", i-2)
		}
	}
	return b.String()
}

// pushImage pushes the program itself as demo/web, with the tags.
func (s *server) pushImage(tags ...string) {
	s.t.Helper()
	s.mustRun("image", "create-org", "demo")
	for _, tag := range tags {
		img := demoImage(s.t, tag)
		ref, err := name.ParseReference(s.address+"/demo/web:"+tag, name.Insecure)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := remote.Write(ref, img, remote.WithAuth(&authn.Basic{Username: "admin", Password: adminPassword})); err != nil {
			s.t.Fatal(err)
		}
	}
}

// demoImage is an image of the page that shows its version.
func demoImage(t *testing.T, version string) v1.Image {
	t.Helper()
	img, err := scratch.Image(binary, v1.Config{Entrypoint: []string{scratch.Program, "demo-web"}, Env: []string{"DEMO_VERSION=" + version}})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// containers returns the names of the containers of an element, by element.
func containers(t *testing.T, docker *client.Client, stack string) map[string][]string {
	t.Helper()
	list, err := docker.ContainerList(t.Context(), client.ContainerListOptions{
		All: true, Filters: client.Filters{}.Add("label", "fairlead.stack="+stack),
	})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, c := range list.Items {
		element := c.Labels["fairlead.element"]
		found[element] = append(found[element], c.ID)
	}
	return found
}

// events are the first 500, without the news of the audit log, which take the place of each other.
func (s *server) events() []fairlead.Event {
	s.t.Helper()
	var page struct{ Items []fairlead.Event }
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.url("/api/v1/events?limit=500"), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.SetBasicAuth("admin", adminPassword)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	if err := json.NewDecoder(res.Body).Decode(&page); err != nil {
		s.t.Fatal(err)
	}
	return slices.DeleteFunc(page.Items, func(e fairlead.Event) bool { return e.Kind == "audit" })
}

// checkEvents proves that what was stored before a crash is still there, word for word, and that nothing is missing.
func (s *server) checkEvents(before, after []fairlead.Event) {
	s.t.Helper()
	if len(after) < len(before) || !reflect.DeepEqual(before, after[:len(before)]) {
		s.t.Errorf("events changed over the crash:\nbefore %v\nafter  %v", before, after)
	}
	s.checkNumbers()
}

// checkNumbers checks that no event is missing or there twice. Events and lines of output, of which the caller has the numbers, count
// in one sequence; of the news of the audit log, which each entry of a request makes, only the last is kept.
func (s *server) checkNumbers(output ...int64) {
	s.t.Helper()
	seqs, last := output, int64(0)
	for _, e := range pages[fairlead.Event](s, "/api/v1/events") {
		if last = e.Seq; e.Kind != "audit" {
			seqs = append(seqs, e.Seq)
		}
	}
	slices.Sort(seqs)
	if len(seqs) == 0 || len(slices.Compact(slices.Clone(seqs))) != len(seqs) {
		s.t.Fatalf("there are no numbers, or one is there twice: %v", seqs)
	}
	news := 0
	for _, e := range pages[fairlead.AuditEntry](s, "/api/v1/audit") {
		if e.Via != "channel" && e.Via != "registry" { // those have other events
			news++
		}
	}
	if last = max(last, seqs[len(seqs)-1]); int(last)-len(seqs) != news {
		s.t.Errorf("%d events and lines of output and %d entries of the audit log have numbers up to %d: some are missing", len(seqs), news, last)
	}
}

func TestKilledServerFinishesCreate(t *testing.T) {
	docker := mustEngine(t)
	s := newServer(t)
	s.pushImage("1.0")
	const elements = 5
	s.mustRun("template", "push", "chain", "1.0", s.writeFile("chain.yaml", chainTemplate(elements)))
	s.mustRun("stack", "create", "crash", "--template", "chain@1.0", "--set", "image="+s.address+"/demo/web:1.0")

	var before []fairlead.Event
	for kills := range 2 {
		s.eventually("containers are being made", func() error {
			if n := len(containers(t, docker, "crash")); n <= kills {
				return fmt.Errorf("containers of %d elements", n)
			}
			return nil
		})
		before = s.events()
		s.kill()
		s.start()
	}

	s.eventually("the create ends by itself", func() error {
		stack := mustJSON[fairlead.Stack](s, "stack", "show", "crash")
		if stack.Status != fairlead.StackRunning {
			return fmt.Errorf("status %s: %s", stack.Status, stack.Reason)
		}
		return nil
	})
	found := containers(t, docker, "crash")
	if len(found) != elements {
		t.Errorf("containers of %d elements, want %d", len(found), elements)
	}
	for element, ids := range found {
		if len(ids) != 2 {
			t.Errorf("element %s has %d containers, want 2", element, len(ids))
		}
	}
	s.checkEvents(before, s.events())
	s.mustRun("stack", "delete", "crash", "--wait")
	if left := containers(t, docker, "crash"); len(left) > 0 {
		t.Errorf("left after delete: %v", left)
	}
}

func TestKilledServerFinishesRun(t *testing.T) {
	docker := mustEngine(t)
	s := newServer(t)
	s.pushImage("1.0")
	s.mustRun("template", "push", "chain", "1.0", s.writeFile("chain.yaml", chainTemplate(3)))
	s.mustRun("pipeline", "apply", "-f", s.writeFile("crash.yaml", `
name: crash
variables: [{name: tag, value: "0"}]
start:
  mode: any
  conditions:
    - webhook: {}
      params: [{name: tag, variable: tag}]
stages:
  - name: deploy
    type: template-deploy
    images: [{name: app, image: "demo/web:${tag}"}]
    deploy: {tool: aos, stack: crash-run, create: true, target: local, template: chain, version: "1.0", parameters: {image: "${image.app}"}}
    timeout: 5m
`))
	hook := mustJSON[fairlead.Pipeline](s, "pipeline", "get", "crash").Webhooks[0].Path
	status, first := s.post(hook+"?tag=1.0", "Idempotency-Key", "build-1")
	if status != http.StatusAccepted {
		t.Fatalf("webhook: %d %s", status, first)
	}
	// Anywhere within the first second: before the stage, in the middle of the action.
	select {
	case <-time.After(time.Duration(rand.IntN(1000)) * time.Millisecond):
	case <-t.Context().Done():
	}
	before := s.events()
	s.kill()
	s.start()
	// Who sent the webhook did not see the answer arrive, and sends it again.
	if status, again := s.post(hook+"?tag=1.0", "Idempotency-Key", "build-1"); status != http.StatusAccepted || again != first {
		t.Errorf("the same message again: %d %s, want 202 %s", status, again, first)
	}
	var runs []fairlead.Run
	s.eventually("the run ends by itself", func() error {
		runs = mustJSON[[]fairlead.Run](s, "pipeline", "runs", "crash")
		if len(runs) == 0 || runs[0].State != fairlead.RunSucceeded {
			return fmt.Errorf("runs %+v", runs)
		}
		return nil
	})
	if len(runs) != 1 {
		t.Errorf("%d runs, want one", len(runs))
	}
	for element, ids := range containers(t, docker, "crash-run") {
		if len(ids) != 2 {
			t.Errorf("element %s has %d containers, want 2", element, len(ids))
		}
	}
	s.checkEvents(before, s.events())
}
