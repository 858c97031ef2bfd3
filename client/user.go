package client

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/fairlead/fairlead"
)

// Session is what a login gives: a token that works until it expires or is logged out.
type Session struct {
	Token     string        `json:"token"`
	ExpiresAt time.Time     `json:"expires_at"`
	User      fairlead.User `json:"user"`
}

// Login asks for a session with a name and password.
func (c *Client) Login(ctx context.Context, user, password string) (Session, error) {
	in := map[string]string{"user": user, "password": password}
	return post[Session](ctx, c, in, "login")
}

// Logout ends the session whose token the client uses.
func (c *Client) Logout(ctx context.Context) error {
	return c.do(ctx, call{method: http.MethodPost, path: []string{"logout"}})
}

// WhoAmI tells whose credentials the client uses.
func (c *Client) WhoAmI(ctx context.Context) (fairlead.Me, error) {
	return get[fairlead.Me](ctx, c, "whoami")
}

// NewUser is a user to make. Name and Password are required.
type NewUser struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Email    string `json:"email,omitempty"`
	Phone    string `json:"phone,omitempty"`
	Locale   string `json:"locale,omitempty"`
	Admin    bool   `json:"admin,omitempty"`
	// Role is the user's role in the default group. Default: none.
	Role fairlead.Role `json:"role,omitempty"`
}

// Users lists the users.
func (c *Client) Users(ctx context.Context) iter.Seq2[fairlead.User, error] {
	return list[fairlead.User](ctx, c, nil, "users")
}

// CreateUser makes a user.
func (c *Client) CreateUser(ctx context.Context, u NewUser) (fairlead.User, error) {
	return post[fairlead.User](ctx, c, u, "users")
}

// User returns one user.
func (c *Client) User(ctx context.Context, name string) (fairlead.User, error) {
	return get[fairlead.User](ctx, c, "users", name)
}

// UserChange says what to change of a user; nil stays as it is. Disabled and Admin are for administrators.
type UserChange struct {
	Email    *string `json:"email,omitempty"`
	Phone    *string `json:"phone,omitempty"`
	Locale   *string `json:"locale,omitempty"`
	Disabled *bool   `json:"disabled,omitempty"`
	Admin    *bool   `json:"admin,omitempty"`
}

// UpdateUser changes a user. At least one administrator stays; otherwise it is a Conflict.
func (c *Client) UpdateUser(ctx context.Context, name string, change UserChange) (fairlead.User, error) {
	return fetch[fairlead.User](ctx, c, call{method: http.MethodPatch, path: []string{"users", name}, in: change})
}

// SetPassword changes a user's password. old is needed for one's own.
func (c *Client) SetPassword(ctx context.Context, user, password, old string) error {
	in := map[string]string{"password": password}
	if old != "" {
		in["old_password"] = old
	}
	return c.do(ctx, call{method: http.MethodPut, path: []string{"users", user, "password"}, in: in})
}

// DeleteUser removes a user.
func (c *Client) DeleteUser(ctx context.Context, name string) error {
	return c.delete(ctx, "users", name)
}

// NewToken is a token that was just made: the only time its secret is seen.
type NewToken struct {
	Secret string `json:"token"`
	fairlead.Token
}

// Tokens lists the user's API tokens.
func (c *Client) Tokens(ctx context.Context) iter.Seq2[fairlead.Token, error] {
	return list[fairlead.Token](ctx, c, nil, "tokens")
}

// CreateToken makes an API token for the user; expires 0 is never.
func (c *Client) CreateToken(ctx context.Context, name string, expires time.Duration) (NewToken, error) {
	in := map[string]any{"name": name}
	if expires > 0 {
		in["expires_in"] = fairlead.Duration(expires)
	}
	return post[NewToken](ctx, c, in, "tokens")
}

// RevokeToken makes a token useless.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.delete(ctx, "tokens", id)
}
