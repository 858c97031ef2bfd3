package pipeline

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/fairlead/fairlead"
)

// The tools of a template-deploy stage.
const (
	toolAOS  = "aos"
	toolHelm = "helm"
)

// toolOf is the tool that a deploy says, before it is read.
func toolOf(n *yaml.Node) string {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "tool" {
			return n.Content[i+1].Value
		}
	}
	return ""
}

// deployHelm reads a deploy with the tool helm.
func (p *parser) deployHelm(n *yaml.Node, path string, known map[string]bool) *fairlead.Deploy {
	o := p.object(n, path, "deploy with the tool helm", []string{"tool", "release", "stack", "create", "target", "namespace", "create_namespace", "chart", "package",
		"values", "values_file", "wait"}, nil)
	if o == nil {
		return nil
	}
	o.require("deploy with the tool helm", "release", "chart")
	h := &fairlead.DeployHelm{Release: o.str("release"), Package: o.value("package"), ValuesFile: o.str("values_file"), CreateNamespace: o.bool("create_namespace")}
	h.NoWait = o.get("wait") != nil && !o.bool("wait")
	d := &fairlead.Deploy{Tool: toolHelm, Stack: o.str("stack"), Create: o.bool("create"), Target: o.str("target"), Namespace: o.str("namespace"), Helm: h}
	if o.get("stack") == nil {
		d.Stack = h.Release
	}
	for key, name := range map[string]string{"release": h.Release, "stack": o.str("stack"), "target": d.Target, "namespace": d.Namespace} {
		p.reference(o, key, name, known, func() error { return fairlead.CheckName(key, name) })
	}
	p.reference(o, "package", h.Package, known, func() error { return checkPackage(h.Package) })
	p.references(o.at("values_file"), h.ValuesFile, known)
	if n := o.get("chart"); n != nil {
		h.Chart = p.chart(n, o.sub("chart"), known)
	}
	if h.ValuesFile != "" && h.Package == "" {
		o.at("values_file").error("missing-key", "a values file lies in a package, and the stage names none", "add package: NAME@VERSION, a template version that was pushed as a package")
	}
	if n := o.get("values"); n != nil {
		p.helmValues(h, n, o.sub("values"), known)
	}
	return d
}

// checkPackage checks NAME@VERSION.
func checkPackage(ref string) error {
	name, version, ok := strings.Cut(ref, "@")
	if !ok {
		return fairlead.Errorf(fairlead.Invalid, "package %q: want NAME@VERSION of a template that was pushed as a package", ref)
	}
	if err := fairlead.CheckName("template", name); err != nil {
		return err
	}
	return fairlead.CheckVersion(version)
}

func (p *parser) chart(n *yaml.Node, path string, known map[string]bool) fairlead.HelmChart {
	o := p.object(n, path, "chart", []string{"name", "version", "url"}, nil)
	if o == nil {
		return fairlead.HelmChart{}
	}
	c := fairlead.HelmChart{Name: o.str("name"), Version: o.value("version"), URL: o.str("url")}
	for key, text := range map[string]string{"name": c.Name, "version": c.Version, "url": c.URL} {
		p.references(o.at(key), text, known)
	}
	if c.Name == "" && c.URL == "" {
		o.at("name").error("missing-key", "a chart needs a name or a url", "{url: oci://...} , {url: https://..., name: web} or, of a package, {name: charts/web}")
	}
	return c
}

// helmValues reads the chart's values as they are, and the types of those that hold variables.
func (p *parser) helmValues(h *fairlead.DeployHelm, n *yaml.Node, path string, known map[string]bool) {
	if n.Kind != yaml.MappingNode {
		p.on(n, path).errorf("wrong-type", "values must be a map, not %s", kindName(n))
		return
	}
	h.Types = map[string]string{}
	h.Values, _ = p.helmValue(h, n, path, "", known).(map[string]any)
	if len(h.Types) == 0 {
		h.Types = nil
	}
}

// helmValue reads one value; at is its path within the values.
func (p *parser) helmValue(h *fairlead.DeployHelm, n *yaml.Node, path, at string, known map[string]bool) any {
	switch n.Kind {
	case yaml.MappingNode:
		keys := make([]string, 0, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			keys = append(keys, n.Content[i].Value)
		}
		o := p.object(n, path, "values", keys, nil)
		out := make(map[string]any, len(keys))
		for _, key := range keys {
			out[key] = p.helmValue(h, o.vals[key], o.sub(key), strings.TrimPrefix(at+"."+key, "."), known)
			if o.vals[key].ShortTag() == "!!str" { // a placeholder that must be given is a text
				p.privateEntry(o, key)
			}
		}
		return out
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, x := range n.Content {
			out[i] = p.helmValue(h, x, item(path, i), item(at, i), known)
		}
		return out
	}
	if strings.Contains(n.Value, "${") {
		p.references(p.on(n, path), n.Value, known)
		if t := strings.TrimPrefix(n.Tag, "!!"); t == "int" || t == "float" || t == "bool" {
			h.Types[at] = t
		}
		return n.Value
	}
	var v any
	if err := n.Decode(&v); err != nil {
		p.on(n, path).error("wrong-value", "value "+quote(n.Value)+" cannot be read: "+err.Error(), "")
	}
	if i, ok := v.(int); ok {
		return int64(i)
	}
	return v
}
