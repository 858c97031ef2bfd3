package kubernetes

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

const manifestKey = "k8sManifest"

// object is what an element wants, understood: the object as it is applied, but for the marks of its owner.
type object struct {
	*unstructured.Unstructured
	// namespace is where it goes when its kind is namespaced.
	namespace string
	// stackNamespace tells that this is the namespace of the stack, which is made when it is missing.
	stackNamespace bool
	// rewritten tells that the manifest was changed in its shape before it is applied.
	rewritten bool
	// source is the path of the manifest in the element's properties: k8sManifest, or "" when properties stand for it.
	source string
}

// understand reads an element, as far as its values are known, and finds everything that is wrong with it. The object is nil
// when it cannot even be said which one it is.
func understand(el template.Element) (*object, *reader) {
	r := &reader{}
	allowed, ok := r.allowed(el.Type)
	if !ok {
		return nil, r
	}
	r.checkProperties(el.Type, el.Properties)
	raw, source, ok := r.manifestOf(el, allowed)
	if !ok {
		return nil, r
	}
	kind, ok := r.header(raw, allowed)
	if !ok {
		return nil, r
	}
	o := &object{source: source, namespace: el.Namespace}
	raw, kind, o.rewritten = r.convert(raw, kind)
	raw = r.dropServerFields(raw)
	o.Unstructured = &unstructured.Unstructured{Object: r.clean(raw, kind)}
	o.SetGroupVersionKind(kind)
	r.checkMeta(o)
	o.place(el, r)
	if kind.Group == "" && kind.Kind == "Secret" {
		encodeStringData(o.Object)
	}
	return o, r
}

// place decides the namespace: the element's property, else the manifest's, else the stack's.
func (o *object) place(el template.Element, r *reader) {
	own := o.GetNamespace()
	if own != "" {
		o.namespace = own
	}
	if ns, ok := el.Properties["namespace"].(string); ok && ns != "" && el.Type != "CCI.Namespace" {
		if own != "" && own != ns {
			r.warnf("namespace-mismatch", manifestKey+".metadata.namespace", "the property namespace holds",
				"the manifest's namespace is %s, the property namespace is %s", own, ns)
		}
		o.namespace = ns
	}
	if o.namespace == "" {
		o.namespace = "default"
	}
	o.stackNamespace = o.namespace == el.Namespace || el.Namespace == "" && o.namespace == "default"
	unstructured.RemoveNestedField(o.Object, "metadata", "namespace")
}

// allowed are the kinds that an element type can be; nil for any. For types that are not ours it says who makes them.
func (r *reader) allowed(elType string) (kinds []string, ok bool) {
	family, kind, _ := strings.Cut(elType, ".")
	switch {
	case elType == "Kubernetes.Object":
		return nil, true
	case elType == "CCI.Namespace":
		return []string{"Namespace"}, true
	case elType == "CCI.Network":
		return []string{"Network"}, true
	case family == "CCE" || family == "CCI":
		switch kind {
		case "Deployment", "StatefulSet", "DaemonSet", "Pod", "Service", "Ingress", "ConfigMap", "Secret":
			return []string{kind}, true
		case "Job":
			return []string{"Job", "CronJob"}, true
		case "Storage.EVS", "Storage.SFS", "Storage.OBS":
			return []string{"PersistentVolumeClaim", "PersistentVolume"}, true
		case "HelmRelease":
			r.errorf("unsupported-element", "", "use a target whose Helm provider is on", "%s needs the helm provider", elType)
			return nil, false
		}
	}
	r.errorf("unsupported-element", "", "leave the element out, make the resource by other means, and give what other elements read of it (an id, an address) as an input",
		"%s is a resource of Huawei Cloud, and no target of this version can make it", elType)
	return nil, false
}

func (r *reader) checkProperties(elType string, props map[string]any) {
	known := []string{manifestKey, "clusterId", "namespace"}
	switch _, kind, _ := strings.Cut(elType, "."); kind {
	case "ConfigMap":
		known = append(known, "name", "data")
	case "Secret":
		known = append(known, "name", "data", "type")
	case "Storage.EVS", "Storage.SFS", "Storage.OBS":
		return // their other properties describe a disk of the cloud; the manifest stands for all of them
	default:
		known = append(known, "name")
	}
	for _, k := range slices.Sorted(maps.Keys(props)) {
		if !slices.Contains(known, k) {
			detail := "it is ignored"
			if near := fairlead.Nearest(k, known); near != "" {
				detail += fmt.Sprintf("; did you mean %q?", near)
			}
			r.warnf("unknown-property", k, detail, "unknown property %q", k)
		}
	}
	if ns, given := props["namespace"]; strings.HasPrefix(elType, "CCI.") && elType != "CCI.Namespace" && (!given || ns == "" || ns == nil) {
		r.errorf("missing-namespace", "namespace", "name the namespace that the object goes to", "%s: namespace is missing", elType)
	}
}

