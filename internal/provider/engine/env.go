package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// facts are what fieldRef can read about a pod before it runs.
type facts struct {
	name, namespace, node string
	labels, annotations   map[string]string
}

func fieldRefs() []string {
	return []string{"metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels['KEY']", "metadata.annotations['KEY']",
		"spec.nodeName", "spec.serviceAccountName", "status.podIP", "status.hostIP"}
}

func knownFieldRef(path string) bool {
	_, ok := facts{}.field(path)
	return ok
}

// field reads one field. Addresses are not known before a container starts; the container's own host name, which resolves to
// its address, stands for its IP.
func (f facts) field(path string) (string, bool) {
	switch path {
	case "metadata.name", "metadata.uid", "status.podIP", "status.podIPs":
		return f.name, true
	case "metadata.namespace":
		return f.namespace, true
	case "spec.nodeName", "status.hostIP":
		return f.node, true
	case "spec.serviceAccountName":
		return "default", true
	}
	for prefix, m := range map[string]map[string]string{"metadata.labels['": f.labels, "metadata.annotations['": f.annotations} {
		if key, ok := strings.CutPrefix(path, prefix); ok {
			key, ok = strings.CutSuffix(key, "']")
			return m[key], ok
		}
	}
	return "", false
}

// configs are the ConfigMaps and Secrets that a pod template reads, by kind and name.
type configs map[configKey]map[string][]byte

type configKey struct{ kind, name string }

func (k configKey) String() string { return k.kind + " " + k.name }

// missingConfig tells that something a container needs does not exist yet.
type missingConfig struct{ what string }

func (e *missingConfig) Error() string { return "waits for " + e.what }

// references are the ConfigMaps and Secrets that a pod template reads; the value tells whether all of its uses are optional.
func references(spec *corev1.PodSpec) map[configKey]bool {
	out := map[configKey]bool{}
	add := func(kind, name string, optional *bool) {
		if name == "" {
			return
		}
		k := configKey{kind, name}
		before, seen := out[k]
		out[k] = optional != nil && *optional && (before || !seen)
	}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, e := range c.EnvFrom {
			if e.ConfigMapRef != nil {
				add(kindConfigMap, e.ConfigMapRef.Name, e.ConfigMapRef.Optional)
			}
			if e.SecretRef != nil {
				add(kindSecret, e.SecretRef.Name, e.SecretRef.Optional)
			}
		}
		for _, e := range c.Env {
			if e.ValueFrom == nil {
				continue
			}
			if r := e.ValueFrom.ConfigMapKeyRef; r != nil {
				add(kindConfigMap, r.Name, r.Optional)
			}
			if r := e.ValueFrom.SecretKeyRef; r != nil {
				add(kindSecret, r.Name, r.Optional)
			}
		}
	}
	for _, v := range spec.Volumes {
		if v.ConfigMap != nil {
			add(kindConfigMap, v.ConfigMap.Name, v.ConfigMap.Optional)
		}
		if v.Secret != nil {
			add(kindSecret, v.Secret.SecretName, v.Secret.Optional)
		}
	}
	return out
}

// configsOf looks up what a pod template reads. What is missing and not optional is a [missingConfig] error.
func (p *Provider) configsOf(ctx context.Context, stackID, namespace string, spec *corev1.PodSpec) (configs, error) {
	out := configs{}
	refs := references(spec)
	var missing []string
	for _, k := range slices.SortedFunc(maps.Keys(refs), func(a, b configKey) int { return strings.Compare(a.String(), b.String()) }) {
		if p.lookup == nil {
			return nil, &missingConfig{k.String()}
		}
		data, ok, err := p.lookup(ctx, stackID, namespace, k.kind, k.name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		if ok {
			out[k] = data
		} else if !refs[k] {
			missing = append(missing, fmt.Sprintf("%s, which is not part of the stack or not made yet", k))
		}
	}
	if missing != nil {
		return nil, &missingConfig{strings.Join(missing, ", and for ")}
	}
	return out, nil
}

// environment computes a container's variables in their order: envFrom first, env over it, with $(VAR) expanded.
func environment(c *corev1.Container, cfg configs, f facts) ([]string, error) {
	values := map[string]string{}
	var order []string
	set := func(k, v string) {
		if _, ok := values[k]; !ok {
			order = append(order, k)
		}
		values[k] = v
	}
	for _, from := range c.EnvFrom {
		var data map[string][]byte
		if from.ConfigMapRef != nil {
			data = cfg[configKey{kindConfigMap, from.ConfigMapRef.Name}]
		} else if from.SecretRef != nil {
			data = cfg[configKey{kindSecret, from.SecretRef.Name}]
		}
		for _, k := range slices.Sorted(maps.Keys(data)) {
			set(from.Prefix+k, string(data[k]))
		}
	}
	for _, e := range c.Env {
		v, ok, err := variable(e, cfg, f)
		if err != nil {
			return nil, fmt.Errorf("container %s: variable %s: %w", c.Name, e.Name, err)
		}
		if ok {
			if e.ValueFrom == nil {
				v = expand(v, values)
			}
			set(e.Name, v)
		}
	}
	out := make([]string, len(order))
	for i, k := range order {
		out[i] = k + "=" + values[k]
	}
	return out, nil
}

func variable(e corev1.EnvVar, cfg configs, f facts) (string, bool, error) {
	switch from := e.ValueFrom; {
	case from == nil:
		return e.Value, true, nil
	case from.ConfigMapKeyRef != nil:
		r := from.ConfigMapKeyRef
		return keyOf(cfg, configKey{kindConfigMap, r.Name}, r.Key, r.Optional)
	case from.SecretKeyRef != nil:
		r := from.SecretKeyRef
		return keyOf(cfg, configKey{kindSecret, r.Name}, r.Key, r.Optional)
	case from.FieldRef != nil:
		v, ok := f.field(from.FieldRef.FieldPath)
		return v, ok, nil
	}
	return "", false, nil
}

func keyOf(cfg configs, k configKey, key string, optional *bool) (string, bool, error) {
	v, ok := cfg[k][key]
	if !ok && (optional == nil || !*optional) {
		return "", false, &missingConfig{fmt.Sprintf("key %q of %s", key, k)}
	}
	return string(v), ok, nil
}

// expand replaces $(NAME) by a variable; $$ is a dollar sign, and what is not known stays as it is.
func expand(s string, values map[string]string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '$')
		if i < 0 || i == len(s)-1 {
			return b.String() + s
		}
		b.WriteString(s[:i])
		s = s[i:]
		end := strings.IndexByte(s, ')')
		switch {
		case s[1] == '$':
			b.WriteByte('$')
			s = s[2:]
		case s[1] == '(' && end > 0:
			v, ok := values[s[2:end]]
			if !ok {
				v = s[:end+1]
			}
			b.WriteString(v)
			s = s[end+1:]
		default:
			b.WriteByte('$')
			s = s[1:]
		}
	}
}

func environ(list []string) map[string]string {
	out := make(map[string]string, len(list))
	for _, kv := range list {
		k, v, _ := strings.Cut(kv, "=")
		out[k] = v
	}
	return out
}
