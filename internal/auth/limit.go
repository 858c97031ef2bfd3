package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	maxFailures   = 10          // wrong passwords of one user ...
	failureWindow = time.Minute // ... within this time
	verifiedFor   = time.Minute // how long a right password need not be hashed again
	maxRemembered = 4096        // entries of each map; more are forgotten
)

// failures counts the wrong passwords of each user name of the last minute.
type failures struct {
	mu   sync.Mutex
	last map[string][]time.Time
}

// wait is how long a user name has to wait before the next try; 0 means now.
func (f *failures) wait(user string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	recent := f.recent(user, now)
	if len(recent) < maxFailures {
		return 0
	}
	return recent[len(recent)-maxFailures].Add(failureWindow).Sub(now)
}

func (f *failures) add(user string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.last) >= maxRemembered {
		for name := range f.last {
			f.recent(name, now)
		}
		for name := range f.last {
			if len(f.last) < maxRemembered {
				break
			}
			delete(f.last, name) // any; the many others still count
		}
	}
	f.last[user] = append(f.recent(user, now), now)
}

func (f *failures) forget(user string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.last, user)
}

// recent drops what is older than the window. The caller holds the lock.
func (f *failures) recent(user string, now time.Time) []time.Time {
	list := f.last[user]
	for len(list) > 0 && now.Sub(list[0]) >= failureWindow {
		list = list[1:]
	}
	if len(list) == 0 {
		delete(f.last, user)
		return nil
	}
	f.last[user] = list
	return list
}

// verified remembers for a short time which passwords were right, so that a client that sends Basic credentials with every
// request does not pay for the hash each time. It keeps no password: entries are keyed by an HMAC, under a key of this
// process, of user, password and stored hash, so a changed password is never found.
type verified struct {
	mu    sync.Mutex
	key   []byte
	until map[[sha256.Size]byte]time.Time
}

func newVerified() *verified {
	key := make([]byte, 32)
	rand.Read(key) //nolint:errcheck // never fails
	return &verified{key: key, until: map[[sha256.Size]byte]time.Time{}}
}

func (v *verified) id(user, password, hash string) (id [sha256.Size]byte) {
	mac := hmac.New(sha256.New, v.key)
	for _, part := range []string{user, password, hash} {
		sum := sha256.Sum256([]byte(part)) // fixed width: the parts cannot run into each other
		mac.Write(sum[:])
	}
	mac.Sum(id[:0])
	return id
}

func (v *verified) has(id [sha256.Size]byte, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return now.Before(v.until[id])
}

func (v *verified) add(id [sha256.Size]byte, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.until) >= maxRemembered {
		clear(v.until)
	}
	v.until[id] = now.Add(verifiedFor)
}
