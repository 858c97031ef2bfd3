package registry

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/fairlead/fairlead"
)

// Codes of the OCI distribution specification.
const (
	codeUnknown         = "UNKNOWN"
	codeUnauthorized    = "UNAUTHORIZED"
	codeDenied          = "DENIED"
	codeTooMany         = "TOOMANYREQUESTS"
	codeUnsupported     = "UNSUPPORTED"
	codeNameInvalid     = "NAME_INVALID"
	codeNameUnknown     = "NAME_UNKNOWN"
	codeTagInvalid      = "TAG_INVALID"
	codeManifestInvalid = "MANIFEST_INVALID"
	codeManifestUnknown = "MANIFEST_UNKNOWN"
	codeDigestInvalid   = "DIGEST_INVALID"
	codeSizeInvalid     = "SIZE_INVALID"
)

// fault is an answer in the registry's own error format. Clients show the message to people.
type fault struct {
	status  int
	code    string
	message string
}

func (f fault) Error() string { return f.message }

// challenge is a fault that asks for credentials, or for a token with another scope.
type challenge struct {
	fault
	scope        string
	insufficient bool
}

func writeError(w http.ResponseWriter, f fault) {
	body, err := json.Marshal(map[string]any{"errors": []any{map[string]any{"code": f.code, "message": f.message}}})
	if err != nil {
		panic(err) // strings only
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(f.status)
	_, _ = w.Write(append(body, '\n')) // the client may be gone
}

// fail answers with an error. Whatever is neither a fault nor a [fairlead.Error] is logged and not shown.
func (r *Registry) fail(w http.ResponseWriter, req *http.Request, err error) {
	if c, ok := errors.AsType[challenge](err); ok {
		w.Header().Set("WWW-Authenticate", r.challengeHeader(req, c))
		writeError(w, c.fault)
		return
	}
	if f, ok := errors.AsType[fault](err); ok {
		writeError(w, f)
		return
	}
	f := faultOf(err)
	if f.status == http.StatusInternalServerError {
		r.cfg.Log.Error("registry: request failed", "method", req.Method, "path", req.URL.Path, "error", err)
	}
	writeError(w, f)
}

// faultOf gives the errors of other packages their place in the registry's protocol.
func faultOf(err error) fault {
	switch fairlead.ErrorCode(err) {
	case fairlead.Invalid:
		return fault{http.StatusBadRequest, codeManifestInvalid, err.Error()}
	case fairlead.NotFound:
		return fault{http.StatusNotFound, codeManifestUnknown, err.Error()}
	case fairlead.Unauthenticated:
		return fault{http.StatusUnauthorized, codeUnauthorized, err.Error()}
	case fairlead.Denied:
		return fault{http.StatusForbidden, codeDenied, err.Error()}
	case fairlead.Conflict:
		return fault{http.StatusConflict, codeDenied, err.Error()}
	case fairlead.TooLarge:
		return fault{http.StatusRequestEntityTooLarge, codeSizeInvalid, err.Error()}
	case fairlead.TooMany:
		return fault{http.StatusTooManyRequests, codeTooMany, err.Error()}
	case fairlead.Unavailable:
		return fault{http.StatusServiceUnavailable, codeUnknown, err.Error()}
	default:
		return fault{http.StatusInternalServerError, codeUnknown, "internal error; see the server's log"}
	}
}
