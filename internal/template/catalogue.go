package template

import (
	"embed"
	"path"
	"slices"
	"strings"
)

//go:embed catalogue/*.yaml
var catalogueFiles embed.FS

// elementType is what is known about a type of elements.
type elementType struct {
	name       string // canonical short name
	service    string // of the file that describes it
	en, zh     string
	properties []property
	attributes []attribute
	relations  []relation
	related    map[string]bool // types that relations name, nil when nothing is known
	// manifests are the kinds of Kubernetes objects that k8sManifest may hold.
	manifests []string
	// instead are groups of alternatives: the first property, or else all the others.
	instead [][]string
	// policy types belong into the section policies.
	policy   bool
	provider string // of a policy: what would carry it out
	// partly described types accept properties that are not listed; open ones have attributes that are not listed.
	partly, open bool
	// extension types are not in the original; legacy ones are kept for their names.
	extension, legacy bool
	// trimmed types take deploy as a property.
	trimmed bool
	// What the original's updates permit: to add and remove elements of the type, to change their properties, and that only on
	// clusters of version 1.7 or later.
	topology, fixed, cluster bool
}

// attribute is what get_attribute can read.
type attribute struct{ name, en, zh string }

// relation lists the types that a requirement of one kind may name.
type relation struct {
	kind  string
	types []string
}

// property is one property of a type, or one field of a property.
type property struct {
	name      string
	typ       string // string integer number boolean list dict any
	reference string // what the text names, such as CCE.Cluster.Id
	required  bool
	secret    bool
	en, zh    string
	rules     input // default and constraints
	fields    []property
}

func (t *elementType) property(name string) *property { return propertyNamed(t.properties, name) }

func propertyNamed(properties []property, name string) *property {
	for i := range properties {
		if properties[i].name == name {
			return &properties[i]
		}
	}
	return nil
}

func propertyNames(properties []property) []string {
	names := make([]string, len(properties))
	for i, p := range properties {
		names[i] = p.name
	}
	return names
}

// checked reports whether all properties of the type are known, so that others are mistakes.
func (t *elementType) checked() bool { return !t.partly && len(t.properties) > 0 }

// catalogue finds types by their short name or alias. It reads a type's description when it is asked for first.
type catalogue struct {
	types  map[string]*elementType
	blocks map[string]block
	names  []string // of all types, by file and place in it
	bad    []string // what is wrong with the data; a test reads it
}

// block is the description of one type.
type block struct{ file, text string }

// loadCatalogue finds where the types are described. extra are names without a description.
func loadCatalogue(extra []string) *catalogue {
	c := &catalogue{types: make(map[string]*elementType, 16), blocks: make(map[string]block, 256)}
	entries, _ := catalogueFiles.ReadDir("catalogue") // embedded: cannot fail
	for _, entry := range entries {
		text, _ := catalogueFiles.ReadFile("catalogue/" + entry.Name())
		c.index(strings.TrimSuffix(entry.Name(), path.Ext(entry.Name())), string(text))
	}
	for _, name := range extra {
		c.types[name] = &elementType{name: name}
		c.names = append(c.names, name)
	}
	return c
}

// index cuts a file at the lines that are not indented. Names that begin with _ are parts that the types of a file share.
func (c *catalogue) index(file, text string) {
	start, key := 0, ""
	cut := func(end int) {
		switch {
		case key == "":
			return
		case key[0] == '_' || key == "service":
			c.blocks[file+"/"+key] = block{file, text[start:end]}
			return
		case c.blocks[key] != block{}:
			c.bad = append(c.bad, key+" is described twice")
		}
		c.blocks[key] = block{file, text[start:end]}
		c.names = append(c.names, key)
	}
	for at := 0; at < len(text); {
		end := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if first := text[at]; first != ' ' && first != '#' && first != '\n' {
			cut(at)
			start, key = at, strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text[at:end]), ":"))
		}
		at = end
	}
	cut(len(text))
}

// find returns the type of a short name.
func (c *catalogue) find(name string) (*elementType, bool) {
	if t, ok := c.types[name]; ok {
		return t, true
	}
	if b, ok := c.blocks[name]; ok && !strings.Contains(name, "/") {
		t := c.read(name, b)
		c.types[name] = t
		return t, true
	}
	service, _, _ := strings.Cut(name, ".")
	if _, ok := c.blocks[service+".*"]; ok && strings.Count(name, ".") == 1 && len(name) > len(service)+1 {
		return &elementType{name: name, service: service}, true
	}
	return nil, false
}

func (c *catalogue) read(name string, b block) *elementType {
	t := &elementType{name: name, service: b.file}
	r := catalogueReader{catalogue: c, checker: newReader(b.file + ".yaml")}
	for i, p := range r.block(b.text) {
		if p.key == "alias" {
			if found, ok := c.find(p.value.text); ok && i == 0 {
				return found
			}
		}
	}
	r.describe(t, b)
	for _, rel := range t.relations {
		for _, to := range rel.types {
			if t.related == nil {
				t.related = map[string]bool{}
			}
			t.related[to] = true
		}
	}
	for _, d := range r.checker.diags {
		r.fault(name, d.String())
	}
	return t
}

