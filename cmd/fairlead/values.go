package main

import (
	"errors"

	"github.com/goccy/go-yaml"

	"github.com/fairlead/fairlead"
)

// maxValues bounds a file of inputs; the server takes no more either.
const maxValues = 1 << 20

// readValues reads a map of inputs from a YAML or JSON file.
func (a *app) readValues(file string) (map[string]any, error) {
	src, err := a.readFile(file, maxValues)
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(src, &values); err != nil {
		return nil, valuesError(file, err)
	}
	return values, nil
}

// valuesError is a finding at the place where the file is wrong.
func valuesError(file string, err error) error {
	d := fairlead.Diagnostic{Severity: fairlead.SeverityError, Code: "syntax", Summary: err.Error(), File: file,
		Detail: "want a map of inputs, such as: replicas: 3"}
	if e, ok := errors.AsType[yaml.Error](err); ok {
		d.Summary = e.GetMessage()
		if t := e.GetToken(); t != nil && t.Position != nil {
			d.Line, d.Column = t.Position.Line, t.Position.Column
		}
	}
	return fairlead.Diagnostics{d}.Err("file " + file)
}
