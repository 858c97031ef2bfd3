package kubetest_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
)

func TestNamespace(t *testing.T) {
	t.Parallel()
	c := kubetest.Client(t)
	var name string
	t.Run("made", func(t *testing.T) {
		name = kubetest.Namespace(t)
		if _, err := c.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{}); err != nil {
			t.Error(err)
		}
	})
	ns, err := c.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{})
	if err == nil && ns.DeletionTimestamp == nil {
		t.Errorf("namespace %s is still there after its test", name)
	}
}
