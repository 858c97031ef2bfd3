package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fairlead/fairlead"
)

// option changes one route.
type option func(*huma.Operation)

// public routes need no credentials.
func public(op *huma.Operation) { op.Security = []map[string][]string{} }

// status is the answer's status when it is not 200, or 204 for an answer without body.
func status(code int) option { return func(op *huma.Operation) { op.DefaultStatus = code } }

// limit bounds the body of the request in bytes.
func limit(n int64) option { return func(op *huma.Operation) { op.MaxBodyBytes = n + 1 } } // huma refuses what reaches it

// anyQuery is for routes whose query holds names of the caller's own.
func anyQuery(op *huma.Operation) { op.SkipValidateParams = true }

// reads is for routes that change nothing although their method is not GET: they leave no entry in the audit log.
func reads(op *huma.Operation) { setMetadata(op, readsKey, true) }

const readsKey = "reads"

func setMetadata(op *huma.Operation, key string, value any) {
	if op.Metadata == nil {
		op.Metadata = map[string]any{}
	}
	op.Metadata[key] = value
}

// streams documents that the route can also answer with server-sent events of T.
func streams[T any](event string) option {
	return func(op *huma.Operation) {
		setMetadata(op, streamKey, streamed{reflect.TypeFor[List[T]](), event})
	}
}

// add registers one route: "METHOD /path". The operation's id is the name of its method in generated clients.
func add[I, O any](a *API, id, route, tag, summary string, handle func(ctx context.Context, in *I) (*O, error), options ...option) {
	method, path, _ := strings.Cut(route, " ")
	op := huma.Operation{
		OperationID: id, Method: method, Path: path, Tags: []string{tag}, Summary: summary, MaxBodyBytes: maxBody + 1,
		BodyReadTimeout: a.BodyTimeout,
		Security:        []map[string][]string{{"token": {}}, {"basic": {}}},
		Responses:       map[string]*huma.Response{"default": a.problemResponse()},
	}
	for _, o := range options {
		o(&op)
	}
	if s, ok := op.Metadata[streamKey].(streamed); ok {
		op.Responses["200"] = a.streamResponse(s)
	}
	traced := method != http.MethodGet && op.Metadata[readsKey] == nil
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		if traced {
			ctx = a.beginTrace(ctx, id)
		}
		out, err := handle(ctx, in)
		if traced {
			err = errors.Join(err, a.endTrace(ctx, err))
		}
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
}

// plainText is for routes that write text.
func plainText(op *huma.Operation) {
	op.Responses["200"] = &huma.Response{Description: "The text.", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: "string"}}}}
}

// Body is an answer with a JSON body and nothing else.
type Body[T any] struct{ Body T }

func answer[T any](v T, err error) (*Body[T], error) {
	if err != nil {
		return nil, err
	}
	return &Body[T]{v}, nil
}

// None is an answer without a body.
type None struct{}

// List is one page of a list.
type List[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
}

func list[T any](items []T, next string, err error) (*Body[List[T]], error) {
	if err != nil {
		return nil, err
	}
	if items == nil {
		items = []T{}
	}
	return &Body[List[T]]{List[T]{items, next}}, nil
}

// Page selects a page of a list.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"most items of the page"`
	Cursor string `query:"cursor" maxLength:"300" doc:"next of the page before"`
}

// Named is a request about the thing with a name.
type Named struct {
	Name string `path:"name" maxLength:"128"`
}

// NamedPage is a request for a page of what belongs to the thing with a name.
type NamedPage struct {
	Named
	Page
}

// jsonFormat reads and writes JSON. Text after the value is an error, and so is a key that stands twice in an object:
// whichever of its values counted, the other would be ignored without a word.
func jsonFormat() huma.Format {
	return huma.Format{
		Marshal: func(w io.Writer, v any) error {
			enc := json.NewEncoder(w)
			enc.SetEscapeHTML(false)
			return enc.Encode(v)
		},
		Unmarshal: func(data []byte, v any) error {
			dec := json.NewDecoder(bytes.NewReader(data))
			if err := dec.Decode(v); err != nil {
				return fmt.Errorf("not the JSON that is wanted: %w", err)
			}
			if _, err := dec.Token(); err != io.EOF {
				return fmt.Errorf("not the JSON that is wanted: text after the value, at byte %d", dec.InputOffset())
			}
			return checkKeys(data)
		},
	}
}

// checkKeys looks for a key that stands twice in an object of valid JSON.
func checkKeys(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	type level struct {
		keys  map[string]bool // nil in a list
		value bool            // the next token is a value
	}
	var open []level
	for {
		token, err := dec.Token()
		if err != nil {
			return nil // the end
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			open = open[:len(open)-1]
			continue
		}
		if n := len(open); n > 0 && open[n-1].keys != nil {
			if top := &open[n-1]; !top.value {
				key, _ := token.(string) // keys of an object are strings
				if top.keys[key] {
					return fmt.Errorf("not the JSON that is wanted: key %.100q stands there twice, at byte %d", key, dec.InputOffset())
				}
				top.keys[key], top.value = true, true
				continue
			}
			open[n-1].value = false
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{keys: map[string]bool{}})
		case json.Delim('['):
			open = append(open, level{})
		}
	}
}

// registerAliases tells the schema of types that write themselves as text.
func registerAliases(r huma.Registry) {
	r.RegisterTypeAlias(reflect.TypeFor[fairlead.Duration](), reflect.TypeFor[string]())
}

func etag(revision int64) string { return strconv.Quote(strconv.FormatInt(revision, 10)) }

// checkMatch compares an If-Match header with a revision, 0 when there is nothing yet.
func checkMatch(header, what string, revision int64) error {
	switch header = strings.TrimSpace(header); {
	case header == "", header == "*" && revision > 0:
		return nil
	case header == "*":
		return precondition("%s does not exist; leave out If-Match to make it", what)
	}
	for tag := range strings.SplitSeq(header, ",") {
		if strings.TrimPrefix(strings.TrimSpace(tag), "W/") == etag(revision) && revision > 0 {
			return nil
		}
	}
	if revision == 0 {
		return precondition("%s does not exist; leave out If-Match to make it", what)
	}
	return precondition("%s has changed: it is at revision %d now; read it again and repeat your change on that", what, revision)
}

func statusText(code int) string {
	if s := http.StatusText(code); s != "" {
		return s
	}
	return "Status " + strconv.Itoa(code)
}
