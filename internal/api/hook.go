package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/store"
)

const (
	hooksPath = "/hooks/"
	maxHook   = 64 << 10
	// maxHookParams bounds the parameters of one message.
	maxHookParams = 200
	// maxDeep is how deep into a body parameters reach.
	maxDeep = 20
)

// HookRequest is a message to a trigger condition. Its query and body are the caller's own; the body may be absent, which
// huma cannot say of one that it reads.
type HookRequest struct {
	Token          string `path:"token" maxLength:"200"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"the same key counts once"`

	query  string
	body   []byte
	err    error // why the body could not be read
	header func(name string) string
}

// Resolve keeps query and body.
func (in *HookRequest) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	in.query, in.header = u.RawQuery, ctx.Header
	in.body, in.err = io.ReadAll(io.LimitReader(ctx.BodyReader(), maxHook+1))
	return nil
}

// hookBody documents the body, after registration, so that huma does not read it.
func hookBody() *huma.RequestBody {
	return &huma.RequestBody{
		Description: "Parameters: one JSON object of strings, numbers and booleans. Parameters can stand in the query as well.",
		Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
			Type: "object", AdditionalProperties: &huma.Schema{OneOf: []*huma.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}},
		}}},
	}
}

// HookAnswer says under which ids a message was stored.
type HookAnswer struct {
	ID     string                 `json:"id" doc:"id of the message"`
	Run    string                 `json:"run,omitempty" doc:"id of the run that it started or reached"`
	Result fairlead.MessageResult `json:"result" enum:"started,released,counted" doc:"what the message did"`
	Reason string                 `json:"reason,omitempty" doc:"why it did not do more"`
}

func (a *API) hook(ctx context.Context, in *HookRequest) (*Body[HookAnswer], error) {
	switch {
	case len(in.body) > maxHook:
		return nil, fairlead.Errorf(fairlead.TooLarge, "the message is too large: at most %d bytes are accepted", maxHook)
	case in.err != nil:
		return nil, fairlead.Errorf(fairlead.Invalid, "the body of the message did not arrive: %w", in.err)
	}
	store.TraceOf(ctx).Via = pipeline.CauseWebhook
	params, wrong := hookParams(in.query, in.body)
	result, err := a.Pipelines.Hook(ctx, pipeline.Call{Token: in.Token, Params: params, Wrong: wrong, Deep: deepParams(in.body), Key: in.IdempotencyKey,
		Body: in.body, Header: in.header})
	return answer(HookAnswer{result.Message, result.Run, result.Result, result.Reason}, err)
}

// deepParams are the scalars of a JSON body by their path, such as repository.name or commits.0.id; none when the body is no
// JSON. It is for bodies whose form the sender decides.
func deepParams(body []byte) map[string]string {
	var root any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if dec.Decode(&root) != nil {
		return nil
	}
	out := map[string]string{}
	var walk func(path string, depth int, v any)
	walk = func(path string, depth int, v any) {
		if depth > maxDeep {
			return
		}
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				walk(strings.TrimPrefix(path+"."+key, "."), depth+1, value)
			}
		case []any:
			for i, value := range v {
				walk(path+"."+strconv.Itoa(i), depth+1, value)
			}
		case string:
			out[path] = v
		case json.Number, bool:
			out[path] = fmt.Sprint(v)
		}
	}
	walk("", 0, root)
	return out
}

// hookParams reads the parameters of a message from its query and body. All that is wrong is found at once.
func hookParams(rawQuery string, body []byte) (map[string]string, error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the query of the address cannot be read: %w", err)
	}
	p := hookReader{params: map[string]string{}}
	for name, values := range query {
		for _, v := range values {
			p.add(name, v)
		}
	}
	if len(bytes.TrimSpace(body)) > 0 {
		if err := p.readBody(body); err != nil {
			return nil, err
		}
	}
	if len(p.params) > maxHookParams {
		return nil, fairlead.Errorf(fairlead.TooLarge, "the message has %d parameters: at most %d are possible", len(p.params), maxHookParams)
	}
	p.problems.Sort()
	return p.params, p.problems.Err("the message")
}

type hookReader struct {
	params   map[string]string
	problems fairlead.Diagnostics
}

func (p *hookReader) problem(code, name, format string, args ...any) {
	p.problems = append(p.problems, fairlead.Diagnostic{
		Severity: fairlead.SeverityError, Code: code, Path: name, Summary: fmt.Sprintf(format, args...),
	})
}

func (p *hookReader) add(name, value string) {
	switch old, twice := p.params[name]; {
	case name == "":
		p.problem("bad-parameter", name, "a parameter has no name")
	case twice && old != value:
		p.problem("parameter-twice", name, "parameter %q is given twice with different values", name)
	default:
		p.params[name] = value
	}
}

// readBody reads one JSON object. Its keys are read one by one, because a map would hide one that is there twice.
func (p *hookReader) readBody(body []byte) error {
	wrong := func(err error) error {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("it ends early, after byte %d; want an object such as {\"tag\": \"1.0\"}", len(body))
		}
		return fairlead.Errorf(fairlead.Invalid, "the body is not one JSON object of parameters: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		if err == nil {
			err = fmt.Errorf("it begins with %v", t)
		}
		return wrong(err)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return wrong(err)
		}
		name, _ := key.(string) // keys of an object are strings
		var value any
		if err := dec.Decode(&value); err != nil {
			return wrong(err)
		}
		switch value := value.(type) {
		case string:
			p.add(name, value)
		case json.Number, bool:
			p.add(name, fmt.Sprint(value))
		case nil:
			p.problem("bad-parameter", name, "parameter %q is null; want a string, number or boolean", name)
		default:
			p.problem("bad-parameter", name, "parameter %q is nested; want a string, number or boolean", name)
		}
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return wrong(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return wrong(fmt.Errorf("text follows the object, at byte %d", dec.InputOffset()))
	}
	return nil
}
