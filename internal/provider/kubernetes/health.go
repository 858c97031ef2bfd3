package kubernetes

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fairlead/fairlead"
)

// Health looks at the object, and at its pods when it is not well.
func (p *Provider) Health(ctx context.Context, rec fairlead.Record) (fairlead.Health, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	q := request{subject: "element " + rec.Element, verbs: []string{"get"}}
	l, err := p.placeOfRecord(ctx, rec)
	if isMissingKind(err) {
		return fairlead.Health{State: fairlead.Unhealthy, Reason: "gone: " + err.Error()}, nil
	}
	q.place = l
	if err != nil {
		return fairlead.Health{}, p.explain(ctx, q, err)
	}
	if made := p.watches.justWritten(l); made != nil {
		if h, told := p.judgeMade(made, l); told {
			return h, nil
		}
	}
	live, err := p.live(ctx, l)
	switch {
	case err != nil:
		return fairlead.Health{}, p.explain(ctx, q, err)
	case live == nil && expired(rec):
		return fairlead.Health{State: fairlead.Healthy, Reason: "it finished, and its time to live is over"}, nil
	case live == nil:
		return fairlead.Health{State: fairlead.Unhealthy, Reason: "gone: " + l.String() + " does not exist"}, nil
	case belongs(live, rec) != ours:
		return fairlead.Health{State: fairlead.Unhealthy, Reason: "gone: " + l.String() + " was made anew by somebody else"}, nil
	}
	h, err := p.judge(ctx, afresh(live, rec.Begun, time.Now()))
	if err != nil {
		return h, p.explain(ctx, q, err)
	}
	if h.State == fairlead.Healthy {
		if attrs := attributesOf(live.DeepCopy()); !reflect.DeepEqual(attrs, rec.Attributes) {
			h.Attributes = attrs
		}
	}
	return h, nil
}

// afresh is an object without the news that its time for progress was over before the operation began that works on it now. That
// gets the whole time itself, also where it changes nothing: what was missing may be there by now, such as an image.
func afresh(o *unstructured.Unstructured, begun *time.Time, now time.Time) *unstructured.Unstructured {
	const usual = 600
	c := condition(o, "Progressing")
	if begun == nil || c == nil || c["reason"] != "ProgressDeadlineExceeded" {
		return o
	}
	at, err := time.Parse(time.RFC3339, textOf(c["lastUpdateTime"]))
	limit := time.Duration(status.GetIntField(o.Object, ".spec.progressDeadlineSeconds", usual)) * time.Second
	if err != nil || !at.Before(*begun) || now.Sub(*begun) > limit {
		return o
	}
	o = o.DeepCopy()
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, v := range list {
		if c, ok := v.(map[string]any); ok && c["type"] == "Progressing" {
			c["status"], c["reason"], c["message"] = "True", "Retried", "it has time again"
		}
	}
	_ = unstructured.SetNestedSlice(o.Object, list, "status", "conditions") // it was there
	return o
}

// judgeMade says how an object is that was applied right now, from the answer to that, as far as that tells. What is still to
// come is told by a watch.
func (p *Provider) judgeMade(o *unstructured.Unstructured, l place) (h fairlead.Health, told bool) {
	switch o.GroupVersionKind().GroupKind() {
	case schema.GroupKind{Group: "batch", Kind: "Job"}, schema.GroupKind{Kind: "PersistentVolumeClaim"}:
		return h, false
	case schema.GroupKind{Kind: "Service"}:
		kind, _, _ := unstructured.NestedString(o.Object, "spec", "type")
		return fairlead.Health{State: fairlead.Healthy}, kind != "LoadBalancer" && o.GetDeletionTimestamp() == nil
	}
	result, err := status.Compute(o)
	switch {
	case err != nil || o.GetDeletionTimestamp() != nil:
		return h, false
	case result.Status == status.CurrentStatus:
		return fairlead.Health{State: fairlead.Healthy}, true
	case result.Status == status.InProgressStatus && p.watches.reads(scope{GroupVersionResource: l.GroupVersionResource, namespace: l.namespace}) != nil:
		return fairlead.Health{State: fairlead.HealthProgressing, Reason: result.Message}, true
	}
	return h, false
}

// expired reports whether an object that finished well removes itself after a while, as a Job with a time to live does.
func expired(r fairlead.Record) bool {
	if r.Identity["kind"] != "Job" || r.Health != fairlead.Healthy || r.State != fairlead.RecordMade {
		return false
	}
	manifest, _ := r.Properties[manifestKey].(map[string]any)
	_, given := child(manifest, "spec")["ttlSecondsAfterFinished"]
	return given
}

