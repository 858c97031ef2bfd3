package fairlead

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity of a diagnostic. Only errors stop the work.
type Severity string

const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Diagnostic is one finding in a file that a user wrote.
type Diagnostic struct {
	Severity Severity `json:"severity" enum:"error,warning"`
	// Code is a short stable name of the rule, such as "unknown-key", for scripts and translations.
	Code string `json:"code"`
	// Summary says what is wrong, in one line without a full stop.
	Summary string `json:"summary"`
	// Detail says why, and what would be right. May be empty.
	Detail string `json:"detail,omitempty"`
	// Path is where in the document, keys joined by dots and list items in brackets: node_templates.web.properties.ports[0].
	Path string `json:"path,omitempty"`
	File string `json:"file,omitempty"`
	// Line and Column count from 1; 0 means unknown.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
}

// String is "file:line:column: severity: summary; detail", without the parts that are unknown.
func (d Diagnostic) String() string {
	var b strings.Builder
	if d.File != "" {
		b.WriteString(d.File + ":")
	}
	if d.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", d.Line, d.Column)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	fmt.Fprintf(&b, "%s: %s", d.Severity, d.Summary)
	if d.Detail != "" {
		b.WriteString("; " + d.Detail)
	}
	return b.String()
}

// Diagnostics is a list of findings; nil is the valid empty list.
type Diagnostics []Diagnostic

// HasErrors reports whether any finding stops the work.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == SeverityError })
}

// Sort orders by file, line, column and summary, so that the same input always prints the same text.
func (ds Diagnostics) Sort() {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Summary, b.Summary))
	})
}

// Error is one finding a line.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns nil when no finding is an error, else an Invalid [Error] with all findings: "subject: 2 errors".
func (ds Diagnostics) Err(subject string) error {
	if !ds.HasErrors() {
		return nil
	}
	n := 0
	first := Diagnostic{}
	for _, d := range ds {
		if d.Severity == SeverityError {
			if n == 0 {
				first = d
			}
			n++
		}
	}
	msg := fmt.Sprintf("%s: %s", subject, first.Summary)
	if n > 1 {
		msg = fmt.Sprintf("%s has %d errors", subject, n)
	}
	return &Error{Code: Invalid, Message: msg, Problems: ds}
}
