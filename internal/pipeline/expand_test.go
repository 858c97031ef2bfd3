package pipeline

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

func TestExpand(t *testing.T) {
	values := map[string]string{"tag": "1.0", "empty": "", "raw": "${tag}", "image.app": "host/team/shop:1.0"}
	lookup := func(name string) (string, bool) { v, ok := values[name]; return v, ok }
	for _, tt := range []struct{ name, text, want, err string }{
		{"plain text", "shop", "shop", ""},
		{"one variable", "v${tag}!", "v1.0!", ""},
		{"two in a row", "${tag}${tag}", "1.01.0", ""},
		{"a name with dots", "${image.app}", "host/team/shop:1.0", ""},
		{"an empty value", "a${empty}b", "ab", ""},
		{"a value is not expanded again", "${raw}", "${tag}", ""},
		{"a literal", "$${tag}", "${tag}", ""},
		{"a literal after a variable", "${tag}$${tag}", "1.0${tag}", ""},
		{"a dollar before a literal", "$$${tag}", "$${tag}", ""},
		{"dollars alone", "$5 $ $$", "$5 $ $$", ""},
		{"unknown", "${nope}", "", `variable "${nope}" does not exist`},
		{"without a name", "${}", "", `variable "${}" does not exist`},
		{"without a closing brace", "a${tag", "", `"${tag" has no closing brace`},
		{"too long", strings.Repeat("${image.app}", 10_000), "", "longer than 65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Expand(tt.text, lookup)
			if tt.err == "" && (err != nil || got != tt.want) {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
			if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("err = %v, want %q", err, tt.err)
			}
		})
	}
}

func FuzzExpand(f *testing.F) {
	for _, s := range []string{"", "${a}", "$${a}", "$$${a}", "x${a", "${", "$", "${a}${b}$${c}", "${${a}}"} {
		f.Add(s, "v${a}")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		got, err := Expand(text, func(string) (string, bool) { return value, true })
		if err == nil && len(got) > maxValue {
			t.Fatalf("%d bytes", len(got))
		}
		if !strings.Contains(text, "${") && len(text) <= maxValue && got != text {
			t.Fatalf("text without references changed: %q -> %q", text, got)
		}
		// What is escaped comes back as it was.
		if escaped := strings.ReplaceAll(text, "${", "$${"); len(text) < maxValue && !strings.Contains(text, "$${") {
			if got, err := Expand(escaped, func(string) (string, bool) { return "", false }); err != nil || got != text {
				t.Fatalf("%q -> %q, %v", escaped, got, err)
			}
		}
	})
}

func TestVariables(t *testing.T) {
	spec := &fairlead.PipelineSpec{Name: "shop", Variables: []fairlead.Variable{
		{Name: "tag", Value: "1.0"}, {Name: "full", Value: "${tag}-${SYS_INCREMENT}"},
	}}
	now := time.Date(2019, 9, 21, 19, 41, 15, 827_600_000, time.Local)
	for _, tt := range []struct {
		name  string
		given map[string]string
		want  map[string]string
	}{
		{"those of the file", nil, map[string]string{"tag": "1.0", "full": "1.0-7"}},
		{"a given one counts above as well", map[string]string{"tag": "2.0"}, map[string]string{"tag": "2.0", "full": "2.0-7"}},
		{"a given one is not expanded", map[string]string{"full": "${tag}"}, map[string]string{"tag": "1.0", "full": "${tag}"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := variables(spec, tt.given, 7, now)
			tt.want[sysIncrement], tt.want[sysTimestamp] = "7", "201909211941158276"
			if err != nil || !maps.Equal(got, tt.want) {
				t.Errorf("got %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestGivenVariablesMustExist(t *testing.T) {
	spec := &fairlead.PipelineSpec{Name: "shop", Variables: []fairlead.Variable{{Name: "tag"}}}
	err := checkGiven(spec, map[string]string{"tag": "1", "tga": "2", sysIncrement: "3"})
	if fairlead.ErrorCode(err) != fairlead.Invalid {
		t.Fatal(err)
	}
	e, _ := err.(*fairlead.Error) //nolint:errorlint // as it was made
	got := e.Problems.Error()
	for _, want := range []string{`no variable "tga"`, `did you mean "tag"`, "SYS_INCREMENT is set by the system"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %s", got, want)
		}
	}
}

func TestCheckImage(t *testing.T) {
	for _, good := range []string{"team/shop:1.0", "team/web/shop:v1", "team/shop:${tag}", "${org}/${repo}:${tag}"} {
		if err := checkImage(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "shop", "shop:1.0", "team/shop", "team/shop:", "/shop:1", "team/:1", "Team/shop:1", "team/shop:a b",
		"team/shop@sha256:abc", "team/shop:1@sha256:abc", "${image}", "team/${rest}", "http://team/shop:1"} {
		if err := checkImage(bad); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}
