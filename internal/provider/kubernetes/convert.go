package kubernetes

import (
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fairlead/fairlead/internal/template"
)

// successor is what became of a kind in a version that API servers no longer serve.
type successor struct {
	schema.GroupVersion
	// change rewrites what is different; nil when nothing is.
	change func(r *reader, m map[string]any)
	// why the change is not mechanical; the manifest has to be rewritten by hand then.
	why string
}

// successorOf knows the versions that were removed from Kubernetes since 1.8.
func successorOf(gvk schema.GroupVersionKind) (successor, bool) {
	to := func(group, version string, change func(r *reader, m map[string]any)) (successor, bool) {
		return successor{GroupVersion: schema.GroupVersion{Group: group, Version: version}, change: change}, true
	}
	byHand := func(group, version, why string) (successor, bool) {
		return successor{GroupVersion: schema.GroupVersion{Group: group, Version: version}, why: why}, true
	}
	from := gvk.GroupVersion().String()
	switch gvk.Kind + " " + from {
	case "Deployment extensions/v1beta1", "Deployment apps/v1beta1", "ReplicaSet extensions/v1beta1", "DaemonSet extensions/v1beta1", "StatefulSet apps/v1beta1":
		return to("apps", "v1", defaultSelector)
	case "Deployment apps/v1beta2", "ReplicaSet apps/v1beta2", "DaemonSet apps/v1beta2", "StatefulSet apps/v1beta2":
		return to("apps", "v1", nil)
	case "Ingress extensions/v1beta1", "Ingress networking.k8s.io/v1beta1":
		return to("networking.k8s.io", "v1", convertIngress)
	case "IngressClass networking.k8s.io/v1beta1", "NetworkPolicy extensions/v1beta1":
		return to("networking.k8s.io", "v1", nil)
	case "CronJob batch/v1beta1", "CronJob batch/v2alpha1":
		return to("batch", "v1", nil)
	case "PodDisruptionBudget policy/v1beta1":
		return to("policy", "v1", nil)
	case "HorizontalPodAutoscaler autoscaling/v2beta2":
		return to("autoscaling", "v2", nil)
	case "HorizontalPodAutoscaler autoscaling/v2beta1":
		return to("autoscaling", "v2", convertMetrics)
	case "Role rbac.authorization.k8s.io/v1beta1", "Role rbac.authorization.k8s.io/v1alpha1",
		"RoleBinding rbac.authorization.k8s.io/v1beta1", "RoleBinding rbac.authorization.k8s.io/v1alpha1",
		"ClusterRole rbac.authorization.k8s.io/v1beta1", "ClusterRole rbac.authorization.k8s.io/v1alpha1",
		"ClusterRoleBinding rbac.authorization.k8s.io/v1beta1", "ClusterRoleBinding rbac.authorization.k8s.io/v1alpha1":
		return to("rbac.authorization.k8s.io", "v1", nil)
	case "StorageClass storage.k8s.io/v1beta1", "CSIDriver storage.k8s.io/v1beta1", "VolumeAttachment storage.k8s.io/v1beta1":
		return to("storage.k8s.io", "v1", nil)
	case "PriorityClass scheduling.k8s.io/v1beta1", "PriorityClass scheduling.k8s.io/v1alpha1":
		return to("scheduling.k8s.io", "v1", nil)
	case "RuntimeClass node.k8s.io/v1beta1":
		return to("node.k8s.io", "v1", nil)
	case "Lease coordination.k8s.io/v1beta1":
		return to("coordination.k8s.io", "v1", nil)
	case "CustomResourceDefinition apiextensions.k8s.io/v1beta1":
		return byHand("apiextensions.k8s.io", "v1", "every version needs a schema there")
	case "ValidatingWebhookConfiguration admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration admissionregistration.k8s.io/v1beta1":
		return byHand("admissionregistration.k8s.io", "v1", "sideEffects and admissionReviewVersions have to be given there")
	case "EndpointSlice discovery.k8s.io/v1beta1":
		return byHand("discovery.k8s.io", "v1", "topology became nodeName and zone there")
	case "PodSecurityPolicy policy/v1beta1", "PodSecurityPolicy extensions/v1beta1":
		return successor{why: "it was removed in Kubernetes 1.25; label the namespace for Pod Security admission instead"}, true
	}
	return successor{}, false
}

// convert rewrites a manifest of an old API version as its successor.
func (r *reader) convert(raw map[string]any, gvk schema.GroupVersionKind) (map[string]any, schema.GroupVersionKind, bool) {
	s, old := successorOf(gvk)
	if !old {
		return raw, gvk, false
	}
	from, path := gvk.GroupVersion().String(), manifestKey+".apiVersion"
	if s.why != "" {
		summary := fmt.Sprintf("no current cluster serves %s in %s", gvk.Kind, from)
		if s.Version != "" {
			summary += fmt.Sprintf("; its successor is %s", s.GroupVersion)
		}
		r.errorf("removed-api-version", path, s.why, "%s", summary)
		return raw, gvk, false
	}
	r.warnf("removed-api-version", path, fmt.Sprintf("it is converted to %s, its successor; write it so in the manifest", s.GroupVersion),
		"no current cluster serves %s in %s", gvk.Kind, from)
	raw, _ = copied(raw).(map[string]any)
	if s.change != nil {
		s.change(r, raw)
	}
	return raw, s.GroupVersion.WithKind(gvk.Kind), s.change != nil
}

