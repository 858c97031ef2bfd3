package template_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

type entry struct {
	name, body string
	link       string
}

func zipOf(t *testing.T, entries []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(0o644)
		if strings.HasSuffix(e.name, "/") {
			h.SetMode(fs.ModeDir | 0o755)
		}
		if e.link != "" {
			h.SetMode(fs.ModeSymlink | 0o777)
			e.body = e.link
		}
		f, err := w.CreateHeader(h)
		if err == nil && e.body != "" {
			_, err = f.Write([]byte(e.body))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t *testing.T, entries []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	w := tar.NewWriter(gz)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(e.body))}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if e.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUnpack(t *testing.T) {
	const text = "tosca_definitions_version: cloud_tosca_version_1_0\n"
	many := make([]entry, 1001)
	for i := range many {
		many[i] = entry{name: fmt.Sprintf("docs/%d.md", i)}
	}
	tests := []struct {
		name    string
		entries []entry
		code    fairlead.Code
		message string // part of it
	}{
		{"the main file alone", []entry{{name: "blueprint.yaml", body: text}}, "", ""},
		{"folders and texts for people beside it", []entry{{name: "docs/"}, {name: "docs/README.md", body: "x"}, {name: "./blueprint.yaml", body: text}, {name: "LICENSE", body: "x"}}, "", ""},
		{"no main file", []entry{{name: "README.md", body: "x"}}, fairlead.Invalid, "has no file blueprint.yaml"},
		{"the main file in a folder", []entry{{name: "shop/blueprint.yaml", body: text}}, fairlead.Invalid, "there is shop/blueprint.yaml: pack the content"},
		{"another main file", []entry{{name: "shop.yaml", body: text}}, fairlead.Invalid, "name another main file: shop.yaml"},
		{"a chart beside it", []entry{{name: "charts/a/Chart.yaml", body: "x"}, {name: "blueprint.yaml", body: text}}, "", ""},
		{"a file twice under two names", []entry{{name: "blueprint.yaml", body: text}, {name: "a.txt"}, {name: "./a.txt"}}, fairlead.Invalid, "twice"},
		{"a file in a file", []entry{{name: "blueprint.yaml", body: text}, {name: "a", body: "x"}, {name: "a/b", body: "x"}}, fairlead.Invalid, "lies in a, which is a file"},
		{"a path that is too long", []entry{{name: strings.Repeat("a/", 200) + "b"}}, fairlead.Invalid, "401 bytes"},
		{"a line end in a path", []entry{{name: "a\nb"}}, fairlead.Invalid, "not plain UTF-8 text"},
		{"a path that leads out", []entry{{name: "../blueprint.yaml", body: text}}, fairlead.Invalid, `entry "../blueprint.yaml": the path leads out`},
		{"a path that leads out further in", []entry{{name: "a/../../README.md", body: "x"}}, fairlead.Invalid, "leads out"},
		{"an absolute path", []entry{{name: "/etc/README", body: "x"}}, fairlead.Invalid, "absolute"},
		{"a drive letter", []entry{{name: "C:README", body: "x"}}, fairlead.Invalid, "absolute"},
		{"a backslash", []entry{{name: `..\README.md`, body: "x"}}, fairlead.Invalid, "backslash"},
		{"a link", []entry{{name: "blueprint.yaml", link: "/etc/passwd"}}, fairlead.Invalid, "link"},
		{"the main file twice", []entry{{name: "blueprint.yaml", body: text}, {name: "blueprint.yaml", body: text}}, fairlead.Invalid, "twice"},
		{"too many entries", many, fairlead.TooLarge, "1000 entries"},
		{"a bomb", []entry{{name: "blueprint.yaml", body: strings.Repeat("\x00", 11<<20)}}, fairlead.TooLarge, "unpacks to too much"},
		{"a bomb beside the main file", []entry{{name: "blueprint.yaml", body: text}, {name: "README", body: strings.Repeat("\x00", 11<<20)}}, fairlead.TooLarge, "unpacks to too much"},
	}
	for _, tt := range tests {
		for kind, pack := range map[string]func(*testing.T, []entry) []byte{"zip": zipOf, "tar.gz": tarOf} {
			t.Run(tt.name+" in "+kind, func(t *testing.T) {
				p, err := template.Open("shop."+kind, "", pack(t, tt.entries))
				if code := fairlead.ErrorCode(err); code != tt.code {
					t.Fatalf("code = %q (%v), want %q", code, err, tt.code)
				}
				if err != nil {
					if !strings.Contains(err.Error(), tt.message) || !strings.Contains(err.Error(), "package shop."+kind) {
						t.Fatalf("message = %q, want one with %q", err, tt.message)
					}
					return
				}
				if p.Main != template.MainFile || string(p.Text) != text || !p.Packed {
					t.Fatalf("got %+v", p)
				}
			})
		}
	}
	t.Run("a text is itself", func(t *testing.T) {
		p, err := template.Open("shop.yaml", "", []byte(text))
		if err != nil || p.Main != "shop.yaml" || string(p.Text) != text || p.Packed || p.Files != nil {
			t.Fatalf("got %+v, %v", p, err)
		}
	})
	t.Run("half a package is refused", func(t *testing.T) {
		for kind, pack := range map[string]func(*testing.T, []entry) []byte{"zip": zipOf, "tar.gz": tarOf} {
			b := pack(t, []entry{{name: "blueprint.yaml", body: text}})
			if _, err := template.Open("shop."+kind, "", b[:len(b)/2]); fairlead.ErrorCode(err) != fairlead.Invalid {
				t.Errorf("%s: err = %v, want invalid", kind, err)
			}
		}
	})
}

