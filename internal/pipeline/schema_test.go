package pipeline_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/fairlead/fairlead/internal/pipeline"
)

// The schema takes every example, and what it refuses the parser refuses too.
func TestSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(pipeline.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("pipeline.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("pipeline.json")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(src []byte) error {
		var v any
		if err := yaml.Unmarshal(src, &v); err != nil {
			t.Fatal(err)
		}
		return s.Validate(v)
	}
	files, err := filepath.Glob("../../examples/pipelines/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range append(files, "../../examples/demo/pipeline.yaml") {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(src); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	for name, src := range map[string]string{
		"no stages":            "name: a",
		"an unknown key":       "{name: a, stage: [], stages: [{name: a, type: review, review: {users: [b]}}]}",
		"an unknown type":      "{name: a, stages: [{name: a, type: build}]}",
		"no stack":             "{name: a, stages: [{name: a, type: template-deploy, deploy: {tool: aos}}]}",
		"helm without a chart": "{name: a, stages: [{name: a, type: template-deploy, deploy: {tool: helm, release: a}}]}",
		"an unknown mode":      "{name: a, stages: [{name: a, type: review, review: {mode: most, users: [b]}}]}",
	} {
		if validate([]byte(src)) == nil {
			t.Errorf("%s is taken", name)
		}
		if _, diags := pipeline.Parse("a.yaml", []byte(src)); !diags.HasErrors() {
			t.Errorf("%s: the parser takes it", name)
		}
	}
}

// Every key that the parser reads is in schema.json.
func TestSchemaHasEveryKey(t *testing.T) {
	var doc any
	if err := json.Unmarshal(pipeline.Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	properties(doc, has)
	files, err := filepath.Glob("parse*.go")
	if err != nil || len(files) < 3 {
		t.Fatalf("the parser is not where it was: %v, %v", files, err)
	}
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys(f) {
			found++
			if !has[key] {
				t.Errorf("%s reads the key %q, which schema.json does not have: add it there", file, key)
			}
		}
	}
	if found < 60 {
		t.Errorf("only %d keys were found", found)
	}
}

// properties collects the names of all properties in a schema.
func properties(v any, has map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if list, ok := v["properties"].(map[string]any); ok {
			for name := range list {
				has[name] = true
			}
		}
		for _, x := range v {
			properties(x, has)
		}
	case []any:
		for _, x := range v {
			properties(x, has)
		}
	}
}

// keys are the texts in the lists that the parser gives to object, and those of stageKeys.
func keys(f *ast.File) (list []string) {
	texts := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == gotoken.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					list = append(list, s)
				}
			}
			return true
		})
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "object" && len(n.Args) > 3 {
				if lit, ok := n.Args[3].(*ast.CompositeLit); ok {
					texts(lit)
				}
			}
		case *ast.FuncDecl:
			if n.Name.Name == "stageKeys" {
				texts(n.Body)
			}
		}
		return true
	})
	return list
}
