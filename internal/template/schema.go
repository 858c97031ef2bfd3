package template

import (
	"encoding/json"
	"slices"
)

// object is a part of a JSON Schema.
type object = map[string]any

// Schema is the JSON Schema (draft 2020-12) of the template language, for editors. It is wider than the checker: it knows no
// names, no order of work and no values.
func Schema() []byte {
	var types []any
	var patterns []any
	var rules []any
	defs := object{}
	c := loadCatalogue(nil)
	for _, name := range c.names {
		t, _ := c.find(name)
		if service, wild := cutWildcard(name); wild {
			patterns = append(patterns, object{"pattern": `^(HuaweiCloud\.|Cloud\.)?` + service + `\.[^.]+$`})
			continue
		}
		spellings := []any{name, "HuaweiCloud." + name, "Cloud." + name}
		types = append(types, spellings...)
		if t.name == name && len(t.properties) > 0 {
			defs[name] = propertiesSchema(t)
			rules = append(rules, object{
				"if":   object{"properties": object{"type": object{"enum": spellings}}, "required": []string{"type"}},
				"then": object{"properties": object{"properties": object{"anyOf": []any{object{"type": "null"}, reference(name)}}}},
			})
		}
	}
	defs["type"] = object{"description": "type of an element", "type": "string", "anyOf": append([]any{object{"enum": types}}, patterns...)}
	defs["call"] = callSchema()
	defs["flag"] = anyOf(object{"type": "boolean"}, object{"enum": []string{"true", "false"}})
	defs["input"] = inputSchema()
	defs["element"] = elementSchema(rules)
	defs["requirement"] = requirementSchema()
	defs["output"] = object{"type": "object", "required": []string{"value"}, "additionalProperties": false, "properties": object{"value": object{}, "description": described("text for people", textSchema(255))}}
	defs["policy"] = object{
		"type": "object", "required": []string{"type", "targets"}, "additionalProperties": false, "allOf": rules,
		"properties": object{"type": reference("type"), "targets": object{"type": "array", "minItems": 1, "items": object{"type": "string"}}, "properties": object{}},
	}
	b, _ := json.MarshalIndent(document(defs), "", "  ") // plain values: cannot fail
	return append(b, '\n')
}

func cutWildcard(name string) (service string, ok bool) {
	if len(name) > 2 && name[len(name)-2:] == ".*" {
		return name[:len(name)-2], true
	}
	return name, false
}

func reference(name string) object { return object{"$ref": "#/$defs/" + name} }

func anyOf(options ...any) object { return object{"anyOf": options} }

func described(text string, schema object) object {
	if text != "" {
		schema["description"] = text
	}
	return schema
}

func textSchema(most int) object {
	return object{"type": []string{"string", "number", "boolean", "null"}, "maxLength": most}
}

func document(defs object) object {
	var versions []string
	for _, e := range editions() {
		versions = append(versions, e.version)
	}
	named := func(of object, most int) object {
		s := object{"type": []string{"object", "null"}, "propertyNames": object{"pattern": anyNameRE.String()}, "additionalProperties": of}
		if most > 0 {
			s["maxProperties"] = most
		}
		return s
	}
	mapping := object{"type": "object", "minProperties": 1, "additionalProperties": object{"type": "object", "minProperties": 1, "additionalProperties": object{"type": []string{"string", "number", "boolean"}}}}
	elements := named(reference("element"), 0)
	elements["minProperties"] = 1
	return object{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Template", "type": "object",
		"required": []string{"tosca_definitions_version", "node_templates"}, "additionalProperties": false,
		"properties": object{
			"tosca_definitions_version": described("which spelling of the language", object{"enum": versions}),
			"description":               described("text for people", textSchema(1024)),
			"inputs":                    described("what a stack can be given", named(reference("input"), maxInputs)),
			"mappings":                  described("lookup tables: map, object, property", named(mapping, maxMappings)),
			"conditions":                described("named decisions", named(reference("call"), 0)),
			"node_templates":            described("the elements", elements),
			"outputs":                   described("what a stack tells", named(reference("output"), 0)),
			"policies":                  described("policies for elements", named(reference("policy"), 0)),
		},
		"$defs": defs,
	}
}

