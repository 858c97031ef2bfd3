package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

// Problem is the body of every answer that is an error: problem details of RFC 9457 with two additions.
type Problem struct {
	Type   string               `json:"type" enum:"about:blank"`
	Title  string               `json:"title"`
	Status int                  `json:"status"`
	Detail string               `json:"detail" doc:"what went wrong, and what would be right"`
	Code   fairlead.Code        `json:"code" enum:"invalid,not-found,conflict,unauthenticated,denied,too-large,unavailable,failed,too-many,internal"`
	Errors fairlead.Diagnostics `json:"errors,omitempty" doc:"every single finding, when there are several or one has a place"`
}

const problemType = "application/problem+json"

// Error makes a Problem an error that huma sends as it is.
func (p *Problem) Error() string { return p.Detail }

// GetStatus tells huma the status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType tells huma the media type.
func (p *Problem) ContentType(string) string { return problemType }

// statusOf is the one table from codes to statuses.
func statusOf(code fairlead.Code) int {
	switch code {
	case fairlead.Invalid, fairlead.Failed:
		return http.StatusUnprocessableEntity
	case fairlead.NotFound:
		return http.StatusNotFound
	case fairlead.Conflict:
		return http.StatusConflict
	case fairlead.Unauthenticated:
		return http.StatusUnauthorized
	case fairlead.Denied:
		return http.StatusForbidden
	case fairlead.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fairlead.TooMany:
		return http.StatusTooManyRequests
	case fairlead.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// codeOf is the code of an answer that huma or the mux decided on before a handler was asked.
func codeOf(status int) fairlead.Code {
	switch status {
	case http.StatusUnauthorized:
		return fairlead.Unauthenticated
	case http.StatusForbidden:
		return fairlead.Denied
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return fairlead.NotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return fairlead.Conflict
	case http.StatusRequestEntityTooLarge:
		return fairlead.TooLarge
	}
	if status >= http.StatusInternalServerError {
		return fairlead.Internal
	}
	return fairlead.Invalid
}

func newProblem(status int, code fairlead.Code, detail string, errs fairlead.Diagnostics) *Problem {
	return &Problem{Type: "about:blank", Title: statusText(status), Status: status, Detail: detail, Code: code, Errors: errs}
}

// preconditionError is a Conflict that HTTP has a status of its own for: If-Match did not match.
type preconditionError struct{ cause *fairlead.Error }

func (e preconditionError) Error() string { return e.cause.Error() }
func (e preconditionError) Unwrap() error { return e.cause }

func precondition(format string, args ...any) error {
	return preconditionError{fairlead.Errorf(fairlead.Conflict, format, args...)}
}

// problem turns an error into what the client gets to see. What is not an [fairlead.Error] is our fault: it is logged in
// full and the client learns only under which id.
func (a *API) problem(ctx context.Context, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	e, ok := errors.AsType[*fairlead.Error](err)
	if !ok || e.Code == fairlead.Internal || e.Code == "" {
		return a.internal(ctx, err)
	}
	status := statusOf(e.Code)
	if _, ok := errors.AsType[preconditionError](err); ok {
		status = http.StatusPreconditionFailed
	}
	if e.Err != nil {
		a.Log.DebugContext(ctx, "a request was refused", "id", requestID(ctx), "code", e.Code, "cause", e.Err)
	}
	detail, err := e.Error(), error(nil)
	if store.NamesRuns(detail) {
		err = a.DB.Read(ctx, func(tx *store.Tx) error { detail, err = tx.Unnamed(ctx, auth.Sees(actorOf(ctx)), detail); return err })
		if err != nil {
			return a.internal(ctx, err)
		}
	}
	return newProblem(status, e.Code, detail, e.Problems)
}

func (a *API) internal(ctx context.Context, err error) *Problem {
	id := requestID(ctx)
	if ctx.Err() != nil {
		// The client went away or the server stops: what failed because of that is nobody's fault.
		return newProblem(http.StatusServiceUnavailable, fairlead.Unavailable, "the request was ended before it was done", nil)
	}
	a.Log.ErrorContext(ctx, "a request failed", "id", id, "error", err)
	return newProblem(http.StatusInternalServerError, fairlead.Internal, "something went wrong in the server; its log says more under request id "+id, nil)
}

// writeProblem answers outside of huma.
func writeProblem(w http.ResponseWriter, p *Problem) {
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte(`{}`) // plain data: it does not happen
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the client is gone: nobody to tell
}

// shapeErrors gives huma's own errors (validation, unreadable bodies, limits) the shape of a Problem. The values that were
// wrong are left out: they can be secrets.
func (a *API) shapeErrors(_ huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	var errs fairlead.Diagnostics
	if model.Status < http.StatusInternalServerError {
		for _, e := range model.Errors {
			if e == nil {
				continue
			}
			errs = append(errs, fairlead.Diagnostic{
				Severity: fairlead.SeverityError, Code: "bad-request", Summary: e.Message, Path: strings.TrimPrefix(e.Location, "body."),
			})
		}
	}
	errs.Sort() // huma goes through maps
	detail := model.Detail
	if len(errs) > 0 {
		if e, ok := errors.AsType[*fairlead.Error](errs.Err("the request")); ok {
			detail = e.Message
		}
		if len(errs) == 1 && errs[0].Path != "" {
			detail = "the request: " + errs[0].Path + ": " + errs[0].Summary
		}
	}
	return newProblem(model.Status, codeOf(model.Status), detail, errs), nil
}

// problemResponse is how every operation's errors are documented.
func (a *API) problemResponse() *huma.Response {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	return &huma.Response{Description: "Error", Content: map[string]*huma.MediaType{problemType: {Schema: schema}}}
}
