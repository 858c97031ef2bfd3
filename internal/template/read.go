package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// read turns a text into a tree, none when that is hopeless; of several documents, which are reported, it gives them all.
// Everything that can be said without knowing the language is reported here.
func read(r *report, src []byte) []*node {
	if !acceptable(r, src) {
		return nil
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	var roots []*node
	if !isJSON(r.file, src) {
		roots = readYAML(r, src)
	} else if root := readJSON(r, src); root != nil {
		roots = []*node{root}
	}
	if roots == nil && !r.failed() {
		r.at(1, 1).error("empty", "the template is empty", "a template has at least tosca_definitions_version and node_templates")
	}
	return roots
}

// isJSON goes by the ending of the file name, and otherwise by the content: what is valid JSON is read with JSON's own
// rules, whose escapes differ from YAML's.
func isJSON(file string, src []byte) bool {
	if strings.EqualFold(path.Ext(file), ".json") {
		return true
	}
	trimmed := bytes.TrimLeft(src, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(trimmed)
}

// acceptable checks the limits that do not need parsing.
func acceptable(r *report, src []byte) bool {
	if len(src) > MaxSize {
		r.at(0, 0).error("too-large", fmt.Sprintf("the template has %d bytes", len(src)),
			fmt.Sprintf("at most %d bytes are accepted; split it into several stacks", MaxSize))
		return false
	}
	if i := firstBad(src); i >= 0 {
		line, col := position(src, i)
		if src[i] < ' ' || src[i] == 0x7f {
			r.at(line, col).error("control-character", fmt.Sprintf("the character with code %d is not text", src[i]), "write it as an escape in a quoted string, such as \"\\u0007\"")
			return false
		}
		r.at(line, col).error("encoding", "the template is not UTF-8 text", fmt.Sprintf("byte 0x%02x is not valid here; save the file with UTF-8 encoding", src[i]))
		return false
	}
	// Every key and every value needs a separator, so this bounds the tree before anything is built.
	if separators(src) > 2*MaxNodes {
		r.at(0, 0).error("too-large", "the template has too many values", fmt.Sprintf("at most %d are accepted; split it into several stacks", MaxNodes))
		return false
	}
	return true
}

// firstBad finds the first byte that is not part of UTF-8 text or is a control character, -1 when all is well.
func firstBad(src []byte) int {
	for i := 0; i < len(src); {
		b := src[i]
		if b < utf8.RuneSelf {
			if b < ' ' && b != '\n' && b != '\t' && b != '\r' || b == 0x7f {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

func separators(src []byte) int {
	n := 0
	for _, b := range src {
		if b == ',' || b == '\n' || b == ':' {
			n++
		}
	}
	return n
}

// position counts lines and characters up to an offset, both from 1.
func position(src []byte, offset int) (line, col int32) {
	before := src[:min(offset, len(src))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return int32(bytes.Count(before, []byte("\n")) + 1), int32(utf8.RuneCount(before[start:]) + 1)
}

// builder counts while a tree is built from either notation.
type builder struct {
	r     *report
	nodes int
	full  bool // too large or too deep; reported
}

// grow counts values and reports whether there may be more.
func (b *builder) grow(n int, depth int, line, col int32) bool {
	if b.full {
		return false
	}
	b.nodes += n
	switch {
	case depth > MaxDepth:
		b.r.at(line, col).error("too-deep", fmt.Sprintf("maps and lists are nested more than %d levels deep", MaxDepth), "")
	case b.nodes > MaxNodes:
		b.r.at(line, col).error("too-large", fmt.Sprintf("the template has more than %d values", MaxNodes), "each use of an alias counts as a copy of what it stands for")
	default:
		return true
	}
	b.full = true
	return false
}

// unique reports keys that are written twice in one map and keeps the first of them. Inputs are the exception: there the
// later definition wins, as in the original.
func (b *builder) unique(pairs []pair, laterWins bool) []pair {
	if !hasDuplicates(pairs) {
		return pairs
	}
	at := make(map[string]int, len(pairs))
	kept := pairs[:0:0]
	for _, p := range pairs {
		i, twice := at[p.key]
		if !twice {
			at[p.key] = len(kept)
			kept = append(kept, p)
			continue
		}
		first := fmt.Sprintf("it is written first in line %d", kept[i].line)
		if laterWins {
			b.r.at(p.line, p.col).warn("duplicate-key", fmt.Sprintf("input %s is defined twice", quote(p.key)), first+"; this later definition is used")
			kept[i] = p
			continue
		}
		b.r.at(p.line, p.col).error("duplicate-key", fmt.Sprintf("key %s is written twice in one map", quote(p.key)), first+"; remove or rename one of them")
	}
	return kept
}

func hasDuplicates(pairs []pair) bool {
	if len(pairs) <= 8 {
		for i := range pairs {
			for j := range i {
				if pairs[i].key == pairs[j].key {
					return true
				}
			}
		}
		return false
	}
	seen := make(map[string]struct{}, len(pairs))
	for i := range pairs {
		seen[pairs[i].key] = struct{}{}
	}
	return len(seen) < len(pairs)
}
