package template

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dump writes a tree with all its places.
func dump(b *strings.Builder, n *node, indent string) {
	fmt.Fprintf(b, "%s%d:%d %d %q %s\n", indent, n.line, n.col, n.kind, n.text, n.call)
	for _, p := range n.pairs {
		fmt.Fprintf(b, "%s %d:%d %q\n", indent, p.line, p.col, p.key)
		dump(b, p.value, indent+"  ")
	}
	for _, item := range n.items {
		dump(b, item, indent+"  ")
	}
}

// compare holds the reader of plain YAML to the full parser.
func compare(t *testing.T, src []byte) (plain bool) {
	t.Helper()
	if !acceptable(newReport(""), src) {
		return false
	}
	got, ok := readPlain(src)
	if !ok {
		return false
	}
	r := newReport("")
	want := readFull(r, src)
	if r.failed() || len(want) != 1 {
		t.Fatalf("the full parser refuses what was read as plain: %v\n%s", r.diags, src)
	}
	var g, w strings.Builder
	dump(&g, got, "")
	dump(&w, want[0], "")
	if g.String() != w.String() {
		t.Fatalf("plain\n%s\nfull\n%s\nof\n%s", g.String(), w.String(), src)
	}
	return true
}

func TestReadPlain(t *testing.T) {
	tests := []struct {
		src   string
		plain bool
	}{
		{"a: 1\nb:\n  c: x y\n  d:\n  - 1\n  - e: 2\n    f: 3\n  - - 4\n    - 5\n", true},
		{"# comment\n\na: b # comment\nc: 'x' # y\nd: {e: [1, 2], f: {}} # z\n", true},
		{"a:\nb:\n  -\n  - \n  - c\nd:\n", true},
		{"---\na: \"x\"\n'b': 128Mi\nc: 500m\nd: 10.0.0.1\ne: -1\nf: 1.50\ng: 0644\nh: True\ni: ~\nj: 1_000\nk: 18446744073709551615\n", true},
		{"中文: 值\nb: [é, {ü: 1}]\n", true},
		{"image: 127.0.0.1:8080/team/web:1.0\nurl: http://a/b#c\n", true},
		{"a: 1\n", true},
		{"a: x\n  y\n", false},
		{"a: |\n  x\n", false},
		{"a: &x 1\n", false},
		{"a: [1,\n  2]\n", false},
		{"a: 'it''s'\n", false},
		{"a: \"x\\n\"\n", false},
		{"a: 1\na: 2\n", false},
		{"a:\t1\n", false},
		{"a: 1\r\n", false},
		{"a: b: c\n", false},
		{"a: 1\n---\nb: 2\n", false},
		{"a: [b: c]\n", false},
		{"a: 1\n b: 2\n", false},
		{"a: .inf\n", false},
		{"<<: {a: 1}\n", false},
		{"text\n", false},
		{"a\u0085b: 1\n", false},
	}
	for _, tt := range tests {
		if got := compare(t, []byte(tt.src)); got != tt.plain {
			t.Errorf("plain is %v, want %v:\n%s", got, tt.plain, tt.src)
		}
	}
}

// FuzzReadPlain: whatever is read as plain is what the full parser reads.
func FuzzReadPlain(f *testing.F) {
	for _, pattern := range []string{"testdata/*.txt", "testdata/samples/*", "../../examples/templates/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Add([]byte("a: 1\nb:\n  c: x y\n  d:\n  - 1\n  - e: 2\n    f: 3\n  - - 4\n    - 5\ng: {h: [1, 'x', \"y\"], i: {}}\n"))
	f.Fuzz(func(t *testing.T, src []byte) { compare(t, src) })
}

// Random documents made of the pieces that matter come nearer to the edges of the notation than a fuzzer does.
func TestReadPlainRandom(t *testing.T) {
	pieces := []string{"a", "b", "key", ": ", ":", "- ", "-", "\n", "\n", "\n  ", "\n  ", "\n    ", "\n- ", "\n  - ", " ", "  ", "{", "}", "[", "]", ", ", ",", "\"", "'", "\"x\"", "'y z'",
		"# c", " #", "#", "1", "-1", "0.5", ".5", "1e3", "0x1f", "0644", "~", "null", "true", "é", "值", "? ", "| ", "|", "> ", "&x ", "*x", "!t ", "%", "@", "<<", "---", "...", "2001-01-01", "1_0",
		"a: b", "\na: ", "\nb: ", "\n  c: ", "\n  d: ", "{e: f}", "[g, h]", "\\"}
	rng := rand.New(rand.NewPCG(1, 2))
	plain := 0
	const rounds = 20_000
	for range rounds {
		var b strings.Builder
		for range 1 + rng.IntN(14) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		if compare(t, []byte(b.String())) {
			plain++
		}
	}
	if plain < rounds/50 {
		t.Errorf("only %d of %d documents were plain, so little was compared", plain, rounds)
	}
}
