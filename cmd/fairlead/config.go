package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/spf13/pflag"

	"github.com/fairlead/fairlead"
)

// maxConfig bounds a configuration file in bytes.
const maxConfig = 1 << 20

// applyConfig sets flags from a YAML file: its keys are the names of the flags with underscores for hyphens, such as
// public_url. What the command line says wins. All mistakes are found at once.
func applyConfig(flags *pflag.FlagSet, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fairlead.Errorf(fairlead.Invalid, "configuration file %s cannot be read: %w", file, err)
	}
	if len(text) > maxConfig {
		return fairlead.Errorf(fairlead.TooLarge, "configuration file %s has %d bytes: at most %d are accepted", file, len(text), maxConfig)
	}
	values, err := configValues(text)
	if err != nil {
		return fairlead.Errorf(fairlead.Invalid, "configuration file %s: %w", file, err)
	}
	var ds fairlead.Diagnostics
	for _, v := range values {
		if problem := setFlag(flags, v); problem != "" {
			at := v.Key.GetToken().Position
			ds = append(ds, fairlead.Diagnostic{
				Severity: fairlead.SeverityError, Code: "bad-setting", Summary: problem, File: file, Line: at.Line, Column: at.Column,
			})
		}
	}
	return ds.Err("configuration file " + file)
}

// configValues reads the keys and values of a YAML map.
func configValues(text []byte) ([]*ast.MappingValueNode, error) {
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, errors.New(yaml.FormatError(err, false, false))
	}
	if len(f.Docs) > 1 {
		return nil, errors.New("it holds several documents; want one")
	}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil {
		return nil, nil
	}
	switch body := f.Docs[0].Body.(type) {
	case *ast.MappingNode:
		return body.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{body}, nil
	case *ast.CommentGroupNode:
		return nil, nil
	}
	return nil, errors.New("want keys with values, such as listen: 127.0.0.1:8080")
}

// setFlag gives one flag its value and says what is wrong, or nothing.
func setFlag(flags *pflag.FlagSet, v *ast.MappingValueNode) (problem string) {
	key := v.Key.String()
	flag := flags.Lookup(strings.ReplaceAll(key, "_", "-"))
	if flag == nil || strings.Contains(key, "-") || key == "config" || key == "help" {
		return fmt.Sprintf("unknown key %q; the keys are the names of the flags of serve with underscores, such as public_url", key)
	}
	var value string
	switch node := v.Value.(type) {
	case *ast.StringNode:
		value = node.Value
	case *ast.BoolNode, *ast.IntegerNode:
		value = node.String()
	default:
		return fmt.Sprintf("key %q: want a text or true or false", key)
	}
	if flag.Changed {
		return ""
	}
	if err := flag.Value.Set(value); err != nil {
		return fmt.Sprintf("key %q: value %q is not possible: %v", key, value, err)
	}
	return ""
}
