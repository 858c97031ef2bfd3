package api

import (
	"context"
	"fmt"
	"mime"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

func (a *API) listTemplates(ctx context.Context, in *Page) (*Body[List[fairlead.Template]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Templates}); err != nil {
		return nil, err
	}
	var templates []fairlead.Template
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		templates, next, err = tx.Templates(ctx, in.Limit, in.Cursor)
		return err
	})
	return list(templates, next, err)
}

func (a *API) getTemplate(ctx context.Context, in *Named) (*Body[fairlead.Template], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Templates, Name: in.Name}); err != nil {
		return nil, err
	}
	var t fairlead.Template
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) { t, err = tx.Template(ctx, in.Name); return err })
	return answer(t, err)
}

// Versioned names a template version.
type Versioned struct {
	Named
	Version string `path:"version" maxLength:"80"`
}

func (a *API) templateVersion(ctx context.Context, in Versioned) (v fairlead.TemplateVersion, err error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Templates, Name: in.Name}); err != nil {
		return v, err
	}
	err = a.DB.Read(ctx, func(tx *store.Tx) error { v, err = tx.TemplateVersion(ctx, in.Name, in.Version); return err })
	return v, err
}

func (a *API) getTemplateVersion(ctx context.Context, in *Versioned) (*Body[fairlead.TemplateVersion], error) {
	return answer(a.templateVersion(ctx, *in))
}

// Source is the text of a template version as it was pushed.
type Source struct {
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag"`
	Body        []byte
}

func (a *API) getTemplateSource(ctx context.Context, in *Versioned) (*Source, error) {
	v, err := a.templateVersion(ctx, *in)
	if err != nil {
		return nil, err
	}
	return &Source{ContentType: "text/plain; charset=utf-8", ETag: fmt.Sprintf("%q", v.Digest), Body: v.Source}, nil
}

// TemplatePush is a template text to store as a version.
type TemplatePush struct {
	Versioned
	Filename    string `query:"filename" doc:"name of the file, for the positions of findings; its ending tells YAML from JSON"`
	Description string `query:"description" maxLength:"1000"`
	Main        string `query:"main" doc:"name of the template text within a package; blueprint.yaml when not given"`
	ID          string `query:"id" doc:"a second name of the version, for templateId of AOS.Stack elements"`
	RawBody     []byte `contentType:"application/octet-stream" doc:"the text, or a package: .zip or .tar.gz with the text and files beside it"`
}

// PushedTemplate is a stored version with what the checker had to say.
type PushedTemplate struct {
	fairlead.TemplateVersion
	Warnings fairlead.Diagnostics `json:"warnings,omitempty"`
}

func (a *API) pushTemplate(ctx context.Context, in *TemplatePush) (*Body[PushedTemplate], error) {
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.Templates, Name: in.Name}); err != nil {
		return nil, err
	}
	var ds fairlead.Diagnostics
	ds = appendFinding(ds, "name", fairlead.CheckName("template", in.Name))
	ds = appendFinding(ds, "version", fairlead.CheckVersion(in.Version))
	if in.ID != "" {
		ds = appendFinding(ds, "id", fairlead.CheckTemplateID(in.ID))
	}
	if err := ds.Err("the template"); err != nil {
		return nil, err
	}
	p, err := openUpload(in.Filename, in.Main, in.RawBody)
	if err != nil {
		return nil, err
	}
	t, ds := template.Parse(p.Main, p.Text)
	if err := ds.Err("template " + in.Name); err != nil {
		return nil, err
	}
	v := fairlead.TemplateVersion{
		Template: in.Name, Version: in.Version, Description: in.Description, Filename: p.Main, Source: p.Text, ID: in.ID,
		Inputs: t.Inputs(), Elements: len(t.Elements()), CreatedBy: actorOf(ctx).User, Digest: p.Digest,
	}
	if p.Packed {
		v.Package, v.Files, v.Archive = uploadName(in.Filename, in.RawBody), p.Files, in.RawBody
	}
	if v.Description == "" {
		v.Description = t.Description()
	}
	err = a.DB.Write(ctx, func(tx *store.Tx) error { return tx.CreateTemplateVersion(ctx, &v) })
	return answer(PushedTemplate{v, ds}, err)
}

