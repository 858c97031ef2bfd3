package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// whyNot says what a workload waits for: "0 of 3 pods ready: ImagePullBackOff demo/web:9".
func (p *Provider) whyNot(ctx context.Context, o *unstructured.Unstructured) (string, error) {
	var ready, wanted int
	counted := "pods"
	newest, err := p.newestSet(ctx, o)
	if err != nil {
		return "", err
	}
	switch o.GetKind() {
	case "Deployment", "StatefulSet", "ReplicaSet":
		wanted = status.GetIntField(o.Object, ".spec.replicas", 1)
		ready = min(status.GetIntField(o.Object, ".status.readyReplicas", 0), status.GetIntField(o.Object, ".status.updatedReplicas", 0))
		if o.GetKind() == "ReplicaSet" {
			ready = status.GetIntField(o.Object, ".status.readyReplicas", 0)
		}
		if newest != nil && status.GetIntField(o.Object, ".status.replicas", 0) > status.GetIntField(o.Object, ".status.updatedReplicas", 0) {
			ready, counted = status.GetIntField(newest.Object, ".status.readyReplicas", 0), "new pods" // the old ones still serve
		}
	case "DaemonSet":
		wanted = status.GetIntField(o.Object, ".status.desiredNumberScheduled", 0)
		ready = min(status.GetIntField(o.Object, ".status.numberReady", 0), status.GetIntField(o.Object, ".status.updatedNumberScheduled", 0))
	case "Pod":
		return podState(pod(o)).text, nil
	default:
		return "", nil
	}
	why, err := p.podTrouble(ctx, o, newest)
	if why == "" && ready >= wanted {
		why = "old pods are going away"
	}
	return sentence(fmt.Sprintf("%d of %d %s ready", ready, wanted, counted), why), err
}

// podTrouble says what the worst pod of a workload waits for, or why there is none.
func (p *Provider) podTrouble(ctx context.Context, o, newest *unstructured.Unstructured) (string, error) {
	owner := o.GetUID()
	if o.GetKind() == "Deployment" {
		if newest == nil {
			return refusal(o), nil
		}
		if why := refusal(newest); why != "" {
			return why, nil
		}
		owner = newest.GetUID()
	}
	pods, err := p.owned(ctx, schema.GroupVersionResource{Version: "v1", Resource: "pods"}, o.GetNamespace(), owner)
	if err != nil {
		return "", err
	}
	var worst trouble
	for _, u := range pods {
		if t := podState(pod(u)); t.rank > worst.rank && u.GetDeletionTimestamp() == nil {
			worst = t
		}
	}
	if len(pods) == 0 && o.GetKind() != "Deployment" {
		return p.lastWarning(ctx, o)
	}
	return worst.text, nil
}

// newestSet is the ReplicaSet of a Deployment's newest revision; nil when there is none yet, and for other kinds.
func (p *Provider) newestSet(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if o.GetKind() != "Deployment" {
		return nil, nil
	}
	sets, err := p.owned(ctx, schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}, o.GetNamespace(), o.GetUID())
	if err != nil || len(sets) == 0 {
		return nil, err
	}
	revision := func(o *unstructured.Unstructured) int {
		n, _ := strconv.Atoi(o.GetAnnotations()["deployment.kubernetes.io/revision"])
		return n
	}
	return slices.MaxFunc(sets, func(a, b *unstructured.Unstructured) int { return cmp.Compare(revision(a), revision(b)) }), nil
}

// refusal is why the pods of a workload could not be made: a quota, a webhook, a policy.
func refusal(o *unstructured.Unstructured) string {
	if c := condition(o, "ReplicaFailure"); c != nil && c["status"] == "True" {
		return scalarText(c["message"])
	}
	return ""
}

// owned lists the objects that another one controls, from a watch where it has them all, else from the API server.
func (p *Provider) owned(ctx context.Context, gvr schema.GroupVersionResource, namespace string, owner types.UID) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	if index := p.watches.of(scope{gvr, namespace, true}); index != nil {
		list, err := index.ByIndex(byOwner, string(owner))
		for _, v := range list {
			if o, ok := v.(*unstructured.Unstructured); ok {
				out = append(out, o)
			}
		}
		return out, err
	}
	list, err := p.objects.Resource(gvr).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil { // without the right to see pods nothing is said about them
		return nil, ignoreForbidden(err)
	}
	for i := range list.Items {
		if ref := metav1.GetControllerOf(&list.Items[i]); ref != nil && ref.UID == owner {
			out = append(out, &list.Items[i])
		}
	}
	return out, nil
}

// pod reads a pod as far as it can be read.
func pod(u *unstructured.Unstructured) *corev1.Pod {
	var out corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &out); err != nil {
		return &corev1.Pod{}
	}
	return &out
}

