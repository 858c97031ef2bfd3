package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/notify"
)

// Limits of what a pipeline may hold, and of a stage's timeout (the original's: 1 second to 1440 minutes).
const (
	maxVariables   = 200
	maxStages      = 100
	maxConditions  = 20
	maxImages      = 100
	maxParameters  = 200
	maxDescription = 1024

	defaultTimeout = time.Hour
	minTimeout     = time.Second
	maxTimeout     = 1440 * time.Minute
)

// Parse reads a pipeline file and checks all of it in one run: keys, types, names, duplicates and variables. The spec has its
// defaults filled in; it is nil when there are errors. What a run needs but only the server knows (that the group, the stack
// or an image exists) is not looked at here.
//
// The values of secret headers are not in the spec.
func Parse(file string, src []byte) (*fairlead.PipelineSpec, fairlead.Diagnostics) {
	spec, _, diags := parse(file, src)
	return spec, diags
}

func parse(file string, src []byte) (*fairlead.PipelineSpec, []secretValue, fairlead.Diagnostics) {
	p, diags := read(file, src)
	if p == nil {
		return nil, nil, diags
	}
	return p.spec, p.secrets, nil
}

// read is parse with all that was found on the way; nil when there are errors.
func read(file string, src []byte) (*parser, fairlead.Diagnostics) {
	r := &report{file: file}
	root := readDocument(r, src)
	if root == nil {
		return nil, r.result()
	}
	o := r.object(root, "", "a pipeline", []string{"name", "group", "description", "concurrency", "max_runs", "keep", "windows", "variables", "start", "notify", "stages"}, nil)
	if o == nil {
		return nil, r.result()
	}
	p := &parser{report: r, spec: &fairlead.PipelineSpec{}, known: map[string]bool{}}
	p.pipeline(o)
	if r.failed() {
		return nil, r.result()
	}
	return p, nil
}

// parser builds the spec of one file.
type parser struct {
	*report
	spec    *fairlead.PipelineSpec
	known   map[string]bool // variables that stages can read
	secrets []secretValue   // of headers
	private []privateValue  // what does not leave with a template, besides secrets
}

// privateValue is a text of the file that gives whoever has it a right, such as the address of a chat room.
type privateValue struct {
	node *yaml.Node
	name string // what it is, as the name of a placeholder
}

func (p *parser) pipeline(o *object) {
	s := p.spec
	o.require("a pipeline", "name", "stages")
	s.Name, s.Group, s.Description = o.str("name"), o.str("group"), p.description(o)
	if o.get("group") == nil {
		s.Group = fairlead.DefaultGroup
	}
	for key, name := range map[string]string{"name": s.Name, "group": s.Group} {
		what := map[string]string{"name": "pipeline", "group": "pipeline group"}[key]
		if err := fairlead.CheckGroupName(what, name); err != nil && name != "" {
			o.at(key).invalid("bad-name", err, "")
		}
	}
	s.Concurrency = fairlead.Concurrency(o.choice("concurrency", string(fairlead.Queue),
		[]string{string(fairlead.Queue), string(fairlead.Reject), string(fairlead.CancelPrevious)}, nil))
	s.MaxRuns = p.maxRuns(o)
	p.variables(o)
	s.Windows = p.windows(o)
	if n := o.get("keep"); n != nil {
		s.Keep = p.keep(n)
	}
	if n := o.get("start"); n != nil {
		s.Start = p.conditions(n, "start", "start", "any")
	}
	for i, n := range o.list("notify", maxPeople) {
		s.Notify = append(s.Notify, p.notice(n, item("notify", i)))
	}
	stages := o.list("stages", maxStages)
	if o.get("stages") != nil && o.get("stages").Kind == yaml.SequenceNode && len(stages) == 0 {
		o.at("stages").error("missing-key", "a pipeline needs at least one stage", "")
	}
	names := map[string]bool{}
	for i, n := range stages {
		s.Stages = append(s.Stages, p.stage(n, item("stages", i), names))
	}
	if !p.failed() {
		p.graph(o)
	}
}

