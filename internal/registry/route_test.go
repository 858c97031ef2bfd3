package registry_test

import (
	"testing"

	"github.com/fairlead/fairlead/internal/registry"
)

func TestRoutes(t *testing.T) {
	type want struct{ name, last, verb string }
	for _, tt := range []struct {
		method, path string
		want         want
		ok           bool
	}{
		{"GET", "/v2", want{}, true},
		{"GET", "/v2/token", want{}, true},
		{"GET", "/v2/token/x/manifests/1", want{"token/x", "1", "pull"}, true},
		{"GET", "/v2/a/b/manifests/1", want{"a/b", "1", "pull"}, true},
		{"HEAD", "/v2/a/b/c/manifests/sha256:0", want{"a/b/c", "sha256:0", "pull"}, true},
		{"PUT", "/v2/a/manifests/manifests/manifests", want{"a/manifests", "manifests", "push"}, true},
		{"DELETE", "/v2/a/b/manifests/1", want{"a/b", "1", "delete"}, true},
		{"GET", "/v2/a/tags/tags/list", want{"a/tags", "", "pull"}, true},
		{"POST", "/v2/a/b/blobs/uploads/", want{"a/b", "", "push"}, true},
		{"POST", "/v2/a/b/blobs/uploads", want{"a/b", "", "push"}, true},
		{"GET", "/v2/a/b/blobs/uploads/id", want{"a/b", "id", "push"}, true},
		{"DELETE", "/v2/a/b/blobs/uploads/id", want{"a/b", "id", "push"}, true},
		{"GET", "/v2/a/blobs/uploads/manifests/1", want{"a/blobs/uploads", "1", "pull"}, true},
		{"GET", "/v2/a/b/blobs/sha256:0", want{"a/b", "sha256:0", "pull"}, true},
		{"GET", "/v2/a/b/c", want{}, false},
		{"GET", "/v2/manifests/1", want{}, false},
		{"GET", "/v3/", want{}, false},
	} {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			var got want
			var ok bool
			got.name, got.last, got.verb, ok = registry.CheckParseRoute(tt.method, tt.path)
			if got != tt.want || ok != tt.ok {
				t.Fatalf("got %+v %v, want %+v %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}
