package engine

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fairlead/fairlead"
)

// finding is a field that an engine treats differently from a cluster, when it is given.
type finding struct {
	given    bool
	severity fairlead.Severity
	field    string
	why      string
}

// checkFindings reports the fields that are given: an error where leaving the field out would change what the application
// is, a warning where it runs the same without.
func (d *decoder) checkFindings(path, what string, findings []finding) {
	for _, f := range findings {
		if f.given {
			summary := fmt.Sprintf("%s: %s does not do on a container engine what it does on a cluster", what, f.field)
			if f.severity == fairlead.SeverityError {
				summary = fmt.Sprintf("%s: a container engine cannot do %s", what, f.field)
			}
			d.report(f.severity, "unsupported-field", join(path, f.field), summary, f.why)
		}
	}
}

func (d *decoder) checkWorkload(m *manifest, selectorPath, templatePath string) {
	w := m.work
	if selectorPath != "" {
		d.checkSelector(w, selectorPath, templatePath)
	}
	d.checkPod(m, &w.template.Spec, templatePath+".spec")
	if usesHostPorts(&w.template.Spec) {
		// Two containers cannot have the same port of the machine: the old one makes room first.
		w.surge, w.unavailable = 0, max(1, w.unavailable)
		if w.replicas > 1 {
			d.errorf("host-port", templatePath+".spec", "use one replica, or a Service of type NodePort",
				"%s: %d containers cannot share the same port of one machine", m.kind, w.replicas)
		}
	}
}

func (d *decoder) checkSelector(w *workload, path, templatePath string) {
	if d.unknown(path) || d.unknown(templatePath+".metadata.labels") {
		return
	}
	if w.selector == nil || len(w.selector.MatchLabels)+len(w.selector.MatchExpressions) == 0 {
		d.errorf("missing-selector", path, "repeat the labels of the template in spec.selector.matchLabels", "spec.selector is missing")
		return
	}
	s, err := metav1.LabelSelectorAsSelector(w.selector)
	if err != nil {
		d.errorf("bad-selector", path, "", "spec.selector: %v", err)
		return
	}
	if !s.Matches(labels.Set(w.template.Labels)) {
		d.errorf("selector-mismatch", path, fmt.Sprintf("the labels are %s", labels.Set(w.template.Labels)),
			"spec.selector %q does not match the labels of the template", s.String())
	}
}

func (d *decoder) checkStatefulSet(s appsv1.StatefulSetSpec) {
	const path = "k8sManifest.spec"
	r := s.UpdateStrategy.RollingUpdate
	d.checkFindings(path, kindStatefulSet, []finding{
		{s.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType, fairlead.SeverityWarning, "updateStrategy.type", "changed containers are replaced at once"},
		{r != nil && r.Partition != nil && *r.Partition != 0, fairlead.SeverityError, "updateStrategy.rollingUpdate.partition", "all containers are updated"},
	})
	for i, c := range s.VolumeClaimTemplates {
		p := fmt.Sprintf("%s.volumeClaimTemplates[%d]", path, i)
		if c.Name == "" && !d.unknown(p) {
			d.errorf("missing-name", p+".metadata.name", "", "a volume claim template has no name")
		}
	}
}

const oneMachine = "one machine has no nodes to choose from"

