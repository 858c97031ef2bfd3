package stack

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// A preview is named by a hash of what the plan does and of all that it was made from. It is a keyed hash: it covers secret
// inputs, and nobody shall be able to try out which secret fits it.

// previewSetting holds the sealed key of the hashes.
const previewSetting = "preview-key"

// minPreview is how much of a hash must be given at least; hashPrefix stands before it.
const (
	minPreview = 12
	hashPrefix = "sha256:"
)

func validPreview(s string) bool {
	s = strings.TrimPrefix(s, hashPrefix)
	return len(s) >= minPreview && len(s) <= 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

// stamp gives a prepared plan its hash, and refuses it when somebody has looked at another one.
func (e *Engine) stamp(ctx context.Context, p *Prepared) error {
	key, err := e.previewKey(ctx)
	if err != nil {
		return err
	}
	h := hasher{hash: hmac.New(sha256.New, key)}
	h.text(p.Plan.Hash)
	for _, s := range []string{string(p.Verb), p.Stack.Name, p.Stack.Target, p.Stack.Namespace, p.want.Template, p.want.Version, p.digest} {
		h.text(s)
	}
	if p.exists {
		h.text(p.Stack.ID)
	}
	h.value(p.want.Inputs)
	h.flush(0)
	p.Plan.Hash = hashPrefix + hex.EncodeToString(h.hash.Sum(nil))
	if seen := p.request.Preview; seen != "" && !strings.HasPrefix(p.Plan.Hash, hashPrefix+strings.TrimPrefix(seen, hashPrefix)) {
		return fairlead.Errorf(fairlead.Conflict,
			"the preview of stack %q is out of date: by now this would be another plan (%s); nothing was changed; look at it again with fairlead stack preview %s and the same options",
			p.Stack.Name, summary(p.Plan), p.Stack.Name)
	}
	return nil
}

// previewKey is made once for a database.
func (e *Engine) previewKey(ctx context.Context) ([]byte, error) {
	e.preview.Lock()
	defer e.preview.Unlock()
	if e.preview.key != nil {
		return e.preview.key, nil
	}
	var text string
	err := e.db.Read(ctx, func(tx *store.Tx) (err error) { text, err = tx.Setting(ctx, previewSetting); return err })
	if fairlead.ErrorCode(err) == fairlead.NotFound {
		text, err = e.makePreviewKey(ctx)
	}
	if err != nil {
		return nil, err
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	e.preview.key, err = e.db.Unseal(sealed)
	return e.preview.key, err
}

// makePreviewKey stores a new key, unless another server has just done so.
func (e *Engine) makePreviewKey(ctx context.Context) (text string, err error) {
	key := make([]byte, sha256.Size)
	rand.Read(key) // never fails
	sealed, err := e.db.Seal(key)
	if err != nil {
		return "", err
	}
	err = e.db.Write(ctx, func(tx *store.Tx) (err error) {
		if text, err = tx.Setting(ctx, previewSetting); fairlead.ErrorCode(err) != fairlead.NotFound {
			return err
		}
		text = base64.StdEncoding.EncodeToString(sealed)
		return tx.SetSetting(ctx, previewSetting, text)
	})
	return text, err
}
