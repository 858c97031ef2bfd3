package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	kubeapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
)

const clusterTemplate = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  motto: {type: string, default: hello}
node_templates:
  settings:
    type: HuaweiCloud.CCE.ConfigMap
    properties:
      k8sManifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {motto: {get_input: motto}}}
  web:
    type: HuaweiCloud.CCE.Deployment
    properties:
      k8sManifest:
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              containers: [{name: web, image: "demo/web:1"}]
              imagePullSecrets: [{name: default-secret}]
    requirements:
      - settings: {node: settings}
`

// onCluster is a running server, somebody who is signed in to it, and a cluster with a namespace for the test.
type onCluster struct {
	running
	*terminal
	kube      kubernetes.Interface
	namespace string
}

func mustRunOnCluster(t *testing.T) onCluster {
	t.Helper()
	o := onCluster{kube: kubetest.Client(t), namespace: kubetest.Namespace(t)}
	o.running = mustRunServer(t, ServerConfig{Data: t.TempDir(), AdminPassword: scriptPassword})
	c, err := client.New(client.Config{URL: o.URL(), User: adminUser, Password: scriptPassword})
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.CreateToken(t.Context(), "test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	o.terminal = newTerminal(t, o.URL(), token.Secret)
	o.must("template", "push", "web", "1.0", mustWriteFile(t, "web.yaml", []byte(clusterTemplate)))
	return o
}

func mustWriteFile(t *testing.T, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// kubeconfigWith is the cluster's kubeconfig, changed.
func kubeconfigWith(t *testing.T, change func(cluster *kubeapi.Cluster, user *kubeapi.AuthInfo)) string {
	t.Helper()
	config, err := clientcmd.Load(kubetest.Kubeconfig(t))
	if err != nil {
		t.Fatal(err)
	}
	current := config.Contexts[config.CurrentContext]
	change(config.Clusters[current.Cluster], config.AuthInfos[current.AuthInfo])
	text, err := clientcmd.Write(*config)
	if err != nil {
		t.Fatal(err)
	}
	return mustWriteFile(t, "kubeconfig", text)
}

func (o onCluster) settings() *corev1.ConfigMap {
	o.running.t.Helper()
	m, err := o.kube.CoreV1().ConfigMaps(o.namespace).Get(o.running.t.Context(), "settings", metav1.GetOptions{})
	if err != nil {
		o.running.t.Fatal(err)
	}
	return m
}

func TestStackOnCluster(t *testing.T) {
	t.Parallel()
	o := mustRunOnCluster(t)
	ctx := t.Context()
	o.must("target", "add", "prod", "--kind", "kubernetes", "--kubeconfig", os.Getenv(kubetest.Variable))

	o.must("stack", "create", "web", "--template", "web", "--target", "prod", "--namespace", o.namespace, "--wait")
	first := o.settings()
	web, err := o.kube.AppsV1().Deployments(o.namespace).Get(ctx, "web", metav1.GetOptions{})
	if err != nil || first.Data["motto"] != "hello" || web.Status.ReadyReplicas != 1 {
		t.Fatalf("motto %q, ready %d, error %v", first.Data["motto"], web.Status.ReadyReplicas, err)
	}
	o.mustPull(t)

	o.must("stack", "upgrade", "web", "--set", "motto=hello", "--wait")
	if again := o.settings(); again.ResourceVersion != first.ResourceVersion {
		t.Errorf("an upgrade without a change wrote the ConfigMap: %s, was %s", again.ResourceVersion, first.ResourceVersion)
	}
	o.must("stack", "upgrade", "web", "--set", "motto=changed", "--wait")
	if m := o.settings(); m.Data["motto"] != "changed" || m.UID != first.UID {
		t.Errorf("after the upgrade the motto is %q, uid %s, was %s", m.Data["motto"], m.UID, first.UID)
	}
	o.must("stack", "rollback", "web", "--wait")
	if m := o.settings(); m.Data["motto"] != "hello" {
		t.Errorf("after the rollback the motto is %q", m.Data["motto"])
	}
	o.must("stack", "delete", "web", "--wait")
	if _, err := o.kube.CoreV1().ConfigMaps(o.namespace).Get(ctx, "settings", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the ConfigMap after the deletion: %v", err)
	}
	if _, err := o.kube.AppsV1().Deployments(o.namespace).Get(ctx, "web", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the Deployment after the deletion: %v", err)
	}
	o.must("target", "remove", "prod")
}

// mustPull uses the pull secret that was made in the cluster as a node does: it is for pulling alone.
func (o onCluster) mustPull(t *testing.T) {
	t.Helper()
	secret, err := o.kube.CoreV1().Secrets(o.namespace).Get(t.Context(), "default-secret", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Auths map[string]struct{ Username, Password string }
	}
	if err := json.Unmarshal(secret.Data[corev1.DockerConfigJsonKey], &config); err != nil || secret.Type != corev1.SecretTypeDockerConfigJson {
		t.Fatalf("secret of type %s: %v", secret.Type, err)
	}
	node, ok := config.Auths[o.Addr()]
	if !ok || node.Username != auth.Puller("prod") {
		t.Fatalf("the secret is for %v", config.Auths)
	}
	o.must("image", "create-org", "team")
	image, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(o.Addr()+"/team/web:1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	with := remote.WithAuth(&authn.Basic{Username: node.Username, Password: node.Password})
	if err := remote.Write(ref, image, with, remote.WithContext(t.Context())); err == nil {
		t.Error("a node may push")
	}
	if err := remote.Write(ref, image, remote.WithAuth(&authn.Basic{Username: adminUser, Password: scriptPassword}), remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Image(ref, with, remote.WithContext(t.Context())); err != nil {
		t.Errorf("a node cannot pull: %v", err)
	}
	if _, err := remote.Image(ref, remote.WithAuth(&authn.Basic{Username: node.Username, Password: "wrong"}), remote.WithContext(t.Context())); err == nil {
		t.Error("a node with a wrong password can pull")
	}
	if status, body := o.get("/api/v1/stacks", node.Password); status != 401 {
		t.Errorf("the pull key as a password of the API: %d %s", status, body)
	}
}

func TestTargetCredentialsAreKept(t *testing.T) {
	t.Parallel()
	o := mustRunOnCluster(t)
	var token string
	file := kubeconfigWith(t, func(_ *kubeapi.Cluster, user *kubeapi.AuthInfo) {
		token = user.Token
		user.Token, user.TokenFile = "", "token.txt"
	})
	if token == "" {
		t.Skip("the cluster's kubeconfig has no token")
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "token.txt"), []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := o.must("target", "add", "prod", "--kind", "kubernetes", "--kubeconfig", file, "-o", "json") + o.must("target", "list", "-o", "json") + o.must("target", "check", "prod", "-o", "json")
	if strings.Contains(out, token) || !strings.Contains(out, `"ok": true`) {
		t.Errorf("what is shown of the target: %s", out)
	}
	err := filepath.WalkDir(o.cfg.Data, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(token)) {
			t.Errorf("the token stands in %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestClusterTrouble(t *testing.T) {
	t.Parallel()
	o := mustRunOnCluster(t)
	wrong := kubeconfigWith(t, func(_ *kubeapi.Cluster, user *kubeapi.AuthInfo) { *user = kubeapi.AuthInfo{Token: "wrong-token"} })
	code, _, stderr := o.run("target", "add", "prod", "--kind", "kubernetes", "--kubeconfig", wrong)
	if code == exitDone || !regexp.MustCompile(`credentials`).MatchString(stderr) || strings.Contains(stderr, "wrong-token") {
		t.Errorf("a wrong token: exit code %d, %s", code, stderr)
	}
	stranger := kubeconfigWith(t, func(cluster *kubeapi.Cluster, _ *kubeapi.AuthInfo) { cluster.CertificateAuthorityData = nil })
	if code, _, stderr = o.run("target", "add", "prod", "--kind", "kubernetes", "--kubeconfig", stranger); code == exitDone || !strings.Contains(stderr, "certificate") {
		t.Errorf("an unknown authority: exit code %d, %s", code, stderr)
	}

	// The cluster goes away under a stack, and comes back.
	var way *passage
	through := kubeconfigWith(t, func(cluster *kubeapi.Cluster, _ *kubeapi.AuthInfo) {
		way = mustPass(t, strings.TrimPrefix(cluster.Server, "https://"))
		cluster.Server = "https://" + way.listener.Addr().String()
	})
	o.must("target", "add", "prod", "--kind", "kubernetes", "--kubeconfig", through)
	o.must("stack", "create", "web", "--template", "web", "--target", "prod", "--namespace", o.namespace, "--wait")
	way.block(true)
	code, out, _ := o.run("target", "check", "prod")
	if code != exitFailed || !strings.Contains(out, way.listener.Addr().String()+" does not answer") {
		t.Errorf("check of a cluster that does not answer: exit code %d, %s", code, out)
	}
	code, _, stderr = o.run("stack", "upgrade", "web", "--set", "motto=late", "--wait")
	if code != exitFailed || !strings.Contains(stderr, way.listener.Addr().String()+" does not answer") {
		t.Errorf("upgrade on a cluster that does not answer: exit code %d, %s", code, stderr)
	}
	way.block(false)
	o.must("stack", "upgrade", "web", "--set", "motto=late", "--wait")
	if m := o.settings(); m.Data["motto"] != "late" {
		t.Errorf("after the retry the motto is %q", m.Data["motto"])
	}
	o.must("stack", "delete", "web", "--wait")
}

// passage passes connections on to an address while it is not blocked.
type passage struct {
	listener net.Listener
	to       string
	all      sync.WaitGroup

	mu      sync.Mutex
	blocked bool
	open    map[net.Conn]bool
}

func mustPass(t *testing.T, to string) *passage {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &passage{listener: l, to: to, open: map[net.Conn]bool{}}
	p.all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.all.Go(func() { p.pass(conn) })
		}
	})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		p.block(true)
		p.all.Wait()
	})
	return p
}

func (p *passage) pass(conn net.Conn) {
	defer conn.Close()
	far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.to)
	if err != nil {
		return
	}
	defer far.Close()
	p.mu.Lock()
	blocked := p.blocked
	p.open[conn], p.open[far] = true, true
	p.mu.Unlock()
	if blocked {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(far, conn); far.Close() })
	both.Go(func() { _, _ = io.Copy(conn, far); conn.Close() })
	both.Wait()
}

// block ends all connections and lets none come up, or lets them come again.
func (p *passage) block(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blocked = on
	if !on {
		return
	}
	for conn := range p.open {
		conn.Close()
	}
	clear(p.open)
}
