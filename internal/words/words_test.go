package words

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var update = flag.Bool("update", false, "add the sentences that are missing in zh-CN.json, to be translated, and remove those that nobody says")

// speakers are the packages whose sentences people read.
func speakers() []string {
	return []string{".", "internal/api", "internal/auth", "internal/graph", "internal/notify", "internal/pipeline", "internal/provider/engine",
		"internal/provider/helm", "internal/provider/kubernetes", "internal/registry", "internal/stack", "internal/store", "internal/template"}
}

// TestCatalogue holds the catalogue against the source: every sentence has its translation, with the same holes, and no
// translation is left of a sentence that is not said any more.
func TestCatalogue(t *testing.T) {
	said := map[string]string{} // a sentence and where it is said
	for _, pkg := range speakers() {
		collect(t, pkg, said)
	}
	if len(said) < 1000 {
		t.Fatalf("only %d sentences were found in the source", len(said))
	}
	var f file
	if err := json.Unmarshal(chinese, &f); err != nil {
		t.Fatal(err)
	}
	if *update {
		kept := map[string]string{}
		for s := range said {
			kept[s] = f.Sentences[s]
		}
		f.Sentences = kept
		write(t, f)
	}
	for _, s := range slices.Sorted(maps.Keys(said)) {
		if f.Sentences[s] == "" {
			t.Errorf("%s: the sentence %q has no translation in zh-CN.json; add the missing ones with: go test ./internal/words -update", said[s], s)
		}
	}
	for s := range f.Sentences {
		if said[s] == "" {
			t.Errorf("zh-CN.json: nobody says %q any more", s)
		}
	}
	for _, list := range []map[string]string{f.Sentences, f.Others} {
		for s, zh := range list {
			checkHoles(t, s, zh)
		}
	}
}

// checkHoles finds holes of a translation that its sentence does not have, and the other way round.
func checkHoles(t *testing.T, s, zh string) {
	t.Helper()
	want := map[string]bool{}
	for _, n := range newPattern(s, zh).nums {
		if n > 0 {
			want[strconv.Itoa(n)] = true
		}
	}
	got := map[string]bool{}
	for _, m := range holeRE.FindAllStringSubmatch(zh, -1) {
		got[m[1]] = true
	}
	if zh != "" && !maps.Equal(want, got) {
		t.Errorf("zh-CN.json: %q and %q have different holes", s, zh)
	}
}

func write(t *testing.T, f file) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	if err := enc.Encode(f); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("zh-CN.json", b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// collect adds the sentences in the source of a package. Every text with words in it is one, unless it is known to be something
// else: so a sentence that is new is found whatever it is used for.
func collect(t *testing.T, pkg string, said map[string]string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", pkg, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no source: %v", pkg, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || filepath.Base(name) == "routes.go" { // the latter describes the API in its document
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		var visit func(n ast.Node) bool
		visit = func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.Field:
				return n.Tag == nil
			case *ast.CallExpr:
				return !unheard(n)
			case ast.Expr:
				text, others, ok := format(n)
				if !ok {
					return true
				}
				for line := range strings.SplitSeq(text, "\n") {
					if s := sentence(line, path.Base(pkg)); s != "" && !isCode(text) {
						said[s] = strings.TrimPrefix(fset.Position(n.Pos()).String(), "../../")
					}
				}
				for _, other := range others {
					ast.Inspect(other, visit)
				}
				return false
			}
			return true
		}
		ast.Inspect(f, visit)
	}
}

// unheard reports whether nobody but the server's log or the program itself gets the texts of a call.
func unheard(c *ast.CallExpr) bool {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name == "panic"
	case *ast.SelectorExpr:
		of := ""
		switch x := f.X.(type) {
		case *ast.Ident:
			of = x.Name
		case *ast.SelectorExpr:
			of = x.Sel.Name
		}
		return of == "log" || of == "Log" || of == "logger" || of == "regexp" || of == "slog"
	}
	return false
}

// format is the format of a text that is put together of literals and other things, which are %s.
func format(e ast.Expr) (text string, others []ast.Expr, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, err := strconv.Unquote(e.Value)
			return s, nil, err == nil
		}
	case *ast.BinaryExpr:
		x, left, isX := format(e.X)
		y, right, isY := format(e.Y)
		if e.Op != token.ADD || !isX && !isY {
			return "", nil, false
		}
		if !isX {
			x, left = "%s", []ast.Expr{e.X}
		}
		if !isY {
			y, right = "%s", []ast.Expr{e.Y}
		}
		return x + y, append(left, right...), true
	}
	return "", nil, false
}

