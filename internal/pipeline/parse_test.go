package pipeline_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
)

// TestParseGolden reads testdata/parse/*.txt: a pipeline file, a line of dashes, then either the findings, one a line and
// without the file's name, or the spec as JSON.
func TestParseGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/parse/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			src, want, ok := strings.Cut(string(text), "\n----\n")
			if !ok {
				t.Fatal("no line of dashes")
			}
			got := render(t, src)
			if got != want {
				if os.Getenv("UPDATE_GOLDEN") == "1" {
					if err := os.WriteFile(file, []byte(src+"\n----\n"+got), 0o644); err != nil { //nolint:gosec // test data
						t.Fatal(err)
					}
				}
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func render(t *testing.T, src string) string {
	t.Helper()
	spec, diags := pipeline.Parse("", []byte(src))
	if (spec == nil) != diags.HasErrors() {
		t.Fatalf("spec %v with findings %v", spec, diags)
	}
	if spec == nil {
		return diags.Error() + "\n"
	}
	b, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

func TestParseFindsAllProblemsInOneRun(t *testing.T) {
	src := `name: Shop
colour: red
stages:
  - name: deploy
    type: template-deploy
    timeout: 3d
    images: [{name: app, image: "team/shop"}]
    deploy: {tool: aos, stack: shop, create: "yes", parameters: {image: "${image.ap}"}}
  - {name: deploy, type: review}
`
	_, diags := pipeline.Parse("shop.yaml", []byte(src))
	var where []string
	for _, d := range diags {
		if d.File != "shop.yaml" || d.Line == 0 || d.Column == 0 || d.Summary == "" {
			t.Errorf("without a place: %+v", d)
		}
		where = append(where, fmt.Sprintf("%d:%d %s", d.Line, d.Column, d.Code))
	}
	want := "1:7 bad-name, 2:1 unknown-key, 6:14 wrong-value, 7:33 bad-image, 8:46 wrong-type, 8:73 unknown-variable, 9:5 missing-key, 9:12 duplicate-name"
	if got := strings.Join(where, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestParseLimits(t *testing.T) {
	for name, src := range map[string]string{
		"size":    "name: " + strings.Repeat("x", 300<<10),
		"nesting": "name: " + strings.Repeat("[", 1000) + strings.Repeat("]", 1000),
		"aliases": "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
		"loop":    "name: &a [*a]\n",
		"stages":  "name: shop\nstages:\n" + strings.Repeat("  - {}\n", 101),
		"values":  "name: shop\nvariables:\n  - {name: v0, value: 0123456789}\n" + doubling(20),
	} {
		t.Run(name, func(t *testing.T) {
			spec, diags := pipeline.Parse("", []byte(src))
			if spec != nil || !diags.HasErrors() {
				t.Fatal("accepted")
			}
		})
	}
}

func doubling(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  - {name: v%d, value: \"${v%d}${v%d}\"}\n", i+1, i, i)
	}
	return b.String()
}

func TestExamplesParse(t *testing.T) {
	files, err := filepath.Glob("../../examples/pipelines/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, diags := pipeline.Parse(file, src); len(diags) > 0 {
			t.Errorf("%s", diags.Error())
		}
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/parse/*.txt")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			src, _, _ := strings.Cut(string(text), "\n----\n")
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		spec, diags := pipeline.Parse("f", []byte(src))
		if (spec == nil) != diags.HasErrors() {
			t.Fatalf("spec %v with findings %v", spec, diags)
		}
		if spec == nil {
			return
		}
		if err := fairlead.CheckGroupName("pipeline", spec.Name); err != nil || len(spec.Stages) == 0 {
			t.Fatalf("accepted: %+v", spec)
		}
		// What is stored is the spec as JSON; it must come back as it was.
		b, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		var back fairlead.PipelineSpec
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
	})
}
