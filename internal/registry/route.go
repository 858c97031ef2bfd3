package registry

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// kind is what a path below /v2/ names.
type kind int

const (
	kindBase kind = iota
	kindToken
	kindCatalog
	kindTags
	kindManifest
	kindBlob
	kindUpload
)

// route is a parsed request path. image has neither tag nor digest; last is the tag, digest or upload session.
type route struct {
	kind  kind
	image ref
	last  string
}

// parseRoute reads the path from its end, because a repository may contain any word that an endpoint is called by.
func parseRoute(path string) (route, bool) {
	rest, ok := strings.CutPrefix(path, "/v2")
	switch {
	case !ok:
		return route{}, false
	case rest == "" || rest == "/":
		return route{kind: kindBase}, true
	case rest == "/token":
		return route{kind: kindToken}, true
	case rest == "/_catalog":
		return route{kind: kindCatalog}, true
	}
	parts := strings.Split(strings.TrimPrefix(rest, "/"), "/")
	n := len(parts)
	if n < 3 {
		return route{}, false
	}
	last := parts[n-1]
	switch {
	case parts[n-2] == "tags" && last == "list":
		return imageRoute(kindTags, parts[:n-2], "")
	case parts[n-2] == "manifests":
		return imageRoute(kindManifest, parts[:n-2], last)
	case parts[n-2] == "blobs" && last != "uploads":
		return imageRoute(kindBlob, parts[:n-2], last)
	case parts[n-2] == "blobs":
		return imageRoute(kindUpload, parts[:n-2], "")
	case n > 3 && parts[n-3] == "blobs" && parts[n-2] == "uploads":
		return imageRoute(kindUpload, parts[:n-3], last)
	}
	return route{}, false
}

func imageRoute(k kind, name []string, last string) (route, bool) {
	if len(name) == 0 {
		return route{}, false
	}
	return route{kind: k, image: ref{organization: name[0], repository: strings.Join(name[1:], "/")}, last: last}, true
}

// path is the route as distribution gets it: built from what was checked, so that both always mean the same.
func (rt route) path() string {
	prefix := "/v2/" + rt.image.name()
	switch rt.kind {
	case kindTags:
		return prefix + "/tags/list"
	case kindManifest:
		return prefix + "/manifests/" + rt.last
	case kindBlob:
		return prefix + "/blobs/" + rt.last
	default:
		return prefix + "/blobs/uploads/" + rt.last
	}
}

// verb is the right that a request needs.
func (rt route) verb(method string) string {
	switch {
	case method == http.MethodDelete && rt.kind != kindUpload:
		return Delete
	case rt.kind == kindUpload, method != http.MethodGet && method != http.MethodHead:
		return Push
	default:
		return Pull
	}
}

func (r *Registry) serve(w http.ResponseWriter, req *http.Request) error {
	rt, ok := parseRoute(req.URL.Path)
	if !ok {
		return fault{http.StatusNotFound, codeUnsupported, fmt.Sprintf("%s is not an endpoint of this registry; images are named <host>/organization/repository:tag", req.URL.Path)}
	}
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	if rt.kind == kindToken {
		return r.serveToken(w, req)
	}
	who, err := r.authenticate(req)
	if err != nil {
		return err
	}
	switch rt.kind {
	case kindBase:
		return r.serveBase(w, who)
	case kindCatalog:
		return r.serveCatalog(w, req, who)
	}
	if err := r.authorize(req.Context(), who, rt.image, rt.verb(req.Method)); err != nil {
		return err
	}
	return r.serveImage(w, req, rt, who)
}

// serveBase answers the question with which clients find out whether they need credentials. It asks for them even when
// anonymous pulls are allowed: a client that is not asked here never sends the ones it has.
func (r *Registry) serveBase(w http.ResponseWriter, who caller) error {
	if who.anonymous && !who.token {
		return loginNeeded("")
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte("{}")) // the client may be gone
	return nil
}

func (r *Registry) serveImage(w http.ResponseWriter, req *http.Request, rt route, who caller) error {
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		r.forward(w, req, rt)
		return nil
	}
	r.pushes.RLock()
	defer r.pushes.RUnlock()
	switch {
	case rt.kind == kindManifest && req.Method == http.MethodPut:
		return r.putManifest(w, req, rt, who)
	case rt.kind == kindManifest && req.Method == http.MethodDelete:
		return r.deleteManifest(w, req, rt, who)
	case rt.kind == kindBlob && req.Method == http.MethodDelete:
		return fault{http.StatusMethodNotAllowed, codeUnsupported, "blobs cannot be deleted one by one; those that no image uses are removed by the registry itself"}
	case rt.kind == kindUpload:
		return r.upload(w, req, rt, who)
	}
	return fault{http.StatusMethodNotAllowed, codeUnsupported, req.Method + " is not possible here"}
}

// forward passes a request on to distribution.
func (r *Registry) forward(w http.ResponseWriter, req *http.Request, rt route) {
	inner := req.Clone(req.Context())
	inner.URL.Path, inner.URL.RawPath = rt.path(), ""
	inner.Header.Del("Authorization")
	r.disk.ServeHTTP(w, inner)
}

// uploadPause is how long an upload may stand still.
const uploadPause = time.Minute

// patientBody is the body of an upload, which takes as long as it takes while something arrives.
type patientBody struct {
	io.ReadCloser
	control *http.ResponseController
}

func (b patientBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(uploadPause)) // only recorders of tests cannot
	return b.ReadCloser.Read(p)
}

// maxLayer is the documented limit of the original service for one layer.
const maxLayer = 10 << 30

// upload passes on one step of a blob's upload.
func (r *Registry) upload(w http.ResponseWriter, req *http.Request, rt route, who caller) error {
	end := req.ContentLength
	if cr := req.Header.Get("Content-Range"); cr != "" {
		var first, last int64
		if _, err := fmt.Sscanf(cr, "%d-%d", &first, &last); err == nil {
			end = last + 1
		}
	}
	if end > maxLayer {
		return fault{http.StatusRequestEntityTooLarge, codeSizeInvalid, "the layer is larger than 10 GiB, the limit for one layer; split it into several"}
	}
	// Distribution takes other algorithms but its garbage collection does not know what they point at.
	if d := req.URL.Query().Get("digest"); d != "" && !strings.HasPrefix(d, "sha256:") {
		return fault{http.StatusBadRequest, codeDigestInvalid, fmt.Sprintf("digest %q: this registry keeps sha256 digests only; want sha256:<64 hexadecimal digits>", d)}
	}
	req.Body = http.MaxBytesReader(w, patientBody{req.Body, http.NewResponseController(w)}, maxLayer)
	r.limitMount(req, who)
	r.forward(w, req, rt)
	return nil
}

// limitMount turns the mount of a blob from a repository that the caller may not pull from into an ordinary upload.
func (r *Registry) limitMount(req *http.Request, who caller) {
	q := req.URL.Query()
	if !q.Has("mount") && !q.Has("from") {
		return
	}
	from, err := parseRef(q.Get("from"), true)
	if err == nil {
		err = r.authorize(req.Context(), who, from, Pull)
	}
	if err != nil {
		q.Del("mount")
		q.Del("from")
		req.URL.RawQuery = q.Encode()
	}
}

// nameFault gives a broken name its code of the protocol.
func nameFault(code string, err error) error {
	if fairlead.ErrorCode(err) != fairlead.Invalid {
		return err
	}
	return fault{http.StatusBadRequest, code, err.Error()}
}
