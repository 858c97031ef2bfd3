package notify

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Text is a text with the values of variables in it: what the author wrote and values take turns, beginning with the author.
type Text []string

// fill joins a text; escape sees what stands before a value.
func (t Text) fill(escape func(before, value string) string) string {
	var out strings.Builder
	for i, part := range t {
		if i%2 == 1 {
			part = escape(out.String(), part)
		}
		out.WriteString(part)
	}
	return out.String()
}

// Plain is the text with its values as they are.
func (t Text) Plain() string { return strings.Join(t, "") }

// Header is the text as the value of a header: no value can begin another header.
func (t Text) Header() string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, t.Plain()))
}

// Form is the text as the content of a form.
func (t Text) Form() string {
	return t.fill(func(_, value string) string { return url.QueryEscape(value) })
}

// URL is the text as an address: no value can leave its segment of the path, or its parameter of the query.
func (t Text) URL() string {
	return t.fill(func(before, value string) string {
		switch {
		case strings.Contains(before, "?"):
			return url.QueryEscape(value)
		case strings.Trim(value, ".") == "":
			return strings.ReplaceAll(value, ".", "%2E")
		}
		return url.PathEscape(value)
	})
}

// JSON is the text as JSON: a value within quotes is a part of that text, a value outside is a number, true, false or null
// if it reads as one, and a text if not.
func (t Text) JSON() string {
	return t.fill(func(before, value string) string {
		quoted := quote(value)
		if insideText(before) {
			return quoted[1 : len(quoted)-1]
		}
		var v any
		if err := json.Unmarshal([]byte(value), &v); err == nil {
			switch v.(type) {
			case nil, bool, float64:
				return value
			}
		}
		return quoted
	})
}

// insideText reports whether a place in JSON is within quotes.
func insideText(before string) bool {
	inside := false
	for i := 0; i < len(before); i++ {
		switch {
		case before[i] == '"':
			inside = !inside
		case inside && before[i] == '\\':
			i++
		}
	}
	return inside
}

func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil { // a text always has a JSON form
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Call is a request in which values stand in texts.
type Call struct {
	Method  string
	URL     Text
	Headers map[string]Text
	Secret  []string
	Query   map[string]Text
	Body    Text
	Chat    bool
}

// Request escapes every value for the place where it stands.
func (c Call) Request() Request {
	r := Request{Method: c.Method, URL: c.URL.URL(), Secret: c.Secret, Chat: c.Chat, Headers: map[string]string{}}
	kind := ""
	for name, value := range c.Headers {
		r.Headers[name] = value.Header()
		if strings.EqualFold(name, "Content-Type") {
			kind = strings.ToLower(r.Headers[name])
		}
	}
	query := url.Values{}
	for name, value := range c.Query {
		query.Set(name, value.Plain())
	}
	if len(query) > 0 {
		address, _, _ := strings.Cut(r.URL, "#") // what follows is never sent
		sep := "?"
		if strings.Contains(address, "?") {
			sep = "&"
		}
		r.URL = address + sep + query.Encode()
	}
	if len(c.Body) == 0 || slices.Equal(c.Body, Text{""}) {
		return r
	}
	switch {
	case kind == "":
		r.Headers["Content-Type"] = "application/json"
		r.Body = c.Body.JSON()
	case strings.Contains(kind, "json"):
		r.Body = c.Body.JSON()
	case strings.Contains(kind, "x-www-form-urlencoded"):
		r.Body = c.Body.Form()
	default:
		r.Body = c.Body.Plain()
	}
	return r
}
