package stack

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// Export returns a stack as one file. Secret inputs are left out, or sealed with a passphrase when one is given.
func (e *Engine) Export(ctx context.Context, name, passphrase string) (fairlead.StackExport, error) {
	x := fairlead.StackExport{Format: fairlead.StackFormat, Inputs: map[string]any{}}
	secrets := map[string]any{}
	err := e.db.Read(ctx, func(tx *store.Tx) error {
		s, err := tx.Stack(ctx, name)
		if err != nil {
			return err
		}
		want, err := tx.StackWant(ctx, s.ID)
		if err != nil {
			return err
		}
		v, err := tx.TemplateVersion(ctx, want.Template, want.Version)
		if err != nil {
			return err
		}
		x.Name, x.Description, x.Labels, x.Protected, x.Target, x.Namespace = s.Name, s.Description, s.Labels, s.Protected, s.Target, s.Namespace
		x.Template = fairlead.ExportedTemplate{Name: v.Template, Version: v.Version, Description: v.Description, Filename: v.Filename}
		if x.Template.Filename, x.Template.Package, err = tx.TemplatePackage(ctx, v.Template, v.Version); fairlead.ErrorCode(err) == fairlead.NotFound {
			x.Template.Filename, x.Template.Text, err = v.Filename, string(v.Source), nil
		}
		for name, value := range want.Given {
			if isSecret(want, value) {
				secrets[name] = value
			} else {
				x.Inputs[name] = value
			}
		}
		return err
	})
	if err != nil {
		return x, err
	}
	x.Omitted = slices.Sorted(maps.Keys(secrets))
	if passphrase != "" && len(secrets) > 0 {
		x.Sealed, err = sealSecrets(x, secrets, passphrase)
	}
	return x, err
}

// isSecret tells that a value is one of the stack's secrets, whichever input it was given to.
func isSecret(want store.StackWant, value any) bool {
	parts := appendSecret(nil, value)
	return len(parts) > 0 && !slices.ContainsFunc(parts, func(s string) bool { return !slices.Contains(want.Secrets, s) })
}

// minPassphrase keeps a file that leaves the house from being opened by trying.
const minPassphrase = 12

func sealSecrets(x fairlead.StackExport, secrets map[string]any, passphrase string) ([]byte, error) {
	if len(passphrase) < minPassphrase {
		return nil, fairlead.Errorf(fairlead.Invalid, "passphrase: want at least %d characters", minPassphrase)
	}
	text, err := json.Marshal(secrets)
	if err != nil {
		return nil, err
	}
	head := make([]byte, saltSize+chacha20poly1305.NonceSizeX)
	rand.Read(head) // never fails
	box, err := chacha20poly1305.NewX(passphraseKey(passphrase, head[:saltSize]))
	if err != nil {
		return nil, err
	}
	return box.Seal(head, head[saltSize:], text, sealedFor(x)), nil
}

const saltSize = 16

func passphraseKey(passphrase string, salt []byte) []byte {
	const passes, memory, threads = 3, 64 << 10, 4
	return argon2.IDKey([]byte(passphrase), salt, passes, memory, threads, chacha20poly1305.KeySize)
}

// sealedFor binds sealed secrets to the template that asks for them, so that they cannot be moved into a file with another one.
func sealedFor(x fairlead.StackExport) []byte {
	return fmt.Appendf(nil, "%s\n%s@%s\n%x\n%s", x.Format, x.Template.Name, x.Template.Version, x.Template.Package, x.Template.Text)
}

// Unseal returns the secret inputs of an exported stack.
func Unseal(x fairlead.StackExport, passphrase string) (map[string]any, error) {
	if len(x.Sealed) < saltSize+chacha20poly1305.NonceSizeX {
		return nil, fairlead.Errorf(fairlead.Invalid, "the file has no sealed secrets")
	}
	box, err := chacha20poly1305.NewX(passphraseKey(passphrase, x.Sealed[:saltSize]))
	if err != nil {
		return nil, err
	}
	nonce, sealed := x.Sealed[saltSize:saltSize+chacha20poly1305.NonceSizeX], x.Sealed[saltSize+chacha20poly1305.NonceSizeX:]
	text, err := box.Open(nil, nonce, sealed, sealedFor(x))
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the secrets cannot be opened: the passphrase is another one, or the file was changed")
	}
	secrets := map[string]any{}
	return secrets, json.Unmarshal(text, &secrets)
}
