package api_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/api"
)

// oddTexts are texts that JSON, addresses or YAML can carry and that a database, a log or a page may choke on.
var oddTexts = []string{"a\x00b", "\xff", "\ufffe\u202e", "'; DROP TABLE users; --", "%s%!d(MISSING)", "${a}{{b}}<script>", strings.Repeat("ü", 5000)}

// TestOddTexts puts odd texts into every place of every route where a text can stand: path, query, body. Whatever is answered, it is
// never a failure of the server.
func TestOddTexts(t *testing.T) {
	s := mustServeWith(t, func(cfg *api.Config) {
		cfg.SendTest = func(context.Context, string, fairlead.User) error { return nil }
	})
	fill := s.scene()
	doc := into[textDocument](s.get("/api/openapi.json"))
	for _, r := range rights {
		method, pattern, _ := strings.Cut(r.route, " ")
		path := pattern
		if r.path != "" {
			path = r.path
		}
		put := func(text string) string { return fill.Replace(strings.ReplaceAll(text, "{me}", "boss")) }
		path = put(path)
		send := func(where, path string, body any) {
			t.Helper()
			got := s.do(request{method: method, path: path, user: "boss", body: body, header: map[string]string{"Accept": "application/json"}})
			if got.status >= http.StatusInternalServerError || got.status == http.StatusUnauthorized {
				t.Errorf("%s with an odd text in %s: status %d: %s", r.route, where, got.status, got.body)
			}
		}
		for _, odd := range oddTexts {
			for _, p := range doc.Paths[pattern][strings.ToLower(method)].Parameters {
				switch p.In {
				case "path":
					if method != "DELETE" || p.Name != "name" { // what is deleted stays for the others
						send("the path, "+p.Name, strings.ReplaceAll(pattern, "{"+p.Name+"}", url.PathEscape(odd)), r.body)
					}
				case "query":
					join := "?"
					if strings.Contains(path, "?") {
						join = "&"
					}
					send("the query, "+p.Name, path+join+p.Name+"="+url.QueryEscape(odd), r.body)
				}
			}
			switch body := r.body.(type) {
			case string:
				send("the body", path, body+"\n"+odd)
				quoted, _ := json.Marshal(odd) // YAML reads what JSON writes
				send("a text of the body", path, put(body)+"\ndescription: "+string(quoted)+"\n")
			case object:
				for _, odder := range append(body.with(put).each(odd), doc.odder(pattern, method, body.with(put), odd)...) {
					send("the body", path, odder)
				}
			}
		}
	}
}

// textDocument is what the document of the API says about places for texts.
type textDocument struct {
	Paths map[string]map[string]struct {
		Parameters  []struct{ Name, In string }
		RequestBody struct {
			Content map[string]struct{ Schema textSchema }
		}
	}
	Components struct{ Schemas map[string]textSchema }
}

type textSchema struct {
	Ref        string `json:"$ref"`
	Type       any
	Properties map[string]textSchema
	Additional any `json:"additionalProperties"`
}

// odder returns the body of a request once for each text or map of texts that it could have, with an odd one.
func (d textDocument) odder(path, method string, body object, odd string) (list []object) {
	schema := d.Paths[path][strings.ToLower(method)].RequestBody.Content["application/json"].Schema
	if name, ok := strings.CutPrefix(schema.Ref, "#/components/schemas/"); ok {
		schema = d.Components.Schemas[name]
	}
	for key, property := range schema.Properties {
		var value any = odd
		if _, ok := property.Additional.(map[string]any); ok {
			value = object{odd: odd, "text": odd}
		} else if property.Type != "string" {
			continue
		}
		list = append(list, body.and(key, value))
	}
	return list
}

// and returns the object with one more value.
func (o object) and(key string, value any) object {
	out := maps.Clone(o)
	out[key] = value
	return out
}

// each returns the object once for each text in it, with another text in its place.
func (o object) each(text string) (list []object) {
	for key, value := range o {
		switch v := value.(type) {
		case string:
			list = append(list, o.and(key, text))
		case object:
			list = append(list, o.and(key, object{text: text}))
			for _, inner := range v.each(text) {
				list = append(list, o.and(key, inner))
			}
		}
	}
	return list
}
