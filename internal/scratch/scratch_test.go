package scratch_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/fairlead/fairlead/internal/scratch"
)

func TestImageHoldsTheProgram(t *testing.T) {
	for _, size := range []int{0, 1, 512, 100_001} {
		program := bytes.Repeat([]byte{7}, size)
		path := filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(path, program, 0o600); err != nil {
			t.Fatal(err)
		}
		img, err := scratch.Image(path, v1.Config{Entrypoint: []string{scratch.Program, "serve"}})
		if err != nil {
			t.Fatal(err)
		}
		layers, err := img.Layers()
		if err != nil || len(layers) != 1 {
			t.Fatalf("size %d: layers %v, %v", size, layers, err)
		}
		if err := validate.Layer(layers[0]); err != nil {
			t.Fatalf("size %d: %v", size, err)
		}
		files := mutate.Extract(img)
		r := tar.NewReader(files)
		head, err := r.Next()
		if err != nil || "/"+head.Name != scratch.Program || head.Mode&0o111 == 0 {
			t.Fatalf("size %d: entry %+v, %v", size, head, err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, program) {
			t.Fatalf("size %d: read %d bytes, %v", size, len(got), err)
		}
		if _, err := r.Next(); err != io.EOF {
			t.Fatalf("size %d: more than one entry: %v", size, err)
		}
		files.Close()
	}
}

func TestVersionsShareTheLayer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	layerOf := func(env string) string {
		img, err := scratch.Image(path, v1.Config{Env: []string{env}})
		if err != nil {
			t.Fatal(err)
		}
		layers, err := img.Layers()
		if err != nil || len(layers) != 1 {
			t.Fatalf("layers %v, %v", layers, err)
		}
		digest, err := layers[0].Digest()
		if err != nil {
			t.Fatal(err)
		}
		return digest.String()
	}
	if a, b := layerOf("VERSION=1"), layerOf("VERSION=2"); a != b {
		t.Fatalf("layers %s and %s", a, b)
	}
}

func TestMissingProgramIsNamed(t *testing.T) {
	if _, err := scratch.Image(filepath.Join(t.TempDir(), "absent"), v1.Config{}); err == nil {
		t.Fatal("an image of nothing was made")
	}
}
