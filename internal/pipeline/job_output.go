package pipeline

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// maxOutput bounds the bytes of output that the log of one attempt holds.
const maxOutput = 10 << 20

// lineCost is what a line counts besides its text.
const lineCost = 32

// output takes what a container wrote into the log, each line once. What it has taken is in the progress, and so is stored
// together with the lines.
type output struct {
	progress *store.JobProgress
	mask     fairlead.Mask
	pending  []fairlead.OutputLine
	stdout   reading
	stderr   reading
}

// reading counts the lines of one time that came in this reading, to find those that were taken in an earlier one.
type reading struct {
	time  time.Time
	count int
}

func newOutput(p *store.JobProgress, mask fairlead.Mask) *output {
	return &output{progress: p, mask: mask}
}

// margin is how much earlier than the last line reading begins again: the two streams are in order, each for itself.
const margin = 10 * time.Second

// since is the time from which the output is read.
func (o *output) since() time.Time {
	last := o.progress.Stdout.Time
	if o.progress.Stderr.Time.After(last) {
		last = o.progress.Stderr.Time
	}
	if last.IsZero() {
		return last
	}
	return last.Add(-margin)
}

// take takes a line, unless it was taken before.
func (o *output) take(l fairlead.OutputLine) {
	mark, now := &o.progress.Stdout, &o.stdout
	if l.Stream == fairlead.Stderr {
		mark, now = &o.progress.Stderr, &o.stderr
	}
	l.Time = l.Time.UTC()
	if !l.Time.Equal(now.time) {
		*now = reading{time: l.Time}
	}
	now.count++
	if l.Time.Before(mark.Time) || l.Time.Equal(mark.Time) && now.count <= mark.Count {
		return
	}
	*mark = store.OutputMark{Time: l.Time, Count: now.count}
	l.Text = shorten(o.mask.String(plain(l.Text)), maxLine) // hidden first: a cut leaves the head of a secret
	if strings.TrimSpace(l.Text) != "" {
		o.progress.Last = shorten(l.Text, 200)
	}
	size := int64(len(l.Text) + lineCost)
	if o.progress.LeftLines > 0 || o.progress.Bytes+size > maxOutput {
		o.progress.LeftLines++
		o.progress.LeftBytes += int64(len(l.Text))
		return
	}
	o.progress.Bytes += size
	o.pending = append(o.pending, l)
}

// escapes are the sequences with which programs colour terminals and move on them.
var escapes = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[@-Z\\\\^_])")

// plain is a line of output as text: without colours and control characters. Of a line that was written over and over, as
// progress is shown, the last state counts.
func plain(text string) string {
	text = strings.TrimRight(text, "\r")
	if i := strings.LastIndexByte(text, '\r'); i >= 0 {
		text = text[i+1:]
	}
	if strings.ContainsRune(text, 0x1b) {
		text = escapes.ReplaceAllString(text, "")
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// shorten cuts a text to a number of bytes, between characters.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "..."
}
