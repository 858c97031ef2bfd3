package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// colour is how a line looks on a terminal: the parameter of its escape sequence.
type colour string

const (
	plain   colour = ""
	red     colour = "31"
	green   colour = "32"
	yellow  colour = "33"
	magenta colour = "35"
)

// colours tells whether an output shows colours: a terminal, unless NO_COLOR is set or the terminal is a dumb one.
func colours(out io.Writer, env func(string) string) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && env("NO_COLOR") == "" && env("TERM") != "dumb"
}

// painted writes a line in a colour, where the output has any.
func (p *printer) painted(c colour, s string) {
	if !p.colour || c == plain {
		p.line(s)
		return
	}
	p.WriteString("\x1b[" + string(c) + "m" + clean(s) + "\x1b[0m\n")
}
