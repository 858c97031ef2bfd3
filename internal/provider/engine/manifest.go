package engine

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// manifest is what an element wants, understood. Exactly one of work, service and data is set when the element has no errors.
type manifest struct {
	kind        string
	name        string
	namespace   string
	labels      map[string]string
	annotations map[string]string
	work        *workload
	service     *corev1.ServiceSpec
	data        map[string][]byte // ConfigMap, Secret
}

// workload is any kind that becomes containers.
type workload struct {
	template    corev1.PodTemplateSpec
	selector    *metav1.LabelSelector
	replicas    int
	surge       int
	unavailable int
	recreate    bool // all old ones go before new ones come
	ordered     bool // StatefulSet with OrderedReady
	minReady    time.Duration
	deadline    time.Duration // without progress
	// Job
	completions int
	parallelism int
	backoff     int
	active      time.Duration // longest run time of a Job, 0 for any
	// StatefulSet
	serviceName string
	claims      []string // names of volume claim templates
}

const (
	kindDeployment  = "Deployment"
	kindStatefulSet = "StatefulSet"
	kindDaemonSet   = "DaemonSet"
	kindJob         = "Job"
	kindPod         = "Pod"
	kindService     = "Service"
	kindConfigMap   = "ConfigMap"
	kindSecret      = "Secret"
)

// parse understands an element, as far as its values are known, and finds everything that is wrong with it.
func parse(el template.Element) (*manifest, fairlead.Diagnostics) {
	d := &decoder{}
	family, kind, _ := strings.Cut(el.Type, ".")
	if family != "CCE" && family != "CCI" || !d.supported(el.Type, kind) {
		if len(d.diags) == 0 {
			d.errorf("unsupported-element", "", adviceFor(el.Type), "%s", refusalOf(el.Type))
		}
		return nil, d.diags
	}
	m := &manifest{kind: kind, namespace: el.Namespace}
	if ns, ok := el.Properties["namespace"].(string); ok && ns != "" {
		m.namespace = ns
	}
	d.checkProperties(el.Properties, kind)
	raw, ok := d.manifestOf(el.Properties, kind)
	if !ok {
		return m, d.diags
	}
	if !d.header(raw, kind) {
		return m, d.diags // everything else would be judged by the wrong rules
	}
	d.decodeKind(m, raw)
	if m.name == "" && !d.unknown("k8sManifest.metadata.name") {
		d.errorf("missing-name", "k8sManifest.metadata.name", "", "metadata.name is missing")
	}
	if m.namespace == "" {
		m.namespace = "default"
	}
	return m, d.diags
}

// supported reports whether the kind is one of ours; for the known others it says why not.
func (d *decoder) supported(elType, kind string) bool {
	switch kind {
	case kindDeployment, kindStatefulSet, kindDaemonSet, kindJob, kindPod, kindService, kindConfigMap, kindSecret:
		return true
	case "Ingress":
		d.errorf("unsupported-element", "", "publish the application with a Service of type NodePort or LoadBalancer, or use a Kubernetes target",
			"%s: a container engine has no ingress", elType)
	case "HelmRelease":
		d.errorf("unsupported-element", "", "use a Kubernetes target", "%s needs the helm provider; a container engine cannot make it", elType)
	}
	return false
}

// refusalOf says why an engine does not make a type that is none of its own; adviceFor, what to do instead.
func refusalOf(elType string) string {
	if forKubernetes(elType) {
		return elType + " is an object of Kubernetes; a container engine cannot make it"
	}
	return elType + " is a resource of Huawei Cloud, and no target of this version can make it"
}

func adviceFor(elType string) string {
	if forKubernetes(elType) {
		return "deploy it to a Kubernetes target; an engine runs CCE and CCI workloads, services, config maps and secrets"
	}
	return "leave the element out, make the resource by other means, and give what other elements read of it (an id, an address) as an input"
}

func forKubernetes(elType string) bool {
	family, kind, _ := strings.Cut(elType, ".")
	switch family {
	case "Kubernetes":
		return true
	case "CCE", "CCI":
		return strings.HasPrefix(kind, "Storage.") || kind == "Namespace" || kind == "Network"
	}
	return false
}

func (d *decoder) checkProperties(props map[string]any, kind string) {
	known := []string{"k8sManifest", "clusterId", "namespace"}
	switch kind {
	case kindConfigMap:
		known = append(known, "name", "data")
	case kindSecret:
		known = append(known, "name", "data", "type")
	case kindPod:
		known = append(known, "name")
	}
	for _, k := range slices.Sorted(maps.Keys(props)) {
		if !slices.Contains(known, k) {
			detail := "it is ignored"
			if near := fairlead.Nearest(k, known); near != "" {
				detail += fmt.Sprintf("; did you mean %q?", near)
			}
			d.warnf("unknown-property", k, detail, "unknown property %q", k)
		}
	}
}

