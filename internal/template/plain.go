package template

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// readPlain reads the plain part of YAML, which large generated templates are written in: block maps and lists, flow maps and lists
// and quoted text on one line, comments. It takes a fifth of the time of the full parser. It never judges: for
// everything else - anchors, tags, text over several lines, tabs, mistakes of any kind - it says no, and the full parser
// reads the text. Where it says yes its tree is the one that the full parser makes; a fuzz test holds it to that.
func readPlain(src []byte) (*node, bool) {
	if !plainText(src) {
		return nil, false
	}
	p := &plainReader{src: string(src)}
	p.next()
	if p.have && p.src[p.start:p.end] == "---" && p.indent == 0 {
		p.next()
	}
	if !p.have {
		return nil, false
	}
	root := p.block(1)
	if p.refused || p.have {
		return nil, false
	}
	return root, true
}

// plainText reports whether a text has only characters that mean the same everywhere.
func plainText(src []byte) bool {
	for i, c := range src {
		if c >= ' ' && c < utf8.RuneSelf || c == '\n' {
			continue
		}
		if c < ' ' || c == 0xc2 || c == 0xe2 && i+1 < len(src) && src[i+1] == 0x80 || c == 0xef {
			return false // tabs, carriage returns; other line ends, marks and controls of Unicode are among these
		}
	}
	return true
}

var floatRE = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

// plainKind says what an unquoted text stands for.
func plainKind(s string) kind {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return kindNull
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return kindBool
	case "-0", "-0.0", ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF":
		return kindFloat
	}
	c := s[0]
	if c == '.' {
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return kindFloat
		}
		return kindString
	}
	if c != '-' && c != '+' && (c < '0' || c > '9') {
		return kindString
	}
	if _, ok := parseInt(s); ok {
		return kindInt
	}
	if digits := strings.ReplaceAll(s, "_", ""); floatRE.MatchString(digits) {
		return kindFloat
	}
	if _, err := strconv.ParseUint(strings.TrimPrefix(strings.ReplaceAll(s, "_", ""), "+"), 0, 64); err == nil {
		return kindFloat // does not fit into 64 bits with a sign
	}
	return kindString
}

// plainReader walks over the lines once. When something is not plain it is refused, and nothing else matters any more.
type plainReader struct {
	src     string
	pos     int // where the next line starts
	refused bool
	nodes   int

	// The current line with content; start and indent move when a list item holds a map.
	have       bool
	line       int32
	lineStart  int
	start, end int // without indentation and trailing blanks
	indent     int

	// How far the characters of the line are counted, so that each is counted once.
	counted int
	chars   int32

	pairs []pair  // stack of the maps that are open
	items []*node // stack of the lists that are open
	slab  []node
}

func (p *plainReader) refuse() *node {
	p.refused = true
	p.have = false
	return nil
}

// next goes to the next line with content.
func (p *plainReader) next() {
	for p.pos < len(p.src) {
		p.lineStart = p.pos
		p.counted, p.chars = p.pos, 0
		p.end = len(p.src)
		if i := strings.IndexByte(p.src[p.pos:], '\n'); i >= 0 {
			p.end = p.pos + i
		}
		p.pos = p.end + 1
		p.line++
		p.start = p.skip(p.lineStart)
		if p.start == p.end || p.src[p.start] == '#' {
			continue
		}
		for p.src[p.end-1] == ' ' {
			p.end--
		}
		p.indent = p.start - p.lineStart
		p.have = !p.refused
		return
	}
	p.have = false
}

// skip passes over blanks.
func (p *plainReader) skip(i int) int {
	for i < p.end && p.src[i] == ' ' {
		i++
	}
	return i
}

// over reports whether nothing but a comment follows.
func (p *plainReader) over(i int) bool {
	j := p.skip(i)
	return j >= p.end || p.src[j] == '#' && j > i
}

// column is where a byte of the line stands, in characters from 1.
func (p *plainReader) column(i int) int32 {
	if i < p.counted {
		p.counted, p.chars = p.lineStart, 0
	}
	p.chars += int32(utf8.RuneCountInString(p.src[p.counted:i]))
	p.counted = i
	return p.chars + 1
}

func (p *plainReader) node(k kind, at int) *node {
	if len(p.slab) == 0 {
		p.slab = make([]node, 256)
	}
	n := &p.slab[0]
	p.slab = p.slab[1:]
	n.kind, n.line, n.col = k, p.line, p.column(at)
	if p.nodes++; p.nodes > MaxNodes {
		p.refuse()
	}
	return n
}

// dash reports whether a list item starts at i.
func (p *plainReader) dash(i int) bool {
	return p.src[i] == '-' && (i+1 == p.end || p.src[i+1] == ' ')
}

// block reads what starts on the current line.
func (p *plainReader) block(depth int) *node {
	switch {
	case depth > MaxDepth:
		return p.refuse()
	case p.dash(p.start):
		return p.blockList(depth)
	}
	return p.blockMap(depth)
}

