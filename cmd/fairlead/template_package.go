package main

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// A folder on the command line becomes a package.

func addMain(cmd *cobra.Command, main *string) {
	cmd.Flags().StringVar(main, "main", "", "name of the text within a package (default "+template.MainFile+")")
}

// uploadName is the name that a file or folder has on the server, "" for the input.
func uploadName(file string) string {
	if file == "-" {
		return ""
	}
	name := filepath.Base(file)
	if isFolder(file) {
		if full, err := filepath.Abs(file); err == nil {
			name = filepath.Base(full)
		}
		name += ".zip"
	}
	return name
}

func isFolder(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.IsDir()
}

// isPackage reports whether a file holds more than a text, by its name.
func isPackage(file string) bool {
	ext := strings.ToLower(filepath.Ext(file))
	return isFolder(file) || ext == ".zip" || ext == ".tgz" || ext == ".gz"
}

// readUpload reads a file, the input for "-", or packs a folder, of at most limit bytes.
func (a *app) readUpload(file string, limit int64) ([]byte, error) {
	if !isFolder(file) {
		return a.readFile(file, limit)
	}
	root, err := os.OpenRoot(file)
	if err != nil {
		return nil, fileError(file, err)
	}
	defer root.Close()
	p := packer{name: file, root: root, limit: limit}
	p.zip = zip.NewWriter(&p.out)
	if err := fs.WalkDir(root.FS(), ".", p.add); err != nil {
		return nil, err
	}
	if err := p.zip.Close(); err != nil {
		return nil, err
	}
	return p.out.Bytes(), nil
}

// packer puts the files of a folder into an archive. The same files always give the same archive.
type packer struct {
	name  string
	root  *os.Root
	limit int64
	zip   *zip.Writer
	out   bytes.Buffer
}

// add takes one file. What begins with a dot is left out; links are refused, because the package could not hold them.
func (p *packer) add(path string, d fs.DirEntry, err error) error {
	switch {
	case err != nil:
		return fileError(filepath.Join(p.name, path), err)
	case path != "." && strings.HasPrefix(d.Name(), "."):
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	case d.IsDir():
		return nil
	case !d.Type().IsRegular():
		return fairlead.Errorf(fairlead.Invalid, "file %s: a package holds files and folders only, no links", filepath.Join(p.name, path))
	}
	f, err := p.root.Open(path)
	if err != nil {
		return fileError(filepath.Join(p.name, path), err)
	}
	defer f.Close()
	w, err := p.zip.CreateHeader(&zip.FileHeader{Name: path, Method: zip.Deflate})
	if err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(f, p.limit+1))
	if err != nil {
		return fileError(filepath.Join(p.name, path), err)
	}
	if p.limit -= n; p.limit < 0 {
		return fairlead.Errorf(fairlead.TooLarge, "folder %s: a package has at most %s", p.name, size(template.MaxPackage))
	}
	return nil
}
