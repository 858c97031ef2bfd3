package helm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fairlead/fairlead"
)

// Health looks at the release and at its objects.
func (p *Provider) Health(ctx context.Context, rec fairlead.Record) (fairlead.Health, error) {
	w, err := understand(rec)
	if err != nil {
		return fairlead.Health{}, err
	}
	s, err := p.session(ctx, w.namespace)
	if err != nil {
		return fairlead.Health{}, err
	}
	h, err := s.health(w, rec)
	return h, p.wrap(subject(rec.Element), err)
}

func (s *session) health(w *wanted, rec fairlead.Record) (fairlead.Health, error) {
	r, err := s.current(w.name, rec)
	switch {
	case err != nil:
		return fairlead.Health{}, err
	case r == nil:
		return fairlead.Health{State: fairlead.Unhealthy, Reason: fmt.Sprintf("release %s is gone from namespace %s", w.name, w.namespace)}, nil
	case !s.provider.owner(rec).mine(r):
		return fairlead.Health{State: fairlead.Unhealthy, Reason: fmt.Sprintf("release %s is somebody else's now: revision %d, %s", w.name, r.Version, chartOf(r))}, nil
	}
	h := fairlead.Health{Attributes: attributes(w, rec, r)}
	switch r.Info.Status {
	case common.StatusDeployed:
		if !w.wait {
			h.State = fairlead.Healthy
			return h, nil
		}
		h.State, h.Reason, err = s.objectsHealth(r)
	case common.StatusUninstalled, common.StatusUninstalling:
		h.State, h.Again, h.Reason = fairlead.HealthProgressing, true, "what a failed installation left is removed first"
	case common.StatusPendingInstall, common.StatusPendingUpgrade, common.StatusPendingRollback:
		h.State, h.Again, h.Reason = fairlead.HealthProgressing, true, fmt.Sprintf("revision %d was interrupted while %s", r.Version, r.Info.Status)
	default:
		h.State, h.Reason = fairlead.Unhealthy, fmt.Sprintf("revision %d is %s: %s", r.Version, r.Info.Status, r.Info.Description)
	}
	return h, err
}

// current is the newest revision. As long as the one that the record knows is deployed it is that one, which saves reading the
// others.
func (s *session) current(name string, rec fairlead.Record) (*release.Release, error) {
	if n := revisionOf(rec); n > 0 {
		found, err := s.releases.Get(name, n)
		if err != nil && !errors.Is(err, driver.ErrReleaseNotFound) {
			return nil, err
		}
		if r, ok := found.(*release.Release); ok && err == nil && r.Info.Status == common.StatusDeployed {
			return r, nil
		}
	}
	h, err := s.history(name)
	return h.last(), err
}

func revisionOf(rec fairlead.Record) int {
	switch n := rec.Attributes["revision"].(type) {
	case int64:
		return int(n)
	case float64:
		return int(n)
	}
	return 0
}

// trouble is why an object is not ready. The zero value is none.
type trouble struct {
	reason   string
	hopeless bool // waiting does not cure it
}

// objectsHealth is the health of a revision's objects: the worst of them, with the reasons of those that are not ready.
func (s *session) objectsHealth(r *release.Release) (fairlead.HealthState, string, error) {
	list, err := s.objects(r.Manifest)
	if err != nil {
		return "", "", err
	}
	found, err := s.live(list)
	if err != nil {
		return "", "", err
	}
	troubles := make([]trouble, len(list))
	err = each(len(list), func(i int) (err error) {
		troubles[i], err = s.look(list[i], found[i])
		return err
	})
	if err != nil {
		return "", "", err
	}
	state := fairlead.Healthy
	var told []string
	for i, t := range troubles {
		switch {
		case t.reason == "":
			continue
		case t.hopeless:
			state = fairlead.Unhealthy
		case state == fairlead.Healthy:
			state = fairlead.HealthProgressing
		}
		told = append(told, list[i].String()+": "+t.reason)
	}
	if len(told) > 3 {
		told = append(told[:3], fmt.Sprintf("and %d more", len(told)-3))
	}
	return state, strings.Join(told, "; "), nil
}

// look judges one object. u is nil when it is not there.
func (s *session) look(o object, u *unstructured.Unstructured) (trouble, error) {
	switch {
	case o.name == "": // a generated name cannot be found again
		return trouble{}, nil
	case o.resource == nil:
		return trouble{"the cluster does not serve its kind any more", true}, nil
	case u == nil:
		return trouble{"it is gone from the cluster", true}, nil
	}
	result, err := status.Compute(u)
	if err != nil {
		return trouble{}, fmt.Errorf("%s: %w", o.key, err)
	}
	switch result.Status {
	case status.CurrentStatus:
		return trouble{}, nil
	case status.TerminatingStatus:
		return trouble{reason: "it is being deleted"}, nil
	}
	t := trouble{reason: result.Message, hopeless: result.Status == status.FailedStatus}
	pods, err := s.pods(u)
	if err != nil {
		return t, err
	}
	if text := podsText(u, pods); text != "" {
		t.reason = text
	}
	return t, nil
}

// pods are those of a workload.
func (s *session) pods(u *unstructured.Unstructured) ([]corev1.Pod, error) {
	switch u.GetKind() {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job":
	case "Pod":
		var pod corev1.Pod
		err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &pod)
		return []corev1.Pod{pod}, err
	default:
		return nil, nil
	}
	selector, ok, err := unstructured.NestedStringMap(u.Object, "spec", "selector", "matchLabels")
	if !ok || err != nil {
		return nil, nil
	}
	list, err := s.dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(u.GetNamespace()).
		List(s.ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(selector).String(), Limit: 100})
	if apierrors.IsForbidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pods := make([]corev1.Pod, len(list.Items))
	for i := range list.Items {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, &pods[i]); err != nil {
			return nil, err
		}
	}
	return pods, nil
}

// podsText says how many pods of a workload are ready, and what keeps the others: "0 of 1 pods ready: ImagePullBackOff demo/web:9".
func podsText(u *unstructured.Unstructured, pods []corev1.Pod) string {
	var cause string
	ready := 0
	for i := range pods {
		if podReady(&pods[i]) {
			ready++
		} else if cause == "" {
			cause = podCause(&pods[i])
		}
	}
	if u.GetKind() == "Pod" || u.GetKind() == "Job" {
		return cause
	}
	want, found, err := unstructured.NestedInt64(u.Object, "spec", "replicas")
	if u.GetKind() == "DaemonSet" {
		want, found, err = unstructured.NestedInt64(u.Object, "status", "desiredNumberScheduled")
	}
	if err != nil || !found || cause == "" && ready >= int(want) {
		return "" // what is wrong is not with the pods
	}
	text := fmt.Sprintf("%d of %d pods ready", ready, want)
	if ready >= int(want) {
		text = "new pods are not ready" // the old ones still serve
	}
	if cause != "" {
		text += ": " + cause
	}
	return text
}

func podReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// podCause is what keeps a pod from being ready, when it says so.
func podCause(pod *corev1.Pod) string {
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, c := range list {
			switch w, t := c.State.Waiting, c.State.Terminated; {
			case w != nil && strings.Contains(w.Reason, "Image"):
				return w.Reason + " " + c.Image
			case w != nil && w.Reason != "" && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing":
				return strings.TrimSuffix(w.Reason+" "+c.Name+": "+w.Message, ": ")
			case t != nil && t.ExitCode != 0:
				return fmt.Sprintf("container %s ended with code %d", c.Name, t.ExitCode)
			}
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return strings.TrimSuffix(c.Reason+": "+c.Message, ": ")
		}
	}
	return ""
}
