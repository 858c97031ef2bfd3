package auth_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

type env struct {
	*auth.Auth
	db    *store.DB
	clock *clock
}

// mustOpen returns an Auth with the users alice, password "correct horse", and boss, an administrator.
func mustOpen(t *testing.T) env {
	t.Helper()
	c := &clock{t: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	db, err := store.Open(t.Context(), storetest.Config(t, store.Config{Dir: t.TempDir(), Now: c.now}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	a := auth.New(auth.Config{DB: db, Now: c.now})
	for _, u := range []fairlead.User{{Name: "alice"}, {Name: "boss", Admin: true}, {Name: "gone", Disabled: true}} {
		hash, err := a.Hash(t.Context(), "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateUser(t.Context(), &u, hash) }); err != nil {
			t.Fatal(err)
		}
	}
	return env{a, db, c}
}

func wantCode(t *testing.T, err error, want fairlead.Code) {
	t.Helper()
	if got := fairlead.ErrorCode(err); got != want {
		t.Fatalf("code = %q (%v), want %q", got, err, want)
	}
}

func TestPassword(t *testing.T) {
	a := mustOpen(t)
	ctx := t.Context()
	tests := []struct {
		name, user, password string
		want                 fairlead.Code
	}{
		{"the right one", "alice", "correct horse", ""},
		{"the right one again, remembered", "alice", "correct horse", ""},
		{"a wrong one", "alice", "battery staple", fairlead.Unauthenticated},
		{"an empty one", "alice", "", fairlead.Unauthenticated},
		{"a huge one", "alice", strings.Repeat("x", 1<<20), fairlead.Unauthenticated},
		{"an unknown user", "mallory", "correct horse", fairlead.Unauthenticated},
		{"a disabled user", "gone", "correct horse", fairlead.Unauthenticated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			actor, err := a.Basic(ctx, tt.user, tt.password)
			wantCode(t, err, tt.want)
			if tt.want == "" && actor.User != tt.user || tt.want != "" && actor.User+actor.Via != "" {
				t.Fatalf("actor = %+v", actor)
			}
		})
	}
	t.Run("a changed password counts at once and ends the sessions, not the tokens", func(t *testing.T) {
		session, err := a.Login(ctx, "alice", "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		token, err := a.CreateToken(ctx, &fairlead.Token{User: "alice", Name: "ci"})
		if err != nil {
			t.Fatal(err)
		}
		hash, err := a.Hash(ctx, "battery staple")
		if err != nil {
			t.Fatal(err)
		}
		if err := a.db.Write(ctx, func(tx *store.Tx) error { return tx.SetPassword(ctx, "alice", hash) }); err != nil {
			t.Fatal(err)
		}
		_, err = a.Basic(ctx, "alice", "correct horse")
		wantCode(t, err, fairlead.Unauthenticated)
		_, err = a.Basic(ctx, "alice", "battery staple")
		wantCode(t, err, "")
		_, err = a.Bearer(ctx, session.Token)
		wantCode(t, err, fairlead.Unauthenticated)
		_, err = a.Bearer(ctx, token)
		wantCode(t, err, "")
	})
}

func TestWrongPasswordsAreLimited(t *testing.T) {
	a := mustOpen(t)
	ctx := t.Context()
	var wg sync.WaitGroup
	codes := make([]fairlead.Code, 40)
	for i := range codes {
		wg.Go(func() {
			_, err := a.Basic(ctx, "alice", "wrong password")
			codes[i] = fairlead.ErrorCode(err)
		})
	}
	wg.Wait()
	tried := 0
	for _, c := range codes {
		switch c {
		case fairlead.Unauthenticated:
			tried++
		case fairlead.TooMany:
		default:
			t.Fatalf("code = %q", c)
		}
	}
	if tried < 10 || tried > 13 { // 10, and those that were being hashed at that moment
		t.Fatalf("%d wrong passwords were tried, want 10 to 13", tried)
	}
	_, err := a.Basic(ctx, "alice", "correct horse")
	wantCode(t, err, fairlead.TooMany)
	_, err = a.Basic(ctx, "boss", "correct horse")
	wantCode(t, err, "")
	a.clock.advance(time.Minute)
	_, err = a.Basic(ctx, "alice", "correct horse")
	wantCode(t, err, "")
}

func TestKnownClientIsNotLockedOut(t *testing.T) {
	a := mustOpen(t)
	ctx := t.Context()
	_, err := a.Basic(ctx, "alice", "correct horse")
	wantCode(t, err, "")
	for range 11 {
		_, err = a.Basic(ctx, "alice", "wrong password")
	}
	wantCode(t, err, fairlead.TooMany)
	_, err = a.Basic(ctx, "alice", "correct horse")
	wantCode(t, err, "")
}

func TestTokens(t *testing.T) {
	a := mustOpen(t)
	ctx := t.Context()
	soon := a.clock.now().Add(time.Hour)
	meta := &fairlead.Token{User: "boss", Name: "ci", ExpiresAt: &soon}
	token, err := a.CreateToken(ctx, meta)
	if err != nil || !strings.HasPrefix(token, "flt_") {
		t.Fatalf("token %q, %v", token, err)
	}
	lastUse := func() *time.Time {
		var got fairlead.Token
		if err := a.db.Read(ctx, func(tx *store.Tx) (err error) { got, err = tx.Token(ctx, meta.ID); return err }); err != nil {
			t.Fatal(err)
		}
		return got.LastUsedAt
	}
	t.Run("a name is taken once", func(t *testing.T) {
		_, err := a.CreateToken(ctx, &fairlead.Token{User: "boss", Name: "ci"})
		wantCode(t, err, fairlead.Conflict)
	})
	t.Run("use is written down at most once a minute", func(t *testing.T) {
		actor, err := a.Bearer(ctx, token)
		if err != nil || actor.User != "boss" || !actor.Admin {
			t.Fatalf("actor %+v, %v", actor, err)
		}
		first := lastUse()
		a.clock.advance(30 * time.Second)
		_, err = a.Basic(ctx, "boss", token)
		wantCode(t, err, "")
		if got := lastUse(); !got.Equal(*first) {
			t.Fatalf("last use = %v, want still %v", got, first)
		}
		a.clock.advance(30 * time.Second)
		_, err = a.Bearer(ctx, token)
		wantCode(t, err, "")
		if got := lastUse(); !got.Equal(a.clock.now()) {
			t.Fatalf("last use = %v, want %v", got, a.clock.now())
		}
	})
	t.Run("it is nobody else's", func(t *testing.T) {
		_, err := a.Basic(ctx, "alice", token)
		wantCode(t, err, fairlead.Unauthenticated)
	})
	t.Run("its text is not in the database", func(t *testing.T) {
		var n int
		err := a.db.Read(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(*) FROM tokens WHERE hash = $1`, token).Scan(&n)
		})
		if err != nil || n != 0 {
			t.Fatalf("found %d, %v", n, err)
		}
	})
	t.Run("it expires", func(t *testing.T) {
		a.clock.advance(time.Hour)
		_, err := a.Bearer(ctx, token)
		wantCode(t, err, fairlead.Unauthenticated)
	})
}

func TestSessions(t *testing.T) {
	a := mustOpen(t)
	ctx := t.Context()
	login := func() string {
		t.Helper()
		s, err := a.Login(ctx, "alice", "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		return s.Token
	}
	t.Run("logout ends one session", func(t *testing.T) {
		one, two := login(), login()
		if err := a.Logout(ctx, one); err != nil {
			t.Fatal(err)
		}
		if err := a.Logout(ctx, one); err != nil {
			t.Fatalf("twice: %v", err)
		}
		_, err := a.Bearer(ctx, one)
		wantCode(t, err, fairlead.Unauthenticated)
		_, err = a.Bearer(ctx, two)
		wantCode(t, err, "")
	})
	t.Run("a session is not listed as a token", func(t *testing.T) {
		login()
		err := a.db.Read(ctx, func(tx *store.Tx) error {
			list, _, err := tx.Tokens(ctx, "alice", 10, "")
			if len(list) != 0 {
				t.Errorf("tokens = %+v, want none", list)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a session ends after a day", func(t *testing.T) {
		s := login()
		a.clock.advance(auth.SessionLife)
		_, err := a.Bearer(ctx, s)
		wantCode(t, err, fairlead.Unauthenticated)
	})
}

func TestCheckPassword(t *testing.T) {
	for password, want := range map[string]fairlead.Code{
		"1234567": fairlead.Invalid, "12345678": "", "密码密码密码密码": "", strings.Repeat("x", 1025): fairlead.Invalid,
		"\xff\xfe12345678": fairlead.Invalid, "flt_12345678": fairlead.Invalid,
	} {
		if got := fairlead.ErrorCode(auth.CheckPassword(password)); got != want {
			t.Errorf("%.20q: code %q, want %q", password, got, want)
		}
	}
}

func TestCanceledRequestDoesNotHash(t *testing.T) {
	a := mustOpen(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Basic(ctx, "alice", "correct horse"); err == nil {
		t.Fatal("it succeeded")
	}
}
