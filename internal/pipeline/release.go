package pipeline

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

// releaseElement is the name of the one element of a stack that a stage with the tool helm makes.
const releaseElement = "release"

// prepareRelease turns a stage with the tool helm into a request for a stack of a template with one element. The template is
// made from the stage: its version is the digest of its content, and what holds variables are its inputs, so that the stack's
// history shows what changed, and a rollback has chart, files and values of then.
func (e *Engine) prepareRelease(ctx context.Context, d *deployment, values map[string]string) error {
	g := generator{values: values, inputs: map[string]any{}, given: map[string]any{}}
	v, err := g.version(ctx, e, d.spec.Deploy.Helm)
	if err != nil {
		return err
	}
	r := &d.request
	v.Template, v.Description = generatedName(r.Name), "made by pipeline "+d.run.Pipeline+" for its stage "+d.spec.Name
	r.Template, r.Version, r.Inputs = v.Template, v.Version, g.given
	return e.db.Write(ctx, func(tx *store.Tx) error { return tx.CreateTemplateVersion(ctx, v) })
}

// generatedName is the name of the template that a stack's versions are kept under.
func generatedName(stack string) string {
	name := "helm-" + stack
	if len(name) > 64 {
		name = strings.TrimRight(name[:64], "-")
	}
	return name
}

// generator makes the template of a release.
type generator struct {
	values map[string]string // of variables
	inputs map[string]any    // declarations by name
	given  map[string]any    // values by name
	types  map[string]string
}

// version makes the template version for a release; everything but its name.
func (g *generator) version(ctx context.Context, e *Engine, h *fairlead.DeployHelm) (*fairlead.TemplateVersion, error) {
	ref, err := Expand(h.Package, lookup(g.values))
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "deploy.package: %w", err)
	}
	properties, wanted, err := g.properties(h)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(map[string]any{
		"tosca_definitions_version": "cloud_tosca_version_1_0",
		"inputs":                    g.inputs,
		"node_templates":            map[string]any{releaseElement: map[string]any{"type": "CCE.HelmRelease", "properties": properties}},
		"outputs": map[string]any{
			"release":   map[string]any{"value": attribute("refName")},
			"namespace": map[string]any{"value": attribute("namespace")},
			"version":   map[string]any{"value": attribute("version")},
		},
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	body, err := e.pack(ctx, ref, text)
	if err != nil {
		return nil, err
	}
	filename := generatedFile
	if ref != "" {
		filename = "template.zip"
	}
	p, err := template.Open(filename, generatedFile, body)
	if err != nil {
		return nil, err
	}
	t, ds := template.Parse(generatedFile, p.Text)
	if err := ds.Err("deploy"); err != nil {
		return nil, err
	}
	if err := g.check(t, wanted); err != nil {
		return nil, err
	}
	v := &fairlead.TemplateVersion{Version: "h" + strings.TrimPrefix(p.Digest, "sha256:")[:20], Filename: p.Main, Source: p.Text, Inputs: t.Inputs(), Elements: 1, Digest: p.Digest}
	if p.Packed {
		v.Package, v.Files, v.Archive = filename, p.Files, body
	}
	return v, nil
}

// generatedFile is the main file of a generated template.
const generatedFile = "blueprint.json"

func attribute(name string) map[string]any {
	return map[string]any{"get_attribute": []any{releaseElement, name}}
}

// properties are those of the element, and what they are once the inputs are known.
func (g *generator) properties(h *fairlead.DeployHelm) (properties, wanted map[string]any, err error) {
	plain := map[string]any{"name": h.Release, "chart": map[string]any{}}
	for key, text := range map[string]string{"name": h.Chart.Name, "version": h.Chart.Version, "url": h.Chart.URL} {
		if text != "" {
			plain["chart"].(map[string]any)[key] = text
		}
	}
	if h.ValuesFile != "" {
		plain["valuesFile"] = h.ValuesFile
	}
	if h.NoWait {
		plain["wait"] = false
	}
	if h.CreateNamespace {
		plain["createNamespace"] = true
	}
	if h.Values != nil {
		plain["values"] = h.Values
	}
	g.types = map[string]string{}
	for at, t := range h.Types {
		g.types["values."+at] = t
	}
	template, wantedAny, err := g.generate(plain, "")
	if err != nil {
		return nil, nil, err
	}
	return template.(map[string]any), wantedAny.(map[string]any), nil
}

// generate replaces what holds variables by calls of inputs.
func (g *generator) generate(v any, at string) (call, value any, err error) {
	switch v := v.(type) {
	case map[string]any:
		calls, values := make(map[string]any, len(v)), make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if calls[key], values[key], err = g.generate(v[key], strings.TrimPrefix(at+"."+key, ".")); err != nil {
				return nil, nil, err
			}
		}
		return calls, values, nil
	case []any:
		calls, values := make([]any, len(v)), make([]any, len(v))
		for i := range v {
			if calls[i], values[i], err = g.generate(v[i], item(at, i)); err != nil {
				return nil, nil, err
			}
		}
		return calls, values, nil
	case string:
		if strings.Contains(v, "${") {
			return g.input(v, at)
		}
	}
	return v, v, nil
}

