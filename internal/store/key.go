package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// sealContext binds what is sealed to this use of the key.
const sealContext = "fairlead/v1"

// Seal encrypts b with the key of the data directory (AES-256-GCM).
func (db *DB) Seal(b []byte) ([]byte, error) {
	out, err := db.aead.Encrypt(b, []byte(sealContext))
	if err != nil {
		return nil, fmt.Errorf("store: seal: %w", err)
	}
	return out, nil
}

// Unseal decrypts what Seal gave. It fails when the key file is not the one that sealed.
func (db *DB) Unseal(b []byte) ([]byte, error) {
	out, err := db.aead.Decrypt(b, []byte(sealContext))
	if err != nil {
		return nil, fmt.Errorf("store: unseal: the key file does not fit the database: %w", err)
	}
	return out, nil
}

// openKey reads the key file, or makes it with mode 0600 when absent.
func openKey(path string) (tink.AEAD, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("store: read the key file: %w", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, fmt.Errorf("store: key file %s is damaged; restore it from a backup: %w", path, err)
	}
	return aead.New(handle)
}

func makeKey(path string) (tink.AEAD, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("store: make a key: %w", err)
	}
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		return nil, fmt.Errorf("store: make a key: %w", err)
	}
	if err := writeDurably(path, text.Bytes()); err != nil {
		return nil, fmt.Errorf("store: write the key file: %w", err)
	}
	return aead.New(handle)
}

// writeDurably makes the file appear whole or not at all, also when the power fails.
func writeDurably(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone after the rename
	if _, err := f.Write(b); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
