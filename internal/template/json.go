package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// readJSON reads one JSON value with its places.
func readJSON(r *report, src []byte) *node {
	j := &jsonReader{builder: builder{r: r}, src: src, dec: json.NewDecoder(bytes.NewReader(src)), line: 1, col: 1}
	j.dec.UseNumber()
	root, err := j.value(1, false)
	if err == nil && root != nil {
		if _, err = j.dec.Token(); err == nil {
			err = errors.New("there is more after the end of the template")
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		j.fail(err)
		return nil
	}
	if root == nil || j.full || root.kind == kindNull {
		return nil
	}
	return root
}

type jsonReader struct {
	builder
	src []byte
	dec *json.Decoder
	// Where counting lines and characters has got to: tokens come in order, so that the text is counted once.
	offset    int
	line, col int32
}

func (j *jsonReader) fail(err error) {
	offset := int(j.dec.InputOffset())
	if se, ok := errors.AsType[*json.SyntaxError](err); ok {
		// The decoder counts to the bad character or to the blank before it.
		offset = max(int(se.Offset)-1, 0)
		for offset < len(j.src)-1 && strings.IndexByte(" \t\r\n", j.src[offset]) >= 0 {
			offset++
		}
	}
	message := err.Error()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		offset, message = len(j.src), "the text ends in the middle of a value"
	}
	line, col := position(j.src, offset)
	j.r.at(line, col).error("syntax", "not valid JSON: "+message, "")
}

// next reads a token and its place.
func (j *jsonReader) next() (tok json.Token, line, col int32, err error) {
	start := int(j.dec.InputOffset())
	for start < len(j.src) && strings.IndexByte(" \t\r\n,:", j.src[start]) >= 0 {
		start++
	}
	for ; j.offset < start; j.offset++ {
		switch c := j.src[j.offset]; {
		case c == '\n':
			j.line, j.col = j.line+1, 1
		case utf8.RuneStart(c):
			j.col++
		}
	}
	tok, err = j.dec.Token()
	return tok, j.line, j.col, err
}

// value reads a value. It is nil without an error at the end of a list or map, and when the tree is too large.
func (j *jsonReader) value(depth int, inputs bool) (*node, error) {
	tok, line, col, err := j.next()
	if err != nil {
		return nil, err
	}
	if tok == json.Delim(']') || tok == json.Delim('}') || !j.grow(1, depth, line, col) {
		return nil, nil
	}
	n := &node{line: line, col: col}
	switch tok := tok.(type) {
	case json.Delim:
		if tok == '[' {
			return j.list(n, depth)
		}
		return j.object(n, depth, inputs)
	case bool:
		n.kind, n.text = kindBool, fmt.Sprint(tok)
	case json.Number:
		n.kind, n.text = kindInt, tok.String()
		if _, ok := parseInt(n.text); !ok {
			n.kind = kindFloat
		}
		if _, ok := parseFloat(n.text); !ok {
			j.r.at(line, col).error("number", fmt.Sprintf("%s is not a number that can be held", shorten(n.text)), "quote it if it is meant as text")
			n.kind = kindString
		}
	case string:
		n.kind, n.text = kindString, tok
	}
	return n, nil
}

func (j *jsonReader) list(n *node, depth int) (*node, error) {
	n.kind = kindList
	for {
		item, err := j.value(depth+1, false)
		if err != nil || j.full {
			return nil, unexpected(err)
		}
		if item == nil {
			return n, nil
		}
		n.items = append(n.items, item)
	}
}

func (j *jsonReader) object(n *node, depth int, inputs bool) (*node, error) {
	n.kind = kindMap
	for {
		tok, line, col, err := j.next()
		if err != nil {
			return nil, unexpected(err)
		}
		key, ok := tok.(string)
		if !ok {
			n.pairs = j.unique(n.pairs, inputs)
			n.call = functionOf(n)
			return n, nil
		}
		value, err := j.value(depth+1, depth == 1 && key == "inputs")
		if err != nil || value == nil {
			return nil, unexpected(err)
		}
		n.pairs = append(n.pairs, pair{key: key, line: line, col: col, value: value})
	}
}

// unexpected turns the end of the text within a value into an error of its own.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
