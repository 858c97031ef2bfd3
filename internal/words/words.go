// Package words says in Chinese what the program says in English. Everything is said, stored and sent in English; who reads
// Chinese gets it translated when it is shown: by the console from the same catalogue (web/src/i18n/said.ts, which works as this
// package does), and by this package where the server itself writes to people.
//
// The catalogue has the formats of the source as keys, with %s and its kin for what differs. Its test keeps the two together.
package words

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

//go:embed zh-CN.json
var chinese []byte

// file is the form of the catalogue.
type file struct {
	// Sentences are the formats as they stand in the source, parted where one sentence is put behind another.
	Sentences map[string]string `json:"sentences"`
	// Others are sentences that are put together of parts, or come from libraries.
	Others map[string]string `json:"others"`
	// Words stand for themselves or in holes that ask for them: {1:word}.
	Words map[string]string `json:"words"`
}

var catalogue = sync.OnceValue(func() *book {
	var f file
	if err := json.Unmarshal(chinese, &f); err != nil {
		panic("words: the catalogue is not readable: " + err.Error()) // it is part of the program, and tested
	}
	return newBook(f)
})

// Say says a text in the language of a locale. What is not known stays as it is.
func Say(locale, text string) string {
	if !strings.HasPrefix(strings.ToLower(locale), "zh") {
		return text
	}
	return (&reading{catalogue(), map[string]found{}, map[string]found{}, mostSteps}).say(text)
}

// longest bounds the texts that are translated; what is longer is no sentence.
const longest = 2000

// book is a catalogue that is ready for use.
type book struct {
	words   map[string]string
	byToken map[string][]*pattern // by the longest of their words between blanks, "" when there is none
	behind  []*pattern            // those that are put behind another sentence and say something themselves
}

// reading is the translation of one text. It remembers what it found, for parts are looked at from several sides.
type reading struct {
	*book
	lines, sentences map[string]found
	steps            int // how many more may be taken: texts that are no sentences cost a bounded time
}

// found is a translation, and what it costs: that words stay English, and a little that a sentence of few letters was taken for
// one. It is not ok when nothing was translated.
type found struct {
	said string
	cost int
	ok   bool
}

const (
	costOfWord   = 10
	costOfLittle = 1
	// fewLetters are too few to be a sentence about what is not known.
	fewLetters = 8
	// someLetters are enough to be put behind another sentence.
	someLetters = 6

	mostSteps      = 20_000
	costOfSentence = 50
)

// better reports whether a translation is preferred to one that was found before it.
func (f found) better(than found) bool { return f.ok && (!than.ok || f.cost < than.cost) }

func unknown(text string) found { return found{text, costOfWord * prose(text), false} }

// prose counts the words of a text that is not just a name or a time.
func prose(text string) int {
	n := 0
	if strings.Contains(text, " ") {
		for word := range strings.FieldsSeq(text) {
			if proseRE.MatchString(word) {
				n++
			}
		}
	}
	return n
}

// pattern is one sentence of the catalogue: literals with holes between them.
type pattern struct {
	lits   []string
	verbs  []byte // what stands in the holes, such as 'd'
	nums   []int  // their numbers in the translation
	said   string
	weight int // letters of the literals
	rank   int // its place among all, the first one says most
}

var (
	verbRE  = regexp.MustCompile(`%[-+#0]*[0-9]*(?:\.[0-9]+)?[a-zA-Z%]`)
	holeRE  = regexp.MustCompile(`\{([0-9]+)(:word)?\}`)
	proseRE = regexp.MustCompile(`^["(]?[a-z]{2,}["),.;:]?$`)
	intRE   = regexp.MustCompile(`^(-?[0-9]+|%0[0-9]d)$`) // the latter is quoted as an example
)