func callSchema() object {
	properties := object{}
	for _, f := range Functions() {
		properties[f.Name] = object{"description": f.Usage}
	}
	return object{"description": "a call of a built-in function", "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false, "properties": properties}
}

func inputSchema() object {
	numbers := object{"type": []string{"number", "string"}}
	rules := object{
		"equal": object{"type": []string{"string", "number", "boolean"}}, "greater_than": numbers, "greater_or_equal": numbers, "less_than": numbers, "less_or_equal": numbers,
		"in_range":     object{"type": "array", "minItems": 2, "maxItems": 2, "items": numbers},
		"valid_values": object{"type": "array", "minItems": 1, "items": object{"type": []string{"string", "number", "boolean"}}},
		"regex":        object{"type": "string", "maxLength": 1000}, "min_length": object{"type": "integer", "minimum": 0}, "max_length": object{"type": "integer", "minimum": 0},
	}
	one := object{"type": "object", "additionalProperties": false, "properties": rules}
	return object{
		"type": []string{"object", "null"}, "additionalProperties": false,
		"properties": object{
			"type":        anyOf(object{"enum": inputTypes()}, object{"type": "string", "pattern": typedReferenceRE.String()}),
			"default":     described("the value when none is given", object{}),
			"constraints": anyOf(one, object{"type": "array", "items": one}, object{"type": "null"}),
			"description": described("text for people", textSchema(255)), "label": described("groups the inputs of a form", textSchema(64)),
			"invisible": reference("flag"), "immutable": reference("flag"), "advanced": reference("flag"), "required": reference("flag"),
		},
	}
}

func elementSchema(rules []any) object {
	return object{
		"type": "object", "required": []string{"type"}, "additionalProperties": false, "allOf": rules,
		"properties": object{
			"type": reference("type"), "properties": object{"type": []string{"object", "null"}}, "metadata": object{},
			"requirements": described("what must be there before", anyOf(object{"type": "null"}, object{"type": "array", "items": reference("requirement")})),
			"condition":    described("name of a condition; the element is made only when it holds", object{"type": "string"}),
			"retain":       described("keep the resource when the element or its stack is deleted", anyOf(reference("flag"), reference("call"))),
			"deploy":       described("false leaves the element out", anyOf(reference("flag"), reference("call"))),
		},
	}
}

func requirementSchema() object {
	node := object{"type": "object", "required": []string{"node"}, "additionalProperties": false, "properties": object{"node": object{"type": "string"}, "relationship": object{"type": "string"}}}
	return object{"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": anyOf(object{"type": "string"}, node)}
}

func propertiesSchema(t *elementType) object {
	s := fieldsSchema(t.properties, t.checked() && !t.trimmed)
	s["description"] = t.en
	for _, group := range t.instead {
		s["anyOf"] = []any{object{"required": group[:1]}, object{"required": group[1:]}}
	}
	return s
}

func fieldsSchema(list []property, complete bool) object {
	properties, required := object{}, []string{}
	for i := range list {
		p := &list[i]
		properties[p.name] = described(p.en, anyOf(p.schema(), reference("call"), object{"type": "null"}))
		if p.required {
			required = append(required, p.name)
		}
	}
	s := object{"type": "object", "properties": properties}
	if complete {
		s["additionalProperties"] = false
	}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func (p *property) schema() object {
	s := object{}
	switch p.typ {
	case "string":
		s["type"] = "string"
	case "number":
		s["type"] = "number"
	case "integer":
		s = anyOf(object{"type": "integer"}, object{"type": "string", "pattern": "^[-+]?[0-9]+$"})
	case "boolean":
		return reference("flag")
	case "list":
		s["type"] = "array"
		if p.fields != nil {
			s["items"] = anyOf(fieldsSchema(p.fields, false), reference("call"))
		}
	case "dict":
		s["type"] = "object"
		if p.fields != nil {
			s = fieldsSchema(p.fields, false)
		}
	}
	p.constrain(s)
	return s
}

// constrain adds what the rules of a property say.
func (p *property) constrain(s object) {
	size := map[string]string{"list": "Items", "dict": "Properties"}[p.typ]
	if size == "" {
		size = "Length"
	}
	for _, k := range p.rules.constraints {
		switch k.keyword {
		case "valid_values":
			s["enum"] = slices.Clone(k.list())
		case "regex":
			s["pattern"] = k.operand
		case "in_range":
			s["minimum"], s["maximum"] = k.list()[0], k.list()[1]
		case "greater_or_equal":
			s["minimum"] = k.operand
		case "less_or_equal":
			s["maximum"] = k.operand
		case "min_length":
			s["min"+size] = k.operand
		case "max_length":
			s["max"+size] = k.operand
		}
	}
	if p.rules.hasDefault {
		s["default"] = p.rules.def
	}
}