// trouble is what a pod waits for; a higher rank says more.
type trouble struct {
	rank int
	text string
}

const (
	rankNone = iota
	rankStarting
	rankNotReady
	rankScheduling
	rankFailed
	rankBroken
)

// podState says what a pod waits for; rank none when it is well.
func podState(pod *corev1.Pod) trouble {
	worst := trouble{}
	consider := func(t trouble) {
		if t.rank > worst.rank {
			worst = t
		}
	}
	if pod.Status.Phase == corev1.PodFailed && pod.Status.Reason != "" {
		consider(trouble{rankFailed, strings.TrimSpace(pod.Status.Reason + " " + pod.Status.Message)})
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			consider(trouble{rankScheduling, c.Reason + ": " + c.Message})
		}
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		consider(containerState(s, slices.ContainsFunc(pod.Status.InitContainerStatuses, func(i corev1.ContainerStatus) bool { return i.Name == s.Name })))
	}
	switch {
	case worst.rank != rankNone:
	case pod.Status.Phase == corev1.PodPending:
		return trouble{rankStarting, "pods are starting"}
	case pod.Status.Phase == corev1.PodRunning:
		return podCondition(pod)
	}
	return worst
}

// podCondition says why a pod is not ready although its containers are: a readiness gate, or a node that was away.
func podCondition(pod *corev1.Pod) trouble {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionFalse {
			return trouble{rankNotReady, sentence("pod "+pod.Name+" is not ready", strings.TrimSpace(c.Reason+" "+c.Message))}
		}
	}
	return trouble{}
}

func containerState(s corev1.ContainerStatus, first bool) trouble {
	if w := s.State.Waiting; w != nil {
		switch w.Reason {
		case "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError":
			return trouble{rankBroken, w.Reason + " " + s.Image}
		case "CrashLoopBackOff":
			return trouble{rankBroken, fmt.Sprintf("CrashLoopBackOff container %s%s", s.Name, lastExit(s.LastTerminationState.Terminated))}
		case "", "ContainerCreating", "PodInitializing":
			return trouble{rankStarting, "pods are starting"}
		}
		return trouble{rankBroken, strings.TrimSpace(fmt.Sprintf("%s container %s: %s", w.Reason, s.Name, w.Message))}
	}
	if t := s.State.Terminated; t != nil && t.ExitCode != 0 {
		return trouble{rankFailed, fmt.Sprintf("container %s ended%s", s.Name, lastExit(t))}
	}
	if s.State.Running != nil && !s.Ready && !first {
		if t := s.LastTerminationState.Terminated; t != nil && t.ExitCode != 0 {
			return trouble{rankFailed, fmt.Sprintf("container %s was restarted %s%s", s.Name, times(int(s.RestartCount)), lastExit(t))}
		}
		return trouble{rankNotReady, fmt.Sprintf("container %s is not ready", s.Name)}
	}
	return trouble{}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// lastExit tells how a container ended.
func lastExit(t *corev1.ContainerStateTerminated) string {
	if t == nil {
		return ""
	}
	text := fmt.Sprintf(": exit code %d", t.ExitCode)
	if t.Reason != "" && t.Reason != "Error" {
		text += " (" + t.Reason + ")"
	}
	if message := strings.TrimSpace(t.Message); message != "" {
		text += ": " + message
	}
	return text
}

// lastWarning is the newest warning that the cluster noted about an object.
func (p *Provider) lastWarning(ctx context.Context, o *unstructured.Unstructured) (string, error) {
	return p.lastEvent(ctx, o, true)
}

// lastEvent is the newest thing that the cluster noted about an object. It is asked for only while nothing else explains what an
// object waits for; without the right to see events there is none.
func (p *Provider) lastEvent(ctx context.Context, o *unstructured.Unstructured, warning bool) (string, error) {
	selector := "involvedObject.uid=" + string(o.GetUID())
	if warning {
		selector += ",type=Warning"
	}
	list, err := p.objects.Resource(schema.GroupVersionResource{Version: "v1", Resource: "events"}).Namespace(o.GetNamespace()).
		List(ctx, metav1.ListOptions{FieldSelector: selector, Limit: 50})
	if err != nil || len(list.Items) == 0 {
		return "", ignoreForbidden(err)
	}
	newest := slices.MaxFunc(list.Items, func(a, b unstructured.Unstructured) int { return cmp.Compare(eventTime(a), eventTime(b)) })
	return strings.TrimSpace(scalarText(newest.Object["message"])), nil
}

func eventTime(e unstructured.Unstructured) string {
	for _, k := range []string{"lastTimestamp", "eventTime"} {
		if s, ok := e.Object[k].(string); ok && s != "" {
			return s
		}
	}
	return e.GetCreationTimestamp().UTC().Format("2006-01-02T15:04:05Z")
}