func newBook(f file) *book {
	b := &book{words: f.Words, byToken: map[string][]*pattern{}}
	var all []*pattern
	for _, sentences := range []map[string]string{f.Sentences, f.Others} {
		for format, said := range sentences {
			p := newPattern(format, said)
			all = append(all, p)
			if behind(format) && (format[0] == ',' || p.weight >= someLetters) {
				b.behind = append(b.behind, p)
			}
		}
	}
	slices.SortFunc(all, weightier)
	slices.SortFunc(b.behind, weightier)
	for i, p := range all {
		p.rank = i
		token := p.token()
		b.byToken[token] = append(b.byToken[token], p)
	}
	return b
}

// token is the longest word that stands between blanks in every text of a pattern.
func (p *pattern) token() string {
	longest := ""
	for i, lit := range p.lits {
		words := strings.Split(lit, " ")
		for n, word := range words {
			if (n > 0 || i == 0) && (n < len(words)-1 || i == len(p.lits)-1) && len(word) > len(longest) {
				longest = word
			}
		}
	}
	return longest
}

// weightier orders patterns: those come first that say more.
func weightier(x, y *pattern) int {
	all := func(p *pattern) string { return strings.Join(p.lits, "%") }
	return cmp.Or(y.weight-x.weight, len(all(y))-len(all(x)), strings.Compare(all(x), all(y)))
}

// newPattern reads a format. One that begins with a blank or comma is put behind another sentence, and one that ends with a
// blank before one: the other is hole 0. Holes side by side are one.
func newPattern(format, said string) *pattern {
	p := &pattern{said: said, lits: []string{""}}
	hole := func(verb byte, num int) {
		if n := len(p.lits); n > 1 && p.lits[n-1] == "" {
			return
		}
		p.lits, p.verbs, p.nums = append(p.lits, ""), append(p.verbs, verb), append(p.nums, num)
	}
	literal := func(s string) { p.lits[len(p.lits)-1] += s }
	if behind(format) {
		hole('s', 0)
		p.said = "{0:word}" + said
	}
	at, num := 0, 0
	for _, v := range verbRE.FindAllStringIndex(format, -1) {
		literal(format[at:v[0]])
		at = v[1]
		if verb := format[v[1]-1]; verb == '%' {
			literal("%")
		} else {
			num++
			hole(verb, num)
		}
	}
	literal(format[at:])
	if strings.HasSuffix(format, " ") {
		hole('s', 0)
		p.said = said + "{0}"
	}
	for _, lit := range p.lits {
		for _, r := range lit {
			if unicode.IsLetter(r) {
				p.weight++
			}
		}
	}
	return p
}

func behind(format string) bool {
	return strings.HasPrefix(format, " ") || strings.HasPrefix(format, ", ")
}

func (b *reading) say(text string) string {
	if len(text) > longest {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = b.line(line).said
	}
	return strings.Join(lines, "\n")
}

// line translates a line: a word, a sentence, or several with semicolons and colons between them.
func (b *reading) line(text string) found {
	if w, ok := b.words[text]; ok {
		return found{w, 0, true}
	}
	f, have := b.lines[text]
	if have {
		return f
	}
	if f = b.parts(text); !f.ok {
		f = b.match(text, true)
	}
	b.lines[text] = f
	return f
}

// maxParts bounds into how many parts a line is taken to pieces.
const maxParts = 12

// parts translates a text as one sentence, or its beginning as one and then the rest: in the way that costs least.
func (b *reading) parts(text string) found {
	best := b.sentence(text)
	ends := breaks(text, "; ", ": ")
	for i := min(len(ends), maxParts) - 1; i >= 0 && (!best.ok || best.cost > 0); i-- {
		head := b.sentence(text[:ends[i]])
		if !head.ok && i > 0 {
			continue
		}
		rest := b.line(text[ends[i]+2:])
		if head.ok || rest.ok {
			f := found{head.said + stop(text[ends[i]]) + rest.said, head.cost + rest.cost, true}
			if f.better(best) {
				best = f
			}
		}
	}
	return best
}

func stop(c byte) string {
	if c == ';' {
		return "；"
	}
	return "："
}

