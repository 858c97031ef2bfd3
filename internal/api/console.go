package api

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/fairlead/fairlead"
)

// sessionCookie holds the token of a browser's session. Scripts cannot read it.
const sessionCookie = "fairlead_session"

// nonceMark stands in the console's page where the nonce of the answer belongs: the components write their own style sheets,
// which the policy allows to nobody else.
const nonceMark = "__NONCE__"

func consolePolicy(nonce string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + nonce + "'; style-src-attr 'unsafe-inline'; connect-src 'self'; " +
		"img-src 'self' data: blob:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// console serves the built files of the console and its page for every address that a browser opens.
type console struct {
	files fs.FS
	page  []byte
}

func newConsole(files fs.FS) (*console, error) {
	page, err := unpacked(files, "index.html")
	if err != nil {
		return nil, fmt.Errorf("api: console: %w", err)
	}
	return &console{files, page}, nil
}

// serves reports whether the console answers a request: a browser that opens a page, not a client that asks for data.
func (c *console) serves(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	for _, other := range []string{apiPath, hooksPath, "/v2/", "/assets/"} {
		if strings.HasPrefix(r.URL.Path, other) {
			return false
		}
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

func (c *console) servePage(w http.ResponseWriter) {
	nonce := rand.Text()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", consolePolicy(nonce))
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(bytes.ReplaceAll(c.page, []byte(nonceMark), []byte(nonce))) // the client is gone: nobody to tell
}

// asset serves a file whose name holds the hash of its content, so that it never changes.
func (c *console) asset(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	packed, err := fs.ReadFile(c.files, name+".gz")
	if err != nil {
		writeProblem(w, newProblem(http.StatusNotFound, fairlead.NotFound, "the console has no file "+safePath(r.URL.Path)+"; load the page again", nil))
		return
	}
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Add("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed) // the client is gone: nobody to tell
		return
	}
	plain, err := unpacked(c.files, name)
	if err != nil {
		writeProblem(w, newProblem(http.StatusInternalServerError, fairlead.Internal, "the console's file "+name+" cannot be read", nil))
		return
	}
	_, _ = w.Write(plain) // the client is gone: nobody to tell
}

func unpacked(files fs.FS, name string) (b []byte, err error) {
	f, err := files.Open(name + ".gz")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	gz, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(gz)
}

// crossSite refuses what another site makes a browser send with the cookie of a session.
func crossSite(r *http.Request) error {
	protection := http.NewCrossOriginProtection()
	if err := protection.Check(r); err != nil {
		return fairlead.Errorf(fairlead.Denied, "the request comes from another site than this server's: %w", err)
	}
	return nil
}
