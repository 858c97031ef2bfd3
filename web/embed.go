// Package web holds the console's built files, so that one binary is all there is. Without them, as after a plain go build of
// a fresh clone, the server shows a page that says how to get them.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files are the built files of the console: index.html, and what it loads below assets/, each compressed as NAME.gz. Nil
// when the console was not built in.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil
	}
	if _, err := fs.Stat(files, "index.html.gz"); err != nil {
		return nil
	}
	return files
}