// inputType is the template's type for a type of YAML.
func inputType(t string) string {
	switch t {
	case "int":
		return "integer"
	case "float":
		return "float"
	case "bool":
		return "boolean"
	}
	return "string"
}

// input declares an input for a text with variables.
func (g *generator) input(text, at string) (call, value any, err error) {
	expanded, err := Expand(text, lookup(g.values))
	if err != nil {
		return nil, nil, fairlead.Errorf(fairlead.Invalid, "deploy.%s: %w", at, err)
	}
	name := g.inputName(at)
	g.inputs[name] = map[string]any{"type": inputType(g.types[at]), "description": at}
	g.given[name] = expanded
	value = expanded
	if g.types[at] != "" {
		value = nil // the template converts it
	}
	return map[string]any{"get_input": name}, value, nil
}

// inputName is a name of at most 20 characters that tells the place: its last keys.
func (g *generator) inputName(at string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ReplaceAll(strings.TrimPrefix(at, "values."), "]", ""))
	if len(name) > 17 {
		name = name[len(name)-17:]
	}
	if name = strings.TrimLeft(name, "_0123456789"); name == "" {
		name = "value"
	}
	for n, free := 2, name; ; n++ {
		if _, taken := g.inputs[free]; !taken {
			return free
		}
		free = fmt.Sprintf("%s_%d", name, n)
	}
}

// check makes sure that the template language takes the values for what they are: a map with a function's name as its only key
// is a call there.
func (g *generator) check(t *template.Template, wanted map[string]any) error {
	inputs, _, ds := t.CheckInputs(g.given)
	if err := ds.Err("deploy"); err != nil {
		return err
	}
	elements, ds := t.Evaluate(template.Env{Inputs: inputs})
	if err := ds.Err("deploy"); err != nil {
		return err
	}
	if at := differs(elements[0].Properties["values"], wanted["values"], "values"); at != "" {
		return fairlead.Errorf(fairlead.Invalid, "deploy.%s: a map whose only key is the name of a template function cannot be given here; put it into a values file of a package", at)
	}
	return nil
}

// differs is where two values differ; "" when they do not. nil on the wanted side is not looked at.
func differs(got, want any, at string) string {
	switch want := want.(type) {
	case nil:
		return ""
	case map[string]any:
		m, ok := got.(map[string]any)
		if !ok || len(m) != len(want) {
			return at
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			if where := differs(m[key], want[key], at+"."+key); where != "" {
				return where
			}
		}
		return ""
	case []any:
		l, ok := got.([]any)
		if !ok || len(l) != len(want) {
			return at
		}
		for i := range want {
			if where := differs(l[i], want[i], item(at, i)); where != "" {
				return where
			}
		}
		return ""
	}
	if !reflect.DeepEqual(got, want) && fmt.Sprint(got) != fmt.Sprint(want) {
		return at
	}
	return ""
}

// pack is the template alone or, with a package, that package's files with the template as its main file. The same content
// gives the same bytes.
func (e *Engine) pack(ctx context.Context, ref string, text []byte) ([]byte, error) {
	if ref == "" {
		return text, nil
	}
	if err := checkPackage(ref); err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "deploy.package: %w", err)
	}
	name, version, _ := strings.Cut(ref, "@")
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	add := func(file string, content []byte) error {
		f, err := w.Create(file)
		if err == nil {
			_, err = f.Write(content)
		}
		return err
	}
	if err := add(generatedFile, text); err != nil {
		return nil, err
	}
	err := e.db.Read(ctx, func(tx *store.Tx) error {
		files, err := tx.TemplateFiles(ctx, name, version)
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return fairlead.Errorf(fairlead.Invalid, "deploy.package: template %s is a text alone; push it as a package with the chart's files in it", ref)
		}
		contents, err := tx.TemplateContents(ctx, name, version)
		if err != nil {
			return err
		}
		for _, file := range files {
			if path.Clean(file) == generatedFile {
				continue
			}
			if err := add(file, contents[file]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = w.Close() // before the bytes are taken: it writes the directory
	return buf.Bytes(), err
}
