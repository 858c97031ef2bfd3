package registry_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/fairlead/fairlead/internal/registry"
)

// tool finds a real client; without it the test is skipped, or fails where everything is required.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+" is not installed")
	}
	return path
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("FAIRLEAD_TEST_REQUIRE") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func run(t *testing.T, command string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", command, strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

// writeLayout puts an image into an OCI layout directory, as tools read it.
func writeLayout(t *testing.T, dir string, img v1.Image) {
	t.Helper()
	if _, err := layout.Write(dir, empty.Index); err != nil {
		t.Fatal(err)
	}
	p, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "it"})); err != nil {
		t.Fatal(err)
	}
}

func TestSkopeo(t *testing.T) {
	skopeo := tool(t, "skopeo")
	e := start(t, nil)
	img := mutate.ConfigMediaType(mutate.MediaType(randomImage(t, 4), "application/vnd.oci.image.manifest.v1+json"), "application/vnd.oci.image.config.v1+json")
	digest := digestOf(t, img)
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	writeLayout(t, from, img)
	address := "docker://" + e.host + "/team/shop/web"

	run(t, skopeo, "--insecure-policy", "copy", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds=alice:secret", "oci:"+from+":it", address+":1.0")
	tag, err := e.Resolve(t.Context(), "team/shop/web:1.0")
	if err != nil || tag.Digest != digest {
		t.Fatalf("tag = %+v, %v, want digest %s", tag, err, digest)
	}

	run(t, skopeo, "--insecure-policy", "copy", "--preserve-digests", "--src-tls-verify=false", "--src-creds=bob:secret", address+"@"+digest, "oci:"+to+":it")
	p, err := layout.FromPath(to)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := v1.NewHash(digest)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Image(hash)
	if err != nil {
		t.Fatal(err)
	}
	sameImage(t, got, img)

	var tags struct{ Tags []string }
	if err := json.Unmarshal([]byte(run(t, skopeo, "list-tags", "--tls-verify=false", "--creds=bob:secret", address)), &tags); err != nil || len(tags.Tags) != 1 {
		t.Fatalf("tags = %v, %v", tags, err)
	}
	t.Run("a wrong password is told", func(t *testing.T) {
		out, err := exec.CommandContext(t.Context(), skopeo, "list-tags", "--tls-verify=false", "--creds=bob:wrong", address).CombinedOutput()
		if err == nil {
			t.Fatalf("it worked: %s", out)
		}
	})
	run(t, skopeo, "delete", "--tls-verify=false", "--creds=alice:secret", address+":1.0")
	if _, err := e.Resolve(t.Context(), "team/shop/web:1.0"); err == nil {
		t.Fatal("the image is still there")
	}
}

func TestPodman(t *testing.T) {
	podman := tool(t, "podman")
	e := start(t, nil)
	img := randomImage(t, 3)
	e.push(t, "team/podman:1.0", img)
	dir := t.TempDir()
	cmd := func(args ...string) string {
		global := []string{"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs"}
		return strings.TrimSpace(run(t, podman, append(global, args...)...))
	}
	address := e.host + "/team/podman"
	id := cmd("pull", "--quiet", "--tls-verify=false", "--creds=bob:secret", address+"@"+digestOf(t, img))
	if want, err := img.ConfigName(); err != nil || id != want.Hex {
		t.Fatalf("pulled image %s, want %v (%v)", id, want, err)
	}
	cmd("push", "--quiet", "--tls-verify=false", "--creds=alice:secret", id, address+":2.0")
	got, err := e.Image(t.Context(), "team/podman:2.0", v1.Platform{OS: "linux", Architecture: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	if name, err := got.ConfigName(); err != nil || name.Hex != id {
		t.Fatalf("config %v, %v, want %s", name, err, id)
	}
}

// TestDocker pushes and pulls through a Docker engine, which takes registries on loopback without TLS.
func TestDocker(t *testing.T) {
	if os.Getenv("DOCKER_HOST") == "" {
		missing(t, "DOCKER_HOST is not set")
	}
	docker := tool(t, "docker")
	e := start(t, nil)
	img := randomImage(t, 3)
	if err := remote.Write(e.ref(t, "team/docker:1.0"), img, as("alice")); err != nil {
		t.Fatal(err)
	}
	auth, err := json.Marshal(map[string]any{"auths": map[string]any{e.host: authn.AuthConfig{Auth: base64.StdEncoding.EncodeToString([]byte("alice:secret"))}}})
	if err != nil {
		t.Fatal(err)
	}
	config := t.TempDir()
	if err := os.WriteFile(filepath.Join(config, "config.json"), auth, 0o600); err != nil {
		t.Fatal(err)
	}
	first, second := e.host+"/team/docker:1.0", e.host+"/team/docker:2.0"
	run(t, docker, "--config", config, "pull", "--quiet", first)
	t.Cleanup(func() { _ = exec.Command(docker, "image", "rm", first, second).Run() })
	run(t, docker, "tag", first, second)
	run(t, docker, "--config", config, "push", second)
	got, err := e.Image(t.Context(), "team/docker:2.0", v1.Platform{OS: "linux", Architecture: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	want, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if name, err := got.ConfigName(); err != nil || name != want {
		t.Fatalf("config %v, %v, want %v", name, err, want)
	}
}

func BenchmarkPushSmall(b *testing.B) {
	e := start(b, func(cfg *registry.Config) {})
	for b.Loop() {
		b.StopTimer()
		img := mutate.Annotations(randomImage(b, 1), map[string]string{"n": "x"}).(v1.Image)
		b.StartTimer()
		e.push(b, "team/web:1.0", img)
	}
}
