package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

// refusal is why a request was denied, whatever it is told.
type refusalKey struct{}

type refusal struct{ err error }

// beginTrace gives a request an entry in the audit log, which is stored with what it changes.
func (a *API) beginTrace(ctx context.Context, operation string) context.Context {
	v := visitOf(ctx)
	t := &store.Trace{AuditEntry: fairlead.AuditEntry{User: v.actor.User, Via: v.via, Operation: operation}}
	return store.WithTrace(context.WithValue(ctx, refusalKey{}, &refusal{}), t)
}

// endTrace completes the entry: of a request that changed nothing there is one only when it was denied, or when it was good.
func (a *API) endTrace(ctx context.Context, err error) error {
	t, r := store.TraceOf(ctx), ctx.Value(refusalKey{}).(*refusal)
	if r.err == nil && fairlead.ErrorCode(err) == fairlead.Denied {
		r.err = err
	}
	switch {
	case r.err != nil && err != nil:
		t.Detail = r.err.Error()
		return a.DB.Settle(ctx, t, true)
	case err != nil:
		return a.DB.SettleBroken(ctx, t, toldOf(err))
	}
	return a.DB.Settle(ctx, t, false)
}

// toldOf is what the audit log says of an error: never more than whoever asked is told.
func toldOf(err error) string {
	if e, ok := errors.AsType[*fairlead.Error](err); ok && e.Code != fairlead.Internal {
		return err.Error()
	}
	return "an internal error"
}

// note tells the audit log what a request is about. What is only looked at before a change is part of the change.
func note(ctx context.Context, verb auth.Verb, object auth.Object) {
	t := store.TraceOf(ctx)
	if t == nil {
		return
	}
	if verb == auth.View {
		verb = auth.Change
	}
	t.Verb, t.Kind, t.Name, t.Group = string(verb), string(object.Kind), object.Name, object.Group
}

// detail says one sentence more in the audit log.
func detail(ctx context.Context, format string, args ...any) {
	if t := store.TraceOf(ctx); t != nil {
		t.Detail = fmt.Sprintf(format, args...)
	}
}

// denied remembers why a request was denied, also when it is told something else.
func denied(ctx context.Context, err error) {
	if r, ok := ctx.Value(refusalKey{}).(*refusal); ok {
		r.err = err
	}
}

// AuditQuery selects entries of the audit log.
type AuditQuery struct {
	User  string    `query:"user" maxLength:"128"`
	Kind  string    `query:"kind" maxLength:"40" doc:"pipelines, runs, groups, stacks, images, users ..."`
	Name  string    `query:"name" maxLength:"300" doc:"name of the thing; of a run that of its pipeline"`
	Verb  string    `query:"verb" enum:"start,change,delete,grant"`
	Since time.Time `query:"since" doc:"at or after this time"`
	Until time.Time `query:"until" doc:"before this time"`
	Page
}

func (a *API) listAudit(ctx context.Context, in *AuditQuery) (*Body[List[fairlead.AuditEntry]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Audit}); err != nil {
		return nil, err
	}
	f := store.AuditFilter{User: in.User, Kind: in.Kind, Name: in.Name, Verb: in.Verb, Since: in.Since, Until: in.Until}
	var entries []fairlead.AuditEntry
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		entries, next, err = tx.AuditLog(ctx, auth.Sees(actorOf(ctx)), f, in.Limit, in.Cursor)
		return err
	})
	return list(entries, next, err)
}

// addressOf is where a request comes from. X-Forwarded-For is what anybody can write: it counts only as far as trusted proxies
// have added to it, read from its end.
func (a *API) addressOf(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	at := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && a.trusts(at); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		at = hop.Unmap()
	}
	return at.String()
}

func (a *API) trusts(addr netip.Addr) bool {
	for _, p := range a.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// viaOf is how the actor of a request showed who it is.
func viaOf(r *http.Request, token string) string {
	switch header := r.Header.Get("Authorization"); {
	case header == "" && token != "":
		return "console"
	case token == "":
		if _, _, ok := r.BasicAuth(); ok {
			return "password"
		}
		return "token"
	case auth.IsSession(token):
		return "session"
	}
	return "token"
}
