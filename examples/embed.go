// Package examples holds the templates and pipelines that the documents use, the tests run, the demo deploys and the server
// offers as samples.
package examples

import (
	"embed"
	"io/fs"
)

// Demo holds demo/web.yaml and demo/pipeline.yaml.
//
//go:embed demo
var Demo embed.FS

//go:embed pipeline-templates/*.yaml
var pipelineTemplates embed.FS

// PipelineTemplates holds the sample pipeline templates, each in a file NAME.yaml.
func PipelineTemplates() fs.FS {
	sub, err := fs.Sub(pipelineTemplates, "pipeline-templates")
	if err != nil {
		panic(err) // only for a path that is not valid
	}
	return sub
}
