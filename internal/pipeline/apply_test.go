package pipeline

import (
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// hooks makes webhooks at places 0, 1, ...; each text is the parameter that the condition maps, or "params=token".
func hooks(texts ...string) (list []store.PipelineWebhook) {
	for i, text := range texts {
		param, token, _ := strings.Cut(text, "=")
		h := store.PipelineWebhook{Token: token, Position: i, Condition: item("start.conditions", i)}
		if param != "" {
			h.Params = []fairlead.ParamMap{{Name: param, Variable: "tag"}}
		}
		list = append(list, h)
	}
	return list
}

func TestWebhooksKeepTheirTokens(t *testing.T) {
	for _, tt := range []struct {
		name      string
		old, want []string
		tokens    string // "new" for a new one
	}{
		{"the first time", nil, []string{"tag"}, "new"},
		{"unchanged", []string{"tag=a", "version=b"}, []string{"tag", "version"}, "a b"},
		{"swapped", []string{"tag=a", "version=b"}, []string{"version", "tag"}, "b a"},
		{"one before", []string{"tag=a"}, []string{"version", "tag"}, "new a"},
		{"changed in place", []string{"tag=a", "version=b"}, []string{"tag", "number"}, "a b"},
		{"the first is gone", []string{"tag=a", "version=b"}, []string{"version"}, "b"},
		{"the same twice", []string{"=a", "=b"}, []string{"", "", ""}, "a b new"},
		{"all are gone", []string{"tag=a"}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			seen := map[string]bool{}
			for _, h := range matchWebhooks(hooks(tt.old...), hooks(tt.want...)) {
				if seen[h.Token] {
					t.Errorf("token %s twice", h.Token)
				}
				seen[h.Token] = true
				if len(h.Token) >= 26 {
					h.Token = "new"
				}
				got = append(got, h.Token)
			}
			if strings.Join(got, " ") != tt.tokens {
				t.Errorf("got %v, want %s", got, tt.tokens)
			}
		})
	}
}
