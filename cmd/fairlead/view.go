package main

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"golang.org/x/text/width"

	"github.com/fairlead/fairlead/client"
)

// The formats of -o.
const (
	formatText = "text"
	formatJSON = "json"
	formatYAML = "yaml"
)

// format is the value of -o: one of a closed set.
type format struct {
	value string
	all   []string
}

func (f *format) String() string { return f.value }
func (f *format) Type() string   { return strings.Join(f.all, "|") }

func (f *format) Set(s string) error {
	if !slices.Contains(f.all, s) {
		return fmt.Errorf("want %s", strings.Join(f.all, ", "))
	}
	f.value = s
	return nil
}

// addOutput gives a command the flag -o; the first format is the default. Without formats they are text, json and yaml.
func addOutput(cmd *cobra.Command, formats ...string) {
	if len(formats) == 0 {
		formats = []string{formatText, formatJSON, formatYAML}
	}
	cmd.Flags().VarP(&format{formats[0], formats}, "output", "o", "format of the output")
	complete := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return formats, cobra.ShellCompDirectiveNoFileComp
	}
	if err := cmd.RegisterFlagCompletionFunc("output", complete); err != nil {
		panic(err) // only when the flag does not exist
	}
}

// view writes the result of a command in the format that the user chose.
type view struct {
	format string
	out    io.Writer
	now    time.Time
	colour bool
}

func (a *app) view(cmd *cobra.Command) view {
	v := view{format: formatText, out: a.out, now: a.now(), colour: colours(a.out, a.env)}
	if f := cmd.Flags().Lookup("output"); f != nil {
		v.format = f.Value.String()
	}
	return v
}

// show writes one value: as it is in json and yaml, by the given function in text.
func (v view) show(value any, text func(*printer)) error {
	switch v.format {
	case formatJSON:
		return writeJSON(v.out, value, "  ")
	case formatYAML:
		return writeYAML(v.out, value)
	}
	p := &printer{now: v.now, colour: v.colour}
	text(p)
	_, err := io.WriteString(v.out, p.String())
	return err
}

// stream writes values as they come: one line of JSON or one document of YAML each.
func (v view) stream(value any, text func(*printer)) error {
	switch v.format {
	case formatJSON:
		return writeJSON(v.out, value, "")
	case formatYAML:
		if _, err := io.WriteString(v.out, "---\n"); err != nil {
			return err
		}
	}
	return v.show(value, text)
}

// showList writes a list: an array in json and yaml, a table in text.
func showList[T any](v view, list iter.Seq2[T, error], header []string, row func(T, *printer) []string) error {
	items, err := client.Collect(list)
	if err != nil {
		return err
	}
	return v.show(items, func(p *printer) {
		t := table{header}
		for _, item := range items {
			t = append(t, row(item, p))
		}
		p.table(t)
	})
}

func writeJSON(w io.Writer, value any, indent string) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	return enc.Encode(value)
}

// writeYAML goes through JSON, so that names and times are the same in both.
func writeYAML(w io.Writer, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if data, err = yaml.JSONToYAML(data); err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// printer builds the text form.
type printer struct {
	strings.Builder
	now    time.Time
	colour bool
}

func (p *printer) line(s string) { p.WriteString(clean(s) + "\n") }

func (p *printer) linef(format string, args ...any) { p.line(fmt.Sprintf(format, args...)) }

// fields writes pairs of a name and a value below each other, without those that are empty.
func (p *printer) fields(pairs ...string) {
	var t table
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			t = append(t, []string{pairs[i] + ":", pairs[i+1]})
		}
	}
	p.table(t)
}

// section is a table with a title.
func (p *printer) section(title string, t table) {
	p.line("")
	p.line(title + ":")
	for _, row := range t {
		row[0] = "  " + row[0]
	}
	p.table(t)
}

// table is rows of cells; the first may be the header.
type table [][]string

// table writes columns aligned by the width that a terminal gives each character, with two spaces between.
func (p *printer) table(t table) {
	var widths []int
	for _, row := range t {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			row[i] = clean(cell)
			widths[i] = max(widths[i], columns(row[i]))
		}
	}
	for _, row := range t {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			b.WriteString(strings.Repeat(" ", widths[i]-columns(cell)+2))
		}
		p.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	}
}

// columns is how wide a text stands on a terminal: East Asian wide characters take two, marks that combine none.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// truncate cuts a text to the given number of columns.
func truncate(s string, most int) string {
	if columns(s) <= most {
		return s
	}
	n := 0
	for i, r := range s {
		if n += runeColumns(r); n >= most {
			return s[:i] + "…"
		}
	}
	return s
}

// clean makes characters visible that would steer a terminal. What is printed can come from a container's output.
func clean(s string) string {
	steers := func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }
	if !strings.ContainsFunc(s, steers) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if steers(r) {
			fmt.Fprintf(&b, "\\x%02x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// ago is a time as seen from now: "5m ago", "in 3h"; "-" for no time.
func (p *printer) ago(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	switch d := p.now.Sub(t); {
	case d < -time.Second:
		return "in " + rough((-d).Round(time.Minute/2))
	case d < time.Second:
		return "just now"
	default:
		return rough(d) + " ago"
	}
}

// agoIf is [printer.ago] of a time that may be missing.
func (p *printer) agoIf(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return p.ago(*t)
}

// took is the span from start to end, or to now while there is no end.
func (p *printer) took(start, end *time.Time) string {
	if start == nil {
		return "-"
	}
	if end == nil {
		end = &p.now
	}
	d := max(end.Sub(*start), 0)
	if d < 10*time.Second {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return rough(d)
}

// rough is a span in its largest fitting unit.
func rough(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 2*day:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d/day))
}

// size is a number of bytes in its largest fitting unit.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// plural is a count with its noun: "1 error", "2 errors".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// literal is a value on one line: text as it is, everything else as JSON.
func literal(v any) string {
	if s, ok := v.(string); ok {
		return strings.ReplaceAll(s, "\n", "\\n")
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// orDash stands for what is not there.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
