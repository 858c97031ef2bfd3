package fairlead

import (
	"regexp"
	"time"
)

// Template is a name under which versions are kept.
type Template struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Versions    []string  `json:"versions" doc:"newest first"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// TemplateVersion is one immutable text in the template language.
type TemplateVersion struct {
	Template    string    `json:"template"`
	Version     string    `json:"version"`
	Description string    `json:"description,omitempty"`
	Filename    string    `json:"filename" doc:"name of the uploaded file; its ending tells YAML from JSON"`
	Digest      string    `json:"digest" doc:"sha256:<hex> of the text, of a package of all its files"`
	Size        int       `json:"size" doc:"bytes"`
	Inputs      []Input   `json:"inputs"`
	Elements    int       `json:"elements"`
	CreatedAt   time.Time `json:"created_at"`
	CreatedBy   string    `json:"created_by"`
	// ID is a second name of the version, unique among all templates: what templateId of AOS.Stack elements may say.
	ID string `json:"id,omitempty" doc:"a second name, for templateId of AOS.Stack elements"`
	// Package is the name of the archive that the version came in, and Files what is in it beside the main file.
	Package string   `json:"package,omitempty" doc:"name of the uploaded package; empty for a text"`
	Files   []string `json:"files,omitempty" doc:"paths in the package beside the main file, sorted"`
	Source  []byte   `json:"-"`
	Archive []byte   `json:"-"` // the package as it was uploaded
}

// Input describes one input parameter of a template.
type Input struct {
	Name        string         `json:"name"`
	Type        string         `json:"type" doc:"string, integer, float, boolean, enum, ip, password, secret or a typed reference"`
	Default     any            `json:"default,omitempty" doc:"shown as ****** when the input is secret"`
	Description string         `json:"description,omitempty"`
	Label       string         `json:"label,omitempty"`
	Required    bool           `json:"required" doc:"a value must be given: there is no default"`
	Secret      bool           `json:"secret,omitempty" doc:"of type password or secret, or invisible"`
	Advanced    bool           `json:"advanced,omitempty"`
	Immutable   bool           `json:"immutable,omitempty"`
	Constraints map[string]any `json:"constraints,omitempty" doc:"keyword to operand"`
	UsedBy      []string       `json:"used_by,omitempty" doc:"elements that read the input, sorted"`
}

var (
	// Limits of names and versions: reference pages of the original's template API (create template).
	nameRE    = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,62}[a-z0-9])?$`)
	versionRE = regexp.MustCompile(`^[a-zA-Z0-9_]+([-.][a-zA-Z0-9]+)*$`)
	idRE      = regexp.MustCompile(`^[a-zA-Z0-9]([-_.a-zA-Z0-9]{0,62}[a-zA-Z0-9])?$`)
)

// CheckName checks a name of a template, stack, target or channel: 1-64 lower-case letters, digits, hyphens; first a letter,
// last not a hyphen. what is the noun for the message.
func CheckName(what, name string) error {
	if nameRE.MatchString(name) {
		return nil
	}
	return Errorf(Invalid, "%s name %q: want 1 to 64 lower-case letters, digits or hyphens, first a letter, last not a hyphen", what, name)
}

// CheckVersion checks a template version: 1-24 letters, digits, underscores, with single dots or hyphens between.
func CheckVersion(version string) error {
	if len(version) <= 24 && versionRE.MatchString(version) {
		return nil
	}
	return Errorf(Invalid, "template version %q: want 1 to 24 letters, digits or underscores, with single dots or hyphens between them, such as 1.0", version)
}

// CheckTemplateID checks the second name of a template version: 1-64 letters, digits, dots, hyphens, underscores.
func CheckTemplateID(id string) error {
	if idRE.MatchString(id) {
		return nil
	}
	return Errorf(Invalid, "template id %q: want 1 to 64 letters, digits, dots, hyphens or underscores, first and last a letter or digit, such as 370f60c6-afc2-e08a-d1c4-fd33bd58b785", id)
}