// manifestOf returns the manifest, made from name and data where those stand for it.
func (d *decoder) manifestOf(props map[string]any, kind string) (map[string]any, bool) {
	switch raw := props["k8sManifest"].(type) {
	case map[string]any:
		return raw, true
	case template.Unknown:
		d.unknowns = append(d.unknowns, "k8sManifest")
		return nil, false
	case nil:
	default:
		d.wrongType("k8sManifest", "a map of fields", raw)
		return nil, false
	}
	if kind != kindConfigMap && kind != kindSecret {
		d.errorf("missing-manifest", "k8sManifest", "", "k8sManifest is missing")
		return nil, false
	}
	if props["name"] == nil {
		d.errorf("missing-manifest", "k8sManifest", "", "give either k8sManifest, or name and data")
		return nil, false
	}
	raw := map[string]any{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": props["name"]}}
	field := "data"
	if kind == kindSecret {
		field = "stringData"
		if props["type"] != nil {
			raw["type"] = props["type"]
		}
	}
	if props["data"] != nil {
		raw[field] = props["data"]
	}
	return raw, true
}

// header checks kind and apiVersion; false when the manifest is of another kind.
func (d *decoder) header(raw map[string]any, kind string) bool {
	switch k := raw["kind"].(type) {
	case nil:
		d.errorf("missing-kind", "k8sManifest.kind", "", "kind is missing; want %s", kind)
	case string:
		if k != kind {
			d.errorf("kind-mismatch", "k8sManifest.kind", "change the kind, or the element's type", "the manifest's kind is %s, the element's type wants %s", k, kind)
			return false
		}
	}
	want := "v1"
	switch kind {
	case kindDeployment, kindStatefulSet, kindDaemonSet:
		want = "apps/v1"
	case kindJob:
		want = "batch/v1"
	}
	if v, ok := raw["apiVersion"].(string); (ok && v != want) || raw["apiVersion"] == nil {
		d.warnf("api-version", "k8sManifest.apiVersion", "an engine does not care, a current Kubernetes cluster refuses it", "apiVersion of a %s is %s", kind, want)
	}
	return true
}

// decodeKind reads the manifest by its kind into m and checks it.
func (d *decoder) decodeKind(m *manifest, raw map[string]any) {
	const root = "k8sManifest"
	switch m.kind {
	case kindDeployment:
		var o appsv1.Deployment
		d.decode(root, raw, &o)
		m.meta(o.ObjectMeta)
		m.work = deployment(o.Spec)
		d.checkWorkload(m, root+".spec.selector", root+".spec.template")
	case kindStatefulSet:
		var o appsv1.StatefulSet
		d.decode(root, raw, &o)
		m.meta(o.ObjectMeta)
		m.work = statefulSet(o.Spec)
		d.checkStatefulSet(o.Spec)
		d.checkWorkload(m, root+".spec.selector", root+".spec.template")
	case kindDaemonSet:
		var o appsv1.DaemonSet
		d.decode(root, raw, &o)
		m.meta(o.ObjectMeta)
		m.work = daemonSet(o.Spec)
		d.checkWorkload(m, root+".spec.selector", root+".spec.template")
	case kindJob:
		var o batchv1.Job
		d.decode(root, raw, &o)
		m.meta(o.ObjectMeta)
		m.work = job(o.Spec)
		d.checkWorkload(m, "", root+".spec.template")
	case kindPod:
		var o corev1.Pod
		d.decode(root, raw, &o)
		m.meta(o.ObjectMeta)
		m.work = &workload{replicas: 1, surge: 1, deadline: defaultDeadline,
			template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: o.Labels, Annotations: o.Annotations}, Spec: o.Spec}}
		d.checkWorkload(m, "", root)
	case kindService:
		var o corev1.Service
		d.decode(root, raw, &o)
		m.meta(o.ObjectMeta)
		m.service = &o.Spec
		d.checkService(m)
	case kindConfigMap:
		var o corev1.ConfigMap
		d.decode(root, raw, &o)
		m.meta(o.ObjectMeta)
		m.data = map[string][]byte{}
		for k, v := range o.Data {
			m.data[k] = []byte(v)
		}
		maps.Copy(m.data, o.BinaryData)
	case kindSecret:
		var o corev1.Secret
		d.decode(root, raw, &o)
		m.meta(o.ObjectMeta)
		m.data = map[string][]byte{}
		maps.Copy(m.data, o.Data)
		for k, v := range o.StringData {
			m.data[k] = []byte(v)
		}
	}
}

