package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

// TestBrokenUpgradeServes upgrades to something that never becomes ready, while requests go on all the time: the stack ends on
// the old version, which answered every one of them.
func TestBrokenUpgradeServes(t *testing.T) {
	mustEngine(t)
	s := newServer(t)
	s.pushImage("1.0")
	text := strings.NewReplacer("port: 8080}, periodSeconds", "port: {get_input: probe}}, periodSeconds",
		"inputs:\n", "inputs:\n  probe: {default: 8080, type: integer, description: port of the probe}\n").Replace(configTemplate)
	s.mustRun("template", "push", "broken", "1.0", s.writeFile("broken.yaml", text))
	s.mustRun("stack", "create", "broken", "--template", "broken@1.0", "--set", "image="+s.address+"/demo/web:1.0", "--set", "version=blue", "--wait")
	url := mustJSON[[]struct{ Value string }](s, "stack", "outputs", "broken")[0].Value

	stop, told := make(chan struct{}), make(chan traffic)
	go func() { told <- drive(url, "version blue", stop) }()
	out, err := s.run("", "stack", "upgrade", "broken", "--set", "probe=9", "--on-failure", "rollback", "--timeout", "8s", "--wait")
	if err == nil || !strings.Contains(out, "rolled back to broken@1.0") {
		t.Errorf("the broken upgrade: %v\n%s", err, out)
	}
	close(stop)
	seen := <-told
	if seen.wrong != "" || seen.answers == 0 {
		t.Errorf("%d answers, and then: %s", seen.answers, seen.wrong)
	}
	t.Logf("%d answers", seen.answers)
	if st := mustJSON[fairlead.Stack](s, "stack", "show", "broken"); st.Status != fairlead.StackRunning || st.Inputs["probe"] != 8080.0 {
		t.Errorf("stack %+v", st)
	}
}

// traffic is what came of requests, one after the other.
type traffic struct {
	answers int
	wrong   string // the first answer that was not as wanted
}

func drive(url, want string, stop <-chan struct{}) (seen traffic) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return seen
		case <-tick.C:
		}
		page, err := fetch(client, url)
		if err != nil || !strings.Contains(page, want) {
			seen.wrong = fmt.Sprintf("%v %s", err, page)
			return seen
		}
		seen.answers++
	}
}

func fetch(client *http.Client, url string) (string, error) {
	res, err := client.Get(url) //nolint:noctx // the client has a timeout
	if err != nil {
		return "", err
	}
	page, err := io.ReadAll(res.Body)
	if closed := res.Body.Close(); err == nil {
		err = closed
	}
	return string(page), err
}