func (d *decoder) checkPod(m *manifest, s *corev1.PodSpec, path string) {
	d.checkFindings(path, m.kind, []finding{
		{len(s.NodeSelector) > 0, fairlead.SeverityError, "nodeSelector", oneMachine},
		{s.NodeName != "", fairlead.SeverityError, "nodeName", oneMachine},
		{s.Affinity != nil, fairlead.SeverityError, "affinity", oneMachine},
		{len(s.TopologySpreadConstraints) > 0, fairlead.SeverityError, "topologySpreadConstraints", oneMachine},
		{len(s.EphemeralContainers) > 0, fairlead.SeverityError, "ephemeralContainers", "leave them out"},
		{s.RuntimeClassName != nil, fairlead.SeverityWarning, "runtimeClassName", "the engine's default runtime is used"},
		{s.ServiceAccountName != "" && s.ServiceAccountName != "default", fairlead.SeverityWarning, "serviceAccountName", "there is no Kubernetes API to reach"},
		{len(s.Tolerations) > 0, fairlead.SeverityWarning, "tolerations", oneMachine},
		{s.PriorityClassName != "", fairlead.SeverityWarning, "priorityClassName", oneMachine},
		{s.ShareProcessNamespace != nil && *s.ShareProcessNamespace, fairlead.SeverityError, "shareProcessNamespace", "containers see only their own processes"},
		{len(s.ReadinessGates) > 0, fairlead.SeverityError, "readinessGates", "nobody sets pod conditions on an engine"},
		{s.HostNetwork, fairlead.SeverityWarning, "hostNetwork", "the containers run on the machine's network, where Services do not reach them"},
		{s.SecurityContext != nil && s.SecurityContext.RunAsNonRoot != nil && *s.SecurityContext.RunAsNonRoot, fairlead.SeverityWarning, "securityContext.runAsNonRoot",
			"nobody checks it; set runAsUser"},
		{s.SecurityContext != nil && s.SecurityContext.FSGroup != nil, fairlead.SeverityWarning, "securityContext.fsGroup", "volumes keep the owner they have"},
	})
	if len(s.Containers) == 0 && !d.unknown(path+".containers") {
		d.errorf("missing-containers", path+".containers", "", "%s has no containers", m.kind)
	}
	d.checkRestartPolicy(m.kind, s, path)
	d.checkVolumes(m, s, path)
	volumes := volumeNames(m, s)
	names := map[string]bool{}
	for i := range s.InitContainers {
		d.checkContainer(&s.InitContainers[i], fmt.Sprintf("%s.initContainers[%d]", path, i), volumes, names, s)
		if s.InitContainers[i].RestartPolicy != nil {
			d.errorf("unsupported-field", fmt.Sprintf("%s.initContainers[%d].restartPolicy", path, i), "make it one of the containers",
				"a container engine cannot do init containers that go on running")
		}
	}
	for i := range s.Containers {
		d.checkContainer(&s.Containers[i], fmt.Sprintf("%s.containers[%d]", path, i), volumes, names, s)
	}
}

func (d *decoder) checkRestartPolicy(kind string, s *corev1.PodSpec, path string) {
	switch policy := s.RestartPolicy; {
	case kind == kindJob && policy != corev1.RestartPolicyNever && policy != corev1.RestartPolicyOnFailure:
		if !d.unknown(path + ".restartPolicy") {
			d.errorf("restart-policy", path+".restartPolicy", "", "restartPolicy of a Job is Never or OnFailure")
		}
	case kind != kindJob && kind != kindPod && policy != "" && policy != corev1.RestartPolicyAlways:
		d.errorf("restart-policy", path+".restartPolicy", "", "restartPolicy of a %s is Always", kind)
	}
}

func volumeNames(m *manifest, s *corev1.PodSpec) map[string]*corev1.Volume {
	out := map[string]*corev1.Volume{}
	for _, c := range m.work.claims {
		out[c] = &corev1.Volume{Name: c}
	}
	for i := range s.Volumes {
		out[s.Volumes[i].Name] = &s.Volumes[i]
	}
	return out
}

func (d *decoder) checkVolumes(m *manifest, s *corev1.PodSpec, path string) {
	for i := range s.Volumes {
		v := &s.Volumes[i]
		p := fmt.Sprintf("%s.volumes[%d]", path, i)
		if d.unknown(p) {
			continue
		}
		switch {
		case v.EmptyDir != nil, v.ConfigMap != nil, v.Secret != nil, v.HostPath != nil, v.PersistentVolumeClaim != nil:
		default:
			d.errorf("unsupported-volume", p, "a container engine has configMap, secret, emptyDir, hostPath and persistentVolumeClaim",
				"volume %q has no kind, or one that a container engine cannot do", v.Name)
		}
	}
}

