package registry

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

const secretSize = 32

// openSecret reads the secret of the registry and makes it at the first start. It lives beside the blobs, so that servers
// that share them share it too, and survives restarts, so that pushes do.
func openSecret(dir string) ([]byte, error) {
	path := filepath.Join(dir, "secret")
	secret, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSecret(dir, path)
	}
	if err != nil {
		return nil, fmt.Errorf("registry: read the secret: %w", err)
	}
	if len(secret) != secretSize {
		return nil, fmt.Errorf("registry: %s has %d bytes, want %d; remove it to have a new one made, which ends running pushes", path, len(secret), secretSize)
	}
	return secret, nil
}

// makeSecret writes a new secret completely before it gets its name. When another server was faster, its secret counts.
func makeSecret(dir, path string) ([]byte, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("registry: make the directory: %w", err)
	}
	tmp, err := os.CreateTemp(dir, "secret-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("registry: make the secret: %w", err)
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // a left-over is harmless
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails
	_, err = tmp.Write(secret)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return nil, fmt.Errorf("registry: write the secret: %w", err)
	}
	switch err := os.Link(tmp.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return os.ReadFile(path)
	case err != nil:
		return nil, fmt.Errorf("registry: keep the secret: %w", err)
	}
	return secret, nil
}

// dirSetting holds what tells the directory of the images from others.
const dirSetting = "registry"

// shared refuses a directory that is not the one that the other servers on the database use. They share it through a file
// system; images that only one of them has would be missing at random.
func (cfg *Config) shared() error {
	if !cfg.DB.Shared() {
		return nil
	}
	ctx := context.Background()
	file := filepath.Join(cfg.Dir, "shared")
	here, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("registry: read %s: %w", file, err)
	}
	var want string
	err = cfg.DB.Write(ctx, func(tx *store.Tx) error {
		want, err = tx.Setting(ctx, dirSetting)
		if fairlead.ErrorCode(err) != fairlead.NotFound {
			return err
		}
		if want = strings.TrimSpace(string(here)); want == "" {
			want = rand.Text()
		}
		if err := markDir(cfg.Dir, file, want); err != nil {
			return err
		}
		return tx.SetSetting(ctx, dirSetting, want)
	})
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	here, err = os.ReadFile(file)
	if err == nil && strings.TrimSpace(string(here)) == want {
		return nil
	}
	return fairlead.Errorf(fairlead.Failed, "images directory %s is not the one that the servers on this database share: mount that one and name it with --registry-dir; when its images are lost for good, write %s into %s to begin with an empty one", cfg.Dir, want, file)
}

func markDir(dir, file, mark string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(mark+"\n"), 0o600)
}

// derive makes a key for one purpose from the secret.
func derive(secret []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("fairlead registry " + purpose))
	return mac.Sum(nil)
}

// claims are what a token says about its bearer. Rights are asked again when it is used; the scope only narrows them.
type claims struct {
	User    string    `json:"user"`
	Admin   bool      `json:"admin,omitempty"`
	Via     string    `json:"via,omitempty"`
	Scopes  []scope   `json:"scopes,omitempty"`
	Expires time.Time `json:"expires"`
}

func (c claims) actor() fairlead.Actor {
	return fairlead.Actor{User: c.User, Admin: c.Admin, Via: c.Via}
}

// signer makes and checks tokens. They are signed and not stored, so that a restart does not end a long push.
type signer struct{ key []byte }

func (s signer) sign(c claims) (string, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	return encode(body) + "." + encode(s.mac(body)), nil
}

// verify returns the claims of a token that this registry signed and that has not expired.
func (s signer) verify(token string, now time.Time) (claims, error) {
	var c claims
	first, second, _ := strings.Cut(token, ".")
	body, err1 := base64.RawURLEncoding.DecodeString(first)
	mac, err2 := base64.RawURLEncoding.DecodeString(second)
	if err1 != nil || err2 != nil || !hmac.Equal(mac, s.mac(body)) {
		return c, errors.New("the token is not one of this registry")
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return c, err
	}
	if !now.Before(c.Expires) {
		return c, errors.New("the token has expired")
	}
	return c, nil
}

func (s signer) mac(body []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(body)
	return mac.Sum(nil)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