func (p *parser) description(o *object) string {
	s := o.str("description")
	if n := utf8.RuneCountInString(s); n > maxDescription {
		o.at("description").errorf("too-long", "the description has %d characters; at most %d are allowed", n, maxDescription)
	}
	return s
}

func (p *parser) variables(o *object) {
	sys := systemVariables(0, time.Time{})
	values := maps.Clone(sys)
	for i, n := range o.list("variables", maxVariables) {
		path := item("variables", i)
		v := p.object(n, path, "a variable", []string{"name", "value", "description"}, nil)
		if v == nil {
			continue
		}
		v.require("a variable", "name")
		name, at := v.str("name"), v.at("name")
		switch _, system := sys[name]; {
		case system:
			at.error("system-variable", name+" is set by the system", "choose another name")
		case name != "" && !nameRE.MatchString(name):
			at.error("bad-name", "variable name "+quote(name)+": want letters, digits, underscores or hyphens, first a letter or underscore, at most 64", "")
		default:
			p.unique(p.known, at, "variable", name)
		}
		value := v.value("value")
		if value != "" && notify.SecretName(name) {
			p.private = append(p.private, privateValue{v.get("value"), name})
		}
		p.defaultValue(v.at("value"), name, value, values)
		p.spec.Variables = append(p.spec.Variables, fairlead.Variable{Name: name, Value: value, Description: p.description(v)})
	}
	for name := range sys {
		p.known[name] = true
	}
}

// defaultValue checks the value of a variable, which can read the variables above it, and adds what it gives to values.
func (p *parser) defaultValue(at place, name, value string, values map[string]string) {
	expanded, err := Expand(value, func(ref string) (string, bool) { s, ok := values[ref]; return s, ok })
	if err != nil {
		p.variableError(at, err, slices.Sorted(maps.Keys(values)), "a value can read the system's variables and the variables above it")
	}
	if _, taken := values[name]; !taken {
		values[name] = expanded
	}
}

func (p *parser) variableError(at place, err error, known []string, otherwise string) {
	if unknown, ok := err.(*unknownVariable); ok { //nolint:errorlint // Expand returns it bare
		hint := meant(unknown.name, known)
		if hint == "" {
			hint = otherwise
		}
		at.invalid("unknown-variable", err, hint)
		return
	}
	at.invalid("bad-reference", err, "")
}

func (p *parser) names() []string { return slices.Sorted(maps.Keys(p.known)) }

func (p *parser) stageName(o *object, name string) {
	bad := strings.TrimSpace(name) != name || utf8.RuneCountInString(name) > 64 || strings.ContainsFunc(name, unicode.IsControl)
	if bad || (name == "" && o.get("name") != nil && kindName(o.get("name")) == "text") {
		o.at("name").error("bad-name", "stage name "+quote(name)+": want 1 to 64 characters without line breaks, no blank at the ends", "")
	}
}

// images reads the input resources and adds what they bring to known.
func (p *parser) images(o *object, known map[string]bool) []fairlead.StageImage {
	var images []fairlead.StageImage
	seen := map[string]bool{}
	for i, n := range o.list("images", maxImages) {
		path := item(o.sub("images"), i)
		io := p.object(n, path, "an image", []string{"name", "image"}, nil)
		if io == nil {
			continue
		}
		io.require("an image", "name", "image")
		img := fairlead.StageImage{Name: io.str("name"), Image: io.str("image")}
		if img.Name != "" && !nameRE.MatchString(img.Name) {
			io.at("name").error("bad-name", "image name "+quote(img.Name)+": want letters, digits, underscores or hyphens, first a letter or underscore, at most 64", "")
		}
		p.unique(seen, io.at("name"), "image", img.Name)
		if img.Image != "" {
			p.references(io.at("image"), img.Image, p.known)
			if err := checkImage(img.Image); err != nil {
				io.at("image").invalid("bad-image", err, "")
			}
		}
		images = append(images, img)
	}
	for name := range seen {
		known["image."+name], known["image."+name+".digest"] = true, true
	}
	return images
}

