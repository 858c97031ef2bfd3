package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// live shows work that goes on: lines that stay and, on a terminal, a block of lines below them that is drawn anew as the
// state changes.
type live struct {
	out   io.Writer
	fd    int // of the terminal; -1 when there is none, and then only the lines that stay are written
	drawn int // lines of the block on the screen
	block []string
}

func newLive(out io.Writer) *live {
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &live{out: out, fd: int(f.Fd())}
	}
	return &live{out: out, fd: -1}
}

// print adds a line that stays.
func (l *live) print(line string) {
	l.erase()
	fmt.Fprintln(l.out, clean(line))
	l.draw()
}

// status replaces the block.
func (l *live) status(lines []string) {
	l.erase()
	l.block = lines
	l.draw()
}

// close takes the block away; what stays is what was printed.
func (l *live) close() {
	l.erase()
	l.block = nil
}

func (l *live) erase() {
	if l.drawn > 0 {
		fmt.Fprintf(l.out, "\x1b[%dA\x1b[J", l.drawn) // up, and clear to the end of the screen
	}
	l.drawn = 0
}

func (l *live) draw() {
	if l.fd < 0 || len(l.block) == 0 {
		return
	}
	columns, rows, err := term.GetSize(l.fd)
	if err != nil || columns < 2 || rows < 2 {
		return
	}
	block := l.block
	if most := rows - 1; len(block) > most {
		block = block[len(block)-most:]
	}
	var b strings.Builder
	for _, line := range block {
		b.WriteString(truncate(clean(strings.ReplaceAll(line, "\n", " ")), columns-1) + "\n")
	}
	io.WriteString(l.out, b.String())
	l.drawn = len(block)
}
