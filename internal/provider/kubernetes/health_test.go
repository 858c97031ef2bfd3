package kubernetes_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
)

// unscheduled has the pods of a workload wait for a scheduler that does not exist, so that a test can be their node.
func unscheduled(m object) object {
	return edit(m, "nobody", "spec", "template", "spec", "schedulerName")
}

// playNode gives every pod of the namespace a status, as a node would.
func (w *world) playNode(status corev1.PodStatus) {
	w.t.Helper()
	pods := w.resource("", "v1", "pods")
	text, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		w.t.Fatal(err)
	}
	eventually(w.t, func() (bool, string) {
		list, err := pods.List(w.t.Context(), metav1.ListOptions{})
		if err != nil || len(list.Items) == 0 {
			return false, fmt.Sprint("no pods: ", err)
		}
		for _, p := range list.Items {
			w.merge("", "v1", "pods", p.GetName(), "node", string(text), "status")
		}
		return true, ""
	})
}

func waiting(reason, message string, last *corev1.ContainerStateTerminated) corev1.PodStatus {
	return corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}},
		ContainerStatuses: []corev1.ContainerStatus{{Name: "web", Image: "demo/web:9", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
			LastTerminationState: corev1.ContainerState{Terminated: last}}}}
}

func TestReasonsOfPods(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status corev1.PodStatus
		want   string
	}{
		{"pull", waiting("ImagePullBackOff", "Back-off pulling image", nil), "0 of 3 pods ready: ImagePullBackOff demo/web:9"},
		{"crash", waiting("CrashLoopBackOff", "", &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error", Message: "no database\n"}),
			"0 of 3 pods ready: CrashLoopBackOff container web: exit code 3: no database"},
		{"memory", waiting("CrashLoopBackOff", "", &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}), "exit code 137 (OOMKilled)"},
		{"config", waiting("CreateContainerConfigError", `secret "key" not found`, nil), `CreateContainerConfigError container web: secret "key" not found`},
		{"scheduling", corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse,
			Reason: "Unschedulable", Message: "0/1 nodes are available: 1 Insufficient cpu."}}}, "0 of 3 pods ready: Unschedulable: 0/1 nodes are available"},
		{"not ready", corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{Name: "web", Image: "demo/web:9",
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}}, "0 of 3 pods ready: container web is not ready"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			el := w.element("web", "CCE.Deployment", unscheduled(deployment("web", "demo/web:9", 3)))
			r := w.apply(w.plan(el, nil, fairlead.OpCreate))
			w.playNode(tt.status)
			h := w.untilSeen(r, func(h fairlead.Health) bool { return strings.Contains(h.Reason, tt.want) })
			if h.State != fairlead.HealthProgressing {
				t.Errorf("health is %s", h.State)
			}
			w.provider = w.another(t) // asks the API server first
			w.untilSeen(r, func(h fairlead.Health) bool { return strings.Contains(h.Reason, tt.want) })
		})
	}
}

// TestReasonOfNewPods upgrades to an image that cannot be pulled: the pods of before are ready, and do not count.
func TestReasonOfNewPods(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.made(w.element("web", "CCE.Deployment", deployment("web", "demo/web:1", 2)))
	r = w.apply(w.plan(w.element("web", "CCE.Deployment", deployment("web", "demo/web:missing", 2)), &r, fairlead.OpUpdate))
	w.untilSeen(r, func(h fairlead.Health) bool {
		return strings.Contains(h.Reason, "0 of 2 new pods ready: ImagePullBackOff demo/web:missing")
	})
}

func TestReasonsWithoutPods(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		typ      string
		manifest object
	}{
		{"CCE.Deployment", deployment("web", "demo/web:1", 2)},
		{"CCE.StatefulSet", statefulSet("web", "demo/web:1")},
		{"CCE.DaemonSet", daemonSet("web", "demo/web:1")},
		{"CCE.Job", job("web", "demo/web:1")},
	} {
		t.Run(tt.typ, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			_, err := kubetest.Client(t).CoreV1().ResourceQuotas(w.namespace).Create(t.Context(), &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "few"},
				Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"pods": resource.MustParse("0")}}}, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			r := w.apply(w.plan(w.element("web", tt.typ, tt.manifest), nil, fairlead.OpCreate))
			w.untilSeen(r, func(h fairlead.Health) bool {
				return h.State == fairlead.HealthProgressing && strings.Contains(h.Reason, "exceeded quota: few")
			})
		})
	}
}

func TestWaitingCannotHelp(t *testing.T) {
	t.Parallel()
	t.Run("progress deadline", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		m := edit(unscheduled(deployment("web", "demo/web:9", 1)), int64(2), "spec", "progressDeadlineSeconds")
		r := w.apply(w.plan(w.element("web", "CCE.Deployment", m), nil, fairlead.OpCreate))
		w.playNode(waiting("ErrImagePull", "", nil))
		h := w.until(r, fairlead.Unhealthy)
		if !strings.Contains(h.Reason, "deadline") || !strings.Contains(h.Reason, "ErrImagePull demo/web:9") {
			t.Errorf("reason: %s", h.Reason)
		}
	})
	t.Run("job", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		m := edit(unscheduled(job("once", "demo/web:1")), int64(0), "spec", "backoffLimit")
		r := w.apply(w.plan(w.element("once", "CCE.Job", m), nil, fairlead.OpCreate))
		w.playNode(corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{Name: "web", Image: "demo/web:1",
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 7}}}}})
		h := w.until(r, fairlead.Unhealthy)
		if !strings.Contains(h.Reason, "BackoffLimitExceeded") || !strings.Contains(h.Reason, "exit code 7") {
			t.Errorf("reason: %s", h.Reason)
		}
	})
	t.Run("deleted by somebody", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.made(w.element("held", "CCE.ConfigMap", edit(configMap("held", nil), array{"example.com/hold"}, "metadata", "finalizers")))
		if err := w.resource("", "v1", "configmaps").Delete(t.Context(), "held", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		h := w.until(r, fairlead.Unhealthy)
		if !strings.Contains(h.Reason, "example.com/hold") {
			t.Errorf("reason: %s", h.Reason)
		}
		w.merge("", "v1", "configmaps", "held", "test", `{"metadata":{"finalizers":null}}`)
	})
}

