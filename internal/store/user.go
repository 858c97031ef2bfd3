package store

import (
	"context"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
)

const selectUsers = `SELECT name, email, phone, locale, admin, disabled, created_at FROM users`

func scanUser(row Row) (u fairlead.User, err error) {
	return u, row.Scan(&u.Name, &u.Email, &u.Phone, &u.Locale, &u.Admin, &u.Disabled, ScanTime(&u.CreatedAt))
}

// CreateUser stores a user with the hash of the password. A taken name is a Conflict. CreatedAt is set here.
func (tx *Tx) CreateUser(ctx context.Context, u *fairlead.User, password string) error {
	u.CreatedAt = tx.Now
	const q = `INSERT INTO users (name, email, phone, locale, admin, disabled, password, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO NOTHING`
	res, err := tx.Exec(ctx, q, u.Name, u.Email, u.Phone, u.Locale, u.Admin, u.Disabled, password, Time(tx.Now))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return fairlead.Errorf(fairlead.Conflict, "user %q exists already", u.Name)
}

// User returns one user.
func (tx *Tx) User(ctx context.Context, name string) (fairlead.User, error) {
	u, err := scanUser(tx.QueryRow(ctx, selectUsers+` WHERE name = $1`, name))
	return u, NotFound(err, "user %q does not exist; see: fairlead user list", name)
}

// Password returns the hash of a user's password.
func (tx *Tx) Password(ctx context.Context, name string) (string, error) {
	var hash string
	err := tx.QueryRow(ctx, `SELECT password FROM users WHERE name = $1`, name).Scan(&hash)
	return hash, NotFound(err, "user %q does not exist; see: fairlead user list", name)
}

// Users lists users by name. cursor is the last name of the page before.
func (tx *Tx) Users(ctx context.Context, limit int, cursor string) ([]fairlead.User, string, error) {
	rows, err := tx.Query(ctx, selectUsers+` WHERE name > $1 ORDER BY name LIMIT $2`, cursor, limit+1)
	list, err := Collect(rows, err, scanUser)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(u fairlead.User) string { return u.Name })
	return list, next, nil
}

// CountUsers counts all users and those who are administrators and not disabled.
func (tx *Tx) CountUsers(ctx context.Context) (all, admins int, err error) {
	const q = `SELECT count(*), coalesce(sum(CASE WHEN admin AND NOT disabled THEN 1 ELSE 0 END), 0) FROM users`
	err = tx.QueryRow(ctx, q).Scan(&all, &admins)
	return all, admins, err
}

// SetPassword stores the hash of a new password and ends the user's sessions; tokens stay.
func (tx *Tx) SetPassword(ctx context.Context, name, hash string) error {
	if _, err := tx.User(ctx, name); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE users SET password = $1, must_change = FALSE WHERE name = $2`, hash, name); err != nil {
		return err
	}
	return tx.endSessions(ctx, name)
}

func (tx *Tx) endSessions(ctx context.Context, user string) error {
	_, err := tx.Exec(ctx, `DELETE FROM tokens WHERE user_name = $1 AND session`, user)
	return err
}

// SetMustChange remembers that a user's password should be changed; [Tx.SetPassword] forgets it.
func (tx *Tx) SetMustChange(ctx context.Context, name string) error {
	_, err := tx.Exec(ctx, `UPDATE users SET must_change = TRUE WHERE name = $1`, name)
	return err
}

// MustChange reports whether a user's password should be changed.
func (tx *Tx) MustChange(ctx context.Context, name string) (must bool, err error) {
	err = tx.QueryRow(ctx, `SELECT must_change FROM users WHERE name = $1`, name).Scan(&must)
	return must, NotFound(err, "user %q does not exist; see: fairlead user list", name)
}

// UpdateUser stores everything of a user but name and password. Who is disabled has no sessions any more; tokens stay and do
// not work until the user is enabled again. Leaving no administrator is a Conflict.
func (tx *Tx) UpdateUser(ctx context.Context, u fairlead.User) error {
	const q = `UPDATE users SET email = $1, phone = $2, locale = $3, admin = $4, disabled = $5 WHERE name = $6`
	if _, err := tx.Exec(ctx, q, u.Email, u.Phone, u.Locale, u.Admin, u.Disabled, u.Name); err != nil {
		return err
	}
	if u.Disabled {
		if err := tx.endSessions(ctx, u.Name); err != nil {
			return err
		}
	}
	return tx.keepAdmin(ctx, u.Name)
}

// keepAdmin refuses a change that left no enabled administrator.
func (tx *Tx) keepAdmin(ctx context.Context, name string) error {
	_, admins, err := tx.CountUsers(ctx)
	if err != nil || admins > 0 {
		return err
	}
	return fairlead.Errorf(fairlead.Conflict, "user %s is the last administrator who may sign in; make another one first", name)
}

// DeleteUser removes a user with all tokens and roles. Leaving no administrator is a Conflict.
func (tx *Tx) DeleteUser(ctx context.Context, name string) error {
	if _, err := tx.User(ctx, name); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM users WHERE name = $1`, name); err != nil {
		return err
	}
	return tx.keepAdmin(ctx, name)
}

