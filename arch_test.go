package fairlead_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/fairlead/fairlead"

// layers are the packages from the top to the bottom: a package may import what stands below it and nothing beside or above
// it. Packages in one layer do not know each other.
func layers() [][]string {
	return [][]string{
		{"cmd/fairlead"},
		{"internal/api", "internal/lsp"},
		{"client"},
		{"internal/pipeline/jobtest"}, // for tests only
		{"internal/pipeline"},
		{"internal/notify"},
		{"internal/stack/stacktest"}, // for tests only
		{"internal/stack"},
		{"internal/provider/engine", "internal/provider/kubernetes", "internal/provider/helm"},
		{"internal/registry"},
		{"internal/auth"},
		{"internal/store/storetest"}, // for tests only
		{"internal/store"},
		{"internal/template"},
		{"internal/graph", "internal/scratch", "internal/words"},
		{"."},
	}
}

// fanOut bounds how many packages of the module a package may import. What is not named may import five.
func fanOut(pkg string) int {
	switch pkg {
	case "cmd/fairlead":
		return len(layers())
	case "internal/api":
		return 8
	case ".", "internal/graph":
		return 0
	case "internal/template", "client":
		return 2
	}
	return 5
}

// layerOf is the layer of a package; packages below one that is named belong to its layer. -1 when there is none.
func layerOf(pkg string) int {
	best, length := -1, -1
	for i, layer := range layers() {
		for _, name := range layer {
			if (pkg == name || strings.HasPrefix(pkg, name+"/")) && len(name) > length {
				best, length = i, len(name)
			}
		}
	}
	return best
}

// free packages have no place in the layers: they hold files for others, or drive the whole program from outside.
func free(pkg string) bool {
	return pkg == "web" || pkg == "examples" || strings.HasPrefix(pkg, "examples/") || strings.HasPrefix(pkg, "test/") || strings.HasPrefix(pkg, "tools/")
}

// imports reads what the packages of the module import, without test files, from their source.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && file != "." && (name == "testdata" || name == "node_modules" || name[0] == '.' || name[0] == '_') {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(file))
		all[pkg] = slices.Concat(all[pkg], nil)
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if !slices.Contains(all[pkg], name) {
				all[pkg] = append(all[pkg], name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// own lists the packages of the module among imports.
func own(imports []string) (list []string) {
	for _, name := range imports {
		if name == module {
			list = append(list, ".")
		} else if pkg, ok := strings.CutPrefix(name, module+"/"); ok {
			list = append(list, pkg)
		}
	}
	return list
}

func TestImportArrows(t *testing.T) {
	t.Parallel()
	for pkg, names := range imports(t) {
		if free(pkg) {
			continue
		}
		from := layerOf(pkg)
		if from < 0 {
			t.Errorf("package %s has no place in the layers; decide what it may know and add it to layers()", pkg)
			continue
		}
		outside := 0
		for _, dep := range own(names) {
			to := layerOf(dep)
			switch {
			case free(dep) && pkg == "cmd/fairlead":
				continue
			case dep == "internal/stack/stacktest" || dep == "internal/pipeline/jobtest":
				t.Errorf("%s imports %s, which is for tests", pkg, dep)
			case to < 0:
				t.Errorf("%s imports %s, which has no place in the layers", pkg, dep)
			case to < from:
				t.Errorf("%s imports %s, which stands above it: the arrows go down only", pkg, dep)
			case to == from && !strings.HasPrefix(dep, pkg+"/") && !strings.HasPrefix(pkg, dep+"/"):
				t.Errorf("%s imports %s, which stands beside it: put what both need below", pkg, dep)
			}
			if to != from && dep != "." {
				outside++
			}
		}
		if most := fanOut(pkg); outside > most {
			t.Errorf("%s imports %d packages of the module besides the root, at most %d are wanted: %v", pkg, outside, most, own(names))
		}
	}
}

func TestPackageNames(t *testing.T) {
	t.Parallel()
	vague := []string{"util", "utils", "common", "shared", "helper", "helpers", "types", "misc", "base", "core", "lib", "service", "services", "manager", "models"}
	standard := []string{"errors", "fmt", "http", "io", "net", "os", "path", "strings", "time", "context", "log", "sort", "sync"}
	for pkg := range imports(t) {
		name := path.Base(pkg)
		if slices.Contains(vague, name) {
			t.Errorf("package %s: the name does not say what it provides; put its functions beside their callers", pkg)
		}
		if slices.Contains(standard, name) {
			t.Errorf("package %s hides the standard library's %s", pkg, name)
		}
	}
}

// TestPureOutside keeps technology out of the packages that shall not know it.
func TestPureOutside(t *testing.T) {
	t.Parallel()
	forbidden := map[string][]string{
		".":                 {"net/http", "database/sql", "os", "github.com/"},
		"internal/graph":    {"net/http", "database/sql", "os", "github.com/"},
		"internal/template": {"net/http", "database/sql", "os", "github.com/moby/", "k8s.io/client-go"},
		"internal/auth":     {"net/http", "database/sql"},
		"internal/stack":    {"net/http", "database/sql", "github.com/moby/"},
		"internal/pipeline": {"net/http", "database/sql", "github.com/moby/"},
		"client":            {"database/sql", "github.com/spf13/"},
	}
	all := imports(t)
	for pkg, prefixes := range forbidden {
		for _, name := range all[pkg] {
			for _, prefix := range prefixes {
				if (name == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(name, prefix)) && !strings.HasPrefix(name, module) {
					t.Errorf("package %s imports %s, which it must not know", pkg, name)
				}
			}
		}
	}
}
