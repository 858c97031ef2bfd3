package registry

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// service is the name of this registry in challenges and tokens.
const service = "fairlead"

// caller is who sent a request, and how we know.
type caller struct {
	actor     fairlead.Actor
	anonymous bool
	// token tells that the caller came with a token of ours, which allows no more than its scopes.
	token  bool
	scopes []scope
}

// authenticate finds out who sent a request. No credentials at all is an anonymous caller; wrong ones are an error.
func (r *Registry) authenticate(req *http.Request) (caller, error) {
	header := req.Header.Get("Authorization")
	if header == "" {
		return caller{anonymous: true}, nil
	}
	if user, password, ok := req.BasicAuth(); ok {
		actor, err := r.login(req.Context(), user, password)
		return caller{actor: actor}, err
	}
	kind, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(kind, "Bearer") {
		return caller{}, challenge{fault: unauthorized("the Authorization header is neither Basic nor Bearer")}
	}
	c, err := r.tokens.verify(strings.TrimSpace(token), r.cfg.Now())
	if err != nil {
		return caller{}, challenge{fault: unauthorized(err.Error())}
	}
	actor, err := r.cfg.Again(req.Context(), c.actor())
	if fairlead.ErrorCode(err) == fairlead.Unauthenticated {
		return caller{}, challenge{fault: unauthorized(err.Error())}
	}
	return caller{actor: actor, anonymous: c.User == "" && c.Via == "", token: true, scopes: c.Scopes}, err
}

// login checks a name and a password. What does not fit is a challenge; trouble on our side is not.
func (r *Registry) login(ctx context.Context, user, password string) (fairlead.Actor, error) {
	actor, err := r.cfg.Auth(ctx, user, password)
	switch fairlead.ErrorCode(err) {
	case "":
		return actor, nil
	case fairlead.Unauthenticated, fairlead.Denied, fairlead.NotFound:
		return fairlead.Actor{}, challenge{fault: unauthorized(err.Error())}
	default:
		return fairlead.Actor{}, err
	}
}

func unauthorized(message string) fault {
	return fault{http.StatusUnauthorized, codeUnauthorized, message}
}

func loginNeeded(scope string) error {
	return challenge{fault: unauthorized("authentication required: sign in with a user name and its password or an API token"), scope: scope}
}

// authorize decides whether a caller may do verb on an image. The order of the answers is the order in which a person can
// act on them: who are you, is the name possible, is there such an organization, may you, does your token say so.
func (r *Registry) authorize(ctx context.Context, who caller, im ref, verb string) error {
	need := scope{Type: "repository", Name: im.name(), Actions: []string{verb}}
	if verb == Push {
		need.Actions = []string{Pull, Push}
	}
	if who.anonymous && (verb != Pull || !r.cfg.Anonymous) {
		return loginNeeded(need.String())
	}
	if err := im.check(); err != nil {
		return nameFault(codeNameInvalid, err)
	}
	org, err := r.organization(ctx, im.organization)
	if who.anonymous && (fairlead.ErrorCode(err) == fairlead.NotFound || err == nil && !org.Public) {
		return loginNeeded(need.String())
	}
	if fairlead.ErrorCode(err) == fairlead.NotFound {
		return fault{http.StatusNotFound, codeNameUnknown, err.Error()}
	}
	if err != nil {
		return err
	}
	if verb == Pull && org.Public && r.cfg.Anonymous {
		return nil
	}
	if !r.cfg.Can(who.actor, verb, im.organization) {
		return r.denied(ctx, who.actor, verb, im)
	}
	if who.token && !allows(who.scopes, need.Name, verb) {
		c := challenge{fault: unauthorized("the token is not for this: it needs scope " + need.String()), scope: need.String(), insufficient: true}
		return c
	}
	return nil
}

// denied is the answer to somebody who may not do verb, which the audit log gets to know unless it was to read.
func (r *Registry) denied(ctx context.Context, actor fairlead.Actor, verb string, im ref) error {
	text := fmt.Sprintf("%s may not %s in organization %q; ask an administrator for the right", actor, verb, im.organization)
	if verb != Pull {
		entry := imageEntry(actor, verb, im)
		entry.Name, entry.Result, entry.Detail = im.name(), fairlead.AuditRefused, text
		if err := r.cfg.DB.Write(ctx, func(tx *store.Tx) error { return tx.Audit(ctx, entry) }); err != nil {
			return err
		}
	}
	return fault{http.StatusForbidden, codeDenied, text}
}

func (r *Registry) organization(ctx context.Context, name string) (org fairlead.Organization, err error) {
	err = r.cfg.DB.Read(ctx, func(tx *store.Tx) error {
		org, err = tx.Organization(ctx, name)
		return err
	})
	return org, err
}

// challengeHeader tells a client where to get a token. Without a public URL that is where it found us.
func (r *Registry) challengeHeader(req *http.Request, c challenge) string {
	scheme, host := "http", req.Host
	if r.public != nil {
		scheme, host = r.public.Scheme, r.public.Host
	} else if req.TLS != nil || strings.EqualFold(req.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	h := fmt.Sprintf("Bearer realm=%q,service=%q", scheme+"://"+host+"/v2/token", service)
	if c.scope != "" {
		h += fmt.Sprintf(",scope=%q", c.scope)
	}
	if c.insufficient {
		h += `,error="insufficient_scope"`
	}
	return h
}

// scope is what a token allows: actions on one repository.
type scope struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

func (s scope) String() string { return s.Type + ":" + s.Name + ":" + strings.Join(s.Actions, ",") }

// parseScope reads type:name:action,action.
func parseScope(text string) (scope, bool) {
	kind, rest, ok1 := strings.Cut(text, ":")
	i := strings.LastIndexByte(rest, ':')
	if !ok1 || i < 0 {
		return scope{}, false
	}
	// A type may have a class in brackets, such as repository(plugin).
	kind, _, _ = strings.Cut(kind, "(")
	return scope{Type: kind, Name: rest[:i], Actions: strings.Split(rest[i+1:], ",")}, true
}

func allows(scopes []scope, name, verb string) bool {
	return slices.ContainsFunc(scopes, func(s scope) bool {
		return s.Type == "repository" && s.Name == name && slices.Contains(s.Actions, verb)
	})
}
