package fairlead

import (
	"slices"
	"strings"
)

// Masked is shown wherever a secret would stand.
const Masked = "******"

// Mask hides a set of secret values in everything that is shown: logs, events, plans, error messages.
// The zero value hides nothing. A Mask is immutable and safe for concurrent use.
type Mask struct{ replacer *strings.Replacer }

// NewMask returns a Mask of the given values. Values shorter than three bytes are ignored, because hiding them
// everywhere would hide half of every text and so tell what they are.
func NewMask(values ...string) Mask {
	values = slices.Clone(values)
	// Longer values first, so that a secret which contains another is hidden whole.
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, v := range values {
		if len(v) >= 3 {
			pairs = append(pairs, v, Masked)
		}
	}
	if pairs == nil {
		return Mask{}
	}
	return Mask{strings.NewReplacer(pairs...)}
}

// String hides the secrets in a text.
func (m Mask) String(s string) string {
	if m.replacer == nil {
		return s
	}
	return m.replacer.Replace(s)
}

// Value returns a copy of a JSON-like value with the secrets hidden in every string.
func (m Mask) Value(v any) any {
	if m.replacer == nil {
		return v
	}
	switch v := v.(type) {
	case string:
		return m.String(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = m.Value(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = m.Value(v[k])
		}
		return out
	}
	return v
}
