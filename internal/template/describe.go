package template

import (
	"slices"
	"strings"
)

// ElementType is what is known about a type of elements, for documents and editors.
type ElementType struct {
	// Name is the canonical short name; templates may put HuaweiCloud. or Cloud. before it.
	Name    string `json:"name"`
	Service string `json:"service"`
	// English and Chinese say in a phrase what it is.
	English string `json:"en,omitempty"`
	Chinese string `json:"zh,omitempty"`
	// Complete tells that no other properties are possible.
	Complete   bool        `json:"complete"`
	Properties []Property  `json:"properties,omitempty"`
	Attributes []Attribute `json:"attributes,omitempty"`
	// Open tells that there are other attributes: the outputs of a nested stack.
	Open      bool       `json:"open,omitempty"`
	Relations []Relation `json:"relations,omitempty"`
	// Manifests are the kinds of Kubernetes objects that k8sManifest may hold; any when empty.
	Manifests []string `json:"manifests,omitempty"`
	// Alternatives are groups: the first property, or else all the others.
	Alternatives [][]string `json:"alternatives,omitempty"`
	Policy       bool       `json:"policy,omitempty"`
	Extension    bool       `json:"extension,omitempty"` // not in the original
	Legacy       bool       `json:"legacy,omitempty"`    // kept for its name
	Update       Update     `json:"update"`
}

// Property is one property of a type, or one field of a property.
type Property struct {
	Name string `json:"name"`
	// Type is string, integer, number, boolean, list, dict or any.
	Type string `json:"type"`
	// Reference is what the text names, such as CCE.Cluster.Id.
	Reference   string         `json:"reference,omitempty"`
	Required    bool           `json:"required,omitempty"`
	Secret      bool           `json:"secret,omitempty"`
	Default     any            `json:"default,omitempty"`
	HasDefault  bool           `json:"has_default,omitempty"`
	Constraints map[string]any `json:"constraints,omitempty"` // keyword to operand
	English     string         `json:"en,omitempty"`
	Chinese     string         `json:"zh,omitempty"`
	Fields      []Property     `json:"fields,omitempty"` // of a dict, or of each item of a list
}

// Attribute is what get_attribute can read.
type Attribute struct {
	Name    string `json:"name"`
	English string `json:"en,omitempty"`
	Chinese string `json:"zh,omitempty"`
}

// Relation lists the types that a requirement of one kind may name in the original.
type Relation struct {
	Kind  string   `json:"kind"`
	Types []string `json:"types"`
}

// Update is what the original's updates permit for a type. Here everything is possible.
type Update struct {
	// Topology: elements of the type may be added and removed. Properties: they may be changed.
	Topology   bool `json:"topology"`
	Properties bool `json:"properties"`
	// NewClusters: only on clusters of version 1.7 or later.
	NewClusters bool `json:"new_clusters,omitempty"`
}

// Catalogue describes all element types, by service and in the order of its description.
func Catalogue() []ElementType {
	c := loadCatalogue(nil)
	list := make([]ElementType, 0, len(c.names))
	for _, name := range c.names {
		if t, _ := c.find(name); t.name == name { // not an alias
			list = append(list, t.describe())
		}
	}
	return list
}

// Describe returns the description of a type by its name, with or without prefix, or by an alias.
func Describe(name string) (ElementType, bool) {
	_, name = short(name)
	t, ok := loadCatalogue(nil).find(name)
	if !ok {
		return ElementType{}, false
	}
	return t.describe(), true
}

// Services are the services of the catalogue with a phrase in English and Chinese about each.
func Services() []ElementType {
	c := loadCatalogue(nil)
	var list []ElementType
	for key, b := range c.blocks {
		if file, ok := strings.CutSuffix(key, "/service"); ok {
			t := c.read(file, b)
			list = append(list, ElementType{Name: file, Service: file, English: t.en, Chinese: t.zh})
		}
	}
	slices.SortFunc(list, func(a, b ElementType) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (t *elementType) describe() ElementType {
	out := ElementType{
		Name: t.name, Service: t.service, English: t.en, Chinese: t.zh, Complete: t.checked(), Properties: describeAll(t.properties), Open: t.open,
		Manifests: t.manifests, Alternatives: t.instead, Policy: t.policy, Extension: t.extension, Legacy: t.legacy,
		Update: Update{Topology: t.topology, Properties: !t.fixed, NewClusters: t.cluster},
	}
	for _, a := range t.attributes {
		out.Attributes = append(out.Attributes, Attribute{a.name, a.en, a.zh})
	}
	for _, r := range t.relations {
		out.Relations = append(out.Relations, Relation{r.kind, r.types})
	}
	return out
}

func describeAll(list []property) (out []Property) {
	for _, p := range list {
		q := Property{
			Name: p.name, Type: p.typ, Reference: p.reference, Required: p.required, Secret: p.secret, Default: p.rules.def,
			HasDefault: p.rules.hasDefault, English: p.en, Chinese: p.zh, Fields: describeAll(p.fields),
		}
		for _, k := range p.rules.constraints {
			if q.Constraints == nil {
				q.Constraints = map[string]any{}
			}
			q.Constraints[k.keyword] = k.operand
		}
		out = append(out, q)
	}
	return out
}

// Function is one of the built-in functions.
type Function struct{ Name, Usage string }

// Functions are the built-in functions in the order of the documents.
func Functions() (list []Function) {
	for f := getInput; f <= getListLength; f++ {
		list = append(list, Function{f.String(), f.usage()})
	}
	return list
}

// Words are the names with a meaning at one kind of place of a template.
type Words struct {
	Sections, InputKeys, InputTypes, Constraints, ElementKeys, Relationships, OutputKeys, PolicyKeys []string
	// PseudoInputs stand without their prefix.
	PseudoInputs []string
}

// Vocabulary returns the names that the language gives a meaning.
func Vocabulary() Words {
	return Words{
		Sections: sections(), InputKeys: inputKeys(), InputTypes: inputTypes(), Constraints: constraintKeywords(), ElementKeys: elementKeys(),
		Relationships: relationships(), OutputKeys: []string{"value", "description"}, PolicyKeys: []string{"type", "targets", "properties"},
		PseudoInputs: pseudoNames(),
	}
}
