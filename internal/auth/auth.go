// Package auth knows who is asking (passwords, sessions, API tokens) and decides what they may do, in [Can].
//
// It must not know HTTP, nor how any of the things look that it guards.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

const (
	// tokenPrefix starts every API token, so that scanners for leaked secrets can find them.
	tokenPrefix = "flt_"
	// sessionPrefix starts the token of a sign-in.
	sessionPrefix = "fls_"
	// SessionLife is how long a sign-in lasts.
	SessionLife = 24 * time.Hour
	// touchEvery bounds how often the last use of a token is written down.
	touchEvery = time.Minute
	// hashers bounds the password hashes that are computed at the same time: each takes 19 MiB.
	hashers = 4
)

// Config says what Auth works with. DB is required.
type Config struct {
	DB *store.DB
	// Log receives trouble. Default: discarded.
	Log *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Auth checks credentials. Safe for concurrent use.
type Auth struct {
	db       *store.DB
	log      *slog.Logger
	now      func() time.Time
	cost     cost
	decoy    string // hash that unknown users are checked against, so that they take the same time
	failures failures
	verified *verified
	hashing  chan struct{}
}

// New returns an Auth on a database.
func New(cfg Config) *Auth {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := standardCost()
	return &Auth{
		db: cfg.DB, log: cfg.Log, now: cfg.Now, cost: c, decoy: hashPassword(rand.Text(), c),
		failures: failures{last: map[string][]time.Time{}}, verified: newVerified(), hashing: make(chan struct{}, hashers),
	}
}

// Hash gives what is stored for a password.
func (a *Auth) Hash(ctx context.Context, password string) (string, error) {
	if err := a.acquire(ctx); err != nil {
		return "", err
	}
	defer a.release()
	return hashPassword(password, a.cost), nil
}

// Basic checks a name with a password, session or API token. What does not fit is Unauthenticated, and after too many wrong
// passwords TooMany.
func (a *Auth) Basic(ctx context.Context, user, secret string) (fairlead.Actor, error) {
	if IsToken(secret) {
		actor, err := a.Bearer(ctx, secret)
		if err == nil && actor.User != user {
			return fairlead.Actor{}, fairlead.Errorf(fairlead.Unauthenticated, "the token does not belong to user %q", user)
		}
		return actor, err
	}
	u, roles, err := a.password(ctx, user, secret)
	return fairlead.Actor{User: u.Name, Admin: u.Admin, Roles: roles}, err
}

// AgainBy is [Auth.Again] for an actor who came with a session or API token, "" when it was a password: one that was revoked or has
// expired since is Unauthenticated.
func (a *Auth) AgainBy(ctx context.Context, actor fairlead.Actor, token string) (fairlead.Actor, error) {
	if token == "" {
		return a.Again(ctx, actor)
	}
	actor, _, err := a.bearer(ctx, token)
	return actor, err
}

// Again looks anew at an actor whose credentials were checked a while ago: what he may do can have changed. Who was removed or
// disabled is Unauthenticated.
func (a *Auth) Again(ctx context.Context, actor fairlead.Actor) (fairlead.Actor, error) {
	if actor.User == "" {
		return actor, nil
	}
	var u fairlead.User
	var roles fairlead.Roles
	err := a.db.Read(ctx, func(tx *store.Tx) (err error) { u, roles, err = userWithRoles(ctx, tx, actor.User); return err })
	if fairlead.ErrorCode(err) == fairlead.NotFound || err == nil && u.Disabled {
		return fairlead.Actor{}, fairlead.Errorf(fairlead.Unauthenticated, "user %s was removed or disabled", actor.User)
	}
	return fairlead.Actor{User: u.Name, Admin: u.Admin, Roles: roles}, err
}

func userWithRoles(ctx context.Context, tx *store.Tx, name string) (u fairlead.User, roles fairlead.Roles, err error) {
	if u, err = tx.User(ctx, name); err != nil {
		return u, nil, err
	}
	roles, err = tx.Roles(ctx, name)
	return u, roles, err
}

// Bearer checks a session or API token, and writes down its use.
func (a *Auth) Bearer(ctx context.Context, token string) (fairlead.Actor, error) {
	actor, t, err := a.bearer(ctx, token)
	if err == nil && (t.LastUsedAt == nil || a.now().Sub(*t.LastUsedAt) >= touchEvery) {
		if err := a.db.Write(ctx, func(tx *store.Tx) error { return tx.TouchToken(ctx, t.ID) }); err != nil {
			a.log.WarnContext(ctx, "the use of a token was not written down", "token", t.ID, "error", err)
		}
	}
	return actor, err
}

func (a *Auth) bearer(ctx context.Context, token string) (actor fairlead.Actor, t fairlead.Token, err error) {
	var u fairlead.User
	var roles fairlead.Roles
	err = a.db.Read(ctx, func(tx *store.Tx) (err error) {
		if t, u, err = tx.TokenByHash(ctx, hashToken(token)); err != nil {
			return err
		}
		roles, err = tx.Roles(ctx, u.Name)
		return err
	})
	switch {
	case fairlead.ErrorCode(err) == fairlead.NotFound:
		return actor, t, fairlead.Errorf(fairlead.Unauthenticated, "the token is not known; it may have been revoked, or signed out")
	case err != nil:
		return actor, t, err
	case t.ExpiresAt != nil && !a.now().Before(*t.ExpiresAt):
		return actor, t, fairlead.Errorf(fairlead.Unauthenticated, "the token has expired; sign in again or make a new one")
	case u.Disabled:
		return actor, t, fairlead.Errorf(fairlead.Unauthenticated, "user %s is disabled", u.Name)
	}
	return fairlead.Actor{User: u.Name, Admin: u.Admin, Roles: roles}, t, nil
}

// Session is a sign-in.
type Session struct {
	Token     string
	ExpiresAt time.Time
	User      fairlead.User
}

// Login checks a password and begins a session.
func (a *Auth) Login(ctx context.Context, user, password string) (Session, error) {
	u, _, err := a.password(ctx, user, password)
	if err != nil {
		return Session{}, err
	}
	s := Session{Token: sessionPrefix + rand.Text() + rand.Text(), ExpiresAt: a.now().Add(SessionLife).UTC(), User: u}
	err = a.db.Write(ctx, func(tx *store.Tx) error {
		return tx.CreateSession(ctx, &fairlead.Token{User: u.Name, ExpiresAt: &s.ExpiresAt}, hashToken(s.Token))
	})
	return s, err
}

// Logout ends the session of a token. An API token stays what it is; see [store.Tx.DeleteToken].
func (a *Auth) Logout(ctx context.Context, token string) error {
	if !IsSession(token) {
		return nil
	}
	return a.db.Write(ctx, func(tx *store.Tx) error {
		t, _, err := tx.TokenByHash(ctx, hashToken(token))
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		return tx.DeleteToken(ctx, t.ID)
	})
}

// CreateToken makes an API token for t.User and returns its text, which is kept nowhere.
func (a *Auth) CreateToken(ctx context.Context, t *fairlead.Token) (string, error) {
	text := tokenPrefix + rand.Text() + rand.Text()
	return text, a.db.Write(ctx, func(tx *store.Tx) error { return tx.CreateToken(ctx, t, hashToken(text)) })
}

// password checks a password. An unknown user takes as long as a wrong password, and both read the same.
func (a *Auth) password(ctx context.Context, name, password string) (u fairlead.User, roles fairlead.Roles, err error) {
	hash := a.decoy
	err = a.db.Read(ctx, func(tx *store.Tx) error {
		if u, roles, err = userWithRoles(ctx, tx, name); err != nil {
			return err
		}
		hash, err = tx.Password(ctx, name)
		return err
	})
	known := err == nil
	if !known && fairlead.ErrorCode(err) != fairlead.NotFound {
		return fairlead.User{}, nil, err
	}
	id := a.verified.id(name, password, hash)
	if !known || !a.verified.has(id, a.now()) {
		if err := a.try(ctx, name, password, hash, known); err != nil {
			return fairlead.User{}, nil, err
		}
		a.verified.add(id, a.now())
	}
	if u.Disabled {
		return fairlead.User{}, nil, fairlead.Errorf(fairlead.Unauthenticated, "user %s is disabled", u.Name)
	}
	return u, roles, nil
}

// try does the work of one password check and counts it when it is wrong.
func (a *Auth) try(ctx context.Context, name, password, hash string, known bool) error {
	if len(password) > maxPassword {
		password = "" // longer than any that was accepted; take the same time as for a wrong one
	}
	if err := a.acquire(ctx); err != nil {
		return err
	}
	defer a.release()
	// Asked here and not before the wait for a slot, so that many tries at once cannot pass together.
	if wait := a.failures.wait(name, a.now()); wait > 0 {
		return fairlead.Errorf(fairlead.TooMany, "too many wrong passwords for user %q; try again in %d seconds", name, int(wait.Seconds())+1)
	}
	ok, err := verifyPassword(password, hash)
	if err != nil {
		return err
	}
	if !ok || !known {
		a.failures.add(name, a.now())
		return fairlead.Errorf(fairlead.Unauthenticated, "user name or password is wrong")
	}
	a.failures.forget(name)
	return nil
}

// Verify reports whether password is the user's, counting wrong ones as a sign-in does.
func (a *Auth) Verify(ctx context.Context, user, password string) error {
	_, _, err := a.password(ctx, user, password)
	return err
}

func (a *Auth) acquire(ctx context.Context) error {
	select {
	case a.hashing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *Auth) release() { <-a.hashing }

// IsToken reports whether a secret is an API token or the token of a session, and no password.
func IsToken(s string) bool { return strings.HasPrefix(s, tokenPrefix) || IsSession(s) }

// IsSession reports whether a secret is the token of a session.
func IsSession(s string) bool { return strings.HasPrefix(s, sessionPrefix) }

// hashToken needs no salt and no work: a token is 256 random bits.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
