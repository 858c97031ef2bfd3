package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// TestRestoredServerGoesOn backs up a server that runs, and starts another one on the backup: secrets can be read, images
// can be pulled.
func TestRestoredServerGoesOn(t *testing.T) {
	t.Parallel()
	const password = "correct horse battery"
	s := mustRunServer(t, ServerConfig{Data: t.TempDir(), AdminPassword: password})
	sealed, err := s.db.Seal([]byte("secret"))
	if err == nil {
		err = s.db.Write(t.Context(), func(tx *store.Tx) error {
			return tx.CreateOrganization(t.Context(), &fairlead.Organization{Name: "team"})
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	img, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	auth := remote.WithAuth(&authn.Basic{Username: adminUser, Password: password})
	ref := func(s running) name.Reference {
		r, err := name.ParseReference(strings.TrimPrefix(s.URL(), "http://")+"/team/web:1", name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if err := remote.Write(ref(s), img, auth); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "all.tar")
	if _, err := writeBackup(t.Context(), backupPlaces{data: s.cfg.Data, images: s.cfg.RegistryDir}, file); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the backup: %v, %v", info.Mode(), err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	places := backupPlaces{data: filepath.Join(t.TempDir(), "data")}
	places.images = filepath.Join(places.data, imagesFolder)
	if _, err := readBackup(t.Context(), places, file); err != nil {
		t.Fatal(err)
	}
	again := mustRunServer(t, ServerConfig{Data: places.data})
	if got, err := again.db.Unseal(sealed); err != nil || string(got) != "secret" {
		t.Errorf("unsealed %q, %v", got, err)
	}
	got, err := remote.Image(ref(again), auth)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := img.Digest()
	if d, err := got.Digest(); err != nil || d != want {
		t.Errorf("pulled %s, %v; want %s", d, err, want)
	}
	if layers, err := got.Layers(); err != nil || len(layers) != 2 {
		t.Errorf("%d layers, %v", len(layers), err)
	}
}

// TestDamagedBackups restores what is not as it was written.
func TestDamagedBackups(t *testing.T) {
	t.Parallel()
	s := mustRunServer(t, ServerConfig{Data: t.TempDir(), AdminPassword: "correct horse battery"})
	file := filepath.Join(t.TempDir(), "all.tar")
	if _, err := writeBackup(t.Context(), backupPlaces{data: s.cfg.Data, images: s.cfg.RegistryDir}, file); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(whole)
	changed[2000]++ // within the database, which comes first
	for name, bad := range map[string][]byte{
		"cut off":                whole[:len(whole)/2],
		"without its end":        whole[:len(whole)-8192],
		"changed":                changed,
		"empty":                  nil,
		"a way out":              rename(t, whole, store.KeyFile, "registry/../../escaped"),
		"a file too many":        rename(t, whole, store.KeyFile, "registry/other"),
		"something else's":       rename(t, whole, store.KeyFile, "etc/passwd"),
		"without the key listed": rename(t, whole, store.KeyFile, ""),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "bad.tar")
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			places := backupPlaces{data: filepath.Join(dir, "data"), images: filepath.Join(dir, "data", "registry")}
			if _, err := readBackup(t.Context(), places, path); fairlead.ErrorCode(err) != fairlead.Invalid {
				t.Fatalf("err = %v", err)
			}
			for _, left := range []string{"data/fairlead.db", "data/key", "data/registry", "escaped"} {
				if _, err := os.Lstat(filepath.Join(dir, left)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is there", left)
				}
			}
		})
	}
}

// rename copies a tar file with one file under another name, or without it when the name is empty.
func rename(t *testing.T, whole []byte, from, to string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	r := tar.NewReader(bytes.NewReader(whole))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Name == from {
			h.Name, h.PAXRecords = to, maps.Clone(h.PAXRecords)
		}
		if h.Name == "" {
			continue
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