// copied copies maps and lists; values in them that are not known yet stay.
func copied(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = copied(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = copied(x)
		}
		return out
	}
	return v
}

// child returns the map under a key, nil when there is none.
func child(m map[string]any, path ...string) map[string]any {
	for _, k := range path {
		m, _ = m[k].(map[string]any)
	}
	return m
}

// defaultSelector writes the selector that the old versions took from the labels of the template, and leaves out what only
// they had.
func defaultSelector(r *reader, m map[string]any) {
	spec := child(m, "spec")
	if spec == nil {
		return
	}
	delete(spec, "rollbackTo")
	delete(spec, "templateGeneration")
	labels := child(spec, "template", "metadata", "labels")
	if spec["selector"] != nil || len(labels) == 0 {
		return
	}
	spec["selector"] = map[string]any{"matchLabels": maps.Clone(labels)}
	r.warnf("default-selector", manifestKey+".spec.selector", "write it into the manifest", "spec.selector is missing; the labels of the template are taken")
}

func convertIngress(_ *reader, m map[string]any) {
	spec := child(m, "spec")
	if spec == nil {
		return
	}
	if b, ok := spec["backend"].(map[string]any); ok {
		delete(spec, "backend")
		spec["defaultBackend"] = convertBackend(b)
	}
	rules, _ := spec["rules"].([]any)
	for _, rule := range rules {
		rule, _ := rule.(map[string]any)
		paths, _ := child(rule, "http")["paths"].([]any)
		for _, path := range paths {
			path, ok := path.(map[string]any)
			if !ok {
				continue
			}
			if b, ok := path["backend"].(map[string]any); ok {
				path["backend"] = convertBackend(b)
			}
			if path["pathType"] == nil {
				path["pathType"] = "ImplementationSpecific"
			}
			if path["path"] == nil {
				path["path"] = "/"
			}
		}
	}
}

// convertBackend turns serviceName and servicePort into service. A port that is not known yet stays unknown: whether it is a name
// or a number shows when it is.
func convertBackend(b map[string]any) map[string]any {
	name, port := b["serviceName"], b["servicePort"]
	if name == nil && port == nil {
		return b
	}
	b = maps.Clone(b)
	delete(b, "serviceName")
	delete(b, "servicePort")
	service := map[string]any{"name": name}
	switch p := port.(type) {
	case nil:
	case string:
		if n, ok := (&reader{}).intOrString("", p); ok {
			if _, numeric := n.(int64); numeric {
				service["port"] = map[string]any{"number": n}
				break
			}
		}
		service["port"] = map[string]any{"name": p}
	case template.Unknown:
		service["port"] = p
	default:
		service["port"] = map[string]any{"number": p}
	}
	b["service"] = service
	return b
}

// convertMetrics turns the metrics of autoscaling/v2beta1 into targets.
func convertMetrics(_ *reader, m map[string]any) {
	metrics, _ := child(m, "spec")["metrics"].([]any)
	for _, metric := range metrics {
		metric, _ := metric.(map[string]any)
		for _, kind := range []string{"resource", "containerResource"} {
			if s := child(metric, kind); s != nil {
				convertTarget(s, "targetAverageUtilization", "Utilization", "averageUtilization")
				convertTarget(s, "targetAverageValue", "AverageValue", "averageValue")
			}
		}
		for _, kind := range []string{"pods", "object", "external"} {
			s := child(metric, kind)
			if s == nil {
				continue
			}
			if object := s["target"]; kind == "object" && object != nil && s["describedObject"] == nil {
				s["describedObject"] = object
				delete(s, "target")
			}
			convertTarget(s, "targetValue", "Value", "value")
			convertTarget(s, "averageValue", "AverageValue", "averageValue")
			convertTarget(s, "targetAverageValue", "AverageValue", "averageValue")
			convertMetricName(s)
		}
	}
}

func convertTarget(s map[string]any, field, kind, as string) {
	v, given := s[field]
	if !given {
		return
	}
	delete(s, field)
	s["target"] = map[string]any{"type": kind, as: v}
}

func convertMetricName(s map[string]any) {
	name, given := s["metricName"]
	if !given {
		return
	}
	id := map[string]any{"name": name}
	for _, k := range []string{"selector", "metricSelector"} {
		if v, given := s[k]; given {
			id["selector"] = v
			delete(s, k)
		}
	}
	delete(s, "metricName")
	s["metric"] = id
}
