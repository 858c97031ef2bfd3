package kubernetes

import (
	"context"

	"github.com/fairlead/fairlead"
)

// MakeNamespace makes the namespace of a record's stack for what another provider makes in it.
func (p *Provider) MakeNamespace(ctx context.Context, rec fairlead.Record) error {
	return p.makeNamespace(ctx, neighbour(rec, "create"), rec)
}

// LeaveNamespace removes the namespace of a record's stack when we made it and nothing is in it any more. It returns
// [fairlead.ErrDeleting] until it is gone.
func (p *Provider) LeaveNamespace(ctx context.Context, rec fairlead.Record) error {
	return p.leaveNamespace(ctx, neighbour(rec, "delete"), rec)
}

func neighbour(rec fairlead.Record, verb string) request {
	return request{subject: "element " + rec.Element, verbs: []string{verb}, place: place{namespace: rec.Namespace}}
}