func (p *plainReader) blockMap(depth int) *node {
	n, indent, mark := p.node(kindMap, p.start), p.indent, len(p.pairs)
	for p.have && p.indent == indent {
		key, colon, ok := p.key(p.start)
		if !ok || p.dash(p.start) {
			return p.refuse()
		}
		entry := pair{key: key, line: p.line, col: p.column(p.start)}
		if p.over(colon + 1) {
			entry.value = p.below(indent, depth, colon+1, true)
		} else {
			entry.value = p.inline(p.skip(colon+1), depth+1)
			p.next()
		}
		p.pairs = append(p.pairs, entry)
	}
	if p.refused || p.have && p.indent > indent {
		return p.refuse()
	}
	n.pairs = append([]pair(nil), p.pairs[mark:]...)
	p.pairs = p.pairs[:mark]
	if hasDuplicates(n.pairs) {
		return p.refuse()
	}
	n.call = functionOf(n)
	return n
}

// below reads a value that starts on a line of its own, deeper than the one it belongs to; the items of a list under a key
// may stand right below it.
func (p *plainReader) below(indent, depth, at int, underKey bool) *node {
	null := p.node(kindNull, at)
	p.next()
	switch {
	case !p.have:
	case p.indent > indent:
		return p.block(depth + 1)
	case underKey && p.indent == indent && p.dash(p.start):
		return p.blockList(depth + 1)
	}
	return null
}

func (p *plainReader) blockList(depth int) *node {
	if depth > MaxDepth {
		return p.refuse()
	}
	n, indent, mark := p.node(kindList, p.start), p.indent, len(p.items)
	for p.have && p.indent == indent && p.dash(p.start) {
		p.items = append(p.items, p.item(indent, depth))
	}
	if p.refused || p.have && p.indent > indent {
		return p.refuse()
	}
	n.items = append([]*node(nil), p.items[mark:]...)
	p.items = p.items[:mark]
	return n
}

// item reads one item of a list. A map or list may start on the line of the dash; it is indented by where it starts.
func (p *plainReader) item(indent, depth int) *node {
	if p.over(p.start + 1) {
		return p.below(indent, depth, p.start+1, false)
	}
	at := p.skip(p.start + 1)
	if _, _, isKey := p.key(at); isKey || p.dash(at) {
		p.start, p.indent = at, at-p.lineStart
		return p.block(depth + 1)
	}
	v := p.inline(at, depth+1)
	p.next()
	return v
}

// key reads the key of a block map and finds its colon.
func (p *plainReader) key(at int) (key string, colon int, ok bool) {
	if c := p.src[at]; c == '"' || c == '\'' {
		text, after, ok := p.quoted(at)
		return text, after, ok && p.colon(after)
	}
	if !p.plainStart(at) {
		return "", 0, false
	}
	for i := at; i < p.end && i-at < 1000; i++ {
		switch p.src[i] {
		case ':':
			if p.colon(i) {
				key = strings.TrimRight(p.src[at:i], " ")
				return key, i, key != "<<" && p.src[i-1] != ' '
			}
		case '#':
			if p.src[i-1] == ' ' {
				return "", 0, false
			}
		}
	}
	return "", 0, false
}

// colon reports whether a colon that ends a key stands at i.
func (p *plainReader) colon(i int) bool {
	return i < p.end && p.src[i] == ':' && (i+1 == p.end || p.src[i+1] == ' ')
}

// plainStart reports whether an unquoted text can start at i.
func (p *plainReader) plainStart(i int) bool {
	switch p.src[i] {
	case ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', '?', ':':
		return false
	case '-':
		// Three of them, or of dots, end a document where a line starts.
		return i+1 < p.end && p.src[i+1] != ' ' && !strings.HasPrefix(p.src[i:], "---")
	case '.':
		return !strings.HasPrefix(p.src[i:], "...")
	}
	return true
}

// inline reads a value that fills the rest of the line.
func (p *plainReader) inline(at, depth int) *node {
	var n *node
	after := at
	switch c := p.src[at]; {
	case c == '"' || c == '\'':
		n, after = p.quotedNode(at)
	case c == '[' || c == '{':
		n, after = p.flow(at, depth)
	default:
		return p.plainValue(at)
	}
	if p.refused || !p.over(after) {
		return p.refuse()
	}
	return n
}

func (p *plainReader) plainValue(at int) *node {
	if !p.plainStart(at) {
		return p.refuse()
	}
	end := p.end
	for i := at; i < end; i++ {
		switch p.src[i] {
		case ':':
			if p.colon(i) {
				return p.refuse()
			}
		case '#':
			if p.src[i-1] == ' ' {
				end = i
			}
		}
	}
	return p.scalar(at, strings.TrimRight(p.src[at:end], " "))
}

