package template

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fairlead/fairlead"
)

const (
	// MainFile is the template text within a package, unless another is named.
	MainFile = "blueprint.yaml"
	// MaxPackage is the largest upload in bytes, packed or not.
	MaxPackage = 10 << 20

	maxUnpacked = 10 << 20 // bytes of all entries together
	maxEntries  = 1000
	maxRatio    = 200 // unpacked to packed; text reaches 20
)

var mainRE = regexp.MustCompile(`^[a-zA-Z0-9_]+([-.][a-zA-Z0-9]+)*\.(yaml|yml|json)$`)

// Package is an upload taken apart: a text alone, or the files of an archive.
type Package struct {
	// Main is the name of the file with the template text: of the upload itself when it is no archive.
	Main string
	Text []byte
	// Packed tells that the upload is an archive; Files are then the paths in it beside the main file, sorted.
	Packed bool
	Files  []string
	// Digest is sha256:<hex> of the text or, of an archive, of all its files, however they are packed.
	Digest string
}

// Open takes an upload apart: a package (zip, tar.gz) or a text. main is the name of the main file of a package, "" for
// [MainFile]. A package is refused by the name of the entry that is at fault, such as a path that leads out of it or a link.
// Nothing is written anywhere.
func Open(filename, main string, body []byte) (*Package, error) {
	if main == "" {
		main = MainFile
	}
	if len(main) > 255 || !mainRE.MatchString(main) {
		return nil, fairlead.Errorf(fairlead.Invalid, "main file %q: want letters, digits or underscores, with single dots or hyphens between them, ending in .yaml, .yml or .json", main)
	}
	files, packed, err := unpack(filename, body)
	switch {
	case err != nil:
		return nil, err
	case !packed:
		return &Package{Main: filename, Text: body, Digest: digestOf(body)}, nil
	}
	text, ok := files[main]
	if !ok {
		return nil, fairlead.Errorf(fairlead.Invalid, "package %s has no file %s, which is the template of a package%s", filename, main, elsewhere(files, main))
	}
	p := &Package{Main: main, Text: text, Packed: true}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name != main {
			p.Files = append(p.Files, name)
		}
		fmt.Fprintf(h, "%q %s\n", name, digestOf(files[name]))
	}
	fmt.Fprintf(h, "main %q\n", main)
	p.Digest = "sha256:" + hex.EncodeToString(h.Sum(nil))
	return p, nil
}

// elsewhere is advice about a main file that is not where it should be.
func elsewhere(files map[string][]byte, main string) string {
	var others []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Base(name) == main {
			return fmt.Sprintf("; there is %s: pack the content of the folder, not the folder", name)
		}
		if mainRE.MatchString(name) {
			others = append(others, name)
		}
	}
	if len(others) > 0 && len(others) < 5 {
		return "; name another main file: " + strings.Join(others, ", ")
	}
	return ""
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ReadFiles returns all files of a package by their paths, the main file among them.
func ReadFiles(filename string, archive []byte) (map[string][]byte, error) {
	files, _, err := unpack(filename, archive)
	return files, err
}

// ReadFile returns one file of a package; ok is false when it is not there. Whoever wants several takes [ReadFiles].
func ReadFile(filename string, archive []byte, name string) (content []byte, ok bool, err error) {
	files, err := ReadFiles(filename, archive)
	content, ok = files[path.Clean(name)]
	return content, ok, err
}

// unpack reads the files of an archive; packed is false for everything else.
func unpack(filename string, body []byte) (files map[string][]byte, packed bool, err error) {
	if len(body) > MaxPackage {
		return nil, false, fairlead.Errorf(fairlead.TooLarge, "file %s has %d bytes: at most %d are accepted", filename, len(body), MaxPackage)
	}
	p := unpacker{name: filename, limit: min(maxUnpacked, max(len(body)*maxRatio, 1<<20)), files: map[string][]byte{}}
	switch {
	case bytes.HasPrefix(body, []byte("PK\x03\x04")), bytes.HasPrefix(body, []byte("PK\x05\x06")):
		err = p.zip(body)
	case bytes.HasPrefix(body, []byte("\x1f\x8b")):
		err = p.tarGz(body)
	default:
		return nil, false, nil
	}
	return p.files, true, err
}