// openUpload takes an upload apart, which can be a package.
func openUpload(filename, main string, body []byte) (*template.Package, error) {
	if len(filename) > 255 || strings.ContainsAny(filename, "/\\\x00\r\n") || filename == "." || filename == ".." {
		return nil, fairlead.Errorf(fairlead.Invalid, "filename %.300q: want the name of a file without a folder, at most 255 bytes", filename)
	}
	return template.Open(uploadName(filename, body), main, body)
}

// uploadName is the name of an upload, also when none was given.
func uploadName(filename string, body []byte) string {
	switch {
	case filename != "":
		return filename
	case strings.HasPrefix(string(body[:min(2, len(body))]), "PK"):
		return "template.zip"
	case strings.HasPrefix(string(body[:min(2, len(body))]), "\x1f\x8b"):
		return "template.tar.gz"
	}
	return "template.yaml"
}

// Archive is a package as it was pushed.
type Archive struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (a *API) getTemplatePackage(ctx context.Context, in *Versioned) (*Archive, error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Templates, Name: in.Name}); err != nil {
		return nil, err
	}
	var filename string
	var body []byte
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		filename, body, err = tx.TemplatePackage(ctx, in.Name, in.Version)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &Archive{ContentType: "application/octet-stream", Disposition: mime.FormatMediaType("attachment", map[string]string{"filename": filename}), Body: body}, nil
}

func (a *API) deleteTemplateVersion(ctx context.Context, in *Versioned) (*None, error) {
	if err := can(ctx, auth.Remove, auth.Object{Kind: auth.Templates, Name: in.Name}); err != nil {
		return nil, err
	}
	return &None{}, a.DB.Write(ctx, func(tx *store.Tx) error {
		stacks, err := tx.StacksUsing(ctx, in.Name, in.Version)
		if err != nil {
			return err
		}
		if len(stacks) > 0 {
			return fairlead.Errorf(fairlead.Conflict, "template %s@%s is used, or kept for a rollback, by stacks: %s", in.Name, in.Version, some(stacks))
		}
		return tx.DeleteTemplateVersion(ctx, in.Name, in.Version)
	})
}

// some lists names for a message, the first few when there are many.
func some(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// TemplateText is a template text to check.
type TemplateText struct {
	Filename string `query:"filename" doc:"name of the file, for the positions of findings"`
	Main     string `query:"main" doc:"name of the template text within a package; blueprint.yaml when not given"`
	RawBody  []byte `contentType:"application/octet-stream"`
}

// TemplateCheck is what a check of a template found.
type TemplateCheck struct {
	Diagnostics fairlead.Diagnostics `json:"diagnostics" nullable:"false"`
	Inputs      []fairlead.Input     `json:"inputs" nullable:"false"`
	Elements    []string             `json:"elements" nullable:"false"`
}

func (a *API) validateTemplate(ctx context.Context, in *TemplateText) (*Body[TemplateCheck], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Templates}); err != nil {
		return nil, err
	}
	p, err := openUpload(in.Filename, in.Main, in.RawBody)
	if err != nil {
		return nil, err
	}
	check := TemplateCheck{Diagnostics: fairlead.Diagnostics{}, Inputs: []fairlead.Input{}, Elements: []string{}}
	t, ds := template.Parse(p.Main, p.Text)
	check.Diagnostics = append(check.Diagnostics, ds...)
	if t != nil {
		check.Inputs = append(check.Inputs, t.Inputs()...)
		check.Elements = append(check.Elements, t.Elements()...)
	}
	return &Body[TemplateCheck]{check}, nil
}
