package template

import (
	_ "embed"
	"strings"
)

//go:embed types.txt
var typesText string

// elementType is what is known about a type of elements.
type elementType struct {
	name       string // canonical short name
	properties []property
	policy     bool
	// partly described types accept properties that are not listed.
	partly bool
	// manifests are the kinds of Kubernetes objects that k8sManifest may hold.
	manifests []string
	// instead are groups of alternatives: the first property, or else all the others.
	instead [][]string
}

type property struct {
	name     string
	typ      string
	required bool
}

func (t *elementType) property(name string) *property {
	for i := range t.properties {
		if t.properties[i].name == name {
			return &t.properties[i]
		}
	}
	return nil
}

func (t *elementType) propertyNames() []string {
	names := make([]string, len(t.properties))
	for i, p := range t.properties {
		names[i] = p.name
	}
	return names
}

// catalogue finds types by their short name or alias.
type catalogue struct {
	types map[string]*elementType
	names []string
}

// loadCatalogue reads the table. extra are names without a description.
func loadCatalogue(extra []string) *catalogue {
	c := &catalogue{types: make(map[string]*elementType, 256)}
	var current *elementType
	for line := range strings.Lines(typesText) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || fields[0] == "#":
		case line[0] != ' ':
			current = c.add(fields)
		default:
			current.describe(fields)
		}
	}
	for _, name := range extra {
		c.add([]string{name})
	}
	return c
}

func (c *catalogue) add(fields []string) *elementType {
	t := &elementType{name: fields[0]}
	c.types[t.name] = t
	c.names = append(c.names, t.name)
	for i, flag := range fields {
		switch flag {
		case "policy":
			t.policy = true
		case "partly":
			t.partly = true
		case "alias":
			c.types[fields[i+1]] = t
		}
	}
	return t
}

// find returns the type of a short name.
func (c *catalogue) find(name string) (*elementType, bool) {
	if t, ok := c.types[name]; ok {
		return t, true
	}
	service, _, _ := strings.Cut(name, ".")
	if _, ok := c.types[service+".*"]; ok && strings.Count(name, ".") == 1 && len(name) > len(service)+1 {
		return &elementType{name: name}, true
	}
	return nil, false
}

// checked reports whether all properties of the type are known, so that others are mistakes.
func (t *elementType) checked() bool { return !t.partly && len(t.properties) > 0 }

func (t *elementType) describe(fields []string) {
	switch fields[0] {
	case "manifest":
		t.manifests = fields[1:]
	case "instead":
		group := append([]string{strings.TrimSuffix(fields[1], ":")}, fields[2:]...)
		t.instead = append(t.instead, group)
	default:
		t.properties = append(t.properties, property{name: fields[0], typ: fields[1], required: len(fields) > 2})
	}
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
