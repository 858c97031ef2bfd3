//go:build !race

package stack_test

// raced tells that the race detector watches.
const raced = false
