package kubernetes

// For tests.
var (
	PodStatus = podStatus
	ReadLines = readLines
)