// judge says how an object is.
func (p *Provider) judge(ctx context.Context, o *unstructured.Unstructured) (fairlead.Health, error) {
	if o.GetDeletionTimestamp() != nil {
		return fairlead.Health{State: fairlead.Unhealthy, Reason: "it is being deleted" + finalizersOf(o)}, nil
	}
	switch o.GroupVersionKind().GroupKind() {
	case schema.GroupKind{Group: "batch", Kind: "Job"}:
		return p.judgeJob(ctx, o)
	case schema.GroupKind{Kind: "Service"}:
		return p.judgeService(ctx, o)
	case schema.GroupKind{Kind: "PersistentVolumeClaim"}:
		return p.judgeClaim(ctx, o)
	}
	result, err := status.Compute(o)
	if err != nil { // a status that is not as the conventions want it says nothing
		return fairlead.Health{State: fairlead.Healthy, Reason: "its status cannot be read: " + err.Error()}, nil
	}
	h := fairlead.Health{State: fairlead.Healthy}
	switch result.Status {
	case status.InProgressStatus:
		h = fairlead.Health{State: fairlead.HealthProgressing, Reason: result.Message}
	case status.FailedStatus:
		h = fairlead.Health{State: fairlead.Unhealthy, Reason: result.Message}
	case status.UnknownStatus:
		h = fairlead.Health{State: fairlead.HealthUnknown, Reason: result.Message}
	}
	if h.State == fairlead.Healthy {
		return h, nil
	}
	if h.Reason == "" {
		h.Reason = strings.ToLower(string(result.Status))
	}
	why, err := p.whyNot(ctx, o)
	if why != "" && h.State == fairlead.Unhealthy {
		h.Reason = strings.ToLower(h.Reason[:1]) + h.Reason[1:] + ": " + why
	} else if why != "" {
		h.Reason = why
	}
	return h, err
}

// judgeJob waits for a Job to be complete, because what requires it needs its work done.
func (p *Provider) judgeJob(ctx context.Context, o *unstructured.Unstructured) (fairlead.Health, error) {
	if c := condition(o, "Complete"); c != nil && c["status"] == "True" {
		return fairlead.Health{State: fairlead.Healthy}, nil
	}
	wanted := status.GetIntField(o.Object, ".spec.completions", status.GetIntField(o.Object, ".spec.parallelism", 1))
	count := fmt.Sprintf("%d of %d pods succeeded", status.GetIntField(o.Object, ".status.succeeded", 0), wanted)
	why, err := p.podTrouble(ctx, o, nil)
	if c := condition(o, "Failed"); c != nil && c["status"] == "True" {
		return fairlead.Health{State: fairlead.Unhealthy, Reason: sentence(fmt.Sprintf("the Job failed (%v): %v", c["reason"], c["message"]), why)}, err
	}
	if suspended, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend"); suspended {
		return fairlead.Health{State: fairlead.Healthy, Reason: "it is suspended"}, nil
	}
	return fairlead.Health{State: fairlead.HealthProgressing, Reason: sentence(count, why)}, err
}

// judgeService waits for the address of a load balancer.
func (p *Provider) judgeService(ctx context.Context, o *unstructured.Unstructured) (fairlead.Health, error) {
	kind, _, _ := unstructured.NestedString(o.Object, "spec", "type")
	addresses, _, _ := unstructured.NestedSlice(o.Object, "status", "loadBalancer", "ingress")
	if kind != "LoadBalancer" || len(addresses) > 0 {
		return fairlead.Health{State: fairlead.Healthy}, nil
	}
	why, err := p.lastWarning(ctx, o)
	if why == "" {
		why = "nothing on the cluster has given it one"
	}
	return fairlead.Health{State: fairlead.HealthProgressing, Reason: "the load balancer has no address yet: " + why}, err
}

// judgeClaim waits for the volume. A claim that is bound only when a pod uses it is as good as it can be.
func (p *Provider) judgeClaim(ctx context.Context, o *unstructured.Unstructured) (fairlead.Health, error) {
	switch phase, _, _ := unstructured.NestedString(o.Object, "status", "phase"); phase {
	case "Bound":
		return fairlead.Health{State: fairlead.Healthy}, nil
	case "Lost":
		return fairlead.Health{State: fairlead.Unhealthy, Reason: "its volume is lost"}, nil
	}
	class, given, _ := unstructured.NestedString(o.Object, "spec", "storageClassName")
	if given && class != "" {
		sc, err := p.objects.Resource(schema.GroupVersionResource{Group: "storage.k8s.io", Version: "v1", Resource: "storageclasses"}).Get(ctx, class, metav1.GetOptions{})
		if err == nil && sc.Object["volumeBindingMode"] == "WaitForFirstConsumer" {
			return fairlead.Health{State: fairlead.Healthy, Reason: "it gets a volume when a pod first uses it"}, nil
		}
	}
	why, err := p.lastEvent(ctx, o, false)
	return fairlead.Health{State: fairlead.HealthProgressing, Reason: sentence("no volume is bound to it", why)}, err
}

func sentence(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + why
}

// condition finds a condition in an object's status.
func condition(o *unstructured.Unstructured, name string) map[string]any {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range list {
		if c, ok := c.(map[string]any); ok && c["type"] == name {
			return c
		}
	}
	return nil
}
