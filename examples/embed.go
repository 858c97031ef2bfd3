// Package examples holds the templates and pipelines that the documents use, the tests run and the demo deploys.
package examples

import "embed"

// Demo holds demo/web.yaml and demo/pipeline.yaml.
//
//go:embed demo
var Demo embed.FS
