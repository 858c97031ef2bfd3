// Package lsp is a language server for templates and pipeline files: findings while typing, completion and hover, in any
// editor that speaks the Language Server Protocol (version 3.17, over standard input and output).
//
// It needs no Fairlead server and opens no file and no connection: it knows only the texts that the editor sends.
package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"path"
	"sync"

	"github.com/sourcegraph/jsonrpc2"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/template"
)

// Serve answers an editor until it says exit, closes the stream, or ctx ends.
func Serve(ctx context.Context, stream io.ReadWriteCloser, version string) error {
	s := &server{version: version, documents: map[string]*document{}}
	conn := jsonrpc2.NewConn(ctx, jsonrpc2.NewBufferedStream(stream, jsonrpc2.VSCodeObjectCodec{}), jsonrpc2.HandlerWithError(s.handle))
	defer conn.Close() // the stream has ended already, or ends with it
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-conn.DisconnectNotify():
		return nil
	}
}

// server keeps the open texts of one editor. Messages are handled one after the other, in order.
type server struct {
	version string

	mu        sync.Mutex
	documents map[string]*document
}

func (s *server) handle(ctx context.Context, conn *jsonrpc2.Conn, r *jsonrpc2.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case "initialize":
		return s.initialize(), nil
	case "initialized", "$/setTrace", "$/cancelRequest", "textDocument/didSave", "workspace/didChangeConfiguration":
		return nil, nil
	case "shutdown":
		s.documents = map[string]*document{}
		return nil, nil
	case "exit":
		return nil, conn.Close()
	case "textDocument/didOpen":
		return with(r, func(p openParams) (any, error) { return nil, s.open(ctx, conn, p.Document.URI, p.Document.Text) })
	case "textDocument/didChange":
		return with(r, func(p changeParams) (any, error) {
			if len(p.Changes) == 0 {
				return nil, nil
			}
			return nil, s.open(ctx, conn, p.Document.URI, p.Changes[len(p.Changes)-1].Text)
		})
	case "textDocument/didClose":
		return with(r, func(p placeParams) (any, error) {
			delete(s.documents, p.Document.URI)
			return nil, publish(ctx, conn, p.Document.URI, nil)
		})
	case "textDocument/completion":
		return with(r, func(p placeParams) (any, error) { return s.at(p, (*document).complete), nil })
	case "textDocument/hover":
		return with(r, func(p placeParams) (any, error) { return s.at(p, (*document).hover), nil })
	}
	return nil, &jsonrpc2.Error{Code: jsonrpc2.CodeMethodNotFound, Message: "method " + r.Method + " is not known here"}
}

// with reads the parameters of a message.
func with[P any](r *jsonrpc2.Request, do func(P) (any, error)) (any, error) {
	var p P
	if r.Params == nil {
		return nil, &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidParams, Message: r.Method + " needs parameters"}
	}
	if err := json.Unmarshal(*r.Params, &p); err != nil {
		return nil, &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidParams, Message: r.Method + ": " + err.Error()}
	}
	return do(p)
}

func (s *server) initialize() any {
	return object{
		"serverInfo": object{"name": "fairlead", "version": s.version},
		"capabilities": object{
			"textDocumentSync":   object{"openClose": true, "change": 1}, // whole texts
			"completionProvider": object{"triggerCharacters": []string{" ", ":", "-", ".", "{", "["}},
			"hoverProvider":      true,
		},
	}
}

// open takes a text in and tells what is wrong with it.
func (s *server) open(ctx context.Context, conn *jsonrpc2.Conn, uri, text string) error {
	d := newDocument(fileName(uri), text)
	s.documents[uri] = d
	return publish(ctx, conn, uri, d.findings())
}

// at answers a question about a place of an open text; nothing for a text that is not open.
func (s *server) at(p placeParams, answer func(d *document, at position) any) any {
	d := s.documents[p.Document.URI]
	if d == nil {
		return nil
	}
	return answer(d, p.Position)
}

func publish(ctx context.Context, conn *jsonrpc2.Conn, uri string, list []diagnostic) error {
	if list == nil {
		list = []diagnostic{}
	}
	err := conn.Notify(ctx, "textDocument/publishDiagnostics", object{"uri": uri, "diagnostics": list})
	if errors.Is(err, jsonrpc2.ErrClosed) {
		return nil // the editor has gone
	}
	return err
}

func fileName(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return path.Base(uri)
	}
	return path.Base(u.Path)
}

// findings checks the text with the checker of its language.
func (d *document) findings() []diagnostic {
	var found fairlead.Diagnostics
	switch d.language {
	case languageTemplate:
		_, found = template.Parse(d.file, []byte(d.text))
	case languagePipeline:
		_, found = pipeline.Parse(d.file, []byte(d.text))
	}
	list := make([]diagnostic, 0, len(found))
	for _, f := range found {
		list = append(list, d.diagnostic(f))
	}
	return list
}