// manifestOf returns the manifest, made from name and data where those stand for it, and its path.
func (r *reader) manifestOf(el template.Element, allowed []string) (raw map[string]any, source string, ok bool) {
	switch m := el.Properties[manifestKey].(type) {
	case map[string]any:
		return m, manifestKey, true
	case template.Unknown:
		r.unknown = true
		return nil, "", false
	case nil:
	default:
		r.wrongType(manifestKey, "a map of fields", m)
		return nil, "", false
	}
	name := el.Properties["name"]
	simple := len(allowed) == 1 && (allowed[0] == "ConfigMap" || allowed[0] == "Secret" || allowed[0] == "Namespace")
	switch {
	case simple && name != nil:
	case simple:
		r.errorf("missing-manifest", manifestKey, "", "give either k8sManifest, or name and data")
		return nil, "", false
	default:
		r.errorf("missing-manifest", manifestKey, "give the whole object, with apiVersion, kind and metadata", "k8sManifest is missing")
		return nil, "", false
	}
	raw = map[string]any{"apiVersion": "v1", "kind": allowed[0], "metadata": map[string]any{"name": name}}
	field := "data"
	if allowed[0] == "Secret" {
		field = "stringData"
		if t := el.Properties["type"]; t != nil && t != "" {
			raw["type"] = t
		}
	}
	if data := el.Properties["data"]; data != nil && allowed[0] != "Namespace" {
		raw[field] = data
	}
	return raw, "", true
}

// header reads apiVersion and kind.
func (r *reader) header(raw map[string]any, allowed []string) (schema.GroupVersionKind, bool) {
	var none schema.GroupVersionKind
	for _, k := range []string{"apiVersion", "kind"} {
		switch v := raw[k].(type) {
		case nil, string:
		case template.Unknown:
			r.unknown = true
			return none, false
		default:
			r.wrongType(manifestKey+"."+k, "text", v)
			return none, false
		}
	}
	kind, _ := raw["kind"].(string)
	version, _ := raw["apiVersion"].(string)
	switch {
	case kind == "" && len(allowed) == 1:
		kind = allowed[0]
		r.warnf("missing-kind", manifestKey+".kind", "", "kind is missing; %s is taken", kind)
	case kind == "":
		r.errorf("missing-kind", manifestKey+".kind", "", "kind is missing")
		return none, false
	case allowed != nil && !slices.Contains(allowed, kind):
		r.errorf("kind-mismatch", manifestKey+".kind", "change the kind, or the element's type; Kubernetes.Object takes any kind",
			"the manifest's kind is %s, the element's type wants %s", kind, strings.Join(allowed, " or "))
		return none, false
	}
	if version == "" {
		if version = usualVersion(kind); version == "" || allowed == nil {
			r.errorf("missing-api-version", manifestKey+".apiVersion", "", "apiVersion is missing")
			return none, false
		}
		r.warnf("missing-api-version", manifestKey+".apiVersion", "", "apiVersion is missing; %s is taken", version)
	}
	gv, err := schema.ParseGroupVersion(version)
	if err != nil {
		r.errorf("bad-api-version", manifestKey+".apiVersion", "want a version such as v1 or apps/v1", "apiVersion %q is none", version)
		return none, false
	}
	return gv.WithKind(kind), true
}

func usualVersion(kind string) string {
	switch kind {
	case "Deployment", "StatefulSet", "DaemonSet":
		return "apps/v1"
	case "Job", "CronJob":
		return "batch/v1"
	case "Ingress":
		return "networking.k8s.io/v1"
	case "Pod", "Service", "ConfigMap", "Secret", "Namespace", "PersistentVolumeClaim", "PersistentVolume":
		return "v1"
	}
	return ""
}

