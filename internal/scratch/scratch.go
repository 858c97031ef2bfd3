// Package scratch makes container images that hold one static program and nothing else. It needs no container engine, and
// knows neither what the program does nor where the image goes.
package scratch

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Program is where the program stands in the image.
const Program = "/fairlead"

// Image returns an image for Linux on this machine's architecture with the file at path as [Program], run as config says. The
// layer is the same for the same program, whatever the configuration. The file is read whenever the layer is, so it must
// stay as it is for the image's life.
func Image(path string, config v1.Config) (v1.Image, error) {
	open := func() (io.ReadCloser, error) { return layer(path) }
	content, err := tarball.LayerFromOpener(open, tarball.WithCompressionLevel(gzip.NoCompression))
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", path, err)
	}
	img, err := mutate.AppendLayers(empty.Image, content)
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", path, err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", path, err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", runtime.GOARCH, config
	return mutate.ConfigFile(img, file)
}

// layer is a tar stream with the file as its only entry.
func layer(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close() //nolint:errcheck // it was only read
		return nil, err
	}
	var head bytes.Buffer
	if err := tar.NewWriter(&head).WriteHeader(&tar.Header{Name: Program[1:], Mode: 0o555, Size: info.Size(), Typeflag: tar.TypeReg}); err != nil {
		f.Close() //nolint:errcheck // it was only read
		return nil, err
	}
	// A tar archive ends with padding to 512 bytes and two empty blocks.
	tail := make([]byte, (512-info.Size()%512)%512+1024)
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(&head, io.LimitReader(f, info.Size()), bytes.NewReader(tail)), f}, nil
}
