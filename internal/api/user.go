package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

// LoginRequest asks for a session.
type LoginRequest struct {
	Body struct {
		User     string `json:"user" minLength:"1" maxLength:"128"`
		Password string `json:"password" minLength:"1" maxLength:"2000"`
		Cookie   bool   `json:"cookie,omitempty" doc:"for browsers: keep the token in a cookie that scripts cannot read, instead of in the answer"`
	}
}

// LoginAnswer is a session, and the cookie that carries it when a browser asked.
type LoginAnswer struct {
	SetCookie string `header:"Set-Cookie"`
	Body      Login
}

// Login is a session that has begun.
type Login struct {
	Token     string        `json:"token,omitempty" doc:"send it as Authorization: Bearer; it is shown only here"`
	ExpiresAt string        `json:"expires_at" format:"date-time"`
	User      fairlead.User `json:"user"`
}

func (a *API) login(ctx context.Context, in *LoginRequest) (*LoginAnswer, error) {
	s, err := a.signIn(ctx, in.Body.User, in.Body.Password)
	if err != nil {
		return nil, err
	}
	out := &LoginAnswer{Body: Login{s.Token, s.ExpiresAt.Format(timeLayout), s.User}}
	if in.Body.Cookie {
		out.SetCookie = a.cookie(s.Token, s.ExpiresAt)
		out.Body.Token = ""
	}
	return out, nil
}

// signIn checks a password. A wrong one of a user that there is stands in the audit log as refused; of names that are not there
// anybody could send without end. Both take a commit, so that the time does not tell which names there are.
func (a *API) signIn(ctx context.Context, user, password string) (auth.Session, error) {
	note(ctx, auth.Start, auth.Object{Kind: auth.Sessions, Name: user})
	t := store.TraceOf(ctx)
	t.User, t.Via = user, "password"
	s, err := a.Auth.Login(ctx, user, password)
	if fairlead.ErrorCode(err) == fairlead.Unauthenticated {
		unknown := a.DB.Read(ctx, func(tx *store.Tx) error { _, err := tx.User(ctx, user); return err })
		t.Forget = unknown != nil
		denied(ctx, err)
	}
	return s, err
}

// cookie carries a session's token; without a token it takes the cookie away.
func (a *API) cookie(token string, expires time.Time) string {
	c := http.Cookie{
		Name: sessionCookie, Value: token, Path: "/", Expires: expires, HttpOnly: true, Secure: a.SecureCookie,
		SameSite: http.SameSiteStrictMode,
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c.String()
}

const timeLayout = "2006-01-02T15:04:05Z07:00"

// LogoutAnswer takes the session's cookie away.
type LogoutAnswer struct {
	SetCookie string `header:"Set-Cookie"`
}

func (a *API) logout(ctx context.Context, _ *struct{}) (*LogoutAnswer, error) {
	note(ctx, auth.Remove, auth.Object{Kind: auth.Sessions, Name: actorOf(ctx).User})
	return &LogoutAnswer{a.cookie("", time.Time{})}, a.Auth.Logout(ctx, visitOf(ctx).token)
}

func (a *API) whoAmI(ctx context.Context, _ *struct{}) (*Body[fairlead.Me], error) {
	me := fairlead.Me{Groups: []fairlead.GroupRole{}}
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		name := actorOf(ctx).User
		if me.User, err = tx.User(ctx, name); err != nil {
			return err
		}
		if me.MustChange, err = tx.MustChange(ctx, name); err != nil {
			return err
		}
		roles, err := tx.RoleList(ctx, name)
		me.Groups = append(me.Groups, roles...)
		return err
	})
	return answer(me, err)
}

func (a *API) readUser(ctx context.Context, name string) (*Body[fairlead.User], error) {
	var u fairlead.User
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) { u, err = tx.User(ctx, name); return err })
	return answer(u, err)
}

func canUser(ctx context.Context, verb auth.Verb, name string) error {
	return can(ctx, verb, auth.Object{Kind: auth.Users, Name: name, Owner: name})
}

func (a *API) listUsers(ctx context.Context, in *Page) (*Body[List[fairlead.User]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Users}); err != nil {
		return nil, err
	}
	var users []fairlead.User
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) { users, next, err = tx.Users(ctx, in.Limit, in.Cursor); return err })
	return list(users, next, err)
}

func (a *API) getUser(ctx context.Context, in *Named) (*Body[fairlead.User], error) {
	if err := canUser(ctx, auth.View, in.Name); err != nil {
		return nil, err
	}
	return a.readUser(ctx, in.Name)
}

// NewUser is a user to make.
type NewUser struct {
	Body struct {
		Name     string `json:"name" doc:"1 to 64 lower-case letters, digits or hyphens"`
		Password string `json:"password" doc:"at least 8 characters"`
		Email    string `json:"email,omitempty" maxLength:"254" format:"email"`
		Phone    string `json:"phone,omitempty" pattern:"^\\+?[0-9 ()-]{3,32}$" patternDescription:"a telephone number such as +86 10 1234 5678"`
		Locale   string `json:"locale,omitempty" enum:"en,zh-CN"`
		Admin    bool   `json:"admin,omitempty"`

		Role fairlead.Role `json:"role,omitempty" enum:"read,edit,manage" doc:"role in pipeline group default; absent: none in any group"`
	}
}

