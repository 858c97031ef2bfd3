package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/internal/template"
)

func newTemplateCommand(a *app) *cobra.Command {
	return newGroup("template", "Texts that describe the elements of an application",
		newTemplateValidateCommand(a), newTemplateInputsCommand(a), newTemplateGraphCommand(a), newTemplateSchemaCommand(a),
		newTemplatePushCommand(a), newTemplateListCommand(a), newTemplateShowCommand(a),
		newTemplateDownloadCommand(a), newTemplateDeleteCommand(a))
}

func newTemplatePushCommand(a *app) *cobra.Command {
	var description, main, id string
	cmd := &cobra.Command{
		Use: "push NAME VERSION FILE", Short: "Store a text or package as a version of a template; a version never changes",
		Long: `Store a text as a version of a template, or a package: a .zip, .tar.gz or .tgz file or a folder, with the text in
` + template.MainFile + ` and charts and other files beside it. A version never changes.`,
		Example: "  fairlead template push shop 1.0 shop.yaml\n  fairlead template push shop 1.1 shop/ --main shop.yaml",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			up := client.TemplateUpload{Name: args[0], Version: args[1], Description: description, Filename: uploadName(args[2]), Main: main, ID: id}
			var err error
			if up.Source, err = a.readUpload(args[2], template.MaxPackage); err != nil {
				return err
			}
			pushed, err := c.PushTemplate(cmd.Context(), up)
			if err != nil {
				return inFile(err, args[2])
			}
			for _, w := range pushed.Warnings {
				fmt.Fprintln(a.err, clean(nameFile(w, args[2]).String()))
			}
			return a.view(cmd).show(pushed, func(p *printer) {
				p.linef("template %s@%s was stored: %s", pushed.Template, pushed.Version, plural(pushed.Elements, "element"))
			})
		}),
	}
	cmd.Flags().StringVar(&description, "description", "", "what the version is about")
	cmd.Flags().StringVar(&id, "id", "", "a second name of the version, for templateId of AOS.Stack elements")
	addMain(cmd, &main)
	addOutput(cmd)
	return cmd
}

// inFile names the file in an error's findings as the user did, not as the server knows it.
func inFile(err error, file string) error {
	e, ok := errors.AsType[*fairlead.Error](err)
	if !ok {
		return err
	}
	named := *e
	named.Problems = nil
	for _, d := range e.Problems {
		named.Problems = append(named.Problems, nameFile(d, file))
	}
	return &named
}

// nameFile is for one finding. Its file within a package is told too.
func nameFile(d fairlead.Diagnostic, file string) fairlead.Diagnostic {
	switch {
	case d.File == "":
	case isPackage(file):
		d.File = within(file, d.File)
	default:
		d.File = file
	}
	return d
}

// within names a file of a package.
func within(file, inner string) string {
	switch {
	case filepath.Base(file) == inner:
		return file
	case isFolder(file):
		return filepath.Join(file, inner)
	}
	return file + "!" + inner
}

func newTemplateListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the templates", RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		return showList(a.view(cmd), c.Templates(cmd.Context()), []string{"NAME", "VERSIONS", "UPDATED", "DESCRIPTION"},
			func(t fairlead.Template, p *printer) []string {
				return []string{t.Name, newest(t.Versions), p.ago(t.UpdatedAt), orDash(t.Description)}
			})
	})}
	addOutput(cmd)
	return cmd
}

// newest names the first few versions and counts the others.
func newest(versions []string) string {
	const few = 3
	if len(versions) <= few {
		return orDash(strings.Join(versions, ", "))
	}
	return fmt.Sprintf("%s and %d more", strings.Join(versions[:few], ", "), len(versions)-few)
}

func newTemplateShowCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show NAME[@VERSION]", Short: "Show a template, or one version with its inputs",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			name, version, one := strings.Cut(args[0], "@")
			if one {
				v, err := c.TemplateVersion(cmd.Context(), name, version)
				if err != nil {
					return err
				}
				return a.view(cmd).show(v, func(p *printer) { printVersion(p, v) })
			}
			t, err := c.Template(cmd.Context(), name)
			if err != nil {
				return err
			}
			return a.view(cmd).show(t, func(p *printer) {
				p.fields("Template", t.Name, "Description", t.Description, "Versions", strings.Join(t.Versions, ", "),
					"Created", p.ago(t.CreatedAt), "Updated", p.ago(t.UpdatedAt))
			})
		}),
	}
	addOutput(cmd)
	return cmd
}

