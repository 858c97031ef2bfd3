// Package fairlead holds the nouns of the product: templates, stacks, targets, pipelines, runs, images, users,
// their states with the legal moves between them, and the errors and diagnostics that every layer speaks.
//
// It is plain data with JSON names. It does no I/O and imports no other package of the module; everything else may
// import it.
package fairlead
