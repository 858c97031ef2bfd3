package e2e_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/moby/moby/client"
)

// TestDemo runs what the README's first command runs, to its end.
func TestDemo(t *testing.T) {
	docker := mustEngine(t)
	cmd := exec.CommandContext(t.Context(), binary, "demo", "--exit")
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("demo: %v\n%s", err, out)
	}
	last := 0
	for _, want := range []string{
		"POST http://", "?tag=1.0", "Hello from version 1.0", "?tag=1.1", " requests, 0 failed", "Hello from version 1.1", "Removed stack demo-web",
	} {
		at := strings.Index(string(out)[last:], want)
		if at < 0 {
			t.Fatalf("the demo does not print %q at its place:\n%s", want, out)
		}
		last += at
	}
	filter := client.Filters{}.Add("label", "fairlead.stack=demo-web")
	containers, err := docker.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: filter})
	if err != nil || len(containers.Items) > 0 {
		t.Errorf("containers left: %v, %v", containers.Items, err)
	}
	networks, err := docker.NetworkList(t.Context(), client.NetworkListOptions{Filters: filter})
	if err != nil || len(networks.Items) > 0 {
		t.Errorf("networks left: %v, %v", networks.Items, err)
	}
	volumes, err := docker.VolumeList(t.Context(), client.VolumeListOptions{Filters: filter})
	if err != nil || len(volumes.Items) > 0 {
		t.Errorf("volumes left: %v, %v", volumes.Items, err)
	}
}
