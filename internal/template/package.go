package template

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/fairlead/fairlead"
)

const (
	// MainFile is the template text within a package.
	MainFile = "blueprint.yaml"
	// MaxPackage is the largest upload in bytes, packed or not.
	MaxPackage = 10 << 20

	maxUnpacked = 10 << 20 // bytes of all entries together
	maxEntries  = 1000
	maxRatio    = 200 // unpacked to packed; text reaches 20
)

// Unpack takes the template text out of an upload: a package (zip, tar.gz) gives its main file, everything else is the text
// itself. A package is refused by the name of the entry that is at fault: a path that leads out of it, a link, a file that
// this version cannot use. Nothing is written anywhere.
func Unpack(filename string, body []byte) (file string, text []byte, err error) {
	if len(body) > MaxPackage {
		return "", nil, fairlead.Errorf(fairlead.TooLarge, "file %s has %d bytes: at most %d are accepted", filename, len(body), MaxPackage)
	}
	p := unpacker{name: filename, limit: min(maxUnpacked, max(len(body)*maxRatio, 1<<20))}
	switch {
	case bytes.HasPrefix(body, []byte("PK\x03\x04")), bytes.HasPrefix(body, []byte("PK\x05\x06")):
		err = p.zip(body)
	case bytes.HasPrefix(body, []byte("\x1f\x8b")):
		err = p.tarGz(body)
	default:
		return filename, body, nil
	}
	if err != nil {
		return "", nil, err
	}
	if !p.found {
		return "", nil, fairlead.Errorf(fairlead.Invalid, "package %s has no file %s, which is the template of a package", filename, MainFile)
	}
	return MainFile, p.main, nil
}

// unpacker reads the entries of one package.
type unpacker struct {
	name    string
	limit   int // bytes that may still come out
	entries int
	main    []byte
	found   bool
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
	switch clean := path.Clean(name); {
	case dir:
		return nil
	case !regular:
		return p.invalid("entry %q is a link or special file; only files and folders are possible", name)
	case clean == MainFile && p.found:
		return p.invalid("entry %q is there twice", name)
	case clean == MainFile:
		var err error
		p.found = true
		p.main, err = p.read(name, open)
		return err
	case harmless(clean):
		_, err := p.read(name, open)
		return err
	default:
		return p.invalid("entry %q: files beside %s are not available yet; push the template with everything in that file", name, MainFile)
	}
}

// checkPath refuses names that could lead out of the package, whatever system unpacks it.
func (p *unpacker) checkPath(name string) error {
	switch {
	case name == "":
		return p.invalid("an entry has no name")
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

// harmless files are for people and change nothing.
func harmless(name string) bool {
	base := strings.ToUpper(path.Base(name))
	return strings.HasPrefix(base, "README") || strings.HasPrefix(base, "LICENSE") || strings.HasPrefix(base, "LICENCE") ||
		path.Ext(base) == ".MD" || base == ".DS_STORE"
}
