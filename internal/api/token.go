package api

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

func (a *API) listTokens(ctx context.Context, in *Page) (*Body[List[fairlead.Token]], error) {
	user := actorOf(ctx).User
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Tokens, Owner: user}); err != nil {
		return nil, err
	}
	var tokens []fairlead.Token
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		tokens, next, err = tx.Tokens(ctx, user, in.Limit, in.Cursor)
		return err
	})
	return list(tokens, next, err)
}

// TokenRequest asks for an API token.
type TokenRequest struct {
	Body struct {
		Name      string            `json:"name" doc:"1 to 64 characters; unique among the user's tokens"`
		ExpiresIn fairlead.Duration `json:"expires_in,omitempty" example:"720h" doc:"how long it works, such as 720h; absent: until it is revoked"`
	}
}

// NewToken is a token with its text.
type NewToken struct {
	Secret string `json:"token" doc:"the text of the token; it is shown only here"`
	fairlead.Token
}

const maxTokenLife = 10 * 366 * 24 * time.Hour

func (a *API) createToken(ctx context.Context, in *TokenRequest) (*Body[NewToken], error) {
	user := actorOf(ctx).User
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.Tokens, Name: strings.TrimSpace(in.Body.Name), Owner: user}); err != nil {
		return nil, err
	}
	t := fairlead.Token{User: user, Name: strings.TrimSpace(in.Body.Name)}
	var ds fairlead.Diagnostics
	if n := utf8.RuneCountInString(t.Name); n < 1 || n > 64 {
		ds = appendFinding(ds, "name", fairlead.Errorf(fairlead.Invalid, "token name: want 1 to 64 characters, got %d", n))
	}
	switch life := time.Duration(in.Body.ExpiresIn); {
	case life < 0 || life > maxTokenLife:
		ds = appendFinding(ds, "expires_in", fairlead.Errorf(fairlead.Invalid, "expires_in %s: want more than 0 and at most ten years", life))
	case life > 0:
		at := a.Now().Add(life).UTC()
		t.ExpiresAt = &at
	}
	if err := ds.Err("the token"); err != nil {
		return nil, err
	}
	text, err := a.Auth.CreateToken(ctx, &t)
	return answer(NewToken{text, t}, err)
}

// TokenID names a token.
type TokenID struct {
	ID string `path:"id" maxLength:"80"`
}

func (a *API) deleteToken(ctx context.Context, in *TokenID) (*None, error) {
	return &None{}, a.DB.Write(ctx, func(tx *store.Tx) error {
		t, err := tx.Token(ctx, in.ID)
		if err == nil {
			err = can(ctx, auth.Remove, auth.Object{Kind: auth.Tokens, Name: t.Name, Owner: t.User})
		}
		if fairlead.ErrorCode(err) == fairlead.Denied {
			return fairlead.Errorf(fairlead.NotFound, "token %q does not exist; see: fairlead token list", in.ID) // others' tokens are nobody's business
		}
		if err != nil {
			return err
		}
		return tx.DeleteToken(ctx, t.ID)
	})
}
