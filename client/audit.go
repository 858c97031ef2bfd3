package client

import (
	"context"
	"iter"
	"time"

	"github.com/fairlead/fairlead"
)

// AuditQuery selects entries of the audit log; empty fields select everything.
type AuditQuery struct {
	User, Kind, Name, Verb string
	Since, Until           time.Time
}

// Audit lists who changed or started what, newest first: to administrators all, to others what concerns the groups that they
// manage. Pages are fetched as they are needed.
func (c *Client) Audit(ctx context.Context, q AuditQuery) iter.Seq2[fairlead.AuditEntry, error] {
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	return list[fairlead.AuditEntry](ctx, c, set("user", q.User, "kind", q.Kind, "name", q.Name, "verb", q.Verb,
		"since", stamp(q.Since), "until", stamp(q.Until)), "audit")
}

// First is a list up to its n-th item, the whole of it when n is 0.
func First[T any](seq iter.Seq2[T, error], n int) iter.Seq2[T, error] {
	if n == 0 {
		return seq
	}
	return func(yield func(T, error) bool) {
		left := n
		for item, err := range seq {
			if left--; !yield(item, err) || left == 0 {
				return
			}
		}
	}
}
