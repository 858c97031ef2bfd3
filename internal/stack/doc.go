// Package stack plans, applies, rolls back and deletes stacks over the graph of their elements.
//
// [Engine.Prepare] turns a request into a plan and changes nothing. [Engine.Begin] stores the plan as an action together
// with the job that works it. The job runs in slices that can be repeated: what an element is called on the target is
// written down before it is made, and what came of it right after. Deletion and rollback read only these records.
//
// The package knows no kind of target, only the [Provider] interface; it knows nothing of pipelines or HTTP, and decides no
// permission.
package stack
