package engine

import (
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

func TestLoadProblem(t *testing.T) {
	for name, c := range map[string]struct{ answer, want string }{
		"loaded":       {`{"stream":"Loaded image: a:1\n"}` + "\n", ""},
		"nothing":      {"", ""},
		"no JSON":      {"Loaded image: a:1", ""},
		"a full disk":  {`{"stream":"x"}{"errorDetail":{"message":"no space left on device"},"error":"no space left on device"}`, "the engine says: no space left on device"},
		"other errors": {`{"error":"unexpected EOF"}` + "\n" + `{"stream":"y"}`, "the engine says: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			err := loadProblem(strings.NewReader(c.answer))
			if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want || fairlead.ErrorCode(err) != fairlead.Failed) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
