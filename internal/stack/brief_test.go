package stack_test

import "testing"

// brief tells to try a part of the many cases: -short asks for it, and under the race detector all of them would take too
// long. `make test` runs them all without it.
func brief() bool { return testing.Short() || raced }