// serverSet are the fields of metadata that only the API server sets.
func serverSet() []string {
	return []string{"uid", "selfLink", "resourceVersion", "creationTimestamp", "generation", "managedFields", "deletionTimestamp",
		"deletionGracePeriodSeconds", "clusterName"}
}

// dropServerFields leaves out what manifests that were read from a cluster carry along.
func (r *reader) dropServerFields(raw map[string]any) map[string]any {
	raw = maps.Clone(raw)
	if v, given := raw["status"]; given {
		delete(raw, "status")
		r.dropped("status", v)
	}
	m, ok := raw["metadata"].(map[string]any)
	if !ok {
		return raw
	}
	m = maps.Clone(m)
	raw["metadata"] = m
	for _, k := range serverSet() {
		if v, given := m[k]; given {
			delete(m, k)
			r.dropped("metadata."+k, v)
		}
	}
	return raw
}

func (r *reader) dropped(field string, v any) {
	if m, isMap := v.(map[string]any); v == nil || isMap && len(m) == 0 {
		return // as kubectl writes it: status: {}, creationTimestamp: null
	}
	r.warnf("server-field", manifestKey+"."+field, "leave it out: the API server sets it", "%s is dropped", field)
}

func (r *reader) checkMeta(o *object) {
	path := manifestKey + ".metadata"
	meta, isMap := o.Object["metadata"].(map[string]any)
	if !isMap {
		if !r.within(path) {
			r.errorf("missing-name", path+".name", "", "metadata.name is missing")
		}
		o.Object["metadata"] = map[string]any{}
		return
	}
	name, isText := meta["name"].(string)
	switch {
	case !isText && meta["name"] != nil:
		r.wrongType(path+".name", "text", meta["name"])
		delete(meta, "name")
	case name == "" && meta["generateName"] != nil:
		r.errorf("missing-name", path+".generateName", "give metadata.name: an element is one object, which must be found again", "generateName cannot be used")
	case name == "" && !r.within(path+".name"):
		r.errorf("missing-name", path+".name", "", "metadata.name is missing")
	case name != "" && known(o.GroupVersionKind()) && o.GroupVersionKind().Group != "rbac.authorization.k8s.io":
		if why := validation.IsDNS1123Subdomain(name); len(why) > 0 {
			r.errorf("bad-name", path+".name", why[0], "metadata.name %q is not allowed", name)
		}
	}
	delete(meta, "generateName")
	r.checkTexts(meta, path)
}

// checkTexts keeps what later reads of metadata rely on, for kinds whose fields are not known here.
func (r *reader) checkTexts(meta map[string]any, path string) {
	for _, k := range []string{"namespace", "labels", "annotations"} {
		switch v := meta[k].(type) {
		case nil:
			delete(meta, k)
		case string:
			if k != "namespace" {
				r.wrongType(path+"."+k, "a map", v)
				delete(meta, k)
			}
		case map[string]any:
			if k == "namespace" {
				r.wrongType(path+"."+k, "text", v)
				delete(meta, k)
			}
			for name, x := range v {
				if _, isText := x.(string); !isText {
					r.wrongType(path+"."+k+"."+name, "text", x)
					delete(v, name)
				}
			}
		default:
			r.wrongType(path+"."+k, "a map", v)
			delete(meta, k)
		}
	}
}

// encodeStringData moves stringData, which the API server only takes and never shows, to data.
func encodeStringData(o map[string]any) {
	text, ok := o["stringData"].(map[string]any)
	delete(o, "stringData")
	if !ok {
		return
	}
	data, ok := o["data"].(map[string]any)
	if !ok {
		data = map[string]any{}
		o["data"] = data
	}
	for k, v := range text {
		data[k] = base64.StdEncoding.EncodeToString(fmt.Append(nil, v))
	}
}

// podSpec is the pod template's spec of a workload; nil for other objects.
func (o *object) podSpec() map[string]any {
	_, spec := o.pods()
	return spec
}

// pods is where the specification of the pods stands, and a copy of it.
func (o *object) pods() (path []string, spec map[string]any) {
	for _, path := range [][]string{{"spec", "template", "spec"}, {"spec", "jobTemplate", "spec", "template", "spec"}, {"spec"}} {
		spec, ok, _ := unstructured.NestedMap(o.Object, path...)
		if _, isPod := spec["containers"]; ok && isPod {
			return path, spec
		}
	}
	return nil, nil
}