// sentence translates what is one sentence, or a list of such.
func (b *reading) sentence(text string) found {
	best, have := b.sentences[text]
	if have {
		return best
	}
	best = unknown(text)
	if b.steps -= costOfSentence; b.steps < 0 {
		return best
	}
	b.sentences[text] = best // until it is known
	if f := b.match(text, false); f.better(best) {
		best = f
	}
	for _, list := range [][2]string{{" or ", "，或"}, {" and ", "，并且"}} {
		if f := b.list(text, list[0], list[1]); f.better(best) {
			best = f
		}
	}
	if f := b.list(text, ", ", "，"); f.better(best) {
		best = f
	}
	b.sentences[text] = best
	return best
}

// list translates what is joined by something, if each part is a sentence or each is a word.
func (b *reading) list(text, by, with string) found {
	ends := breaks(text, by)
	if len(ends) == 0 {
		return unknown(text)
	}
	var sentences, words []string
	at, cost := 0, 0
	for _, end := range append(ends, len(text)) {
		if w, ok := b.words[text[at:end]]; ok {
			words = append(words, w)
		} else if f := b.sentence(text[at:end]); f.ok {
			sentences, cost = append(sentences, f.said), cost+f.cost
		}
		at = end + len(by)
	}
	switch len(ends) + 1 {
	case len(sentences):
		return found{strings.Join(sentences, with), cost, true}
	case len(words):
		return found{strings.Join(words, with), 0, true}
	}
	return unknown(text)
}

// match translates a text that is one sentence of the catalogue. Further sentences may stand in its holes only if open.
func (b *reading) match(text string, open bool) found {
	best := unknown(text)
	quoted := quotes(text)
	try := func(p *pattern, behind bool) {
		if holes := b.holes(p, text, quoted, open); holes != nil && (!behind || b.known(holes[0])) {
			if f := b.fill(p, holes); f.better(best) {
				best = f
			}
		}
	}
	for _, p := range b.behind { // what another sentence was put behind belongs to the end, not into a hole of that one
		try(p, true)
	}
	for _, p := range b.candidates(text) {
		if best.ok && best.cost == 0 {
			break
		}
		try(p, false)
	}
	return best
}

// candidates are the patterns that a text may have, those first that say most.
func (b *reading) candidates(text string) []*pattern {
	list := slices.Clone(b.byToken[""])
	tokens := strings.Split(text, " ")
	slices.Sort(tokens)
	for _, token := range slices.Compact(tokens) {
		if token != "" {
			list = append(list, b.byToken[token]...)
		}
	}
	slices.SortFunc(list, func(x, y *pattern) int { return x.rank - y.rank })
	return list
}

// known reports whether a text is translated.
func (b *reading) known(text string) bool {
	_, ok := b.words[text]
	return ok || b.sentence(text).ok
}

// holes is what stands in the holes of a pattern if it is that of a text, else nil.
func (b *reading) holes(p *pattern, text string, quoted []bool, open bool) []string {
	rest := len(p.lits) - 1
	if !strings.HasPrefix(text, p.lits[0]) {
		return nil
	}
	if rest == 0 {
		if text == p.lits[0] {
			return []string{}
		}
		return nil
	}
	if !strings.HasSuffix(text, p.lits[rest]) {
		return nil
	}
	between := make([]string, rest)
	var from func(i, pos int) bool
	from = func(i, pos int) bool {
		open := open || p.nums[i-1] == 0 || strings.HasSuffix(p.lits[i-1], "(") && strings.HasPrefix(p.lits[i], ")")
		if i == rest {
			end := len(text) - len(p.lits[i])
			if end == pos && p.lits[i] == "" && !strings.HasSuffix(p.lits[i-1], " ") { // an addition that is not there
				between[i-1] = ""
				return true
			}
			if end <= pos || quoted[end] || !fits(p.verbs[i-1], text[pos:end], open) {
				return false
			}
			between[i-1] = text[pos:end]
			return true
		}
		for at := pos + 1; at <= len(text); at++ {
			n := strings.Index(text[at:], p.lits[i])
			if n < 0 {
				return false
			}
			at += n
			if b.steps--; b.steps < 0 {
				return false
			}
			if quoted[at] {
				continue
			}
			if between[i-1] = text[pos:at]; fits(p.verbs[i-1], between[i-1], open) && from(i+1, at+len(p.lits[i])) {
				return true
			}
		}
		return false
	}
	if !from(1, len(p.lits[0])) {
		return nil
	}
	return between
}

