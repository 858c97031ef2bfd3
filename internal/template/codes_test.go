package template_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every code that a finding can have is in the guide.
func TestCodesAreDocumented(t *testing.T) {
	guide, err := os.ReadFile("../../docs/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	call := regexp.MustCompile(`\.(?:error|warn)\("([a-z-]+)"|Code: "([a-z-]+)"`)
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range call.FindAllStringSubmatch(string(src), -1) {
			if code := m[1] + m[2]; !strings.Contains(string(guide), "`"+code+"`") {
				t.Errorf("%s: code %q is not in docs/templates.md", file, code)
			}
		}
	}
}
