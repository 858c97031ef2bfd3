package stack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

// refuseProtected keeps a protected stack from being deleted, and what holds data in it from being deleted or made again.
func refuseProtected(p *Prepared, now *situation) error {
	if !now.stack.Protected || !now.exists {
		return nil
	}
	const off = "; take the protection off first, with: fairlead stack update %s --unprotect"
	if p.want.Template == "" {
		return fairlead.Errorf(fairlead.Conflict, "stack %q is protected: it cannot be deleted"+off, p.Stack.Name, p.Stack.Name)
	}
	var lost []string
	for _, op := range p.Plan.Operations {
		r := now.records[op.Element]
		if (op.Verb == fairlead.OpDelete || op.Verb == fairlead.OpReplace) && holdsData(r) && !r.Retain {
			lost = append(lost, fmt.Sprintf("%s of %s (%s)", op.Verb, op.Element, op.Type))
		}
	}
	if lost == nil {
		return nil
	}
	return fairlead.Errorf(fairlead.Conflict, "stack %q is protected, and data would be lost by this: %s"+off, p.Stack.Name, strings.Join(lost, ", "), p.Stack.Name)
}

// holdsData tells that deleting a resource deletes data that its users put there.
func holdsData(r fairlead.Record) bool {
	kinds := []string{"StatefulSet", "PersistentVolumeClaim", "PersistentVolume"}
	manifest, _ := r.Properties["k8sManifest"].(map[string]any)
	kind, _ := manifest["kind"].(string)
	_, short, _ := strings.Cut(r.Type, ".")
	return slices.Contains(kinds, kind) || slices.Contains(kinds, short) || strings.HasPrefix(short, "Storage.") ||
		strings.Contains(short, "Stateful") || strings.HasPrefix(r.Type, "RDS.") || strings.HasPrefix(r.Type, "DCS.")
}

// describeAction tells an action in a few words: who does what.
func describeAction(a fairlead.Action) string {
	text := string(a.Verb)
	if a.Template != "" && a.Verb != fairlead.VerbDelete {
		text += " to " + a.Template + "@" + a.Version
	}
	if a.By != "" {
		text += " by " + a.By
	}
	if a.Run != "" {
		text += " in run " + a.Run
	}
	return text
}

// lastChange tells who was faster, for somebody whose change is refused because of it.
func lastChange(ctx context.Context, tx *store.Tx, s fairlead.Stack) string {
	id, err := tx.LastAction(ctx, s.ID)
	if err != nil {
		return "somebody else was faster"
	}
	a, err := tx.Action(ctx, id)
	if err != nil || a.EndedAt == nil || a.EndedAt.Before(s.UpdatedAt.Add(-time.Second)) {
		return "its description, labels or protection were changed at " + s.UpdatedAt.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%s (action %s) has %s meanwhile", describeAction(a), a.ID, ended(a.State))
}

func ended(s fairlead.ActionState) string {
	if s == fairlead.ActionCanceled {
		return "been canceled"
	}
	return strings.ReplaceAll(string(s), "-", " ")
}

// checkAdopt finds elements to adopt that the template does not have.
func checkAdopt(t *template.Template, adopt []string) error {
	names := t.Elements()
	var ds fairlead.Diagnostics
	for _, name := range adopt {
		if name == adoptAll || slices.Contains(names, name) {
			continue
		}
		text := fmt.Sprintf("there is no element %q to adopt", name)
		if near := fairlead.Nearest(name, names); near != "" {
			text += fmt.Sprintf("; did you mean %q?", near)
		}
		ds = append(ds, finding("unknown-element", "adopt", text))
	}
	return ds.Err("the request")
}

// Labels are as in the original: keys and values of 1 to 64 characters.
const (
	maxLabel  = 64
	maxLabels = 64
)

func checkLabels(labels map[string]string) (ds fairlead.Diagnostics) {
	if len(labels) > maxLabels {
		ds = append(ds, finding("bad-label", "labels", fmt.Sprintf("there are %d labels: want at most %d", len(labels), maxLabels)))
	}
	for k, v := range labels {
		for _, s := range []string{k, v} {
			if !validLabel(s) {
				ds = append(ds, finding("bad-label", "labels."+k,
					fmt.Sprintf("label %s=%s: %q is not 1 to %d letters, digits, dots, hyphens or underscores that begin with none of . and -", k, v, s, maxLabel)))
				break
			}
		}
	}
	ds.Sort()
	return ds
}

func validLabel(s string) bool {
	const word = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
	return s != "" && len(s) <= maxLabel && strings.ContainsRune(word, rune(s[0])) && strings.Trim(s, word+".-") == ""
}
