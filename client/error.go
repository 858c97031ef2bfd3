package client

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/fairlead/fairlead"
)

// details is the body of an answer that tells of a problem (RFC 9457), with our two additions.
type details struct {
	Title  string               `json:"title"`
	Detail string               `json:"detail"`
	Code   fairlead.Code        `json:"code"`
	Errors fairlead.Diagnostics `json:"errors"`
}

// problem turns an answer that is not good into an Error. Answers that do not come from Fairlead itself, such as those of
// a proxy, get the code that their status suggests.
func problem(res *http.Response) error {
	const limit = 16 << 20
	body, _ := io.ReadAll(io.LimitReader(res.Body, limit)) // half a body still tells more than none
	where := res.Request.Method + " " + res.Request.URL.Redacted()
	var d details
	if media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); !strings.HasSuffix(media, "json") || json.Unmarshal(body, &d) != nil {
		return fairlead.Errorf(codeOf(res.StatusCode), "%s: the server answered %s", where, res.Status)
	}
	e := &fairlead.Error{Code: d.Code, Message: d.Detail, Problems: d.Errors}
	if e.Code == "" {
		e.Code = codeOf(res.StatusCode)
	}
	if e.Message == "" && len(e.Problems) == 0 {
		e.Message = where + ": " + strings.TrimSpace(res.Status+" "+d.Title)
	}
	return e
}

// codeOf is the code for a status that came without one.
func codeOf(status int) fairlead.Code {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType:
		return fairlead.Invalid
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
	case http.StatusTooManyRequests:
		return fairlead.TooMany
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fairlead.Unavailable
	}
	if status >= http.StatusInternalServerError {
		return fairlead.Internal
	}
	return fairlead.Failed
}
