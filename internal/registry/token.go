package registry

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

const (
	tokenLife = 10 * time.Minute
	maxScopes = 32
	maxForm   = 64 << 10
)

// serveToken hands out tokens: to GET with Basic credentials, as docker asks, and to an OAuth2 POST with a password grant.
// A token's scope is what was asked for and is allowed; asking for too much is no error.
func (r *Registry) serveToken(w http.ResponseWriter, req *http.Request) error {
	var who caller
	var asked []string
	var err error
	switch req.Method {
	case http.MethodGet:
		asked = req.URL.Query()["scope"]
		who, err = r.tokenByBasic(req)
	case http.MethodPost:
		req.Body = http.MaxBytesReader(w, req.Body, maxForm)
		if err := req.ParseForm(); err != nil {
			return fault{http.StatusBadRequest, codeUnsupported, "the token request is not a form of at most 64 KiB"}
		}
		asked = req.PostForm["scope"]
		who, err = r.tokenByForm(req)
	default:
		return fault{http.StatusMethodNotAllowed, codeUnsupported, "tokens are asked for with GET or POST"}
	}
	if err != nil {
		return tokenRefused(w, err)
	}
	scopes, err := r.grant(who, asked)
	if err != nil {
		return err
	}
	return r.writeToken(w, who, scopes)
}

func (r *Registry) tokenByBasic(req *http.Request) (caller, error) {
	if user, password, ok := req.BasicAuth(); ok {
		actor, err := r.login(req.Context(), user, password)
		return caller{actor: actor}, err
	}
	if !r.cfg.Anonymous {
		return caller{}, loginNeeded("")
	}
	return caller{anonymous: true}, nil
}

func (r *Registry) tokenByForm(req *http.Request) (caller, error) {
	if grant := req.PostForm.Get("grant_type"); grant != "password" {
		return caller{}, fault{http.StatusBadRequest, codeUnsupported, "grant type \"" + grant + "\" is not supported; want password, with username and password"}
	}
	actor, err := r.login(req.Context(), req.PostForm.Get("username"), req.PostForm.Get("password"))
	return caller{actor: actor}, err
}

// tokenRefused asks for Basic credentials: here a token cannot help.
func tokenRefused(w http.ResponseWriter, err error) error {
	if c, ok := err.(challenge); ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="`+service+`"`)
		return c.fault
	}
	return err
}

// grant keeps of the scopes asked for what the caller may do.
func (r *Registry) grant(who caller, asked []string) ([]scope, error) {
	var texts []string
	for _, a := range asked {
		texts = append(texts, strings.Fields(a)...)
	}
	if len(texts) > maxScopes {
		return nil, fault{http.StatusBadRequest, codeUnsupported, "a token is for at most 32 scopes; ask for several tokens"}
	}
	var granted []scope
	for _, text := range texts {
		s, ok := parseScope(text)
		if !ok || s.Type != "repository" {
			continue
		}
		if s.Actions = r.allowed(who, s); len(s.Actions) > 0 {
			granted = append(granted, s)
		}
	}
	return granted, nil
}

func (r *Registry) allowed(who caller, s scope) []string {
	actions := s.Actions
	if slices.Contains(actions, "*") {
		actions = []string{Pull, Push, Delete}
	}
	org, _, _ := strings.Cut(s.Name, "/")
	var allowed []string
	for _, verb := range actions {
		known := verb == Pull || verb == Push || verb == Delete
		if who.anonymous && verb == Pull || !who.anonymous && known && r.cfg.Can(who.actor, verb, org) {
			allowed = append(allowed, verb)
		}
	}
	return allowed
}

func (r *Registry) writeToken(w http.ResponseWriter, who caller, scopes []scope) error {
	now := r.cfg.Now().UTC()
	a := actorClaims(who.actor)
	a.Scopes, a.Expires = scopes, now.Add(tokenLife)
	token, err := r.tokens.sign(a)
	if err != nil {
		return err
	}
	texts := make([]string, len(scopes))
	for i, s := range scopes {
		texts[i] = s.String()
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(map[string]any{
		"token": token, "access_token": token, "token_type": "Bearer", "scope": strings.Join(texts, " "),
		"expires_in": int(tokenLife.Seconds()), "issued_at": now.Format(time.RFC3339),
	})
}

func actorClaims(a fairlead.Actor) claims {
	return claims{User: a.User, Admin: a.Admin, Via: a.Via}
}