func (m *manifest) meta(o metav1.ObjectMeta) {
	m.name, m.labels, m.annotations = o.Name, o.Labels, o.Annotations
	if o.Namespace != "" && m.namespace == "" {
		m.namespace = o.Namespace
	}
}

const defaultDeadline = 600 * time.Second

func deployment(s appsv1.DeploymentSpec) *workload {
	w := &workload{template: s.Template, selector: s.Selector, replicas: count(s.Replicas, 1), deadline: seconds32(s.ProgressDeadlineSeconds, defaultDeadline),
		minReady: time.Duration(s.MinReadySeconds) * time.Second, recreate: s.Strategy.Type == appsv1.RecreateDeploymentStrategyType}
	var surge, unavailable *intstr.IntOrString
	if r := s.Strategy.RollingUpdate; r != nil {
		surge, unavailable = r.MaxSurge, r.MaxUnavailable
	}
	w.surge, w.unavailable = fenceposts(surge, unavailable, w.replicas)
	return w
}

// fenceposts rounds the share of extra containers up and that of missing ones down, as Kubernetes does; both zero would never end.
func fenceposts(surge, unavailable *intstr.IntOrString, replicas int) (int, int) {
	quarter := intstr.FromString("25%")
	s := scaled(surge, quarter, replicas, math.Ceil)
	u := scaled(unavailable, quarter, replicas, math.Floor)
	if s == 0 && u == 0 {
		u = 1
	}
	return s, u
}

func scaled(v *intstr.IntOrString, def intstr.IntOrString, total int, round func(float64) float64) int {
	if v == nil {
		v = &def
	}
	if v.Type == intstr.Int {
		return max(0, v.IntValue())
	}
	var percent float64
	if _, err := fmt.Sscanf(v.StrVal, "%f%%", &percent); err != nil {
		return scaled(&def, def, total, round)
	}
	return max(0, int(round(percent*float64(total)/100)))
}

func statefulSet(s appsv1.StatefulSetSpec) *workload {
	w := &workload{template: s.Template, selector: s.Selector, replicas: count(s.Replicas, 1), deadline: defaultDeadline,
		minReady: time.Duration(s.MinReadySeconds) * time.Second, serviceName: s.ServiceName,
		ordered: s.PodManagementPolicy != appsv1.ParallelPodManagement}
	for _, c := range s.VolumeClaimTemplates {
		w.claims = append(w.claims, c.Name)
	}
	return w
}

// daemonSet runs once: there is one machine. The new container comes before the old one goes, unless both would want the same
// port of the machine.
func daemonSet(s appsv1.DaemonSetSpec) *workload {
	return &workload{template: s.Template, selector: s.Selector, replicas: 1, surge: 1, deadline: defaultDeadline,
		minReady: time.Duration(s.MinReadySeconds) * time.Second}
}

func job(s batchv1.JobSpec) *workload {
	w := &workload{template: s.Template, parallelism: count(s.Parallelism, 1), backoff: count(s.BackoffLimit, 6)}
	w.completions = count(s.Completions, w.parallelism)
	w.replicas = w.completions
	if s.ActiveDeadlineSeconds != nil {
		w.active = time.Duration(*s.ActiveDeadlineSeconds) * time.Second
	}
	return w
}

func count(n *int32, def int) int {
	if n == nil {
		return def
	}
	return max(0, int(*n))
}

func seconds32(n *int32, def time.Duration) time.Duration {
	if n == nil {
		return def
	}
	return time.Duration(*n) * time.Second
}

// usesHostPorts reports whether two of these containers cannot run side by side.
func usesHostPorts(spec *corev1.PodSpec) bool {
	return spec.HostNetwork || slices.ContainsFunc(spec.Containers, func(c corev1.Container) bool {
		return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.HostPort != 0 })
	})
}

// Data reads the content of a ConfigMap or Secret from the record of its element. It is what [Config.Lookup] needs; ok is
// false for records of other kinds.
func Data(r fairlead.Record) (kind, namespace, name string, data map[string][]byte, ok bool) {
	_, kind, _ = strings.Cut(r.Type, ".")
	if kind != kindConfigMap && kind != kindSecret {
		return "", "", "", nil, false
	}
	m, diags := parse(template.Element{Name: r.Element, Type: r.Type, Namespace: r.Namespace, Properties: r.Properties})
	if m == nil || diags.HasErrors() {
		return "", "", "", nil, false
	}
	return kind, m.namespace, m.name, m.data, true
}
