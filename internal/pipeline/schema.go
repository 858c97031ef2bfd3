package pipeline

import _ "embed"

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema (draft 2020-12) of the pipeline file, for editors. It is wider than [Parse]: it knows no variables
// and no names.
func Schema() []byte { return append([]byte(nil), schema...) }
