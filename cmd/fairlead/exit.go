package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
)

// The exit codes, for scripts. docs/cli.md lists them.
const (
	exitDone        = 0
	exitFailed      = 1   // it was tried and did not work, or the server cannot be reached
	exitUsage       = 2   // the command line or a file is wrong
	exitNotFound    = 3   // what was named does not exist
	exitConflict    = 4   // it cannot be done now: taken, in use, busy, changed meanwhile
	exitDenied      = 5   // not logged in, or not allowed
	exitInterrupted = 130 // ended by Ctrl-C; work on the server goes on
)

// exitCode is the one table from error codes to exit codes.
func exitCode(code fairlead.Code) int {
	switch code {
	case "":
		return exitDone
	case fairlead.Invalid, fairlead.TooLarge:
		return exitUsage
	case fairlead.NotFound:
		return exitNotFound
	case fairlead.Conflict:
		return exitConflict
	case fairlead.Unauthenticated, fairlead.Denied:
		return exitDenied
	}
	return exitFailed
}

// usageError is a mistake on the command line.
type usageError struct {
	message string
	command string // "fairlead stack create"
}

func (e *usageError) Error() string { return e.message }

func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...), cmd.CommandPath()}
}

// shown ends a command whose output has told already what is wrong.
type shown struct{ code int }

func (shown) Error() string { return "see above" }

// unsuccessful ends a command that waited for work which did not end well. In json and yaml it shows the work as well; in text
// the error says it all.
func (v view) unsuccessful(work any, ended, why, see string) error {
	if err := v.show(work, func(*printer) {}); err != nil {
		return err
	}
	if why != "" {
		ended += ": " + why
	}
	return &workError{fairlead.Errorf(fairlead.Failed, "%s", ended), see}
}

// workError tells how work ended, and the command that looks at it.
type workError struct {
	error
	see string
}

func (e *workError) Unwrap() error { return e.error }

// interrupted ends a command that waited for work which goes on without it.
type interrupted struct {
	what string   // "stack web: create"
	see  []string // commands that look at the work
}

func (e *interrupted) Error() string { return "stopped waiting; " + e.what + " goes on" }

// fail tells the user what went wrong and returns the exit code.
func (a *app) fail(ctx context.Context, cmd *cobra.Command, err error) int {
	if e, ok := errors.AsType[shown](err); ok {
		return e.code
	}
	f := failureOf(ctx, err)
	if output := cmd.Flags().Lookup("output"); output != nil && output.Value.String() == formatJSON {
		enc := json.NewEncoder(a.err)
		enc.SetEscapeHTML(false)
		if enc.Encode(map[string]failure{"error": f}) == nil {
			return f.exit
		}
	}
	f = f.inOneLine()
	if f.Message != "" {
		fmt.Fprintln(a.err, "fairlead: "+clean(f.Message))
	}
	for _, d := range f.Problems {
		fmt.Fprintln(a.err, "  "+clean(finding(d)))
	}
	for _, see := range f.See {
		fmt.Fprintln(a.err, "see: "+see)
	}
	return f.exit
}

// failure is an error as the user sees it.
type failure struct {
	Code     fairlead.Code        `json:"code"`
	Message  string               `json:"message"`
	Problems fairlead.Diagnostics `json:"problems,omitempty"`
	See      []string             `json:"see,omitempty"`
	exit     int
}

func failureOf(ctx context.Context, err error) failure {
	f := failure{Code: fairlead.ErrorCode(err), Message: err.Error()}
	f.exit = exitCode(f.Code)
	if e, ok := errors.AsType[*usageError](err); ok {
		f.Code, f.exit, f.See = fairlead.Invalid, exitUsage, []string{e.command + " --help"}
		return f
	}
	if e, ok := errors.AsType[*interrupted](err); ok {
		f.Code, f.exit, f.See = "interrupted", exitInterrupted, e.see
		return f
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return failure{Code: "interrupted", exit: exitInterrupted}
	}
	if e, ok := errors.AsType[*fairlead.Error](err); ok {
		f.Problems = e.Problems
	} else {
		f.Code = fairlead.Failed // of this program or its surroundings, not of the server
	}
	if e, ok := errors.AsType[*workError](err); ok {
		f.See = []string{e.see}
	}
	if f.Code == fairlead.Unauthenticated {
		f.See = []string{"fairlead login --help"}
	}
	return f
}

// finding is a problem with its place: in a file, or the path of what was asked for.
func finding(d fairlead.Diagnostic) string {
	if d.Line == 0 && d.Path != "" && d.File == "" {
		return d.Path + ": " + d.String()
	}
	return d.String()
}

// inOneLine says it once when the message only repeats the one problem there is.
func (f failure) inOneLine() failure {
	if len(f.Problems) == 1 && strings.HasSuffix(f.Message, f.Problems[0].Summary) {
		if p := f.Problems[0]; p.Line > 0 || p.Detail != "" {
			f.Message = strings.TrimPrefix(p.String(), string(p.Severity)+": ")
		}
		f.Problems = nil
	}
	return f
}