func (a *API) createUser(ctx context.Context, in *NewUser) (*Body[fairlead.User], error) {
	b := in.Body
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.Users, Name: b.Name}); err != nil {
		return nil, err
	}
	var ds fairlead.Diagnostics
	ds = appendFinding(ds, "name", fairlead.CheckName("user", b.Name))
	ds = appendFinding(ds, "password", auth.CheckPassword(b.Password))
	if err := ds.Err("the user"); err != nil {
		return nil, err
	}
	hash, err := a.Auth.Hash(ctx, b.Password)
	if err != nil {
		return nil, err
	}
	detail(ctx, "admin: %v, role in group default: %s", b.Admin, cmp.Or(string(b.Role), "none"))
	u := fairlead.User{Name: b.Name, Email: b.Email, Phone: b.Phone, Locale: b.Locale, Admin: b.Admin}
	err = a.DB.Write(ctx, func(tx *store.Tx) error {
		if err := tx.CreateUser(ctx, &u, hash); err != nil || b.Role == "" {
			return err
		}
		return tx.SetRole(ctx, fairlead.DefaultGroup, u.Name, b.Role, actorOf(ctx).User)
	})
	return answer(u, err)
}

// UserChange changes a user; what is left out stays, and an empty text takes away.
type UserChange struct {
	Named
	Body UserFields
}

// UserFields are what can be changed of a user.
type UserFields struct {
	Email    *string `json:"email,omitempty" maxLength:"254" pattern:"^$|^[^@ ]+@[^@ ]+$" patternDescription:"an e-mail address"`
	Phone    *string `json:"phone,omitempty" pattern:"^$|^\\+?[0-9 ()-]{3,32}$" patternDescription:"a telephone number such as +86 10 1234 5678"`
	Locale   *string `json:"locale,omitempty" enum:",en,zh-CN"`
	Disabled *bool   `json:"disabled,omitempty" doc:"may not sign in, and tokens do not work; for administrators"`
	Admin    *bool   `json:"admin,omitempty" doc:"may everything; for administrators"`
}

// changes says what changes; addresses and numbers are nobody's business.
func (f UserFields) changes() string {
	var list []string
	for name, given := range map[string]bool{"email": f.Email != nil, "phone": f.Phone != nil, "locale": f.Locale != nil} {
		if given {
			list = append(list, name)
		}
	}
	for name, given := range map[string]*bool{"disabled": f.Disabled, "admin": f.Admin} {
		if given != nil {
			list = append(list, fmt.Sprintf("%s: %v", name, *given))
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func (a *API) updateUser(ctx context.Context, in *UserChange) (*Body[fairlead.User], error) {
	b := in.Body
	if err := canUser(ctx, auth.Change, in.Name); err != nil {
		return nil, err
	}
	if b.Disabled != nil || b.Admin != nil {
		if err := canUser(ctx, auth.Grant, in.Name); err != nil {
			return nil, err
		}
	}
	detail(ctx, "%s", b.changes())
	var u fairlead.User
	err := a.DB.Write(ctx, func(tx *store.Tx) (err error) {
		if u, err = tx.User(ctx, in.Name); err != nil {
			return err
		}
		take(&u.Email, b.Email)
		take(&u.Phone, b.Phone)
		take(&u.Locale, b.Locale)
		take(&u.Disabled, b.Disabled)
		take(&u.Admin, b.Admin)
		return tx.UpdateUser(ctx, u)
	})
	return answer(u, err)
}

// take stores a value that was given.
func take[T any](to *T, given *T) {
	if given != nil {
		*to = *given
	}
}

// appendFinding makes the error of one field a finding.
func appendFinding(ds fairlead.Diagnostics, path string, err error) fairlead.Diagnostics {
	if err == nil {
		return ds
	}
	return append(ds, fairlead.Diagnostic{Severity: fairlead.SeverityError, Code: "bad-" + path, Path: path, Summary: err.Error()})
}

// PasswordChange is a new password for a user.
type PasswordChange struct {
	Named
	Body struct {
		Password    string `json:"password" doc:"at least 8 characters"`
		OldPassword string `json:"old_password,omitempty" doc:"needed for one's own"`
	}
}

func (a *API) setPassword(ctx context.Context, in *PasswordChange) (*None, error) {
	if err := canUser(ctx, auth.Change, in.Name); err != nil {
		return nil, err
	}
	if actorOf(ctx).User == in.Name {
		switch err := a.Auth.Verify(ctx, in.Name, in.Body.OldPassword); fairlead.ErrorCode(err) {
		case "":
		case fairlead.Unauthenticated:
			return nil, fairlead.Errorf(fairlead.Denied, "the old password is wrong; it is needed to change your own")
		default:
			return nil, err
		}
	}
	if err := appendFinding(nil, "password", auth.CheckPassword(in.Body.Password)).Err("the password"); err != nil {
		return nil, err
	}
	hash, err := a.Auth.Hash(ctx, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return &None{}, a.DB.Write(ctx, func(tx *store.Tx) error { return tx.SetPassword(ctx, in.Name, hash) })
}

func (a *API) deleteUser(ctx context.Context, in *Named) (*None, error) {
	if err := canUser(ctx, auth.Remove, in.Name); err != nil {
		return nil, err
	}
	if actorOf(ctx).User == in.Name {
		return nil, fairlead.Errorf(fairlead.Conflict, "user %s is you; another administrator can delete you", in.Name)
	}
	return &None{}, a.DB.Write(ctx, func(tx *store.Tx) error { return tx.DeleteUser(ctx, in.Name) })
}
