package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/fairlead/fairlead"
)

// cost is the work that a password check takes. It is written into each hash, so it can change without breaking old ones.
type cost struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

// standardCost is the second choice of OWASP's password storage advice for argon2id: 19 MiB, 2 passes, 1 lane.
func standardCost() cost { return cost{memory: 19 * 1024, time: 2, threads: 1} }

const (
	saltLen = 16
	hashLen = 32

	minPassword = 8
	maxPassword = 1024 // bytes; keeps one request from hashing megabytes
)

// CheckPassword checks that a new password is acceptable.
func CheckPassword(password string) error {
	switch {
	case !utf8.ValidString(password):
		return fairlead.Errorf(fairlead.Invalid, "the password is not valid UTF-8 text")
	case utf8.RuneCountInString(password) < minPassword:
		return fairlead.Errorf(fairlead.Invalid, "the password is too short: want at least %d characters", minPassword)
	case IsToken(password):
		return fairlead.Errorf(fairlead.Invalid, "the password must not begin like a token, with %s or %s", tokenPrefix, sessionPrefix)
	case len(password) > maxPassword:
		return fairlead.Errorf(fairlead.Invalid, "the password is too long: want at most %d bytes", maxPassword)
	}
	return nil
}

// hashPassword gives the PHC string of a password: $argon2id$v=19$m=..,t=..,p=..$salt$hash.
func hashPassword(password string, c cost) string {
	salt := make([]byte, saltLen)
	rand.Read(salt) //nolint:errcheck // never fails
	sum := argon2.IDKey([]byte(password), salt, c.time, c.memory, c.threads, hashLen)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.time, c.threads, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// verifyPassword reports whether phc is the hash of password. An error means that phc is damaged.
func verifyPassword(password, phc string) (bool, error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return false, fmt.Errorf("auth: the stored password hash has an unknown form")
	}
	var version int
	var c cost
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false, fmt.Errorf("auth: the stored password hash has version %q, want %d", parts[2], argon2.Version)
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.time, &c.threads); err != nil || c.time == 0 || c.threads == 0 {
		return false, fmt.Errorf("auth: the stored password hash has unreadable parameters %q", parts[3])
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, fmt.Errorf("auth: the stored password hash has an unreadable salt: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) == 0 {
		return false, fmt.Errorf("auth: the stored password hash is unreadable: %w", err)
	}
	got := argon2.IDKey([]byte(password), salt, c.time, c.memory, c.threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}