func TestWaitingForOthers(t *testing.T) {
	t.Parallel()
	t.Run("load balancer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.apply(w.plan(w.element("svc", "CCE.Service", edit(service("web", 80), "LoadBalancer", "spec", "type")), nil, fairlead.OpCreate))
		w.merge("", "v1", "services", "web", "lb", `{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.10"}]}}}`, "status")
		h := w.until(r, fairlead.Healthy)
		if !strings.Contains(fmt.Sprint(h.Attributes["status"]), "192.0.2.10") {
			t.Errorf("attributes: %v", h.Attributes)
		}
	})
	t.Run("claim", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.apply(w.plan(w.element("disk", "CCE.Storage.EVS", claim("disk", "no-such-class")), nil, fairlead.OpCreate))
		w.untilSeen(r, func(h fairlead.Health) bool {
			return h.State == fairlead.HealthProgressing && strings.Contains(h.Reason, `"no-such-class" not found`)
		})
	})
	t.Run("custom kind", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		k := widgetKind(t)
		r := w.made(w.element("one", "Kubernetes.Object", k.object("one", object{"size": int64(1)})))
		w.merge(k.group, "v1", "widgets", "one", "operator", `{"status":{"conditions":[{"type":"Ready","status":"False","reason":"Baking","message":"in the oven"}]}}`, "status")
		w.untilSeen(r, func(h fairlead.Health) bool {
			return h.State == fairlead.HealthProgressing && h.Reason == "in the oven"
		})
	})
}

func TestWatchTellsOfPods(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	el := w.element("web", "CCE.Deployment", unscheduled(deployment("web", "demo/web:9", 1)))
	news := w.provider.Watch(t.Context(), el.StackID)
	r := w.apply(w.plan(el, nil, fairlead.OpCreate))
	w.playNode(waiting("ErrImagePull", "", nil))
	w.untilSeen(r, func(h fairlead.Health) bool { return strings.Contains(h.Reason, "ErrImagePull demo/web:9") })
	var pod string
	eventually(t, func() (bool, string) { // until the pods are watched and everything before is told
		list, err := w.resource("", "v1", "pods").List(t.Context(), metav1.ListOptions{})
		if err != nil || len(list.Items) == 0 {
			return false, fmt.Sprint(err)
		}
		pod = list.Items[0].GetName()
		if _, err := w.provider.Health(t.Context(), r); err != nil {
			return false, err.Error()
		}
		for {
			select {
			case <-news:
				continue
			default:
			}
			break
		}
		w.merge("", "v1", "pods", pod, "node", fmt.Sprintf(`{"metadata":{"annotations":{"touched":"%d"}}}`, len(news)))
		w.merge("", "v1", "pods", pod, "node", `{"metadata":{"annotations":{"touched":null}}}`)
		select {
		case name := <-news:
			return name == "web", name
		case <-time.After(time.Second):
			return false, "no news of a changed pod"
		}
	})
}

// TestRetryHasItsOwnTime lets the time for progress of a Deployment run out, and then begins to work on it again, without a change:
// the cluster's old judgement is none of the new try.
func TestRetryHasItsOwnTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	quotas := kubetest.Client(t).CoreV1().ResourceQuotas(w.namespace)
	_, err := quotas.Create(t.Context(), &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "few"},
		Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"pods": resource.MustParse("0")}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() (bool, string) {
		q, err := quotas.Get(t.Context(), "few", metav1.GetOptions{})
		return err == nil && len(q.Status.Hard) > 0, "the quota has no status"
	})
	const deadline = 5
	el := w.element("web", "CCE.Deployment", edit(deployment("web", "demo/web:1", 1), int64(deadline), "spec", "progressDeadlineSeconds"))
	r := w.apply(w.plan(el, nil, fairlead.OpCreate))
	first := w.until(r, fairlead.Unhealthy)
	if !strings.Contains(first.Reason, "exceeded quota: few") {
		t.Errorf("reason: %s", first.Reason)
	}

	later := time.Now().Add(2 * time.Second) // the cluster's times are in whole seconds
	r.Begun = &later
	again, err := w.provider.Apply(t.Context(), fairlead.Change{Verb: fairlead.OpUpdate, Record: r, Prior: &r})
	if err != nil {
		t.Fatal(err)
	}
	again.State, again.Begun = fairlead.RecordMade, &later
	if h, err := w.provider.Health(t.Context(), again); err != nil || h.State != fairlead.HealthProgressing || !strings.Contains(h.Reason, "exceeded quota: few") {
		t.Errorf("right after the second try: %+v, %v", h, err)
	}
	w.until(again, fairlead.Unhealthy) // when its own time is over too

	third := time.Now().Add(20 * time.Second)
	again.Begun = &third
	if h, err := w.provider.Health(t.Context(), again); err != nil || h.State != fairlead.HealthProgressing {
		t.Errorf("right after the third try: %+v, %v", h, err)
	}
	if err := quotas.Delete(t.Context(), "few", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.until(again, fairlead.Healthy)
}
