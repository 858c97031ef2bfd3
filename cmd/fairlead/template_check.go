package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// The commands here look at template files without a server.

// checked is what a check of one file found.
type checked struct {
	File        string               `json:"file"`
	Valid       bool                 `json:"valid"`
	Elements    int                  `json:"elements"`
	Inputs      int                  `json:"inputs"`
	Diagnostics fairlead.Diagnostics `json:"diagnostics"`
}

// checkResult is what a check of several files found.
type checkResult struct {
	Files    []checked `json:"files"`
	Errors   int       `json:"errors"`
	Warnings int       `json:"warnings"`
}

func newTemplateValidateCommand(a *app) *cobra.Command {
	var main string
	cmd := &cobra.Command{
		Use: "validate FILE...", Short: "Check template files and tell everything that is wrong with them; no server needed",
		Long: `Check template files, packages or folders (- is the input) and tell everything that is wrong with them in one run:

  file:line:column: error: what is wrong; what would be right

Exits with 1 when there are errors and with 0 when there are only warnings.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var result checkResult
			for _, file := range args {
				result.add(a.checkFile(file, main))
			}
			v := a.view(cmd)
			if v.format == formatText {
				for _, f := range result.Files {
					a.printFindings(f.Diagnostics)
				}
			}
			err := v.show(result, func(p *printer) {
				p.linef("%s: %s, %s", plural(len(result.Files), "file"), plural(result.Errors, "error"), plural(result.Warnings, "warning"))
			})
			if err == nil && result.Errors > 0 {
				err = shown{exitFailed}
			}
			return err
		},
	}
	addMain(cmd, &main)
	addOutput(cmd)
	return cmd
}

func (r *checkResult) add(_ *template.Template, f checked) {
	r.Files = append(r.Files, f)
	for _, d := range f.Diagnostics {
		if d.Severity == fairlead.SeverityError {
			r.Errors++
		} else {
			r.Warnings++
		}
	}
}

// checkFile reads and checks one file. A file that cannot be read is a finding like any other, so that the others are
// looked at too.
func (a *app) checkFile(file, main string) (*template.Template, checked) {
	f := checked{File: file, Diagnostics: fairlead.Diagnostics{}}
	var p *template.Package
	src, err := a.readUpload(file, template.MaxPackage)
	if err == nil {
		p, err = template.Open(file, main, src)
	}
	if err != nil {
		f.Diagnostics = append(f.Diagnostics, fairlead.Diagnostic{
			Severity: fairlead.SeverityError, Code: "unreadable", File: file, Summary: strings.TrimPrefix(err.Error(), "file "+file+": "),
		})
		return nil, f
	}
	name := file
	if p.Packed {
		name = within(file, p.Main)
	}
	t, diags := template.Parse(name, p.Text)
	f.Diagnostics = append(f.Diagnostics, diags...)
	f.Valid = !diags.HasErrors()
	if t != nil {
		f.Elements, f.Inputs = len(t.Elements()), len(t.Inputs())
	}
	return t, f
}

func (a *app) printFindings(ds fairlead.Diagnostics) {
	for _, d := range ds {
		fmt.Fprintln(a.err, clean(d.String()))
	}
}

// openTemplate reads a file for a look at it. One with errors is not looked at: its findings are the answer.
func (a *app) openTemplate(file string) (*template.Template, error) {
	t, f := a.checkFile(file, "")
	a.printFindings(f.Diagnostics)
	if !f.Valid || t == nil {
		return nil, shown{exitFailed}
	}
	return t, nil
}

func newTemplateInputsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "inputs FILE", Short: "List the inputs of a template file; no server needed", RunE: func(cmd *cobra.Command, args []string) error {
		t, err := a.openTemplate(args[0])
		if err != nil {
			return err
		}
		inputs := t.Inputs()
		return a.view(cmd).show(inputs, func(p *printer) { p.table(inputTable(inputs)) })
	}}
	addOutput(cmd)
	return cmd
}

func inputTable(inputs []fairlead.Input) table {
	t := table{{"NAME", "TYPE", "REQUIRED", "DEFAULT", "DESCRIPTION"}}
	for _, in := range inputs {
		value := "-"
		if in.Default != nil {
			value = literal(in.Default)
		}
		text := in.Description
		if text == "" {
			text = in.Label
		}
		t = append(t, []string{in.Name, in.Type, yesNo(in.Required), value, orDash(strings.Join(strings.Fields(text), " "))})
	}
	return t
}

func newTemplateGraphCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "graph FILE", Short: "Show which element of a template file needs which; no server needed",
		Example: "  fairlead template graph shop.yaml -o svg > shop.svg",
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := a.openTemplate(args[0])
			if err != nil {
				return err
			}
			switch cmd.Flags().Lookup("output").Value.String() {
			case "dot":
				_, err = fmt.Fprint(a.out, t.DOT())
			case "svg":
				_, err = fmt.Fprint(a.out, t.SVG())
			case formatJSON:
				_, err = a.out.Write(t.GraphJSON())
			default:
				err = a.printGraph(t)
			}
			return err
		},
	}
	addOutput(cmd, formatText, "dot", "svg", formatJSON)
	return cmd
}

// printGraph lists the elements in the order in which they are made.
func (a *app) printGraph(t *template.Template) error {
	order, err := t.Graph().Order()
	if err != nil {
		return err
	}
	rows := table{{"ELEMENT", "TYPE", "NEEDS"}}
	for _, name := range order {
		rows = append(rows, []string{name, t.ElementType(name), orDash(strings.Join(t.Graph().Needs(name), ", "))})
	}
	p := &printer{now: a.now()}
	p.table(rows)
	_, err = fmt.Fprint(a.out, p.String())
	return err
}

func newTemplateSchemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Write the JSON Schema of the template language, for editors; no server needed",
		Example: "  fairlead template schema > template.schema.json",
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(template.Schema())
			return err
		},
	}
}
