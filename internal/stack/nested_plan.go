package stack

import (
	"slices"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// showNested adds the plan of a nested stack to the operation, and hides what only that one knows to be secret.
func showNested(op *fairlead.Operation, c fairlead.Change, mask fairlead.Mask) {
	inner := fairlead.NewMask(c.Secrets...)
	for i := range op.Fields {
		f := &op.Fields[i]
		f.Before, f.After, f.Live = inner.Value(f.Before), inner.Value(f.After), inner.Value(f.Live)
	}
	if c.Nested == nil {
		return
	}
	plan := maskedPlan(*c.Nested, mask)
	op.Nested = &plan
}

// maskedPlan hides more secrets in a plan.
func maskedPlan(p fairlead.Plan, mask fairlead.Mask) fairlead.Plan {
	p.Warnings = maskedFindings(p.Warnings, mask)
	p.Operations = slices.Clone(p.Operations)
	for i := range p.Operations {
		op := &p.Operations[i]
		op.Reason, op.Message = mask.String(op.Reason), mask.String(op.Message)
		op.Fields = slices.Clone(op.Fields)
		for j := range op.Fields {
			f := &op.Fields[j]
			f.Before, f.After, f.Live = mask.Value(f.Before), mask.Value(f.After), mask.Value(f.Live)
		}
		if op.Nested != nil {
			inner := maskedPlan(*op.Nested, mask)
			op.Nested = &inner
		}
	}
	return p
}

// sameWant tells whether two wanted states are one.
func sameWant(a, b store.StackWant) bool {
	return a.Template == b.Template && a.Version == b.Version && same(a.Inputs, b.Inputs)
}
