package lsp

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sourcegraph/jsonrpc2"

	"github.com/fairlead/fairlead/internal/pipeline"
)

const shop = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  image:
    type: string
    description: image of the shop
node_templates:
  config:
    type: HuaweiCloud.CCE.ConfigMap
    properties: {name: shop, data: {a: b}}
  web:
    type: HuaweiCloud.CCE.Deployment
    requirements:
      - dependency: {node: config}
    properties:
      k8sManifest:
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: 1
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec: {containers: [{name: web, image: {get_input: image}}]}
`

const delivery = `name: shop
variables:
  - {name: tag, value: "1.0"}
start:
  mode: any
  conditions:
    - webhook: {}
      params:
        - name: tag
          variable: tag
stages:
  - name: deploy
    type: template-deploy
    deploy:
      tool: aos
      stack: shop
`

// editor is the other end of a server.
type editor struct {
	t         *testing.T
	conn      *jsonrpc2.Conn
	published chan []diagnostic
}

func newEditor(t *testing.T) *editor {
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute) // it outlives the test's end
	e := &editor{t: t, published: make(chan []diagnostic, 10)}
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, theirs, "test") }()
	e.conn = jsonrpc2.NewConn(ctx, jsonrpc2.NewBufferedStream(ours, jsonrpc2.VSCodeObjectCodec{}), jsonrpc2.HandlerWithError(
		func(_ context.Context, _ *jsonrpc2.Conn, r *jsonrpc2.Request) (any, error) {
			var p struct{ Diagnostics []diagnostic }
			if err := json.Unmarshal(*r.Params, &p); err != nil {
				t.Error(err)
			}
			e.published <- p.Diagnostics
			return nil, nil
		}))
	t.Cleanup(func() {
		if err := e.conn.Call(ctx, "shutdown", nil, nil); err != nil {
			t.Error(err)
		}
		if err := e.conn.Notify(ctx, "exit", nil); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		cancel()
	})
	var hello struct{ Capabilities map[string]any }
	e.call("initialize", object{}, &hello)
	if hello.Capabilities["hoverProvider"] != true {
		t.Fatalf("capabilities %v", hello.Capabilities)
	}
	return e
}

func (e *editor) call(method string, params, result any) {
	e.t.Helper()
	if err := e.conn.Call(e.t.Context(), method, params, result); err != nil {
		e.t.Fatalf("%s: %v", method, err)
	}
}

// open sends a text, without the mark | of the place, and returns the place and what was found.
func (e *editor) open(file, marked string) (object, []diagnostic) {
	e.t.Helper()
	before, after, _ := strings.Cut(marked, "|")
	uri := "file:///" + file
	err := e.conn.Notify(e.t.Context(), "textDocument/didOpen", object{"textDocument": object{"uri": uri, "text": before + after}})
	if err != nil {
		e.t.Fatal(err)
	}
	line := strings.Count(before, "\n")
	at := position{line, units([]rune(before[strings.LastIndex(before, "\n")+1:]))}
	return object{"textDocument": object{"uri": uri}, "position": at}, <-e.published
}

func TestFindings(t *testing.T) {
	e := newEditor(t)
	for file, text := range map[string]string{"web.yaml": shop, "shop.yaml": delivery, "other.yaml": "a: [b\n"} {
		if _, found := e.open(file, text); len(found) != 0 {
			t.Errorf("%s: %v", file, found)
		}
	}
	_, found := e.open("web.yaml", strings.Replace(shop, "get_input: image", "get_input: imag", 1))
	if len(found) != 1 || found[0].Range.Start.Line != 23 || found[0].Severity != 1 || !strings.Contains(found[0].Message, "imag") {
		t.Errorf("findings %+v", found)
	}
	_, found = e.open("shop.yaml", strings.Replace(delivery, "tool: aos", "tol: 中文", 1))
	if len(found) == 0 || found[0].Range.Start != (position{14, 6}) {
		t.Errorf("findings %+v", found)
	}
}

func TestCompletion(t *testing.T) {
	cases := []struct{ name, text, old, marked, want, not string }{
		{"types of elements", shop, "type: HuaweiCloud.CCE.Deployment", "type: |", "HuaweiCloud.CCE.StatefulSet", "string"},
		{"types of inputs", shop, "    type: string", "    type: |", "integer", "HuaweiCloud.CCE.Job"},
		{"names of inputs", shop, "{get_input: image}", "{get_input: |}", "image", "web"},
		{"pseudo inputs", shop, "{get_input: image}", "{get_input: |", "HuaweiCloud.StackName", ""},
		{"names of elements", shop, "{node: config}", "{node: |}", "config", "image"},
		{"keys of an element", shop, "    requirements:", "    |\n    requirements:", "condition", "inputs"},
		{"keys of an input", shop, "    description: image of the shop", "    |", "constraints", "requirements"},
		{"sections", shop, "inputs:", "|\ninputs:", "outputs", "type"},
		{"properties of a type", shop, "    properties:\n      k8s", "    properties:\n      |\n      k8s", "clusterId", "size"},
		{"functions as values", shop, "replicas: 1", "replicas: |", "get_input", ""},
		{"keys of a pipeline", delivery, "start:", "|\nstart:", "concurrency", "deploy"},
		{"keys of a stage", delivery, "    type: template-deploy", "    |\n    type: template-deploy", "on_error", "tool"},
		{"keys of a deployment", delivery, "      tool: aos", "      |", "parameters", "needs"},
		{"types of stages", delivery, "type: template-deploy", "type: |", "review", "aos"},
		{"keys of a condition", delivery, "    - webhook: {}", "    - |", "schedule", "mode"},
		{"variables", delivery, "variable: tag", "variable: |", "tag", "shop"},
	}
	e := newEditor(t)
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			at, _ := e.open("x.yaml", strings.Replace(tt.text, tt.old, tt.marked, 1))
			var list []completion
			e.call("textDocument/completion", at, &list)
			has := func(label string) bool {
				return slices.ContainsFunc(list, func(c completion) bool { return c.Label == label })
			}
			if !has(tt.want) || tt.not != "" && has(tt.not) {
				t.Errorf("completions %v; want %q, not %q", list, tt.want, tt.not)
			}
		})
	}
}

func TestHover(t *testing.T) {
	cases := []struct{ name, text, old, marked, want string }{
		{"a type", shop, "CCE.Deployment", "CCE.Depl|oyment", "k8sManifest"},
		{"a property", shop, "      k8sManifest", "      k8s|Manifest", "required"},
		{"an input", shop, "{get_input: image}", "{get_input: im|age}", "image of the shop"},
		{"a function", shop, "get_input:", "get_|input:", "get_input"},
		{"an element", shop, "{node: config}", "{node: con|fig}", "ConfigMap"},
		{"a key of a pipeline", delivery, "tool: aos", "to|ol: aos", "helm"},
	}
	e := newEditor(t)
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			at, _ := e.open("x.yaml", strings.Replace(tt.text, tt.old, tt.marked, 1))
			var h *hover
			e.call("textDocument/hover", at, &h)
			if h == nil || !strings.Contains(h.Contents.Value, tt.want) {
				t.Errorf("hover %v; want %q in it", h, tt.want)
			}
		})
	}
	at, _ := e.open("x.yaml", "stages: []\n|")
	var h *hover
	if e.call("textDocument/hover", at, &h); h != nil {
		t.Errorf("hover over nothing: %v", h)
	}
}

func TestUnknownRequestsAreRefused(t *testing.T) {
	e := newEditor(t)
	if err := e.conn.Call(t.Context(), "textDocument/rename", object{}, nil); err == nil || !strings.Contains(err.Error(), "not known") {
		t.Errorf("error %v", err)
	}
	if err := e.conn.Call(t.Context(), "textDocument/hover", []int{1}, nil); err == nil {
		t.Error("wrong parameters were accepted")
	}
}

// The table of keys must not offer what the parser refuses.
func TestKeysOfPipelinesAreKnownToTheParser(t *testing.T) {
	lists := []string{"variables", "conditions", "params", "stages", "images", "notifications", "groups", "when"}
	for _, k := range pipelineKeys() {
		value := "x"
		if k.values != nil {
			value = k.values[0]
		}
		text := "{" + k.name + ": " + value + "}"
		parts := strings.Split(k.place, ".")
		if k.place == "" {
			parts = nil
		}
		for _, part := range slices.Backward(parts) {
			if slices.Contains(lists, part) {
				text = "[" + text + "]"
			}
			if part == "deploy" && !strings.Contains(text, "tool:") {
				text = strings.Replace(text, "{", "{tool: aos, ", 1)
			}
			text = "{" + part + ": " + text + "}"
		}
		_, found := pipeline.Parse("x.yaml", []byte(text))
		for _, f := range found {
			if f.Code == "unknown-key" || f.Code == "not-available" || f.Code == "wrong-value" && k.values != nil && strings.HasSuffix(f.Path, "."+k.name) && strings.Contains(f.Summary, `"`+value+`"`) {
				t.Errorf("%s %s: %s", k.place, k.name, f.Summary)
			}
		}
	}
}

func FuzzPlaces(f *testing.F) {
	f.Add(shop, 3, 4)
	f.Add(delivery, 8, 20)
	f.Add("a: {b: [c, {d: }]}\n- - x:", 1, 6)
	f.Fuzz(func(_ *testing.T, text string, line, character int) {
		d := newDocument("x.yaml", text)
		for _, language := range []language{languageTemplate, languagePipeline} {
			d.language = language
			at := position{line, character}
			d.complete(at)
			d.hover(at)
		}
	})
}
