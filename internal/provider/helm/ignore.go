package helm

import (
	"io/fs"
	"time"
)

// fileInfo describes a file of a package to the rules of .helmignore.
type fileInfo struct{ name string }

func (f fileInfo) Name() string     { return f.name }
func (fileInfo) Size() int64        { return 0 }
func (fileInfo) Mode() fs.FileMode  { return 0o644 }
func (fileInfo) ModTime() time.Time { return time.Time{} }
func (fileInfo) IsDir() bool        { return false }
func (fileInfo) Sys() any           { return nil }
