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
const unknownText = "(known when it runs)"

// differ compares the properties of one element before, after and on the target, with the secrets hidden.
type differ struct {
	mask   fairlead.Mask
	hide   bool // the element itself is a secret: no value of its data is shown
	fields []fairlead.FieldChange
}

// side is a value that may be absent.
type side struct {
	value any
	there bool
}

func (s side) equal(other side) bool {
	return s.there == other.there && (!s.there || same(s.value, other.value))
}

// three is one value as it was last applied, as it shall be, and as it is on the target.
type three struct{ before, after, live side }

// fieldChanges lists what differs between two sets of properties, in the order of the paths. A property that exists on one
// side only is one change, however deep it is.
func fieldChanges(kind string, before, after map[string]any, mask fairlead.Mask) []fairlead.FieldChange {
	return liveChanges(kind, before, after, before, mask)
}

// liveChanges is fieldChanges that also lists where the target differs from what was last applied.
func liveChanges(kind string, before, after, live map[string]any, mask fairlead.Mask) []fairlead.FieldChange {
	d := differ{mask: mask, hide: strings.HasSuffix(kind, ".Secret")}
	d.maps("", before, after, live)
	return d.fields
}

// heldBy adds to the fields of a plan who else holds them.
func heldBy(fields []fairlead.FieldChange, kind string, held []fairlead.FieldChange, mask fairlead.Mask) []fairlead.FieldChange {
	d := differ{mask: mask, hide: strings.HasSuffix(kind, ".Secret")}
	for _, h := range held {
		if i := slices.IndexFunc(fields, func(f fairlead.FieldChange) bool { return f.Path == h.Path }); i >= 0 {
			fields[i].Owner = h.Owner
			continue
		}
		h.Before, h.After, h.Live = d.show(h.Path, h.After), d.show(h.Path, h.After), d.show(h.Path, h.Live)
		fields = append(fields, h)
	}
	return fields
}

func (d *differ) maps(path string, before, after, live map[string]any) {
	keys := slices.AppendSeq(make([]string, 0, len(after)), maps.Keys(after))
	for _, m := range []map[string]any{before, live} {
		for k := range m {
			if _, known := after[k]; !known {
				keys = append(keys, k)
			}
		}
	}
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		d.value(join(path, k), three{keyOf(before, k), keyOf(after, k), keyOf(live, k)})
	}
}

func keyOf(m map[string]any, k string) side {
	v, there := m[k]
	return side{v, there}
}

func (d *differ) value(path string, v three) {
	if v.before.there && v.after.there && v.live.there {
		if b, a, l, ok := all[map[string]any](v); ok {
			d.maps(path, b, a, l)
			return
		}
		if b, a, l, ok := all[[]any](v); ok {
			d.lists(path, b, a, l)
			return
		}
	}
	if drifted := !v.before.equal(v.live); drifted || !v.before.equal(v.after) {
		d.add(path, v, drifted)
	}
}

// all are the sides of a value when they are of one type.
func all[T any](v three) (before, after, live T, ok bool) {
	before, ok1 := v.before.value.(T)
	after, ok2 := v.after.value.(T)
	live, ok3 := v.live.value.(T)
	return before, after, live, ok1 && ok2 && ok3
}

func (d *differ) lists(path string, before, after, live []any) {
	for i := range max(len(before), len(after), len(live)) {
		d.value(path+"["+strconv.Itoa(i)+"]", three{itemOf(before, i), itemOf(after, i), itemOf(live, i)})
	}
}

func itemOf(list []any, i int) side {
	if i >= len(list) {
		return side{}
	}
	return side{list[i], true}
}

func (d *differ) add(path string, v three, drifted bool) {
	f := fairlead.FieldChange{
		Path: path, Before: d.show(path, v.before.value), After: d.show(path, v.after.value), Unknown: template.HasUnknown(v.after.value),
		Drifted: drifted,
	}
	if drifted {
		f.Live = d.show(path, v.live.value)
	}
	d.fields = append(d.fields, f)
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
		h.text(strconv.FormatBool(op.Adopt))
		h.length(len(op.Needs))
		for _, n := range op.Needs {
			h.length(n)
		}
		h.length(len(op.Fields))
		for _, f := range op.Fields {
			h.text(f.Path)
			h.value(f.Before)
			h.value(f.After)
			if f.Drifted {
				h.value(f.Live)
			}
			if f.Owner != "" {
				h.text(f.Owner)
			}
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
