package kubernetes

import (
	"context"
	"fmt"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// access asks the cluster who we are and what we may do.
type access struct {
	mu   sync.Mutex
	name string
}

// user is the name that the cluster gives us.
func (a *access) user(ctx context.Context, p *Provider) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.name != "" {
		return a.name
	}
	answer, err := p.review(ctx, "authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews", nil)
	if err != nil {
		return "of the target"
	}
	if name, _, _ := unstructured.NestedString(answer.Object, "status", "userInfo", "username"); name != "" {
		a.name = name
		return name
	}
	return "of the target"
}

// lacks are the verbs of a request that its user may not use.
func (a *access) lacks(ctx context.Context, p *Provider, q request) []string {
	var missing []string
	for _, verb := range q.verbs {
		if allowed, err := p.may(ctx, verb, q.Group, q.Resource, q.namespace); err == nil && !allowed {
			missing = append(missing, verb)
		}
	}
	return missing
}

// may asks whether a verb is allowed on a resource, or on a part of one such as pods/log.
func (p *Provider) may(ctx context.Context, verb, group, resource, namespace string) (bool, error) {
	resource, part, _ := strings.Cut(resource, "/")
	answer, err := p.review(ctx, "authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews", map[string]any{
		"resourceAttributes": map[string]any{"verb": verb, "group": group, "resource": resource, "subresource": part, "namespace": namespace}})
	if err != nil {
		return false, err
	}
	allowed, _, err := unstructured.NestedBool(answer.Object, "status", "allowed")
	return allowed, err
}

func (p *Provider) review(ctx context.Context, group, kind, resource string, spec map[string]any) (*unstructured.Unstructured, error) {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": group + "/v1", "kind": kind}}
	if spec != nil {
		o.Object["spec"] = spec
	}
	return p.objects.Resource(schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}).Create(ctx, o, metav1.CreateOptions{})
}

// About contacts the cluster: its version, and the rights that are missing for what elements are usually made of.
func (p *Provider) About(ctx context.Context) (version string, missing []string, err error) {
	q := request{subject: "the target"}
	info, err := p.discovery.ServerVersionWithContext(ctx)
	if err != nil {
		return "", nil, p.explain(ctx, q, err)
	}
	// The version is open to everybody; who we are is not.
	if _, err := p.review(ctx, "authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews", nil); err != nil {
		return info.GitVersion, nil, p.explain(ctx, q, err)
	}
	type need struct{ group, resource string }
	for _, n := range []need{{"apps", "deployments"}, {"apps", "statefulsets"}, {"apps", "daemonsets"}, {"batch", "jobs"}, {"", "pods"}, {"", "services"},
		{"networking.k8s.io", "ingresses"}, {"", "configmaps"}, {"", "secrets"}, {"", "persistentvolumeclaims"}} {
		if missing, err = p.need(ctx, missing, n.group, n.resource, "get", "list", "watch", "create", "patch", "delete"); err != nil {
			return info.GitVersion, nil, p.explain(ctx, q, err)
		}
	}
	if missing, err = p.need(ctx, missing, "apps", "replicasets", "get", "list", "watch"); err == nil {
		if missing, err = p.need(ctx, missing, "", "events", "list"); err == nil {
			missing, err = p.need(ctx, missing, "", "namespaces", "get", "create", "delete")
		}
	}
	if err == nil { // the output of job stages
		missing, err = p.need(ctx, missing, "", "pods/log", "get")
	}
	return info.GitVersion, missing, p.explain(ctx, q, err)
}

// need adds the verbs that are not allowed, as one line: "create, patch deployments.apps".
func (p *Provider) need(ctx context.Context, missing []string, group, resource string, verbs ...string) ([]string, error) {
	lacking := ""
	for _, verb := range verbs {
		allowed, err := p.may(ctx, verb, group, resource, "")
		if err != nil {
			return missing, err
		}
		if !allowed {
			if lacking != "" {
				lacking += ", "
			}
			lacking += verb
		}
	}
	if lacking != "" {
		missing = append(missing, fmt.Sprintf("%s %s", lacking, schema.GroupResource{Group: group, Resource: resource}))
	}
	return missing, nil
}