// references reports variables of a text that do not exist.
func (p *parser) references(at place, text string, known map[string]bool) {
	names, err := references(text)
	if err != nil {
		at.invalid("bad-reference", err, "")
	}
	for _, name := range names {
		if !known[name] {
			p.variableError(at, &unknownVariable{name}, slices.Sorted(maps.Keys(known)), "")
		}
	}
}

func (p *parser) deploy(n *yaml.Node, path string, known map[string]bool) *fairlead.Deploy {
	if toolOf(n) == toolHelm {
		return p.deployHelm(n, path, known)
	}
	o := p.object(n, path, "deploy", []string{"tool", "stack", "create", "target", "namespace", "template", "version", "parameters"}, nil)
	if o == nil {
		return nil
	}
	o.require("deploy", "tool", "stack")
	d := &fairlead.Deploy{
		Tool: o.choice("tool", "", []string{toolAOS, toolHelm}, nil), Stack: o.str("stack"), Create: o.bool("create"), Target: o.str("target"),
		Namespace: o.str("namespace"), Template: o.str("template"), Version: o.value("version"),
	}
	for key, name := range map[string]string{"stack": d.Stack, "target": d.Target, "template": d.Template, "namespace": d.Namespace} {
		p.reference(o, key, name, known, func() error { return fairlead.CheckName(key, name) })
	}
	p.reference(o, "version", d.Version, known, func() error { return fairlead.CheckVersion(d.Version) })
	switch {
	case d.Create:
		o.require("deploy with \"create: true\"", "template", "version")
	case d.Template != "":
		o.require("deploy with a template", "version")
	}
	if n := o.get("parameters"); n != nil {
		d.Parameters = p.parameters(n, o.sub("parameters"), known)
	}
	return d
}

// reference checks a name that can contain variables; without any it is checked as it stands.
func (p *parser) reference(o *object, key, name string, known map[string]bool, check func() error) {
	switch {
	case name == "":
	case strings.Contains(name, "${"):
		p.references(o.at(key), name, known)
	default:
		if err := check(); err != nil {
			o.at(key).invalid("bad-name", err, "")
		}
	}
}

// parameters reads the inputs of the template: scalars as they are written, lists and maps as text in quotes.
func (p *parser) parameters(n *yaml.Node, path string, known map[string]bool) map[string]string {
	return p.values(n, path, "parameters", "leave it out to keep the stack's value, or write \"\" for an empty text", known)
}

// values reads a map of scalars, as they are written. empty says what to write for no value.
func (p *parser) values(n *yaml.Node, path, what, empty string, known map[string]bool) map[string]string {
	if n.Kind != yaml.MappingNode {
		p.on(n, path).errorf("wrong-type", "%s must be a map, not %s", what, kindName(n))
		return nil
	}
	if len(n.Content)/2 > maxParameters {
		p.on(n, path).errorf("too-many", "%s has %d entries; at most %d are allowed", what, len(n.Content)/2, maxParameters)
		return nil
	}
	names := make([]string, 0, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		names = append(names, n.Content[i].Value)
	}
	o := p.object(n, path, what, names, nil)
	out := make(map[string]string, len(names))
	for _, name := range names {
		if v := o.vals[name]; v.Kind == yaml.ScalarNode && v.Tag == "!!null" {
			o.at(name).error("wrong-type", quote(name)+" of "+what+" has no value", empty)
			continue
		}
		out[name] = o.value(name)
		p.references(o.at(name), out[name], known)
		p.privateEntry(o, name)
	}
	return out
}

// privateEntry finds a value that does not leave with a template because of its name, unless all of it comes from variables. True and
// false tell nothing.
func (p *parser) privateEntry(o *object, name string) {
	if n := o.get(name); telling(name, n) {
		p.private = append(p.private, privateValue{n, name})
	}
}

// telling reports whether a value is taken for a secret because of its name.
func telling(name string, n *yaml.Node) bool {
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() == "!!bool" || !notify.SecretName(name) {
		return false
	}
	rest, err := Expand(n.Value, func(string) (string, bool) { return "", true })
	return err == nil && rest != ""
}

// describe is "stage N (name)", for messages about a stage of a run.
func describe(i int, name string) string {
	return fmt.Sprintf("stage %d (%s)", i+1, strconv.Quote(name))
}
