package stack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// Copy asks for a stack of the same template version with the same inputs somewhere else. What Request names differs; in the
// inputs, every text of Map is replaced.
type Copy struct {
	From    string
	Request Request
	Map     map[string]string
}

// CopyRequest is the request that makes a copy.
func (e *Engine) CopyRequest(ctx context.Context, c Copy) (Request, error) {
	r := c.Request
	var from fairlead.Stack
	var want store.StackWant
	err := e.db.Read(ctx, func(tx *store.Tx) (err error) {
		if from, err = tx.Stack(ctx, c.From); err != nil {
			return err
		}
		want, err = tx.StackWant(ctx, from.ID)
		return err
	})
	if err != nil {
		return r, err
	}
	r.Verb, r.Template, r.Version = fairlead.VerbCreate, want.Template, want.Version
	if r.Target == "" {
		r.Target = from.Target
	}
	if r.Namespace == "" {
		r.Namespace = from.Namespace
	}
	if r.Description == "" {
		r.Description = from.Description
	}
	if r.Labels == nil {
		r.Labels = from.Labels
	}
	inputs, err := mapped(want, c.Map)
	if err != nil {
		return r, err
	}
	maps.Copy(inputs, r.Inputs)
	r.Inputs = inputs
	return r, nil
}

// mapped are the inputs that were given, and those whose default is changed by the map.
func mapped(want store.StackWant, words map[string]string) (map[string]any, error) {
	inputs := maps.Clone(want.Given)
	used := map[string]bool{}
	for name, v := range want.Inputs {
		if given, ok := want.Given[name]; ok {
			v = given
		}
		if changed := replaceWords(v, words, used); !same(changed, v) {
			inputs[name] = changed
		}
	}
	var ds fairlead.Diagnostics
	for _, old := range slices.Sorted(maps.Keys(words)) {
		if !used[old] {
			ds = append(ds, finding("unused-map", "map", fmt.Sprintf("%q stands in no input of the stack as a whole word", old)))
		}
	}
	return inputs, ds.Err("the map")
}

// replaceWords replaces texts wherever they stand by themselves: between characters that are neither letters nor digits. A
// number or boolean is replaced as a whole.
func replaceWords(v any, words map[string]string, used map[string]bool) any {
	switch v := v.(type) {
	case nil:
		return v
	case string:
		return replaceText(v, words, used)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = replaceWords(x, words, used)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = replaceWords(x, words, used)
		}
		return out
	}
	text := fmt.Sprint(v)
	if to, ok := words[text]; ok {
		used[text] = true
		return to
	}
	return v
}

// replaceText goes through a text once, so that what was put in is not replaced again. Of several words at one place the
// longest counts.
func replaceText(s string, words map[string]string, used map[string]bool) string {
	olds := slices.SortedFunc(maps.Keys(words), func(a, b string) int { return len(b) - len(a) })
	var out strings.Builder
	for i := 0; i < len(s); {
		n := 0
		for _, old := range olds {
			if old != "" && strings.HasPrefix(s[i:], old) && edge(s, i) && edge(s, i+len(old)) {
				out.WriteString(words[old])
				used[old], n = true, len(old)
				break
			}
		}
		if n == 0 {
			_, n = utf8.DecodeRuneInString(s[i:])
			out.WriteString(s[i : i+n])
		}
		i += n
	}
	return out.String()
}

// edge tells that no word goes on across a place in a text.
func edge(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i:])
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	return i == 0 || i == len(s) || !word(before) || !word(after)
}
