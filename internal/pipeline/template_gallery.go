package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// TemplateFilter selects pipeline templates. Empty fields select everything.
type TemplateFilter struct {
	Kind     fairlead.TemplateKind
	Category fairlead.TemplateCategory
}

// Templates lists pipeline templates, those that came with the program and those that were stored, by name and without their
// sources. cursor is the last name of the page before.
func (e *Engine) Templates(ctx context.Context, f TemplateFilter, limit int, cursor string) ([]fairlead.PipelineTemplate, string, error) {
	var all []fairlead.PipelineTemplate
	err := e.db.Read(ctx, func(tx *store.Tx) (err error) { all, err = tx.PipelineTemplates(ctx); return err })
	if err != nil {
		return nil, "", err
	}
	taken := map[string]bool{}
	for _, t := range all {
		taken[t.Name] = true
	}
	samples, err := e.sampleNames()
	if err != nil {
		return nil, "", err
	}
	for _, name := range samples {
		if taken[name] { // one of somebody's own that is older than the sample
			continue
		}
		t, err := e.sample(name)
		if err != nil {
			return nil, "", err
		}
		t.Source = ""
		all = append(all, t.PipelineTemplate)
	}
	all = slices.DeleteFunc(all, func(t fairlead.PipelineTemplate) bool {
		return t.Name <= cursor || f.Kind != "" && t.Kind != f.Kind || f.Category != "" && t.Category != f.Category
	})
	slices.SortFunc(all, func(a, b fairlead.PipelineTemplate) int { return cmp.Compare(a.Name, b.Name) })
	list, next := store.Page(all, limit, func(t fairlead.PipelineTemplate) string { return t.Name })
	return list, next, nil
}

func (e *Engine) sampleNames() (names []string, err error) {
	if e.samples == nil {
		return nil, nil
	}
	files, err := fs.Glob(e.samples, "*.yaml")
	for _, file := range files {
		names = append(names, strings.TrimSuffix(file, ".yaml"))
	}
	return names, err
}

// sample reads a template that came with the program; nil when it has none with that name.
func (e *Engine) sample(name string) (*Template, error) {
	if e.samples == nil || !fs.ValidPath(name+".yaml") || path.Base(name) != name {
		return nil, nil
	}
	file := name + ".yaml"
	src, err := fs.ReadFile(e.samples, file)
	if err != nil {
		return nil, nil //nolint:nilerr // embedded: it is not there
	}
	t, diags := ParseTemplate(file, src)
	if err := diags.Err(file); err != nil {
		return nil, fmt.Errorf("sample template: %w", err)
	}
	t.Name, t.Kind = name, fairlead.SampleTemplate
	return t, nil
}

// Template returns one pipeline template with its source.
func (e *Engine) Template(ctx context.Context, name string) (fairlead.PipelineTemplate, error) {
	t, err := e.readTemplate(ctx, name)
	if err != nil {
		return fairlead.PipelineTemplate{}, err
	}
	return t.PipelineTemplate, nil
}

func (e *Engine) readTemplate(ctx context.Context, name string) (*Template, error) {
	var own fairlead.PipelineTemplate
	err := e.db.Read(ctx, func(tx *store.Tx) (err error) { own, err = tx.PipelineTemplate(ctx, name); return err })
	if fairlead.ErrorCode(err) == fairlead.NotFound {
		if t, sampleErr := e.sample(name); t != nil || sampleErr != nil {
			return t, sampleErr
		}
	}
	if err != nil {
		return nil, err
	}
	t, diags := ParseTemplate(name+".yaml", []byte(own.Source))
	if err := diags.Err("pipeline template " + name); err != nil {
		return nil, err
	}
	t.Name, t.By, t.CreatedAt = own.Name, own.By, own.CreatedAt
	return t, nil
}

// PutTemplate stores a pipeline template of somebody's own, in the place of the one with its name if there is one; replace false
// is a Conflict then. The names of those that came with the program are taken. Warnings come with a template that was stored.
func (e *Engine) PutTemplate(ctx context.Context, actor fairlead.Actor, name string, src []byte, replace bool) (fairlead.PipelineTemplate, fairlead.Diagnostics, error) {
	none := fairlead.PipelineTemplate{}
	if err := fairlead.CheckGroupName("pipeline template", name); err != nil {
		return none, nil, err
	}
	t, diags := ParseTemplate(name+".yaml", src)
	if err := diags.Err("pipeline template " + name); err != nil {
		return none, nil, err
	}
	if s, err := e.sample(name); err != nil || s != nil {
		return none, nil, cmp.Or[error](err, fairlead.Errorf(fairlead.Conflict, "pipeline template %s came with the program and cannot be changed; choose another name", name))
	}
	t.Name, t.By = name, actor.User
	err := e.db.Write(ctx, func(tx *store.Tx) error {
		what := "pipeline-template-pushed"
		switch _, err := tx.PipelineTemplate(ctx, name); {
		case err == nil && !replace:
			return fairlead.Errorf(fairlead.Conflict, "pipeline template %s exists; choose another name, or delete it first: fairlead pipeline-template delete %s", name, name)
		case err != nil && fairlead.ErrorCode(err) != fairlead.NotFound:
			return err
		}
		if err := tx.PutPipelineTemplate(ctx, &t.PipelineTemplate); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, fairlead.Event{Kind: "pipeline-template", Name: name, Type: what, Message: fmt.Sprintf("pipeline template %s stored by %s", name, actor)})
	})
	return t.PipelineTemplate, diags, err
}

// DeleteTemplate removes a stored pipeline template. Pipelines that were made of it stay as they are.
func (e *Engine) DeleteTemplate(ctx context.Context, actor fairlead.Actor, name string) error {
	err := e.db.Write(ctx, func(tx *store.Tx) error {
		if err := tx.DeletePipelineTemplate(ctx, name); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, fairlead.Event{Kind: "pipeline-template", Name: name, Type: "pipeline-template-deleted", Message: fmt.Sprintf("pipeline template %s deleted by %s", name, actor)})
	})
	if fairlead.ErrorCode(err) == fairlead.NotFound {
		if s, sampleErr := e.sample(name); s != nil || sampleErr != nil {
			return cmp.Or[error](sampleErr, fairlead.Errorf(fairlead.Conflict, "pipeline template %s came with the program and cannot be deleted", name))
		}
	}
	return err
}

// RenderTemplate makes a pipeline file of a template; see [Template.Render].
func (e *Engine) RenderTemplate(ctx context.Context, name string, values map[string]string) ([]byte, error) {
	t, err := e.readTemplate(ctx, name)
	if err != nil {
		return nil, err
	}
	return t.Render(values)
}