// newReader is a checker that only reads constraints.
func newReader(file string) *checker { return &checker{report: newReport(file), scope: inInputs} }

// catalogueReader reads the description of one type.
type catalogueReader struct {
	*catalogue
	checker *checker
}

func (r *catalogueReader) fault(what, problem string) { r.bad = append(r.bad, what+": "+problem) }

// block returns what stands below the name of a type.
func (r *catalogueReader) block(text string) []pair {
	roots := readYAML(r.checker.report, []byte(text))
	if len(roots) == 0 || len(roots[0].pairs) != 1 {
		r.fault(text, "cannot be read")
		return nil
	}
	return roots[0].pairs[0].value.pairs
}

func (r *catalogueReader) describe(t *elementType, b block) {
	for _, p := range r.block(b.text) {
		switch p.key {
		case "en":
			t.en = p.value.text
		case "zh":
			t.zh = p.value.text
		case "provider":
			t.provider = p.value.text
		case "with":
			for _, item := range p.value.items {
				r.describe(t, r.blocks[b.file+"/"+item.text])
			}
		case "properties":
			t.properties = r.properties(t.properties, p.value)
		case "attributes":
			t.attributes = readAttributes(t.attributes, p.value)
		case "relations":
			for _, kind := range p.value.pairs {
				t.relations = append(t.relations, relation{kind.key, texts(kind.value)})
			}
		case "manifests":
			t.manifests = texts(p.value)
		case "instead":
			for _, group := range p.value.pairs {
				t.instead = append(t.instead, append([]string{group.key}, texts(group.value)...))
			}
		default:
			r.flag(t, &p)
		}
	}
}

func (r *catalogueReader) flag(t *elementType, p *pair) {
	on := p.value.text == "true"
	switch p.key {
	case "policy":
		t.policy = on
	case "partly":
		t.partly = on
	case "open":
		t.open = on
	case "extension":
		t.extension = on
	case "legacy":
		t.legacy = on
	case "trimmed":
		t.trimmed = on
	case "topology":
		t.topology = on
	case "parameters":
		t.fixed = !on
	case "cluster":
		t.cluster = on
	default:
		r.fault(t.name, "unknown key "+p.key)
	}
}

// properties reads descriptions over those that are there.
func (r *catalogueReader) properties(list []property, n *node) []property {
	list = slices.Clone(list)
	for i := range n.pairs {
		p := r.property(&n.pairs[i])
		if old := propertyNamed(list, p.name); old != nil {
			*old = p
		} else {
			list = append(list, p)
		}
	}
	return list
}

func (r *catalogueReader) property(p *pair) property {
	out := property{name: p.key, rules: input{name: p.key}}
	for i := range p.value.pairs {
		f := &p.value.pairs[i]
		switch f.key {
		case "type":
			out.typ = f.value.text
		case "reference":
			out.reference = f.value.text
		case "required":
			out.required = f.value.text == "true"
		case "secret":
			out.secret = f.value.text == "true"
			out.rules.invisible = out.secret
		case "default":
			out.rules.def, out.rules.hasDefault = f.value.value(), true
		case "en":
			out.en = f.value.text
		case "zh":
			out.zh = f.value.text
		case "constraints":
			r.checker.constraints(&out.rules, f.value)
		case "fields":
			out.fields = r.properties(nil, f.value)
		default:
			r.fault(p.key, "unknown key "+f.key)
		}
	}
	if !slices.Contains(propertyTypes(), out.typ) {
		r.fault(p.key, "unknown type "+out.typ)
	}
	return out
}

func propertyTypes() []string {
	return []string{"string", "integer", "number", "boolean", "list", "dict", "any"}
}

func readAttributes(list []attribute, n *node) []attribute {
	list = slices.Clone(list)
	for _, p := range n.pairs {
		list = append(list, attribute{p.key, textAt(p.value, "en"), textAt(p.value, "zh")})
	}
	return list
}

func textAt(n *node, key string) string {
	if v := n.get(key); v != nil {
		return v.text
	}
	return ""
}

func texts(n *node) []string {
	list := make([]string, len(n.items))
	for i, item := range n.items {
		list[i] = item.text
	}
	return list
}

// edition is one of the two spellings of the same language.
type edition struct {
	version string
	prefix  string
}

func editions() []edition {
	return []edition{
		{"huaweicloud_tosca_version_1_0", "HuaweiCloud."},
		{"cloud_tosca_version_1_0", "Cloud."},
		// Still accepted by the original's API; nothing of its own syntax is published, so it is read like the first.
		{"fusionstage_tosca_version_2_1", "HuaweiCloud."},
	}
}

// short takes the prefix of an edition off a name. Without one the prefix is "".
func short(name string) (prefix, rest string) {
	for _, prefix := range []string{"HuaweiCloud.", "Cloud."} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return prefix, rest
		}
	}
	return "", name
}