func (p *plainReader) scalar(at int, text string) *node {
	n := p.node(plainKind(text), at)
	n.text = text
	switch n.kind {
	case kindNull:
		n.text = ""
	case kindBool:
		n.text = strings.ToLower(text)
	case kindFloat:
		if _, ok := parseFloat(text); !ok {
			return p.refuse()
		}
	}
	return n
}

func (p *plainReader) quotedNode(at int) (*node, int) {
	text, after, ok := p.quoted(at)
	if !ok {
		return p.refuse(), after
	}
	n := p.node(kindString, at)
	n.text = text
	return n, after
}

// quoted reads a quoted text that ends on the same line and has no escapes.
func (p *plainReader) quoted(at int) (text string, after int, ok bool) {
	quote := p.src[at]
	i := strings.IndexByte(p.src[at+1:p.end], quote)
	if i < 0 {
		return "", at, false
	}
	text, after = p.src[at+1:at+1+i], at+2+i
	if quote == '\'' && after < p.end && p.src[after] == quote || quote == '"' && strings.IndexByte(text, '\\') >= 0 {
		return "", at, false
	}
	return text, after, true
}

// flow reads a flow map, a flow list or a scalar within one of them.
func (p *plainReader) flow(at, depth int) (*node, int) {
	if at >= p.end || depth > MaxDepth {
		return p.refuse(), at
	}
	switch p.src[at] {
	case '{':
		return p.flowMap(at, depth)
	case '[':
		return p.flowList(at, depth)
	case '"', '\'':
		return p.quotedNode(at)
	}
	text, after := p.flowText(at)
	if p.refused {
		return nil, at
	}
	return p.scalar(at, text), after
}

// flowText reads an unquoted text up to what ends it in a flow map or list.
func (p *plainReader) flowText(at int) (string, int) {
	if at >= p.end || !p.plainStart(at) {
		p.refuse()
		return "", at
	}
	for i := at; i < p.end; i++ {
		switch c := p.src[i]; c {
		case ',', '}', ']':
			return strings.TrimRight(p.src[at:i], " "), i
		case '[', '{', '#', '?':
			p.refuse()
			return "", i
		case ':':
			if p.colon(i) {
				return p.src[at:i], i
			}
			if i+1 < p.end && strings.IndexByte(",[]{}", p.src[i+1]) >= 0 {
				p.refuse()
				return "", i
			}
		}
	}
	p.refuse()
	return "", at
}

func (p *plainReader) flowMap(at, depth int) (*node, int) {
	n, mark := p.node(kindMap, at), len(p.pairs)
	i := p.skip(at + 1)
	for empty := true; ; empty = false {
		if i < p.end && p.src[i] == '}' && empty {
			break
		}
		entry, after := p.flowPair(i, depth)
		if p.refused {
			return nil, at
		}
		p.pairs = append(p.pairs, entry)
		more, next := p.flowMore(after, '}')
		if i = next; !more {
			break
		}
	}
	if p.refused {
		return nil, at
	}
	n.pairs = append([]pair(nil), p.pairs[mark:]...)
	p.pairs = p.pairs[:mark]
	if hasDuplicates(n.pairs) {
		return p.refuse(), at
	}
	n.call = functionOf(n)
	return n, i + 1
}

func (p *plainReader) flowPair(at, depth int) (pair, int) {
	if at >= p.end {
		p.refuse()
		return pair{}, at
	}
	var key string
	var after int
	if c := p.src[at]; c == '"' || c == '\'' {
		var ok bool
		if key, after, ok = p.quoted(at); !ok {
			p.refuse()
		}
	} else {
		key, after = p.flowText(at)
	}
	if p.refused || !p.colon(after) || key == "<<" || after-at > 1000 || strings.HasSuffix(key, " ") {
		p.refuse()
		return pair{}, at
	}
	entry := pair{key: key, line: p.line, col: p.column(at)}
	entry.value, after = p.flow(p.skip(after+1), depth+1)
	return entry, after
}

// flowMore looks for what comes after an entry: another one, or the end. It returns where.
func (p *plainReader) flowMore(at int, closing byte) (more bool, next int) {
	i := p.skip(at)
	switch {
	case i < p.end && p.src[i] == closing:
		return false, i
	case i < p.end && p.src[i] == ',':
		return true, p.skip(i + 1)
	}
	p.refuse()
	return false, i
}

func (p *plainReader) flowList(at, depth int) (*node, int) {
	n, mark := p.node(kindList, at), len(p.items)
	i := p.skip(at + 1)
	for empty := true; ; empty = false {
		if i < p.end && p.src[i] == ']' && empty {
			break
		}
		item, after := p.flow(i, depth+1)
		if p.refused {
			return nil, at
		}
		p.items = append(p.items, item)
		more, next := p.flowMore(after, ']')
		if i = next; !more {
			break
		}
	}
	if p.refused {
		return nil, at
	}
	n.items = append([]*node(nil), p.items[mark:]...)
	p.items = p.items[:mark]
	return n, i + 1
}