func (d *decoder) checkContainer(c *corev1.Container, path string, volumes map[string]*corev1.Volume, names map[string]bool, s *corev1.PodSpec) {
	if c.Name == "" && !d.unknown(path+".name") {
		d.errorf("missing-name", path+".name", "", "a container has no name")
	}
	if c.Name != "" && names[c.Name] {
		d.errorf("duplicate-name", path+".name", "", "two containers have the name %q", c.Name)
	}
	names[c.Name] = true
	if strings.TrimSpace(c.Image) == "" && !d.unknown(path+".image") {
		d.errorf("missing-image", path+".image", "", "container %q has no image", c.Name)
	}
	d.checkProbe(c, c.ReadinessProbe, path+".readinessProbe")
	d.checkProbe(c, c.LivenessProbe, path+".livenessProbe")
	d.checkProbe(c, c.StartupProbe, path+".startupProbe")
	d.checkMounts(c, path, volumes, s)
	for i, e := range c.Env {
		if e.ValueFrom != nil && e.ValueFrom.ResourceFieldRef != nil {
			d.errorf("unsupported-field", fmt.Sprintf("%s.env[%d].valueFrom.resourceFieldRef", path, i), "give the value itself", "a container engine cannot do resourceFieldRef")
		}
		if e.ValueFrom != nil && e.ValueFrom.FieldRef != nil && !knownFieldRef(e.ValueFrom.FieldRef.FieldPath) {
			d.errorf("unsupported-field", fmt.Sprintf("%s.env[%d].valueFrom.fieldRef.fieldPath", path, i), "one of "+strings.Join(fieldRefs(), ", "),
				"a container engine does not know the field %q", e.ValueFrom.FieldRef.FieldPath)
		}
	}
	l := c.Lifecycle
	d.checkFindings(path, "container "+c.Name, []finding{
		{l != nil && l.PostStart != nil, fairlead.SeverityError, "lifecycle.postStart", "run it in the container's own command"},
		{l != nil && l.PreStop != nil && l.PreStop.HTTPGet != nil, fairlead.SeverityError, "lifecycle.preStop.httpGet", "use exec"},
		{len(c.VolumeDevices) > 0, fairlead.SeverityError, "volumeDevices", "use a volume with a file system"},
	})
}

func (d *decoder) checkMounts(c *corev1.Container, path string, volumes map[string]*corev1.Volume, s *corev1.PodSpec) {
	for i, vm := range c.VolumeMounts {
		p := fmt.Sprintf("%s.volumeMounts[%d]", path, i)
		if d.unknown(p) {
			continue
		}
		v := volumes[vm.Name]
		switch {
		case v == nil:
			d.errorf("unknown-volume", p+".name", "add it to the volumes of the pod", "container %q mounts %q, which is not a volume", c.Name, vm.Name)
		case !strings.HasPrefix(vm.MountPath, "/"):
			d.errorf("bad-path", p+".mountPath", "", "mountPath %q does not start with /", vm.MountPath)
		case vm.SubPathExpr != "":
			d.errorf("unsupported-field", p+".subPathExpr", "use subPath", "a container engine cannot do subPathExpr")
		case vm.SubPath != "" && v.ConfigMap == nil && v.Secret == nil && v.HostPath == nil:
			d.errorf("unsupported-field", p+".subPath", "mount the whole volume", "a container engine can do subPath for configMap, secret and hostPath only")
		case vm.SubPath != "" && readOnlyRoot(c) && v.HostPath == nil:
			d.errorf("unsupported-field", p+".subPath", "mount the whole volume", "a container engine cannot place a single file into a read-only root file system")
		case vm.SubPath != "" && escapes(vm.SubPath):
			d.errorf("bad-path", p+".subPath", "", "subPath %q leaves its volume", vm.SubPath)
		}
	}
}

func readOnlyRoot(c *corev1.Container) bool {
	return c.SecurityContext != nil && c.SecurityContext.ReadOnlyRootFilesystem != nil && *c.SecurityContext.ReadOnlyRootFilesystem
}

func escapes(p string) bool {
	return strings.HasPrefix(p, "/") || p == ".." || strings.HasPrefix(p, "../") || strings.Contains(p, "/../") || strings.HasSuffix(p, "/..")
}