func printVersion(p *printer, v fairlead.TemplateVersion) {
	p.fields("Template", v.Template, "Version", v.Version, "Description", v.Description, "Elements", fmt.Sprint(v.Elements),
		"File", v.Filename, "Size", size(int64(v.Size)), "Digest", v.Digest, "Created", p.ago(v.CreatedAt), "By", v.CreatedBy)
	if v.ID != "" {
		p.fields("Id", v.ID)
	}
	if v.Package != "" {
		p.fields("Package", v.Package, "Files", strings.Join(v.Files, ", "))
	}
	if len(v.Inputs) > 0 {
		p.section("Inputs", inputTable(v.Inputs))
	}
}

func newTemplateDownloadCommand(a *app) *cobra.Command {
	var force, text bool
	cmd := &cobra.Command{
		Use: "download NAME[@VERSION] [FILE]", Short: "Write the text or package of a version (default the newest) to a file or the output",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			name, version, err := resolveVersion(cmd, c, args[0])
			if err != nil {
				return err
			}
			src, err := download(cmd, c, name, version, text)
			if err != nil {
				return err
			}
			if len(args) < 2 || args[1] == "-" {
				_, err = a.out.Write(src)
				return err
			}
			return writeFile(args[1], src, force)
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the file when it exists")
	cmd.Flags().BoolVar(&text, "text", false, "only the text, also of a package")
	return cmd
}

// download asks for what was pushed: the package, or the text.
func download(cmd *cobra.Command, c *client.Client, name, version string, text bool) ([]byte, error) {
	if !text {
		v, err := c.TemplateVersion(cmd.Context(), name, version)
		if err != nil {
			return nil, err
		}
		if v.Package != "" {
			return c.TemplatePackage(cmd.Context(), name, version)
		}
	}
	return c.TemplateSource(cmd.Context(), name, version)
}

func newTemplateDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME@VERSION", Short: "Remove a version that no stack uses; the last one takes the template with it",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			name, version, one := strings.Cut(args[0], "@")
			if !one {
				return usage(cmd, "template %q: say which version: %s@VERSION", name, name)
			}
			if err := c.DeleteTemplateVersion(cmd.Context(), name, version); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "template %s@%s was deleted\n", name, version)
			return nil
		}),
	}
}

// resolveVersion splits NAME@VERSION; without a version it asks for the newest.
func resolveVersion(cmd *cobra.Command, c *client.Client, ref string) (name, version string, err error) {
	name, version, one := strings.Cut(ref, "@")
	if one && (name == "" || version == "") {
		return "", "", usage(cmd, "template %q: want NAME@VERSION", ref)
	}
	if one {
		return name, version, nil
	}
	t, err := c.Template(cmd.Context(), name)
	if err != nil {
		return "", "", err
	}
	if len(t.Versions) == 0 {
		return "", "", fairlead.Errorf(fairlead.NotFound, "template %s has no version", name)
	}
	return name, t.Versions[0], nil
}

// readFile reads a file, or the input for "-", of at most limit bytes.
func (a *app) readFile(name string, limit int64) ([]byte, error) {
	r := a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fileError(name, err)
		}
		defer f.Close()
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fileError(name, err)
	}
	if int64(len(data)) > limit {
		return nil, fairlead.Errorf(fairlead.TooLarge, "file %s: at most %s are accepted", name, size(limit))
	}
	return data, nil
}

// fileError is about a file that the command line names: a mistake of the caller.
func fileError(name string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return fairlead.Errorf(fairlead.Invalid, "file %s: %w", name, err)
}

func writeFile(name string, data []byte, force bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(name, flags, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fairlead.Errorf(fairlead.Conflict, "file %s exists; --force replaces it", name)
	}
	if err != nil {
		return fileError(name, err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return fileError(name, err)
	}
	return nil
}
