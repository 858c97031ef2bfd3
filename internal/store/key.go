package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/fairlead/fairlead"
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

// keySetting holds a known text, sealed with the key that this database belongs to.
const keySetting, keyText = "key", "sealed with the right key"

// openKey reads the key file. It is made, with mode 0600, for a new database only: beside one that holds something, a new
// key would hide that its secrets cannot be read any more.
func openKey(path, database string) (tink.AEAD, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if info, err := os.Stat(database); err == nil && info.Size() > 0 {
			return nil, fairlead.Errorf(fairlead.Failed, "key file %s is missing: the secrets in %s can only be read with it; restore it from a backup", path, database)
		}
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

// checkKey proves that the key file belongs to the database.
func (db *DB) checkKey(ctx context.Context, path string) error {
	var text string
	err := db.Read(ctx, func(tx *Tx) (err error) { text, err = tx.Setting(ctx, keySetting); return err })
	switch {
	case fairlead.ErrorCode(err) == fairlead.NotFound:
		sealed, err := db.Seal([]byte(keyText))
		if err != nil {
			return err
		}
		return db.Write(ctx, func(tx *Tx) error {
			return tx.SetSetting(ctx, keySetting, base64.StdEncoding.EncodeToString(sealed))
		})
	case err != nil:
		return err
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err == nil {
		_, err = db.Unseal(sealed)
	}
	if err != nil {
		return fairlead.Errorf(fairlead.Failed, "key file %s is not the one that this database was made with; restore that from a backup: %w", path, err)
	}
	return nil
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
