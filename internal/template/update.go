package template

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
)

// UpdateFindings tells what the original would refuse when a stack goes from one template to another. Fairlead does all of it,
// so these are warnings, with code "update". records are those of the stack: what is not among them does not exist yet. Without
// records every element of the template before counts as existing.
func UpdateFindings(before, after *Template, records ...fairlead.Record) fairlead.Diagnostics {
	if before == nil || after == nil || before == after {
		return nil
	}
	u := update{report: newReport(after.file), before: before, after: after, made: map[string]bool{}}
	for _, r := range records {
		u.made[r.Element] = true
		if base, _, ok := repetitionOf(r.Element); ok && before.byName[base] != nil {
			u.made[base] = true
		}
	}
	for _, el := range before.elements {
		u.made[el.name] = u.made[el.name] || len(records) == 0
	}
	if before.version != after.version {
		u.push("tosca_definitions_version")
		u.at(1, 1).refused(4002571, "the version of the language changes", "")
		u.pop()
	}
	for _, el := range after.elements {
		u.path = []step{{key: "node_templates"}, {key: el.name}}
		if old := before.byName[el.name]; old != nil && u.made[el.name] {
			u.kept(old, el)
		} else {
			u.added(el)
		}
	}
	for _, old := range before.elements {
		if after.byName[old.name] == nil && u.made[old.name] {
			u.path = []step{{key: "node_templates"}, {key: old.name}}
			u.removed(old)
		}
	}
	u.path = []step{{key: "policies"}}
	u.policies()
	return u.result()
}

type update struct {
	*report
	before, after *Template
	made          map[string]bool
}

// refused is what a finding of an update says.
func (p place) refused(original int, summary, reason string) {
	detail := fmt.Sprintf("the original refuses this (%d); Fairlead does it", original)
	if reason != "" {
		detail = reason + "; " + detail
	}
	p.warn("update", summary, detail)
}

func (u *update) added(el *element) {
	if el.info != nil && !el.info.topology {
		u.on(el.node).refused(4002572, fmt.Sprintf("element %s is new, and of type %s", quote(el.name), el.typ), "elements of this type are not added later")
	}
	for _, r := range el.refs {
		if r.how != reads && u.before.byName[r.to] != nil && u.made[r.to] {
			u.at(r.line, r.col).refused(4002573, fmt.Sprintf("new element %s requires %s, which exists", quote(el.name), quote(r.to)), "")
		}
	}
}

func (u *update) removed(old *element) {
	if old.info != nil && !old.info.topology {
		u.at(0, 0).refused(4002570, fmt.Sprintf("element %s of type %s goes", quote(old.name), old.typ), "elements of this type are not taken out later")
	}
	for _, el := range u.before.elements {
		if u.after.byName[el.name] != nil && u.made[el.name] && related(el)[old.name] {
			u.at(0, 0).refused(4002569, fmt.Sprintf("element %s goes, but %s, which requires it, stays", quote(old.name), quote(el.name)), "")
		}
	}
}

// related are the elements that one requires, without those that it only reads.
func related(el *element) map[string]bool {
	set := map[string]bool{}
	for _, r := range el.refs {
		if r.how != reads {
			set[r.to] = true
		}
	}
	return set
}

func (u *update) kept(old, el *element) {
	if old.typ != el.typ {
		u.on(el.node).refused(4002563, fmt.Sprintf("the type of element %s changes from %s to %s", quote(el.name), old.typ, el.typ), "it is made anew")
		return
	}
	was, is := related(old), related(el)
	for _, r := range el.refs {
		if is[r.to] && !was[r.to] && u.before.byName[r.to] != nil {
			u.at(r.line, r.col).refused(4002564, fmt.Sprintf("element %s requires %s now", quote(el.name), quote(r.to)), "relations of existing elements stay as they are")
			delete(is, r.to)
		}
	}
	for _, r := range old.refs {
		if was[r.to] && !related(el)[r.to] && u.after.byName[r.to] != nil {
			u.on(el.node).refused(4002564, fmt.Sprintf("element %s does not require %s any more", quote(el.name), quote(r.to)), "relations of existing elements stay as they are")
			delete(was, r.to)
		}
	}
	if el.info == nil || equal(old.properties, el.properties) {
		return
	}
	switch {
	case el.info.fixed:
		u.on(el.node).refused(4002566, fmt.Sprintf("properties of element %s change", quote(el.name)), "those of type "+el.typ+" do not change later")
	case el.info.cluster:
		u.on(el.node).refused(4002555, fmt.Sprintf("properties of element %s change", quote(el.name)), "those of type "+el.typ+" change on clusters of version 1.7 or later only")
	}
	u.metadata(old, el)
}

// metadata reports a new name or new labels of a Kubernetes object.
func (u *update) metadata(old, el *element) {
	for key, code := range map[string]int{"name": 4002566, "labels": 4002567} {
		was, is := deep(old.properties, "k8sManifest", "metadata", key), deep(el.properties, "k8sManifest", "metadata", key)
		if was == nil || is == nil || equal(was, is) {
			continue
		}
		path := u.path
		u.path = append(slices.Clone(path), step{key: "properties"}, step{key: "k8sManifest"}, step{key: "metadata"}, step{key: key})
		u.on(is).refused(code, fmt.Sprintf("metadata.%s of element %s changes", key, quote(el.name)), "")
		u.path = path
	}
}

func deep(n *node, keys ...string) *node {
	for _, key := range keys {
		if n = n.get(key); n == nil {
			return nil
		}
	}
	return n
}

func (u *update) policies() {
	var names []string
	for _, p := range u.after.policies {
		i := slices.IndexFunc(u.before.policies, func(old *policy) bool { return old.name == p.name })
		if i < 0 || !equal(u.before.policies[i].node, p.node) {
			names = append(names, p.name)
		}
	}
	for _, old := range u.before.policies {
		if !slices.ContainsFunc(u.after.policies, func(p *policy) bool { return p.name == old.name }) {
			names = append(names, old.name)
		}
	}
	if len(names) > 0 {
		u.at(0, 0).refused(4002551, "policies change: "+strings.Join(names, ", "), "")
	}
}

// equal compares two values by what is written, wherever that is.
func equal(a, b *node) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a == b {
		return true
	}
	if a.kind != b.kind || a.text != b.text || len(a.pairs) != len(b.pairs) {
		return false
	}
	for i := range a.pairs {
		p := &a.pairs[i]
		other := &b.pairs[i]
		if other.key != p.key { // in another order
			if other = b.pair(p.key); other == nil {
				return false
			}
		}
		if !equal(p.value, other.value) {
			return false
		}
	}
	return slices.EqualFunc(a.items, b.items, equal)
}