// fits reports whether something can be what a verb prints.
func fits(verb byte, s string, open bool) bool {
	switch verb {
	case 'd':
		return intRE.MatchString(s)
	case 'q':
		return len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"'
	}
	end := s[len(s)-1]
	return open || end != ';' && end != ':' && len(breaks(s, "; ", ": ")) == 0
}

// fill puts what stands in the holes into the translation. A sentence of few letters is none if it is about what is not known.
func (b *reading) fill(p *pattern, holes []string) found {
	said := make(map[int]string, len(holes))
	cost := 0
	for i, hole := range holes {
		said[p.nums[i]] = hole
		if p.verbs[i] == 'd' || p.verbs[i] == 'q' || !strings.Contains(hole, " ") {
			continue
		}
		if whole := quotes(hole); hole[0] == '"' && !slices.Contains(whole[1:len(whole)-2], false) {
			continue
		}
		f := b.line(hole)
		if p.weight < fewLetters {
			if !f.ok && f.cost > 0 {
				return found{}
			}
			cost += costOfLittle
		}
		said[p.nums[i]] = f.said
		cost += f.cost
	}
	out, at := "", 0
	for _, m := range holeRE.FindAllStringSubmatchIndex(p.said, -1) {
		num, err := strconv.Atoi(p.said[m[2]:m[3]])
		if err != nil {
			return found{}
		}
		value := said[num]
		if w, ok := b.words[value]; ok && m[4] >= 0 {
			value = w
		}
		out = glue(glue(out, p.said[at:m[0]]), value)
		at = m[1]
	}
	return found{glue(out, p.said[at:]), cost, true}
}

// glue puts two texts together, with a blank between Chinese and other letters and none between Chinese ones.
func glue(left, right string) string {
	if left == "" || right == "" {
		return left + right
	}
	l, r := strings.TrimSuffix(left, " "), strings.TrimPrefix(right, " ")
	last, _ := utf8.DecodeLastRuneInString(l)
	first, _ := utf8.DecodeRuneInString(r)
	han := func(r rune) bool { return unicode.Is(unicode.Han, r) }
	latin := func(r rune) bool { return r > ' ' && r <= '~' }
	switch {
	case wide(first) || wide(last) || han(last) && han(first):
		return l + r
	case l+r == left+right && (han(last) && latin(first) || latin(last) && han(first)):
		return left + " " + right
	}
	return left + right
}

// wide reports whether a letter is a punctuation mark of Chinese texts.
func wide(r rune) bool { return r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xff60 }

// quotes tells of each byte, and the end, whether it stands within quotation marks; the first mark does not, the last one neither.
func quotes(text string) []bool {
	inside := make([]bool, len(text)+1)
	if !strings.Contains(text, `"`) {
		return inside
	}
	open := -1
	for i := 0; i < len(text); i++ {
		switch {
		case open < 0 && text[i] == '"':
			open = i
		case open >= 0 && text[i] == '\\':
			i++
		case open >= 0 && text[i] == '"':
			for k := open + 1; k < i; k++ {
				inside[k] = true
			}
			open = -1
		}
	}
	return inside
}

// breaks are the places at which one of some separators stands outside of quotation marks and brackets.
func breaks(text string, separators ...string) []int {
	var places []int
	var inside []bool
	for i := range len(text) {
		if !slices.ContainsFunc(separators, func(s string) bool { return strings.HasPrefix(text[i:], s) }) {
			continue
		}
		if inside == nil {
			inside = quotes(text)
		}
		if !inside[i] && !bracketed(text, i) {
			places = append(places, i)
		}
	}
	return places
}

// bracketed reports whether a place of a text stands within round brackets that are closed behind it.
func bracketed(text string, at int) bool {
	return strings.Count(text[:at], "(") > strings.Count(text[:at], ")") && strings.Contains(text[at:], ")")
}
