package fairlead

import (
	"errors"
	"fmt"
)

// Code classifies an [Error]. The API maps it to an HTTP status and the CLI to an exit code, each in one table.
type Code string

// The codes. Anything that is not an [Error] is internal: it is logged, and the user sees only that something broke.
const (
	Invalid         Code = "invalid"         // the request is wrong; Problems say where
	NotFound        Code = "not-found"       // the named thing does not exist
	Conflict        Code = "conflict"        // it cannot be done now: taken, in use, busy, changed meanwhile
	Unauthenticated Code = "unauthenticated" // who is asking is unknown
	Denied          Code = "denied"          // who is asking may not
	TooLarge        Code = "too-large"       // over a limit that the message names
	Unavailable     Code = "unavailable"     // something outside (an engine, a cluster) does not answer
	Failed          Code = "failed"          // it was tried and did not work
	TooMany         Code = "too-many"        // asked too often; it may work later
	Internal        Code = "internal"        // our fault
)

// Error is what callers of any layer may show to a user. Message says what went wrong, with its subject first, and
// what would be right. Problems lists every single mistake when the input had several. Err is the cause; it is
// logged and never shown.
type Error struct {
	Code     Code
	Message  string
	Problems Diagnostics
	Err      error
}

// Errorf makes an Error. A %w verb keeps the cause for errors.Is and errors.As.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

func (e *Error) Error() string {
	if e.Message == "" && len(e.Problems) > 0 {
		return e.Problems.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the code of the first [Error] in err's chain, Internal when there is none, and "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}

// ErrDeleting is what a provider returns while something is still going away: its Delete shall be called again.
var ErrDeleting = Errorf(Unavailable, "still being deleted")
