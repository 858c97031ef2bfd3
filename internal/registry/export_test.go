package registry

import "net/http"

// Inner is distribution without us in front of it: what a push leaves behind when the server dies before it records it.
func (r *Registry) Inner() http.Handler { return r.disk }

// CheckParseRoute tells how a path is read: the name, the last part and the right needed for method.
func CheckParseRoute(method, path string) (name, last, verb string, ok bool) {
	rt, ok := parseRoute(path)
	if !ok || rt.image.organization == "" {
		return "", "", "", ok
	}
	return rt.image.name(), rt.last, rt.verb(method), true
}
