package stack

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// unknownText stands in plans for a value that becomes known only when the plan runs.
const unknownText = "(known after apply)"

// differ compares the properties of one element before and after, with the secrets hidden.
type differ struct {
	mask   fairlead.Mask
	hide   bool // the element itself is a secret: no value of its data is shown
	fields []fairlead.FieldChange
}

// fieldChanges lists what differs between two sets of properties, in the order of the paths. A property that exists on one
// side only is one change, however deep it is.
func fieldChanges(kind string, before, after map[string]any, mask fairlead.Mask) []fairlead.FieldChange {
	d := differ{mask: mask, hide: strings.HasSuffix(kind, ".Secret")}
	d.maps("", before, after)
	return d.fields
}

func (d *differ) maps(path string, before, after map[string]any) {
	keys := slices.Collect(maps.Keys(after))
	for k := range before {
		if _, both := after[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		b, hadBefore := before[k]
		a, hasAfter := after[k]
		switch p := join(path, k); {
		case hadBefore && hasAfter:
			d.value(p, b, a)
		case hadBefore:
			d.add(p, b, nil)
		default:
			d.add(p, nil, a)
		}
	}
}

func (d *differ) value(path string, before, after any) {
	switch b := before.(type) {
	case map[string]any:
		if a, ok := after.(map[string]any); ok {
			d.maps(path, b, a)
			return
		}
	case []any:
		if a, ok := after.([]any); ok {
			d.lists(path, b, a)
			return
		}
	}
	if !same(before, after) {
		d.add(path, before, after)
	}
}

func (d *differ) lists(path string, before, after []any) {
	for i := range max(len(before), len(after)) {
		switch p := path + "[" + strconv.Itoa(i) + "]"; {
		case i >= len(after):
			d.add(p, before[i], nil)
		case i >= len(before):
			d.add(p, nil, after[i])
		default:
			d.value(p, before[i], after[i])
		}
	}
}

func (d *differ) add(path string, before, after any) {
	d.fields = append(d.fields, fairlead.FieldChange{
		Path: path, Before: d.show(path, before), After: d.show(path, after), Unknown: template.HasUnknown(after),
	})
}

// show is a value fit for showing: no secrets, and a text where a value is unknown.
func (d *differ) show(path string, v any) any {
	v = known(v)
	if d.hide {
		v = hideData(path, v)
	}
	return d.mask.Value(v)
}

// hideData hides what is below data and stringData of a secret's manifest.
func hideData(path string, v any) any {
	if secretPath(path) {
		return hideAll(v)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(m))
	for k, x := range m {
		out[k] = hideData(join(path, k), x)
	}
	return out
}

func secretPath(path string) bool {
	for _, part := range strings.Split(path, ".") {
		if part == "data" || part == "stringData" {
			return true
		}
	}
	return false
}

func hideAll(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = hideAll(x)
		}
		return out
	}
	return fairlead.Masked
}

// known replaces unknown values by a text; values without any are not copied.
func known(v any) any {
	if !template.HasUnknown(v) {
		return v
	}
	switch v := v.(type) {
	case template.Unknown:
		return unknownText
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = known(x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = known(x)
		}
		return out
	}
	return v
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// same compares two values of the template language. A number is the same whether it is held as an integer or not: a
// stored 3.0 comes back as 3.
func same(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && maps.EqualFunc(x, y, same)
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, same)
	}
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x == y
	}
	return a == b
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// planHash identifies what a plan does: verbs, elements, edges and the values as they are shown.
func planHash(ops []fairlead.Operation) string {
	h := hasher{hash: sha256.New()}
	for _, op := range ops {
		h.text(op.Element)
		h.text(op.Type)
		h.text(string(op.Verb))
		h.text(op.Reason)
		h.length(len(op.Needs))
		for _, n := range op.Needs {
			h.length(n)
		}
		h.length(len(op.Fields))
		for _, f := range op.Fields {
			h.text(f.Path)
			h.value(f.Before)
			h.value(f.After)
		}
		if op.Nested != nil {
			h.text(op.Nested.Hash)
		}
		h.flush(4096)
	}
	h.flush(0)
	return "sha256:" + hex.EncodeToString(h.hash.Sum(nil))
}

// hasher feeds a hash with values of the template language, each with its kind and length so that no two read the same.
type hasher struct {
	hash hash.Hash
	buf  []byte
}

func (h *hasher) flush(above int) {
	if len(h.buf) > above {
		h.hash.Write(h.buf)
		h.buf = h.buf[:0]
	}
}

func (h *hasher) length(n int) { h.buf = binary.AppendUvarint(h.buf, uint64(n)) }

func (h *hasher) text(s string) {
	h.length(len(s))
	h.buf = append(h.buf, s...)
}

func (h *hasher) value(v any) {
	if n, ok := number(v); ok {
		h.buf = binary.BigEndian.AppendUint64(append(h.buf, 'n'), math.Float64bits(n))
		return
	}
	switch v := v.(type) {
	case nil:
		h.buf = append(h.buf, '0')
	case string:
		h.buf = append(h.buf, 's')
		h.text(v)
	case []any:
		h.buf = append(h.buf, 'l')
		h.length(len(v))
		for _, x := range v {
			h.value(x)
		}
	case map[string]any:
		h.buf = append(h.buf, 'm')
		h.length(len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			h.text(k)
			h.value(v[k])
		}
	default:
		h.buf = append(h.buf, 'x')
		h.text(fmt.Sprint(v))
	}
}
