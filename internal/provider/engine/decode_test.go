package engine_test

import (
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/engine"
	"github.com/fairlead/fairlead/internal/template"
)

// checker is a provider that is never connected.
func checker(t *testing.T) *engine.Provider {
	t.Helper()
	p, err := engine.New(engine.Config{Host: "unix:///nowhere/docker.sock", InstanceID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// edit changes one value of a manifest: path is keys and list positions.
func edit(m object, value any, path ...any) object {
	var set func(at any, path []any) any
	set = func(at any, path []any) any {
		if len(path) == 0 {
			return value
		}
		if i, ok := path[0].(int); ok {
			l := at.(array)
			l[i] = set(l[i], path[1:])
			return l
		}
		o, _ := at.(object)
		if o == nil {
			o = object{}
		}
		k := path[0].(string)
		if v := set(o[k], path[1:]); v != nil {
			o[k] = v
		} else {
			delete(o, k)
		}
		return o
	}
	return set(m, path).(object)
}

func TestCheck(t *testing.T) {
	web := func() object { return deployment("web", 1, webContainer("demo/web:1")) }
	svc := func() object { return nodePort("web", "web") }
	job := func() object {
		return object{"apiVersion": "batch/v1", "kind": "Job", "metadata": object{"name": "once"}, "spec": object{
			"template": object{"spec": object{"restartPolicy": "Never", "containers": array{object{"name": "c", "image": "x"}}}}}}
	}
	unknown := template.Unknown{Element: "other"}
	pod := []any{"spec", "template", "spec"}
	at := func(more ...any) []any { return append(append([]any{}, pod...), more...) }
	tests := []struct {
		name, typ string
		manifest  object
		want      []string // parts of findings, in order; empty is none
	}{
		{"complete", "CCE.Deployment", web(), nil},
		{"CCI is the same", "CCI.Deployment", web(), nil},
		{"service", "CCE.Service", svc(), nil},
		{"job", "CCE.Job", job(), nil},
		{"kind mismatch", "CCE.Deployment", svc(), []string{"error: the manifest's kind is Service"}},
		{"unknown kind", "CCE.Ingress", svc(), []string{"error: CCE.Ingress: a container engine has no ingress"}},
		{"helm", "CCE.HelmRelease", object{}, []string{"error: CCE.HelmRelease needs the helm provider"}},
		{"cloud", "RDS.MySQL", object{}, []string{"error: RDS.MySQL is a resource of Huawei Cloud, and no target of this version can make it"}},
		{"old api version", "CCE.Deployment", edit(web(), "extensions/v1beta1", "apiVersion"), []string{"warning: apiVersion of a Deployment is apps/v1"}},
		{"no name", "CCE.Deployment", edit(web(), object{}, "metadata"), []string{"error: metadata.name is missing"}},
		{"unknown name", "CCE.Deployment", edit(web(), unknown, "metadata", "name"), nil},
		{"no image", "CCE.Deployment", edit(web(), "", at("containers", 0, "image")...), []string{"error: container \"web\" has no image"}},
		{"unknown image", "CCE.Deployment", edit(web(), unknown, at("containers", 0, "image")...), nil},
		{"unknown replicas", "CCE.Deployment", edit(web(), unknown, "spec", "replicas"), nil},
		{"unknown template", "CCE.Deployment", edit(web(), unknown, "spec", "template"), nil},
		{"typo", "CCE.Service", edit(svc(), "TCP", "spec", "ports", 0, "protocal"), []string{`warning: unknown field "protocal"; it is ignored; did you mean "protocol"?`}},
		{"case typo", "CCE.Service", edit(svc(), int64(30001), "spec", "ports", 0, "nodeport"), []string{`did you mean "nodePort"?`}},
		{"text replicas", "CCE.Deployment", edit(web(), "2", "spec", "replicas"), []string{"warning: replicas is text, not a number"}},
		{"wrong replicas", "CCE.Deployment", edit(web(), "many", "spec", "replicas"), []string{"error: replicas is text; want a whole number"}},
		{"number as env", "CCE.Deployment", edit(web(), array{object{"name": "N", "value": int64(3)}}, at("containers", 0, "env")...), []string{"warning: value is a number, not text"}},
		{"bad quantity", "CCE.Deployment", edit(web(), "much", at("containers", 0, "resources", "limits", "cpu")...), []string{`error: cpu: "much" is no quantity`}},
		{"selector", "CCE.Deployment", edit(web(), "other", "spec", "selector", "matchLabels", "app"), []string{`error: spec.selector "app=other" does not match`}},
		{"no selector", "CCE.Deployment", edit(web(), nil, "spec", "selector"), []string{"error: spec.selector is missing"}},
		{"node selector", "CCE.Deployment", edit(web(), "ssd", at("nodeSelector", "disk")...), []string{"error: Deployment: a container engine cannot do nodeSelector; one machine"}},
		{"affinity", "CCE.Deployment", edit(web(), object{}, at("affinity", "podAntiAffinity")...), []string{"error: Deployment: a container engine cannot do affinity"}},
		{"service account", "CCE.Deployment", edit(web(), "robot", at("serviceAccountName")...), []string{"warning: Deployment: serviceAccountName does not do"}},
		{"tolerations", "CCE.Deployment", edit(web(), array{object{"key": "k"}}, at("tolerations")...), []string{"warning: Deployment: tolerations does not do"}},
		{"grpc probe", "CCE.Deployment", edit(web(), object{"port": int64(1)}, at("containers", 0, "livenessProbe", "grpc")...), []string{"error: a container engine cannot do grpc probes"}},
		{"probe port", "CCE.Deployment", edit(web(), "admin", at("containers", 0, "readinessProbe", "httpGet", "port")...), []string{`error: the probe's port "admin" is not a port of container "web"`}},
		{"empty probe", "CCE.Deployment", edit(web(), object{}, at("containers", 0, "livenessProbe")...), []string{"error: the probe of container \"web\" has no action"}},
		{"nfs", "CCE.Deployment", edit(web(), array{object{"name": "v", "nfs": object{"server": "s", "path": "/"}}}, at("volumes")...), []string{`error: volume "v" has no kind, or one that a container engine cannot do`}},
		{"mount", "CCE.Deployment", edit(web(), array{object{"name": "v", "mountPath": "/v"}}, at("containers", 0, "volumeMounts")...), []string{`error: container "web" mounts "v", which is not a volume`}},
		{"host port twice", "CCE.Deployment", edit(edit(web(), int64(80), at("containers", 0, "ports", 0, "hostPort")...), int64(2), "spec", "replicas"), []string{"error: Deployment: 2 containers cannot share the same port"}},
		{"job restart policy", "CCE.Job", edit(job(), "Always", at("restartPolicy")...), []string{"error: restartPolicy of a Job is Never or OnFailure"}},
		{"deployment restart policy", "CCE.Deployment", edit(web(), "Never", at("restartPolicy")...), []string{"error: restartPolicy of a Deployment is Always"}},
		{"external name", "CCE.Service", edit(svc(), "ExternalName", "spec", "type"), []string{"error: a container engine cannot do Services of type ExternalName"}},
		{"sctp", "CCE.Service", edit(svc(), "SCTP", "spec", "ports", 0, "protocol"), []string{"error: a container engine cannot forward SCTP"}},
		{"node port of a cluster service", "CCE.Service", edit(edit(svc(), "ClusterIP", "spec", "type"), int64(30000), "spec", "ports", 0, "nodePort"), []string{"error: nodePort is given, but the Service's type is ClusterIP"}},
		{"secret data", "CCE.Secret", object{"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": "s"}, "data": object{"k": "not base64!"}}, []string{"error: k is not base64"}},
		{"two mistakes", "CCE.Deployment", edit(edit(web(), "", at("containers", 0, "image")...), "x", at("nodeName")...), []string{"cannot do nodeName", "has no image"}},
	}
	p := checker(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			diags := p.Check(template.Element{Name: "e", Type: tt.typ, Properties: object{"k8sManifest": tt.manifest}})
			var got []string
			for _, d := range diags {
				got = append(got, d.String())
			}
			if len(got) != len(tt.want) {
				t.Fatalf("findings %q, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("finding %q, want %q", got[i], tt.want[i])
				}
			}
		})
	}
}

