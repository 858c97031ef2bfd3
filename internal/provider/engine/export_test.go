package engine

// ReadFrames is for tests.
var ReadFrames = readFrames
