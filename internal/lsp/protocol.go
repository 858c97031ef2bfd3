package lsp

// The messages of the protocol, as far as they are used here. Lines and characters count from 0, characters in UTF-16 units.

type object = map[string]any

type position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

type span struct {
	Start position `json:"start"`
	End   position `json:"end"`
}

type identifier struct {
	URI string `json:"uri"`
}

type openParams struct {
	Document struct {
		URI  string `json:"uri"`
		Text string `json:"text"`
	} `json:"textDocument"`
}

type changeParams struct {
	Document identifier `json:"textDocument"`
	Changes  []struct {
		Text string `json:"text"`
	} `json:"contentChanges"`
}

type placeParams struct {
	Document identifier `json:"textDocument"`
	Position position   `json:"position"`
}

type diagnostic struct {
	Range    span   `json:"range"`
	Severity int    `json:"severity"` // 1 error, 2 warning
	Code     string `json:"code,omitempty"`
	Source   string `json:"source"`
	Message  string `json:"message"`
}

// Kinds of completions.
const (
	kindFunction = 3
	kindVariable = 6
	kindClass    = 7
	kindProperty = 10
	kindValue    = 12
)

type completion struct {
	Label         string `json:"label"`
	Kind          int    `json:"kind"`
	Detail        string `json:"detail,omitempty"`
	Documentation string `json:"documentation,omitempty"`
	InsertText    string `json:"insertText,omitempty"`
}

type hover struct {
	Contents markup `json:"contents"`
}

type markup struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}