func TestCheckNamesTheField(t *testing.T) {
	m := edit(deployment("web", 1, webContainer("demo/web:1")), "x", "spec", "template", "spec", "containers", 0, "volumeMount")
	diags := checker(t).Check(template.Element{Type: "CCE.Deployment", Properties: object{"k8sManifest": m}})
	if len(diags) != 1 || diags[0].Path != "k8sManifest.spec.template.spec.containers[0].volumeMount" || diags[0].Severity != fairlead.SeverityWarning {
		t.Errorf("findings %+v", diags)
	}
}

func TestCheckSurvivesAnything(t *testing.T) {
	values := []any{nil, true, int64(1), 1.5, "x", array{}, array{nil, "x", object{}}, object{}, object{"k": nil}, template.Unknown{Element: "e"}}
	p := checker(t)
	for _, kind := range []string{"Deployment", "StatefulSet", "DaemonSet", "Job", "Pod", "Service", "ConfigMap", "Secret"} {
		for _, v := range values {
			for _, path := range [][]any{{}, {"metadata"}, {"spec"}, {"data"}, {"spec", "template"}, {"spec", "ports"}, {"spec", "selector"}, {"spec", "containers"}, {"spec", "template", "spec"},
				{"spec", "template", "spec", "containers"}, {"spec", "template", "spec", "volumes"}, {"spec", "strategy"}, {"spec", "volumeClaimTemplates"}} {
				props := object{"k8sManifest": v}
				if len(path) > 0 {
					props["k8sManifest"] = edit(object{"kind": kind, "apiVersion": "v1", "metadata": object{"name": "n"}}, v, path...)
				}
				p.Check(template.Element{Type: "CCE." + kind, Properties: props})
			}
		}
	}
}

func TestData(t *testing.T) {
	tests := []struct {
		name, typ string
		props     object
		key, want string
	}{
		{"short config map", "CCE.ConfigMap", object{"name": "c", "data": object{"a": "1"}}, "a", "1"},
		{"short secret", "CCE.Secret", object{"name": "c", "data": object{"a": "plain"}}, "a", "plain"},
		{"secret data", "CCE.Secret", object{"k8sManifest": object{"kind": "Secret", "metadata": object{"name": "c"}, "data": object{"a": "aGk="}}}, "a", "hi"},
		{"secret stringData", "CCE.Secret", object{"k8sManifest": object{"kind": "Secret", "metadata": object{"name": "c"}, "data": object{"a": "aGk="}, "stringData": object{"a": "hello"}}}, "a", "hello"},
		{"binaryData", "CCI.ConfigMap", object{"k8sManifest": object{"kind": "ConfigMap", "metadata": object{"name": "c"}, "binaryData": object{"a": "aGk="}}}, "a", "hi"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, ns, name, data, ok := engine.Data(fairlead.Record{Type: tt.typ, Namespace: "shop", Properties: tt.props})
			if !ok || ns != "shop" || name != "c" || string(data[tt.key]) != tt.want {
				t.Errorf("got %v %s/%s %q", ok, ns, name, data)
			}
		})
	}
	if _, _, _, _, ok := engine.Data(fairlead.Record{Type: "CCE.Pod"}); ok {
		t.Error("a Pod has data")
	}
}