func TestOpen(t *testing.T) {
	entries := []entry{{name: "charts/web/Chart.yaml", body: "chart"}, {name: "charts/"}, {name: "shop.yaml", body: "text"}, {name: "./files/a.txt", body: "a"}}
	var digests []string
	for kind, pack := range map[string]func(*testing.T, []entry) []byte{"zip": zipOf, "tar.gz": tarOf} {
		body := pack(t, entries)
		p, err := template.Open("shop."+kind, "shop.yaml", body)
		if err != nil || string(p.Text) != "text" || !slices.Equal(p.Files, []string{"charts/web/Chart.yaml", "files/a.txt"}) {
			t.Fatalf("%s: %+v, %v", kind, p, err)
		}
		digests = append(digests, p.Digest)
		for name, want := range map[string]string{"charts/web/Chart.yaml": "chart", "files/a.txt": "a", "./files/a.txt": "a", "shop.yaml": "text"} {
			if content, ok, err := template.ReadFile("shop."+kind, body, name); err != nil || !ok || string(content) != want {
				t.Errorf("%s: file %s = %q, %v, %v", kind, name, content, ok, err)
			}
		}
		if _, ok, err := template.ReadFile("shop."+kind, body, "charts"); ok || err != nil {
			t.Errorf("a folder is read as a file: %v", err)
		}
	}
	if digests[0] != digests[1] {
		t.Errorf("the same files packed in two ways have digests %v", digests)
	}
	for _, main := range []string{"../shop.yaml", "a/shop.yaml", "shop.txt", "-.yaml", strings.Repeat("a", 251) + ".yaml", "a b.yaml"} {
		if _, err := template.Open("shop.zip", main, zipOf(t, entries)); fairlead.ErrorCode(err) != fairlead.Invalid {
			t.Errorf("main file %q: err = %v, want invalid", main, err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := template.Open("f", "", body)
		if err == nil && len(p.Text) > template.MaxPackage {
			t.Fatalf("%d bytes came out", len(p.Text))
		}
		if err == nil && p.Packed {
			for _, name := range p.Files {
				if _, ok, err := template.ReadFile("f", body, name); !ok || err != nil {
					t.Fatalf("file %q is listed and not there: %v", name, err)
				}
			}
		}
	})
}
