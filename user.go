package fairlead

import "time"

// User is somebody who may sign in.
type User struct {
	Name      string    `json:"name"`
	Email     string    `json:"email,omitempty"`
	Phone     string    `json:"phone,omitempty"`
	Locale    string    `json:"locale,omitempty" enum:"en,zh-CN"`
	Admin     bool      `json:"admin"`
	Disabled  bool      `json:"disabled,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

// Token is a long-lived credential of a user; only its hash is kept.
type Token struct {
	ID         string     `json:"id"`
	User       string     `json:"user"`
	Name       string     `json:"name"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

// Me is what somebody who is signed in sees of himself.
type Me struct {
	User
	MustChange bool        `json:"must_change" doc:"the password is still the one that the first start generated"`
	Groups     []GroupRole `json:"groups" nullable:"false" doc:"the pipeline groups in which the user has a role"`
}

// Actor is who does something: a user, or the system itself (a webhook, a schedule) with an empty User.
type Actor struct {
	User  string
	Admin bool
	Roles Roles // in pipeline groups, when the credentials were checked
	// Via says how a system actor came in, such as "webhook" or "recovery"; empty for users.
	Via string
}

func (a Actor) String() string {
	if a.User != "" {
		return a.User
	}
	return a.Via
}
