package fairlead

import (
	"fmt"
	"slices"
	"strings"
)

// Masked is shown wherever a secret would stand.
const Masked = "******"

// Mask hides a set of secret values in everything that is shown: logs, events, plans, error messages.
// The zero value hides nothing. A Mask is immutable and safe for concurrent use.
type Mask struct {
	replacer *strings.Replacer
	whole    map[string]bool // the values, for numbers, of which only the whole can be secret
}

// NewMask returns a Mask of the given values. Values shorter than three bytes are ignored, because hiding them
// everywhere would hide half of every text and so tell what they are.
func NewMask(values ...string) Mask {
	values = slices.Clone(values)
	// Longer values first, so that a secret which contains another is hidden whole.
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	whole := map[string]bool{}
	for _, v := range values {
		if len(v) >= 3 {
			pairs = append(pairs, v, Masked)
			whole[v] = true
		}
	}
	if pairs == nil {
		return Mask{}
	}
	return Mask{strings.NewReplacer(pairs...), whole}
}

// String hides the secrets in a text.
func (m Mask) String(s string) string {
	if m.replacer == nil {
		return s
	}
	return m.replacer.Replace(s)
}

// Value returns a copy of a JSON-like value with the secrets hidden in every string, and numbers that are one replaced.
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
	case int, int64, float64:
		if m.whole[fmt.Sprint(v)] {
			return Masked
		}
	}
	return v
}