const selectTokens = `SELECT t.id, t.user_name, t.name, t.created_at, t.expires_at, t.last_used_at FROM tokens t`

func scanToken(row Row) (t fairlead.Token, err error) {
	return t, row.Scan(&t.ID, &t.User, &t.Name, ScanTime(&t.CreatedAt), ScanNullTime(&t.ExpiresAt), ScanNullTime(&t.LastUsedAt))
}

// CreateToken stores a token of a user under the hash of its text. A taken name is a Conflict. ID and CreatedAt are set here.
func (tx *Tx) CreateToken(ctx context.Context, t *fairlead.Token, hash string) error {
	return tx.createToken(ctx, t, hash, false)
}

// CreateSession stores the token of a sign-in. ID, Name and CreatedAt are set here. Sessions that have expired are removed.
func (tx *Tx) CreateSession(ctx context.Context, t *fairlead.Token, hash string) error {
	const expired = `DELETE FROM tokens WHERE session AND expires_at < $1`
	if _, err := tx.Exec(ctx, expired, Time(tx.Now)); err != nil {
		return err
	}
	return tx.createToken(ctx, t, hash, true)
}

func (tx *Tx) createToken(ctx context.Context, t *fairlead.Token, hash string, session bool) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	t.ID, t.CreatedAt = id.String(), tx.Now
	if session {
		t.Name = "session " + t.ID
	}
	const q = `INSERT INTO tokens (id, user_name, name, hash, created_at, expires_at, session)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (user_name, name) DO NOTHING`
	res, err := tx.Exec(ctx, q, t.ID, t.User, t.Name, hash, Time(tx.Now), NullTime(t.ExpiresAt), session)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return fairlead.Errorf(fairlead.Conflict, "user %s has a token named %q already; revoke it or choose another name", t.User, t.Name)
}

// TokenByHash returns a token or session and its user. The caller looks at the expiry.
func (tx *Tx) TokenByHash(ctx context.Context, hash string) (fairlead.Token, fairlead.User, error) {
	t, err := scanToken(tx.QueryRow(ctx, selectTokens+` WHERE t.hash = $1`, hash))
	if err != nil {
		return t, fairlead.User{}, NotFound(err, "the token does not exist")
	}
	u, err := tx.User(ctx, t.User)
	return t, u, err
}

// Token returns one token, not a session.
func (tx *Tx) Token(ctx context.Context, id string) (fairlead.Token, error) {
	t, err := scanToken(tx.QueryRow(ctx, selectTokens+` WHERE t.id = $1 AND NOT t.session`, id))
	return t, NotFound(err, "token %q does not exist; see: fairlead token list", id)
}

// Tokens lists the tokens of a user by id, which is the order of their making. cursor is the last id of the page before.
func (tx *Tx) Tokens(ctx context.Context, user string, limit int, cursor string) ([]fairlead.Token, string, error) {
	const q = selectTokens + ` WHERE t.user_name = $1 AND NOT t.session AND t.id > $2 ORDER BY t.id LIMIT $3`
	rows, err := tx.Query(ctx, q, user, cursor, limit+1)
	list, err := Collect(rows, err, scanToken)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(t fairlead.Token) string { return t.ID })
	return list, next, nil
}

// TouchToken writes down that a token was used now.
func (tx *Tx) TouchToken(ctx context.Context, id string) error {
	_, err := tx.Exec(ctx, `UPDATE tokens SET last_used_at = $1 WHERE id = $2`, Time(tx.Now), id)
	return err
}

// DeleteToken removes a token or session. One that is gone already is no error.
func (tx *Tx) DeleteToken(ctx context.Context, id string) error {
	_, err := tx.Exec(ctx, `DELETE FROM tokens WHERE id = $1`, id)
	return err
}
