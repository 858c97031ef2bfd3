package api_test

import (
	"bytes"
	"net/http"
	"os"
	"testing"
)

// consoleDocument is the copy of the OpenAPI document that the console's types are made of.
const consoleDocument = "../../web/openapi.json"

// TestDocumentOfConsole tells when the console's copy of the OpenAPI document is not that of the server. It asks for it only
// where everything must be there (make test), so that a route and the console can change one after the other.
// FAIRLEAD_WRITE_DOCUMENT has it write the copy instead: make generate.
func TestDocumentOfConsole(t *testing.T) {
	write := os.Getenv("FAIRLEAD_WRITE_DOCUMENT") != ""
	if !write && os.Getenv("FAIRLEAD_TEST_REQUIRE") == "" {
		t.Skip("FAIRLEAD_TEST_REQUIRE is not set")
	}
	s := mustServe(t)
	got := s.must(http.StatusOK, request{method: "GET", path: "/api/openapi.json"}).body
	if write {
		if err := os.WriteFile(consoleDocument, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(consoleDocument)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, have) {
		t.Errorf("%s is not what the server says: run make generate and commit what it changes", consoleDocument)
	}
}
