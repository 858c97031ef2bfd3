package stack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

// wish is what the properties of an element say about its nested stack.
type wish struct {
	element     string
	ref         any // templateId
	inputs      map[string]any
	description string
	namespace   string
	onFailure   fairlead.OnFailure
	adopt       bool // everything inside may take over what exists
}

// wishOf reads the properties. What is wrong comes in one Invalid error.
func wishOf(el template.Element) (wish, error) {
	w := wish{element: el.Name, ref: el.Properties["templateId"], namespace: el.Namespace, onFailure: fairlead.Keep, adopt: el.Adopt}
	var ds fairlead.Diagnostics
	if ref, ok := w.ref.(string); (!ok && !template.HasUnknown(w.ref)) || ok && ref == "" {
		ds = append(ds, finding("nested-stack", "templateId", "a nested stack needs templateId: the id of a template, or NAME@VERSION"))
	}
	switch inputs := el.Properties["inputs"].(type) {
	case nil:
	case map[string]any:
		w.inputs = inputs
	default:
		ds = append(ds, finding("nested-stack", "inputs", "inputs must be a map from the names of inputs to their values"))
	}
	w.description, _ = el.Properties["description"].(string)
	if ns, _ := el.Properties["namespace"].(string); ns != "" {
		w.namespace = ns
	}
	switch s := el.Properties["failureStrategy"]; s {
	case nil, "", "DoNothing":
	case "Rollback":
		w.onFailure = fairlead.Rollback
	default:
		if !template.HasUnknown(s) {
			ds = append(ds, finding("nested-stack", "failureStrategy", fmt.Sprintf("failureStrategy %q: want DoNothing or Rollback", fmt.Sprint(s))))
		}
	}
	return w, ds.Err("element " + el.Name)
}

// resolve finds the template version that templateId means: NAME@VERSION, or an id that the template was pushed with.
func (n nested) resolve(ctx context.Context, ref any) (name, version string, err error) {
	text, _ := ref.(string)
	err = n.engine.db.Read(ctx, func(tx *store.Tx) error {
		v, err := tx.TemplateByRef(ctx, text)
		name, version = v.Template, v.Version
		return err
	})
	return name, version, err
}

// maxName bounds the name of a stack.
const maxName = 64

// name gives a nested stack that is to be made its id and its name, if the record has none yet. The name is free, or it is
// that of another stack, and then another one is made of it.
func (n nested) name(ctx context.Context, el template.Element, r *fairlead.Record) (err error) {
	if r.Identity[keyID] == "" {
		if r.Identity[keyID], err = newID(); err != nil {
			return err
		}
	}
	if r.Identity[keyName] != "" {
		return nil
	}
	return n.engine.db.Read(ctx, func(tx *store.Tx) error {
		for _, name := range nestedNames(el.Stack, el.Name) {
			_, err := tx.Stack(ctx, name)
			if fairlead.ErrorCode(err) == fairlead.NotFound {
				r.Identity[keyName] = name
				return nil
			}
			if err != nil {
				return err
			}
		}
		return fairlead.Errorf(fairlead.Conflict, "a stack %q exists already and is no part of stack %q; give element %q another name",
			nestedNames(el.Stack, el.Name)[0], el.Stack, el.Name)
	})
}

// nestedNames are the names that the stack of an element can have: PARENT-ELEMENT, and one that no other parent and element
// lead to.
func nestedNames(parent, element string) []string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, element)
	sum := sha256.Sum256([]byte(parent + "/" + element))
	suffix := "-" + hex.EncodeToString(sum[:4])
	name := strings.TrimRight(parent+"-"+plain, "-")
	exact := strings.TrimRight(name[:min(len(name), maxName-len(suffix))], "-") + suffix
	if len(name) > maxName || plain != element {
		return []string{exact}
	}
	return []string{name, exact}
}
