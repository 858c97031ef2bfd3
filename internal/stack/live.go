package stack

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// adoptAll stands for all elements in a list of those that may be adopted.
const adoptAll = "*"

func adopts(list []string, element string) bool {
	return slices.Contains(list, adoptAll) || slices.Contains(list, element)
}

// read reads the resources that the plan changes. Those that Plan found as wanted are as recorded, so that a plan without a
// change reads nothing. That something cannot be read is a warning: the plan is right all the same.
func (p *planner) read(ctx context.Context, wants []want) fairlead.Diagnostics {
	if !p.reads {
		return nil
	}
	found := make([]fairlead.Diagnostics, len(wants))
	each(len(wants), p.parallel, func(i int) {
		w := &wants[i]
		r, ok := w.readable()
		if !ok {
			return
		}
		live, err := p.provider.Read(ctx, r)
		if err != nil {
			found[i] = p.template.Locate(fairlead.Diagnostics{{
				Severity: fairlead.SeverityWarning, Code: "unread",
				Summary: fmt.Sprintf("what is on the target of element %q could not be read, so the plan does not show who else changed it: %s", r.Element, err),
			}}, r.Element)
			return
		}
		w.live = &live
	})
	return slices.Concat(found...)
}

// readable is the record to read for an element, if that tells anything.
func (w want) readable() (fairlead.Record, bool) {
	switch c := w.change; {
	case w.adopted():
		return c.Record, !template.HasUnknown(w.element.Properties)
	case c.Prior == nil || c.Prior.State != fairlead.RecordMade || c.Prior.Type != w.element.Type:
		return fairlead.Record{}, false
	default:
		return *c.Prior, c.Verb == fairlead.OpUpdate || c.Verb == fairlead.OpReplace
	}
}

// adopted tells that the element takes over a resource that no stack has made.
func (w want) adopted() bool { return adopted(w.element, w.change) }

func adopted(el template.Element, c fairlead.Change) bool {
	return el.Adopt && c.Prior == nil && c.Verb == fairlead.OpUpdate
}

// driftReason is the reason of the change with what is wrong on the target, where no field tells that.
func (w want) driftReason() string {
	reason, drift := w.change.Reason, w.live.Reason
	if w.live.Properties != nil || w.adopted() || drift == "" || strings.Contains(reason, drift) {
		return reason
	}
	return strings.TrimPrefix(reason+"; on the target: "+drift, "; ")
}

// cautions are what somebody should know before the plan is carried out.
func (p *planner) cautions(wants []want) (all fairlead.Diagnostics) {
	caution := func(w want, code, summary, detail string) {
		all = append(all, p.template.Locate(fairlead.Diagnostics{{
			Severity: fairlead.SeverityWarning, Code: code, Summary: summary, Detail: detail}}, w.element.Name)...)
	}
	for _, w := range wants {
		name := w.element.Name
		if err := w.change.Refused; err != nil {
			caution(w, "conflict", "carrying this out would be refused: "+err.Error(), "")
		}
		switch {
		case w.change.Verb == fairlead.OpReplace:
			caution(w, "replaced", fmt.Sprintf("element %q is deleted and made again: %s", name, w.change.Reason),
				"it does not serve in between, and what it holds and nothing else keeps is lost")
		case slices.Contains(p.adopt, name) && w.change.Verb == fairlead.OpNone:
			caution(w, "adopted-already", fmt.Sprintf("element %q belongs to the stack already: there is nothing to adopt", name), "")
		case slices.Contains(p.adopt, name) && w.change.Verb == fairlead.OpCreate && w.element.Type != stackType:
			caution(w, "nothing-to-adopt", fmt.Sprintf("element %q finds nothing to adopt on the target: it is made", name), "")
		}
	}
	return all
}

// refuseRetained finds elements that shall be kept and can only be changed by deleting what is to be kept.
func (p *planner) refuseRetained(wants []want) error {
	var ds fairlead.Diagnostics
	for _, w := range wants {
		c := w.change
		if c.Verb != fairlead.OpReplace || c.Prior == nil || !c.Prior.Retain || !sameThing(c.Prior.Identity, c.Record.Identity) {
			continue
		}
		ds = append(ds, p.template.Locate(fairlead.Diagnostics{{
			Severity: fairlead.SeverityError, Code: "retained", Summary: fmt.Sprintf("element %q is retained, and this change needs it deleted and made again: %s", w.element.Name, c.Reason),
			Detail: "give the new one another name, or take the retention off with an upgrade of its own",
		}}, w.element.Name)...)
	}
	return ds.Err(p.subject())
}

// sameThing tells that two identities do not differ in anything that both have.
func sameThing(a, b map[string]string) bool {
	for k, v := range a {
		if w, both := b[k]; both && v != w {
			return false
		}
	}
	return true
}