// unpacker reads the entries of one package.
type unpacker struct {
	name    string
	limit   int // bytes that may still come out
	entries int
	files   map[string][]byte
}

func (p *unpacker) invalid(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Invalid, "package %s: %w", p.name, fmt.Errorf(format, args...))
}

func (p *unpacker) zip(body []byte) error {
	r, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // insecure paths get a better message below
		return p.invalid("not a readable zip file: %w", err)
	}
	for _, f := range r.File {
		mode := f.Mode()
		if err := p.entry(f.Name, mode.IsDir(), mode.IsRegular(), func() (io.ReadCloser, error) { return f.Open() }); err != nil {
			return err
		}
	}
	return nil
}

func (p *unpacker) tarGz(body []byte) error {
	gz, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return p.invalid("not a readable gzip file: %w", err)
	}
	// What the entries do not use counts as well: headers can be a bomb too.
	r := tar.NewReader(io.LimitReader(gz, maxUnpacked+maxEntries*1024))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return p.invalid("not a readable tar.gz file: %w", err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader { // a comment that git archive writes
			continue
		}
		open := func() (io.ReadCloser, error) { return io.NopCloser(r), nil }
		if err := p.entry(h.Name, h.Typeflag == tar.TypeDir, h.Typeflag == tar.TypeReg, open); err != nil {
			return err
		}
	}
}

func (p *unpacker) entry(name string, dir, regular bool, open func() (io.ReadCloser, error)) error {
	if p.entries++; p.entries > maxEntries {
		return fairlead.Errorf(fairlead.TooLarge, "package %s has more than %d entries", p.name, maxEntries)
	}
	if err := p.checkPath(name); err != nil {
		return err
	}
	clean := path.Clean(name)
	_, twice := p.files[clean]
	switch {
	case dir:
		return nil
	case !regular:
		return p.invalid("entry %q is a link or special file; only files and folders are possible", name)
	case twice:
		return p.invalid("entry %q is there twice", name)
	}
	for folder := path.Dir(clean); folder != "."; folder = path.Dir(folder) {
		if _, file := p.files[folder]; file {
			return p.invalid("entry %q lies in %s, which is a file", name, folder)
		}
	}
	content, err := p.read(name, open)
	p.files[clean] = content
	return err
}

// checkPath refuses names that could lead out of the package, whatever system unpacks it.
func (p *unpacker) checkPath(name string) error {
	switch {
	case name == "":
		return p.invalid("an entry has no name")
	case len(name) > 255:
		return p.invalid("entry %.60q...: the path has %d bytes, at most 255 are possible", name, len(name))
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return p.invalid("entry %q: the path is not plain UTF-8 text", name)
	case strings.ContainsAny(name, "\\\x00"):
		return p.invalid("entry %q: a backslash or NUL is not possible in a path", name)
	case strings.HasPrefix(name, "/"), len(name) > 1 && name[1] == ':':
		return p.invalid("entry %q: the path is absolute; want a path within the package", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return p.invalid("entry %q: the path leads out of the package with ..; want a path within it", name)
		}
	}
	return nil
}

// read takes the bytes of an entry. What its header says of its size is not believed.
func (p *unpacker) read(name string, open func() (io.ReadCloser, error)) (b []byte, err error) {
	r, err := open()
	if err != nil {
		return nil, p.invalid("entry %q cannot be read: %w", name, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	b, err = io.ReadAll(io.LimitReader(r, int64(p.limit)+1))
	if err != nil {
		return nil, p.invalid("entry %q cannot be read: %w", name, err)
	}
	if p.limit -= len(b); p.limit < 0 {
		return nil, fairlead.Errorf(fairlead.TooLarge, "package %s unpacks to too much: at most %d bytes, and at most %d times its own size, are accepted", p.name, maxUnpacked, maxRatio)
	}
	return b, nil
}
