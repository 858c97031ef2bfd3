package kubernetes

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// pullSecretName is the Secret that templates of the original service name.
const pullSecretName = "default-secret"

// pullSecrets remembers what was done about pull secrets.
type pullSecrets struct {
	mu   sync.Mutex
	done map[string]bool // namespace and content, namespace and owner
}

func (s *pullSecrets) once(key string) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.done) > 10_000 { // to do it again does no harm
		clear(s.done)
	}
	first = !s.done[key]
	s.done[key] = true
	return first
}

func (s *pullSecrets) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.done, key)
}

// namesPullSecret reports whether an object's pods pull with the server's credentials.
func namesPullSecret(o *object) bool {
	list, _ := o.podSpec()["imagePullSecrets"].([]any)
	return slices.ContainsFunc(list, func(v any) bool {
		m, ok := v.(map[string]any)
		return ok && m["name"] == pullSecretName
	})
}

// understand reads an element as [understand] does, and gives its pods our pull secret where they need it.
func (p *Provider) understand(el template.Element) (*object, *reader) {
	o, r := understand(el)
	if o != nil && p.pullSecret != nil && p.pullFrom != "" {
		addPullSecret(o, r, p.pullFrom)
	}
	return o, r
}

// addPullSecret names our pull secret in a workload with an image of our registry that names none.
func addPullSecret(o *object, r *reader, registry string) {
	path, spec := o.pods()
	if path == nil || !known(o.GroupVersionKind()) {
		return
	}
	path = append(slices.Clone(path), "imagePullSecrets")
	at := manifestKey + "." + strings.Join(path, ".")
	image := imageFrom(spec, registry)
	if list, _ := spec["imagePullSecrets"].([]any); len(list) > 0 || image == "" || r.within(at) {
		return
	}
	if err := unstructured.SetNestedSlice(o.Object, []any{map[string]any{"name": pullSecretName}}, path...); err != nil {
		return // the manifest is not of a shape that the API server takes, and it says so better
	}
	r.warnf("added-pull-secret", at, "name it in the manifest", "image %s is in this server's registry and no pull secret is named; %s is added", image, pullSecretName)
}

// imageFrom is the first image of a registry in the specification of a pod.
func imageFrom(spec map[string]any, registry string) string {
	for _, k := range []string{"initContainers", "containers"} {
		list, _ := spec[k].([]any)
		for _, c := range list {
			c, _ := c.(map[string]any)
			if image := textOf(c["image"]); strings.HasPrefix(image, registry+"/") {
				return image
			}
		}
	}
	return ""
}

// ensurePullSecret makes the Secret with which pods pull from the server's registry, before the object that names it. A Secret of
// that name that somebody else made, as some platforms do, stays as it is. It reports whether there is one of ours.
func (p *Provider) ensurePullSecret(ctx context.Context, o *object, q request) (bool, error) {
	if p.pullSecret == nil || q.namespace == "" || !namesPullSecret(o) {
		return false, nil
	}
	content, ok, err := p.pullSecret(ctx, q.namespace)
	if err != nil || !ok {
		return false, err
	}
	l := place{mapping{schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, schema.GroupVersionKind{Version: "v1", Kind: "Secret"}, true}, q.namespace, pullSecretName}
	q.place, q.source, q.verbs = l, "", []string{"get", "create", "patch"}
	live, err := p.get(ctx, l)
	if err != nil {
		return false, p.explain(ctx, q, err)
	}
	if live != nil && live.GetLabels()[labelRole] != rolePullSecret {
		return false, nil
	}
	text := base64.StdEncoding.EncodeToString(content)
	if data, _, _ := unstructured.NestedString(liveObject(live), "data", ".dockerconfigjson"); data == text && live.GetDeletionTimestamp() == nil {
		return true, nil
	}
	secret := &object{Unstructured: &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson", "data": map[string]any{".dockerconfigjson": text},
		"metadata": map[string]any{"name": pullSecretName, "labels": map[string]any{labelRole: rolePullSecret, labelManagedBy: manager}},
	}}}
	_, err = p.patch(ctx, l, secret, patching{force: true})
	if missingNamespace(err) && o.stackNamespace {
		if err := p.makeNamespace(ctx, q, fairlead.Record{}); err != nil {
			return false, err
		}
		_, err = p.patch(ctx, l, secret, patching{force: true})
	}
	return err == nil, p.explain(ctx, q, err)
}

func liveObject(o *unstructured.Unstructured) map[string]any {
	if o == nil {
		return nil
	}
	return o.Object
}

// holdPullSecret makes the workload an owner of the pull secret: the cluster removes the secret with its last owner.
func (p *Provider) holdPullSecret(ctx context.Context, l place, owner *unstructured.Unstructured) {
	key := l.namespace + "/" + string(owner.GetUID())
	if !p.secrets.once(key) {
		return
	}
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"ownerReferences": []any{map[string]any{
		"apiVersion": owner.GetAPIVersion(), "kind": owner.GetKind(), "name": owner.GetName(), "uid": string(owner.GetUID())}}}})
	if err == nil {
		_, err = p.objects.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}).Namespace(l.namespace).
			Patch(ctx, pullSecretName, types.StrategicMergePatchType, body, metav1.PatchOptions{FieldManager: manager + "-owner"})
	}
	if err != nil {
		p.secrets.forget(key)
		p.log.Debug("the pull secret was not given its owner", "namespace", l.namespace, "error", err)
	}
}
