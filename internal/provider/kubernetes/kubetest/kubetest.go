// Package kubetest gives tests a Kubernetes cluster: the one of FAIRLEAD_TEST_KUBECONFIG, which `make test` sets to the API
// server of scripts/kube.sh and a user may set to a cluster of their own.
//
// It must not know what is tested, and it leaves nothing behind in the cluster.
package kubetest

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Variable is the environment variable with the path of the cluster's kubeconfig.
const Variable = "FAIRLEAD_TEST_KUBECONFIG"

// cleanTime bounds how long the end of a test waits for the cluster.
const cleanTime = 30 * time.Second

// Kubeconfig returns the kubeconfig of the cluster for tests. Without one the test is skipped, or fails when
// FAIRLEAD_TEST_REQUIRE=1 says that there has to be one.
func Kubeconfig(t testing.TB) []byte {
	t.Helper()
	path := os.Getenv(Variable)
	if path == "" {
		if os.Getenv("FAIRLEAD_TEST_REQUIRE") == "1" {
			t.Fatalf("%s is not set, and FAIRLEAD_TEST_REQUIRE says that a cluster is there; run: export %s=$(scripts/kube.sh ensure)", Variable, Variable)
		}
		t.Skipf("no cluster: %s is not set; run: export %s=$(scripts/kube.sh ensure)", Variable, Variable)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%s: %v", Variable, err)
	}
	return text
}

// Rest returns the configuration of a client of the cluster, without limits of its own.
func Rest(t testing.TB) *rest.Config {
	t.Helper()
	cfg, err := clientcmd.RESTConfigFromKubeConfig(Kubeconfig(t))
	if err != nil {
		t.Fatalf("%s: %v", Variable, err)
	}
	cfg.QPS, cfg.Burst = -1, -1
	return cfg
}

// Client returns a client of the cluster.
func Client(t testing.TB) kubernetes.Interface {
	t.Helper()
	c, err := kubernetes.NewForConfig(Rest(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Name returns a name that nothing else in the cluster has: the prefix and some letters.
func Name(prefix string) string {
	return prefix + "-" + strings.ToLower(rand.Text()[:10])
}

// Namespace makes a namespace for the test and returns its name. It is deleted, with everything in it, when the test ends.
func Namespace(t testing.TB) string {
	t.Helper()
	name := Name("test")
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := Client(t).CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatalf("namespace %s: %v", name, err)
	}
	DeleteNamespace(t, name)
	return name
}

// DeleteNamespace has a namespace that the test makes itself deleted when the test ends. It need not exist then.
func DeleteNamespace(t testing.TB, name string) {
	t.Helper()
	c := Client(t)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanTime)
		defer cancel()
		if err := c.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("namespace %s was not deleted: %v", name, err)
		}
	})
}
