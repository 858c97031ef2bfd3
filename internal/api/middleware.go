package api

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

type contextKey int

const (
	visitKey contextKey = iota
)

// visit is what is known about one request.
type visit struct {
	id    string
	actor fairlead.Actor
	token string // the bearer token, for the end of its session
	err   error  // why the credentials that were sent do not count

	via     string // how the actor showed who it is
	address string // where the request comes from
}

func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey).(*visit); ok {
		return v
	}
	return &visit{}
}

func requestID(ctx context.Context) string { return visitOf(ctx).id }

func actorOf(ctx context.Context) fairlead.Actor { return visitOf(ctx).actor }

// observe gives every request an id, measures it and logs it.
func (a *API) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{id: uuid.NewString()}
		v.address = a.addressOf(r)
		r = r.WithContext(store.WithAddress(context.WithValue(r.Context(), visitKey, v), v.address))
		if r.ContentLength != 0 {
			r.Body = a.timedBody(w, r.Body)
		}
		w.Header().Set("X-Request-Id", v.id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		sw := &statusWriter{ResponseWriter: w}
		start := a.Now()
		defer func() {
			took := a.Now().Sub(start)
			a.Observe(routeOf(r), sw.code(), took)
			a.Log.LogAttrs(r.Context(), requestLevel(sw.code()), "request", slog.String("id", v.id), slog.String("method", r.Method),
				slog.String("path", safePath(r.URL.Path)), slog.Int("status", sw.code()), slog.Int64("bytes", sw.written),
				slog.Duration("took", took), slog.String("user", v.actor.User), slog.String("remote", r.RemoteAddr))
		}()
		next.ServeHTTP(sw, r)
	})
}

// timedBody is a body with a deadline. The deadline holds also when no handler reads the body, or not all of it: net/http
// reads what is left before it answers, and would wait for ever for a client that sends nothing more.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
}

func (a *API) timedBody(w http.ResponseWriter, body io.ReadCloser) io.ReadCloser {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(a.BodyTimeout)) // only recorders of tests cannot
	return timedBody{body, control}
}

// Read lifts the deadline at the end of the body. From there on net/http reads only to notice that the client leaves, and a
// deadline would end the request's context while the handler works.
func (b timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.control.SetReadDeadline(time.Time{}) // only recorders of tests cannot
	}
	return n, err
}

// routeOf is the pattern that served a request: few values, whatever clients ask for.
func routeOf(r *http.Request) string {
	switch {
	case r.Pattern == "" || r.Pattern == "/":
		return "none"
	case strings.HasPrefix(r.Pattern, "/"):
		return r.Method + " " + r.Pattern
	}
	return r.Pattern
}

func requestLevel(status int) slog.Level {
	if status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable { // that is not our fault
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// safePath is a path for the log: the token of a webhook address is a secret.
func safePath(path string) string {
	if strings.HasPrefix(path, hooksPath) {
		return hooksPath + "…"
	}
	return path
}

// statusWriter remembers what was answered.
type statusWriter struct {
	http.ResponseWriter
	status  int
	written int64
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.written += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// recover turns a panic into an answer and a log entry.
func (a *API) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p) // asked for: net/http closes the connection
			}
			a.Log.ErrorContext(r.Context(), "a request panicked", "id", requestID(r.Context()), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			if sw, ok := w.(*statusWriter); ok && sw.status != 0 {
				panic(http.ErrAbortHandler) // half an answer is out: the client must see that it broke
			}
			writeProblem(w, newProblem(http.StatusInternalServerError, fairlead.Internal,
				"something went wrong in the server; its log says more under request id "+requestID(r.Context()), nil))
		}()
		next.ServeHTTP(w, r)
	})
}

// identify finds out who asks, for the paths of the API. Wrong credentials are not refused here: a route that needs none
// does not care.
func (a *API) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v := visitOf(r.Context()); strings.HasPrefix(r.URL.Path, apiPath) {
			v.actor, v.token, v.err = a.credentials(r)
			v.via = viaOf(r, v.token)
		}
		next.ServeHTTP(w, r)
	})
}

func (a *API) credentials(r *http.Request) (fairlead.Actor, string, error) {
	header := r.Header.Get("Authorization")
	if cookie, err := r.Cookie(sessionCookie); err == nil && header == "" {
		if err := crossSite(r); err != nil {
			return fairlead.Actor{}, "", err
		}
		actor, err := a.Auth.Bearer(r.Context(), cookie.Value)
		return actor, cookie.Value, err
	}
	if header == "" {
		return fairlead.Actor{}, "", fairlead.Errorf(fairlead.Unauthenticated, "sign in first: fairlead login, or send an API token as Authorization: Bearer")
	}
	if user, password, ok := r.BasicAuth(); ok {
		actor, err := a.Auth.Basic(r.Context(), user, password)
		if !auth.IsToken(password) {
			password = ""
		}
		return actor, password, err
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return fairlead.Actor{}, "", fairlead.Errorf(fairlead.Unauthenticated, "the Authorization header is neither Bearer nor Basic")
	}
	token = strings.TrimSpace(token)
	actor, err := a.Auth.Bearer(r.Context(), token)
	return actor, token, err
}

// requireActor refuses requests without good credentials, except on public routes, before their body is read.
func (a *API) requireActor(ctx huma.Context, next func(huma.Context)) {
	v := visitOf(ctx.Context())
	if v.err == nil || len(ctx.Operation().Security) == 0 {
		next(ctx)
		return
	}
	p := a.problem(ctx.Context(), v.err)
	if p.Status == http.StatusUnauthorized {
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="fairlead"`)
	}
	ctx.SetHeader("Content-Type", problemType)
	ctx.SetStatus(p.Status)
	_ = jsonFormat().Marshal(ctx.BodyWriter(), p) // the client is gone: nobody to tell
}