var (
	frontRE = regexp.MustCompile(`^(%s|%v|%w)?[;:] `)
	backRE  = regexp.MustCompile(`[;:]( (%s|%v|%w)?)?$`)
	wordRE  = regexp.MustCompile(`[a-z]{2,}`)
	// codeRE is what looks like a sentence and is not: SQL, times, headers, routes, YAML and JSON, pictures, functions of templates, versions.
	codeRE = regexp.MustCompile(`\b(SELECT|INSERT|UPDATE|DELETE FROM|WHERE|ORDER BY|GROUP BY|VALUES|CASE WHEN|LEFT JOIN|SAVEPOINT|PRAGMA|BEGIN|COLLATE|LIKE|ESCAPE|DESC|CAST|CREATE TABLE|RELEASE|ROLLBACK TO)\b|[<>=] ?\(?\$|= \?|<> ''|pg_advisory` +
		`|_id, |\bstate IN \(|\b_at, |created_at|'waiting'|2006-01-02|charset=|-src |^(GET|POST|PUT|DELETE|PATCH) /|realm=|filename=|max-age|^</` +
		`|^ *- \{|"\{group\}"|^, required: true|^, default: |^\{en: |^\{"|^\$\{|^(id|data|event): ` +
		`|^ *<[a-z]|^digraph|^ *node \[|style=|dasharray|\[label=|^\{[a-z_0-9]+: [\[A-Z]|/v[0-9]+(alpha|beta)[0-9]+$`)
)

// unsaid are texts that nobody reads in the console: names of locks and queues, the document of the API, errors for the log.
func unsaid(text string) bool {
	return slices.Contains([]string{
		"distribution does not start",
		"distribution's storage cannot list manifests", "distribution's storage cannot list repositories", "fairlead lock %s", "fairlead registry %s", "make %s durable",
		"queue %s", "roll back a part", "sealed with the right key", "session %s", "time has type %T", "time is null",
		"Metrics for Prometheus", "Status %s", "The text.", "This document", "This document as a page", "an API token (flt_...) or the token of a sign-in",
		"user name with its password or a token",
	}, text) || strings.HasSuffix(text, ".") && regexp.MustCompile(`[a-z)]\. [A-Z]`).MatchString(text) // more than one sentence: a description
}

func isCode(text string) bool { return codeRE.MatchString(text) }

// sentence is what the catalogue has for a text of a package, "" when it is no sentence: parts that only join others are left
// away, for these are translated one by one. What begins with the name of its package is for the log.
func sentence(text, pkg string) string {
	if strings.HasPrefix(text, pkg+": ") {
		return ""
	}
	for {
		cut := backRE.ReplaceAllString(frontRE.ReplaceAllString(text, ""), "")
		if rest, ok := strings.CutPrefix(cut, "%s"); ok && rest != "" && unicode.IsLower(rune(rest[0])) {
			cut = rest
		}
		if cut == text {
			break
		}
		text = cut
	}
	plain := verbRE.ReplaceAllString(text, "")
	if !verbRE.MatchString(text) { // without holes, what has one word joins or begins something
		if inner := strings.TrimSpace(text); !strings.Contains(inner, " ") && (inner == text || strings.HasSuffix(text, " ")) {
			return ""
		}
	}
	if p := newPattern(text, ""); len(verbRE.FindAllString(text, -1)) > p.weight { // only the parts say something: %s %s by %s
		return ""
	}
	if !strings.Contains(text, " ") || !wordRE.MatchString(plain) || unsaid(text) {
		return ""
	}
	return text
}

// TestSay says in Chinese what the console's test says from the same file.
func TestSay(t *testing.T) {
	b, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]string
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for english, want := range cases {
		if got := Say("zh-CN", english); got != want {
			t.Errorf("%s\nis  %s\nnot %s", english, got, want)
		}
		if got := Say("en", english); got != english {
			t.Errorf("in English %q", got)
		}
	}
}

// TestSayOdd gives texts that are no sentences: they stay as they are, and cost a bounded time.
func TestSayOdd(t *testing.T) {
	for _, text := range []string{
		"", " ", ": ", "; ; ", `"`, "(", ")", "a", "\n\n", "%s %d", "{1}", "x: ", strings.Repeat("a or b and c; d: (e, ", 95), strings.Repeat("x ", 5000),
	} {
		if got := Say("zh-CN", text); got != text {
			t.Errorf("%.40q became %.40q", text, got)
		}
	}
}

func FuzzSay(f *testing.F) {
	f.Add(`stage 1 ("a: b") failed: it took longer than 5m; see x`)
	f.Fuzz(func(t *testing.T, text string) {
		if first := Say("zh-CN", text); Say("zh-CN", text) != first {
			t.Error("the same text is said in two ways")
		}
	})
}
