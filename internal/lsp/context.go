package lsp

import (
	"slices"
	"strings"
)

// place is where something is being typed, found by indentation: a text that is being typed can seldom be parsed.
type place struct {
	// path are the keys around the place from the outside in; list items are "[]".
	path []string
	// key is the key whose value is being typed; "" when a key is being typed.
	key string
}

// in reports whether the path is the given one, where "*" stands for any key.
func (p place) in(path ...string) bool {
	return len(p.path) == len(path) && slices.EqualFunc(p.path, path, func(have, want string) bool { return want == "*" || have == want })
}

// below reports whether the path begins with the given one.
func (p place) below(path ...string) bool {
	return len(p.path) >= len(path) && place{path: p.path[:len(path)]}.in(path...)
}

// placeAt finds the place of a position.
func (d *document) placeAt(at position) place {
	before, _ := d.cut(at)
	indent, keys, key := inner(before)
	p := place{path: keys, key: key}
	for n := at.Line - 1; n >= 0 && indent > 0; n-- {
		text := d.lines[n]
		trimmed := strings.TrimLeft(text, " ")
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		outer := len(text) - len(trimmed)
		if strings.HasPrefix(trimmed, "- ") && outer < indent {
			// The key beside the dash is a brother when it stands as far to the right, else a parent.
			if name, value, ok := cutKey(trimmed[2:]); ok && outer+2 < indent && value == "" {
				p.path = slices.Insert(p.path, 0, name)
			}
			p.path = slices.Insert(p.path, 0, "[]")
			indent = outer
			if indent == 0 {
				indent = 1 // a list may stand at the margin of its key
			}
			continue
		}
		name, value, ok := cutKey(trimmed)
		dash := len(p.path) > 0 && p.path[0] == "[]"
		if !ok || value != "" && !strings.HasPrefix(value, "#") || outer > indent || outer == indent && !dash || outer >= indent && !dash {
			continue
		}
		p.path = slices.Insert(p.path, 0, name)
		indent = outer
	}
	return p
}

// inner reads the line up to the place: how far it is indented, the keys that are opened on it, and the key whose value is
// being typed.
func inner(before string) (indent int, keys []string, key string) {
	trimmed := strings.TrimLeft(before, " ")
	indent = len(before) - len(trimmed)
	for strings.HasPrefix(trimmed, "- ") {
		keys = append(keys, "[]")
		trimmed = strings.TrimLeft(trimmed[2:], " ")
	}
	if name, value, ok := cutKey(trimmed); ok {
		trimmed, key = value, name
	}
	flow := trimmed
	if key == "" && !strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "[") {
		return indent, keys, ""
	}
	for { // the brackets that are open at the place
		at := strings.IndexAny(flow, "{}[],")
		if at < 0 {
			break
		}
		switch flow[at] {
		case '{', '[':
			if key != "" {
				keys = append(keys, key)
			}
			key = ""
		case '}', ']':
			if len(keys) > 0 && keys[len(keys)-1] != "[]" {
				keys = keys[:len(keys)-1]
			}
			key = ""
		}
		flow = strings.TrimLeft(flow[at+1:], " ")
		if name, value, ok := cutKey(flow); ok && !strings.ContainsAny(name, "{}[],") {
			key, flow = name, value
		}
	}
	return indent, keys, key
}

// cutKey cuts "key: value".
func cutKey(text string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(text, ":")
	if !ok || key == "" || value != "" && value[0] != ' ' || strings.ContainsAny(key, " {[") {
		return "", "", false
	}
	return strings.Trim(key, `"'`), strings.TrimSpace(value), true
}

// names are the keys that stand directly below a section, with the line of each.
func (d *document) names(section string) map[string]int {
	out := map[string]int{}
	within, step := false, 0
	for n, line := range d.lines {
		trimmed := strings.TrimLeft(line, " ")
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		indent := len(line) - len(trimmed)
		key, _, ok := cutKey(trimmed)
		switch {
		case indent == 0:
			within, step = ok && key == section, 0
		case within && ok && (step == 0 || indent == step):
			step = indent
			out[key] = n
		}
	}
	return out
}

// value is what stands at a key directly below the block that begins at a line.
func (d *document) value(block int, key string) string {
	if _, rest, ok := cutKey(strings.TrimLeft(d.line(block), " ")); ok && strings.HasPrefix(rest, "{") {
		_, after, found := strings.Cut(rest, key+":")
		if !found {
			return ""
		}
		end := strings.IndexAny(after, ",}")
		if end < 0 {
			end = len(after)
		}
		return strings.Trim(strings.TrimSpace(after[:end]), `"'`)
	}
	outer := len(d.line(block)) - len(strings.TrimLeft(d.line(block), " "))
	for n := block + 1; n < len(d.lines); n++ {
		trimmed := strings.TrimLeft(d.lines[n], " ")
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		if len(d.lines[n])-len(trimmed) <= outer {
			return ""
		}
		if name, value, ok := cutKey(trimmed); ok && name == key {
			return strings.Trim(value, `"'`)
		}
	}
	return ""
}
