package api

import (
	"embed"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fairlead/fairlead"
)

//go:embed web
var web embed.FS

// contentPolicy lets a page use what comes from this server and nothing else.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pages mounts the pages and documents, and the answer for every path that nothing serves.
func (a *API) pages() {
	a.mux.HandleFunc("GET /{$}", a.home())
	if a.console != nil {
		a.mux.HandleFunc("GET /assets/", a.console.asset)
	}
	a.mux.HandleFunc("GET /api/docs", file("web/docs.html", "text/html; charset=utf-8"))
	a.mux.HandleFunc("GET /api/docs/docs.js", file("web/docs.js", "text/javascript; charset=utf-8"))
	a.mux.HandleFunc("GET /api/docs/style.css", file("web/style.css", "text/css; charset=utf-8"))
	a.mux.HandleFunc("GET /api/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
		_, _ = w.Write(a.openapi) // the client is gone: nobody to tell
	})
	if a.Metrics != nil {
		a.mux.Handle("GET /metrics", a.Metrics)
	}
	a.mux.HandleFunc("/", a.notFound)
}

// home is the first page: the console, or one that says that it was not built in.
func (a *API) home() http.HandlerFunc {
	if a.console == nil {
		return file("web/index.html", "text/html; charset=utf-8")
	}
	return func(w http.ResponseWriter, _ *http.Request) { a.console.servePage(w) }
}

func file(name, contentType string) http.HandlerFunc {
	body, err := web.ReadFile(name)
	if err != nil {
		panic(err) // embedded: a missing file does not get past the first test
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("Referrer-Policy", "no-referrer")
		_, _ = w.Write(body) // the client is gone: nobody to tell
	}
}

// notFound answers for paths that nothing serves, and for methods that a path does not have. To a browser that opens an
// address, the console answers: it knows its own pages.
func (a *API) notFound(w http.ResponseWriter, r *http.Request) {
	if a.console != nil && a.console.serves(r) {
		a.console.servePage(w)
		return
	}
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := a.mux.Handler(other); pattern != "" && pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, newProblem(http.StatusMethodNotAllowed, fairlead.NotFound,
			r.Method+" "+safePath(r.URL.Path)+" does not exist; this address has: "+strings.Join(allowed, ", "), nil))
		return
	}
	writeProblem(w, newProblem(http.StatusNotFound, fairlead.NotFound, "nothing is at "+safePath(r.URL.Path)+"; see /api/docs", nil))
}

// describe adds to the document what huma does not serve, and takes out what nothing refers to.
func (a *API) describe() {
	doc := a.huma.OpenAPI()
	plain := func(path, id, summary, contentType string) {
		doc.AddOperation(&huma.Operation{
			OperationID: id, Method: http.MethodGet, Path: path, Tags: []string{tagServer}, Summary: summary, Security: []map[string][]string{},
			Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: "string"}}}}},
		})
	}
	doc.Paths[hooksPath+"{token}"].Post.RequestBody = hookBody()
	plain("/metrics", "getMetrics", "Metrics for Prometheus", "text/plain")
	plain("/api/openapi.json", "getOpenAPI", "This document", "application/json")
	plain("/api/docs", "getDocs", "This document as a page", "text/html")
	for _, tag := range []string{tagSessions, tagUsers, tagTokens, tagTemplates, tagTargets, tagStacks, tagGroups, tagPipelines, tagRuns, tagChannels, tagImages, tagEvents, tagAudit, tagHooks, tagServer} {
		doc.Tags = append(doc.Tags, &huma.Tag{Name: tag})
	}
	schemas := doc.Components.Schemas.Map()
	delete(schemas, "ErrorModel") // huma's own shape of errors, which shapeErrors replaces
	delete(schemas, "ErrorDetail")
}
