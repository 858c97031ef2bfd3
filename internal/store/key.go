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

// keyPath is where the key file is.
func (cfg Config) keyPath() string {
	if cfg.KeyFile != "" {
		return cfg.KeyFile
	}
	return filepath.Join(cfg.Dir, KeyFile)
}

// mustHaveKey refuses to go near a database file that holds something and has no key: a new key would hide that its secrets
// cannot be read any more.
func mustHaveKey(cfg Config) error {
	database := filepath.Join(cfg.Dir, databaseFile)
	info, err := os.Stat(database)
	if err != nil || info.Size() == 0 || cfg.Key != "" {
		return nil
	}
	path := cfg.keyPath()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fairlead.Errorf(fairlead.Failed, "key file %s is missing: the secrets in %s can only be read with it; restore it from a backup", path, database)
	}
	return nil
}

// openKey reads the key and proves that it belongs to the database. A new database gets a new key when there is none.
func (db *DB) openKey(ctx context.Context, cfg Config) error {
	var check string
	err := db.Read(ctx, func(tx *Tx) (err error) { check, err = tx.Setting(ctx, keySetting); return err })
	fresh := fairlead.ErrorCode(err) == fairlead.NotFound
	if err != nil && !fresh {
		return err
	}
	where := "the given key"
	text := []byte(cfg.Key)
	if cfg.Key == "" {
		where = "key file " + cfg.keyPath()
		text, err = os.ReadFile(cfg.keyPath())
	} else {
		err = nil
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && fresh:
		if text, err = makeKey(cfg.keyPath()); err != nil {
			return err
		}
	case errors.Is(err, fs.ErrNotExist):
		return fairlead.Errorf(fairlead.Failed, "%s is missing: the secrets in this database can only be read with the key that it was made with; copy the file from the server that made it or name it with --key-file, or restore it from a backup", where)
	case err != nil:
		return fmt.Errorf("store: read the key file: %w", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return fairlead.Errorf(fairlead.Failed, "%s is damaged; restore it from a backup: %w", where, err)
	}
	if db.aead, err = aead.New(handle); err != nil {
		return fairlead.Errorf(fairlead.Failed, "%s cannot be used: %w", where, err)
	}
	if fresh {
		return db.markKey(ctx)
	}
	sealed, err := base64.StdEncoding.DecodeString(check)
	if err == nil {
		_, err = db.Unseal(sealed)
	}
	if err != nil {
		return fairlead.Errorf(fairlead.Failed, "%s is not the one that this database was made with; restore that from a backup, or copy it from a server that uses this database: %w", where, err)
	}
	return nil
}

// markKey binds a new database to the key.
func (db *DB) markKey(ctx context.Context) error {
	sealed, err := db.Seal([]byte(keyText))
	if err != nil {
		return err
	}
	return db.Write(ctx, func(tx *Tx) error {
		return tx.SetSetting(ctx, keySetting, base64.StdEncoding.EncodeToString(sealed))
	})
}

// makeKey makes a key file and returns its content.
func makeKey(path string) ([]byte, error) {
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
	return text.Bytes(), nil
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