func (d *decoder) checkProbe(c *corev1.Container, p *corev1.Probe, path string) {
	if p == nil || d.unknown(path) {
		return
	}
	var port *intstr.IntOrString
	switch {
	case p.GRPC != nil:
		d.errorf("unsupported-field", path+".grpc", "use tcpSocket or exec", "a container engine cannot do grpc probes")
	case p.HTTPGet != nil:
		port = &p.HTTPGet.Port
	case p.TCPSocket != nil:
		port = &p.TCPSocket.Port
	case p.Exec == nil:
		d.errorf("empty-probe", path, "want exec, httpGet or tcpSocket", "the probe of container %q has no action", c.Name)
	case len(p.Exec.Command) == 0:
		d.errorf("empty-probe", path+".exec.command", "", "the probe of container %q has no command", c.Name)
	}
	if port != nil {
		if _, ok := containerPort(c.Ports, *port); !ok {
			d.errorf("unknown-port", path, "give a number from 1 to 65535 or the name of one of the container's ports",
				"the probe's port %q is not a port of container %q", port.String(), c.Name)
		}
	}
}

// containerPort is the number of a port that is given by number or by name.
func containerPort(ports []corev1.ContainerPort, p intstr.IntOrString) (int, bool) {
	if p.Type == intstr.Int {
		return p.IntValue(), p.IntValue() > 0 && p.IntValue() < 1<<16
	}
	for _, cp := range ports {
		if cp.Name == p.StrVal {
			return int(cp.ContainerPort), true
		}
	}
	return 0, false
}

func (d *decoder) checkService(m *manifest) {
	const path = "k8sManifest.spec"
	s := m.service
	if d.unknown(path) && len(s.Ports) == 0 {
		return
	}
	switch s.Type {
	case "", corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer:
	case corev1.ServiceTypeExternalName:
		d.errorf("unsupported-field", path+".type", "let the application use the outside name itself", "a container engine cannot do Services of type ExternalName")
	default:
		d.errorf("bad-value", path+".type", "want ClusterIP, NodePort or LoadBalancer", "unknown Service type %q", s.Type)
	}
	if len(s.Selector) == 0 && !d.unknown(path+".selector") {
		d.warnf("missing-selector", path+".selector", "give the labels of the containers it stands for", "the Service has no selector and so reaches nothing")
	}
	d.checkFindings(path, kindService, []finding{
		{s.SessionAffinity == corev1.ServiceAffinityClientIP, fairlead.SeverityWarning, "sessionAffinity", "connections are spread over all containers"},
		{len(s.ExternalIPs) > 0, fairlead.SeverityWarning, "externalIPs", "the port is published on this machine"},
		{len(s.LoadBalancerSourceRanges) > 0, fairlead.SeverityError, "loadBalancerSourceRanges", "anybody who reaches the machine's address could connect"},
	})
	if len(s.Ports) == 0 && s.ClusterIP != corev1.ClusterIPNone && !d.unknown(path+".ports") {
		d.errorf("missing-ports", path+".ports", "", "the Service has no ports")
	}
	for i, p := range s.Ports {
		d.checkServicePort(p, s, fmt.Sprintf("%s.ports[%d]", path, i))
	}
}

func (d *decoder) checkServicePort(p corev1.ServicePort, s *corev1.ServiceSpec, path string) {
	if (p.Port < 1 || p.Port > 65535) && !d.unknown(path+".port") {
		d.errorf("bad-port", path+".port", "want a number from 1 to 65535", "port %d of the Service is none", p.Port)
	}
	if p.Protocol != "" && p.Protocol != corev1.ProtocolTCP && p.Protocol != corev1.ProtocolUDP {
		d.errorf("bad-protocol", path+".protocol", "want TCP or UDP", "a container engine cannot forward %s", p.Protocol)
	}
	if p.NodePort < 0 || p.NodePort > 65535 {
		d.errorf("bad-port", path+".nodePort", "want a number from 1 to 65535", "nodePort %d is none", p.NodePort)
	}
	if p.NodePort != 0 && (s.Type == "" || s.Type == corev1.ServiceTypeClusterIP) {
		d.errorf("bad-port", path+".nodePort", "set spec.type to NodePort", "nodePort is given, but the Service's type is ClusterIP")
	}
	if p.Name == "" && len(s.Ports) > 1 && !d.unknown(path+".name") {
		d.errorf("missing-name", path+".name", "", "every port of a Service with several ports has a name")
	}
}
