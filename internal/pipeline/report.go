package pipeline

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/fairlead/fairlead"
)

// maxProblems is how many findings are shown; the rest is counted.
const maxProblems = 200

// report collects the findings of one file.
type report struct {
	file  string
	diags fairlead.Diagnostics
	more  int
}

// place is where a finding is.
type place struct {
	r         *report
	line, col int
	path      string
}

func (r *report) at(line, col int, path string) place { return place{r, line, col, path} }
func (r *report) on(n *yaml.Node, path string) place  { return place{r, n.Line, n.Column, path} }
func (r *report) failed() bool                        { return len(r.diags) > 0 }
func (p place) errorf(code, format string, args ...any) {
	p.error(code, fmt.Sprintf(format, args...), "")
}
func (p place) invalid(code string, err error, hint string) { p.error(code, err.Error(), hint) }

func (p place) error(code, summary, detail string) {
	if len(p.r.diags) >= maxProblems {
		p.r.more++
		return
	}
	p.r.diags = append(p.r.diags, fairlead.Diagnostic{
		Severity: fairlead.SeverityError, Code: code, Summary: summary, Detail: detail,
		Path: p.path, File: p.r.file, Line: p.line, Column: p.col,
	})
}

// result returns what was found, in the order of the file.
func (r *report) result() fairlead.Diagnostics {
	r.diags.Sort()
	if r.more > 0 {
		r.diags = append(r.diags, fairlead.Diagnostic{
			Severity: fairlead.SeverityError, Code: "too-many-problems", File: r.file,
			Summary: fmt.Sprintf("%d more problems are not shown", r.more), Detail: "correct those above first",
		})
	}
	return r.diags
}

// meant says which of the known names is probably meant, or else which there are.
func meant(name string, known []string) string {
	best := fairlead.Nearest(name, known)
	switch {
	case best != "":
		return "did you mean " + strconv.Quote(best) + "?"
	case len(known) > 0 && len(known) <= 12:
		return "known are: " + strings.Join(known, ", ")
	}
	return ""
}

// quote puts a text of the user's into a message; long ones are cut.
func quote(s string) string {
	if runes := []rune(s); len(runes) > 80 {
		s = string(runes[:77]) + "..."
	}
	return strconv.Quote(s)
}
