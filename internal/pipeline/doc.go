// Package pipeline reads pipeline files, starts runs of them and takes runs to their end.
//
// [Parse] checks a file; [Next] is the pure transition function of runs: an event changes the run and gives effects, which
// are data. [Engine] stores the new state and the effects, as jobs, in one transaction. No goroutine owns a run: what has to
// be done next is always a job in the database, and a job that comes late or twice changes nothing.
//
// The package knows stacks only through package stack, and images only by what [Images] tells. It knows nothing of HTTP and
// decides no permission.
package pipeline
