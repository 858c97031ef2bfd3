package template

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fairlead/fairlead"
)

// report collects findings. It knows the file and where in the document the work is.
type report struct {
	file   string
	diags  fairlead.Diagnostics
	errors int
	more   int // findings beyond maxProblems
	path   []step
	// looks is how many names may still be compared for "did you mean", so that a file of nothing but mistakes stays cheap.
	looks int
	// steps is how many steps may still be taken to work out texts with {{...}} in them.
	steps int
	// inside is the text that the places count from, nil for the document.
	inside *node
}

func newReport(file string) *report { return &report{file: file, looks: 1 << 18, steps: maxAllSteps} }

// step is one key or list index of a path.
type step struct {
	key   string
	index int // when key is ""
}

func (r *report) push(key string) { r.path = append(r.path, step{key: key}) }
func (r *report) pushIndex(i int) { r.path = append(r.path, step{index: i}) }
func (r *report) pop()            { r.path = r.path[:len(r.path)-1] }
func (r *report) failed() bool    { return r.errors > 0 }

// where renders the path: node_templates.web.properties.ports[0].
func (r *report) where() string {
	var b strings.Builder
	for _, s := range r.path {
		switch {
		case s.key == "":
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case b.Len() == 0:
			b.WriteString(s.key)
		default:
			b.WriteString("." + s.key)
		}
	}
	return b.String()
}

// place is where a finding is.
type place struct {
	r         *report
	line, col int32
}

func (r *report) at(line, col int32) place {
	n := r.inside
	switch {
	case n == nil:
		return place{r, line, col}
	case n.indent > 0 && line > 0: // lines below the one of | or >
		return place{r, n.line + line, n.indent + col}
	}
	return place{r, n.line, n.col}
}
func (r *report) on(n *node) place  { return r.at(n.line, n.col) }
func (r *report) key(p *pair) place { return r.at(p.line, p.col) }

func (p place) error(code, summary, detail string) {
	p.add(fairlead.SeverityError, code, summary, detail)
}
func (p place) warn(code, summary, detail string) {
	p.add(fairlead.SeverityWarning, code, summary, detail)
}

func (p place) add(severity fairlead.Severity, code, summary, detail string) {
	if severity == fairlead.SeverityError {
		p.r.errors++
	}
	if len(p.r.diags) >= maxProblems {
		p.r.more++
		return
	}
	p.r.diags = append(p.r.diags, fairlead.Diagnostic{
		Severity: severity, Code: code, Summary: summary, Detail: detail,
		Path: p.r.where(), File: p.r.file, Line: int(p.line), Column: int(p.col),
	})
}

// result returns what was found, in the order of the file.
func (r *report) result() fairlead.Diagnostics {
	r.diags.Sort()
	if r.more > 0 {
		severity := fairlead.SeverityWarning
		if r.errors > 0 {
			severity = fairlead.SeverityError
		}
		r.diags = append(r.diags, fairlead.Diagnostic{
			Severity: severity, Code: "too-many-problems", File: r.file,
			Summary: fmt.Sprintf("%d more problems are not shown", r.more), Detail: "correct those above first",
		})
	}
	return r.diags
}

// meant says which of the known names is probably meant, or else what names there are. define is the advice when neither
// helps.
func (r *report) meant(name string, known []string, define string) string {
	if best := r.nearest(name, known); best != "" {
		return "did you mean " + quote(best) + "?"
	}
	if len(known) == 0 || len(known) > 12 {
		return define
	}
	return "known are: " + strings.Join(known, ", ")
}

// nearest returns the known name that was probably meant, "" when none is near or enough were compared.
func (r *report) nearest(name string, known []string) string {
	if len(known) > r.looks {
		return ""
	}
	r.looks -= len(known)
	return fairlead.Nearest(name, known)
}

// quote puts a name of the user's into a message; long ones are cut.
func quote(name string) string { return strconv.Quote(shorten(name)) }

func shorten(s string) string {
	if len(s) <= 80 {
		return s
	}
	cut := 77
	for cut > 0 && s[cut]&0xc0 == 0x80 {
		cut--
	}
	return s[:cut] + "..."
}

// count is "1 item" or "2 items".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
