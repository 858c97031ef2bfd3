package kubernetes

import (
	"reflect"
	"testing"
)

func TestResolve(t *testing.T) {
	container := func(name, image string) any { return map[string]any{"name": name, "image": image} }
	port := func(n int64, protocol, name string) any {
		return map[string]any{"port": n, "protocol": protocol, "name": name}
	}
	want := map[string]any{
		"data": map[string]any{"a": "1", "a.b": "2"},
		"spec": map[string]any{
			"replicas":   int64(3),
			"containers": []any{container("side", "s:1"), container("web", "w:2")},
			"ports":      []any{port(53, "UDP", "dns"), port(53, "TCP", "dns-tcp")},
		},
		"metadata": map[string]any{"finalizers": []any{`odd"],x`}},
	}
	live := map[string]any{
		"data": map[string]any{"a": "x", "a.b": "y"},
		"spec": map[string]any{
			"replicas":   int64(5),
			"containers": []any{container("web", "hack"), container("side", "s:1")},
			"ports":      []any{port(53, "TCP", "other")},
		},
	}
	for field, wanted := range map[string][3]any{
		"spec.replicas":                           {"spec.replicas", int64(3), int64(5)},
		`spec.containers[name="web"].image`:       {"spec.containers[1].image", "w:2", "hack"},
		`spec.ports[port=53,protocol="TCP"].name`: {"spec.ports[1].name", "dns-tcp", "other"},
		"data.a.b":                           {"data.a.b", "2", "y"},
		"data.a":                             {"data.a", "1", "x"},
		`metadata.finalizers[="odd\"],x"]`:   {"metadata.finalizers[0]", `odd"],x`, nil},
		"spec.strange":                       {"spec.strange", nil, nil},
		`spec.containers[name="gone"].image`: {`spec.containers[name="gone"].image`, nil, nil},
		`spec.containers[name="web`:          {`spec.containers[name="web`, nil, nil},
		"spec.containers.name":               {"spec.containers.name", nil, nil},
		`spec.ports[port=53,protocol="UDP"].name.deeper`: {`spec.ports[port=53,protocol="UDP"].name.deeper`, nil, nil},
	} {
		path, w, l := resolve(field, want, live)
		if got := [3]any{path, w, l}; !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s: %v, want %v", field, got, wanted)
		}
	}
}
