package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newPipelineTemplateCommand(a *app) *cobra.Command {
	return newGroup("pipeline-template", "Pipelines with places to fill in: samples and your own",
		newPipelineTemplateListCommand(a), newPipelineTemplateShowCommand(a), newPipelineTemplatePushCommand(a), newPipelineTemplateDeleteCommand(a))
}

func newPipelineTemplateListCommand(a *app) *cobra.Command {
	var kind, category string
	cmd := &cobra.Command{Use: "list", Short: "List the templates of pipelines", RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		return showList(a.view(cmd), c.PipelineTemplates(cmd.Context(), kind, category), []string{"NAME", "KIND", "CATEGORY", "TITLE"},
			func(t fairlead.PipelineTemplate, _ *printer) []string {
				return []string{t.Name, string(t.Kind), string(t.Category), a.local(t.Title)}
			})
	})}
	cmd.Flags().StringVar(&kind, "kind", "", "only templates of a kind: sample or own")
	cmd.Flags().StringVar(&category, "category", "", "only templates of a category, such as gray-release")
	addOutput(cmd)
	return cmd
}

// local is a text in the language of the terminal.
func (a *app) local(t fairlead.LocalText) string {
	if lang := cmp.Or(a.env("LC_ALL"), a.env("LC_MESSAGES"), a.env("LANG")); strings.HasPrefix(lang, "zh") && t.Zh != "" {
		return t.Zh
	}
	return t.En
}

func newPipelineTemplateShowCommand(a *app) *cobra.Command {
	var source bool
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Show what a template asks for; --source gives the file as it was pushed",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			t, err := c.PipelineTemplate(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if source {
				_, err := io.WriteString(a.out, t.Source)
				return err
			}
			return a.view(cmd).show(t, func(p *printer) { a.printPipelineTemplate(p, t) })
		}),
	}
	cmd.Flags().BoolVar(&source, "source", false, "only the file")
	addOutput(cmd)
	return cmd
}

func (a *app) printPipelineTemplate(p *printer, t fairlead.PipelineTemplate) {
	p.fields("Template", t.Name, "Kind", string(t.Kind), "Category", string(t.Category), "Title", a.local(t.Title), "Description", a.local(t.Description), "Stored", strings.TrimPrefix(p.agoIf(t.CreatedAt), "-")+by(t.By))
	places := table{}
	for _, h := range t.Placeholders {
		value := literal(h.Default)
		if h.Required {
			value = "(required)"
		}
		places = append(places, []string{h.Name, value, a.local(h.Description)})
	}
	p.section("Placeholders", places)
	p.line("")
	p.linef("make a pipeline of it: fairlead pipeline create NAME --template %s --set PLACEHOLDER=VALUE", t.Name)
}

func newPipelineTemplatePushCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "push NAME FILE", Short: "Store a template of your own, in the place of the one with its name",
		Example: "  fairlead pipeline-template push our-release release.yaml",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			src, err := a.readFile(args[1], maxPipeline)
			if err != nil {
				return err
			}
			t, err := c.PutPipelineTemplate(cmd.Context(), args[0], src)
			if err != nil {
				return inFile(err, args[1])
			}
			return a.view(cmd).show(t, func(p *printer) {
				for _, d := range t.Warnings {
					p.line(nameFile(d, args[1]).String())
				}
				p.linef("pipeline template %s was stored: %s", t.Name, plural(len(t.Placeholders), "placeholder"))
			})
		}),
	}
	addOutput(cmd)
	return cmd
}

func newPipelineTemplateDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "delete NAME", Short: "Remove a template of your own; what was made of it stays", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		if err := c.DeletePipelineTemplate(cmd.Context(), args[0]); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "pipeline template %s was deleted\n", args[0])
		return nil
	})}
}

func newPipelineCreateCommand(a *app) *cobra.Command {
	var template, group string
	var sets, files []string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a pipeline of a template; with -o yaml only write its file",
		Example: "  fairlead pipeline create shop --template deploy-on-push --set image=team/shop --set template=web\n" +
			"  fairlead pipeline create shop --template deploy-on-push --set image=team/shop --set template=web -o yaml > shop.yaml",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if template == "" {
				return usage(cmd, "--template is missing; see: fairlead pipeline-template list")
			}
			values, err := a.placeholders(cmd, sets, files)
			if err != nil {
				return err
			}
			values["name"] = args[0]
			if group != "" {
				values["group"] = group
			}
			src, err := c.RenderPipelineTemplate(cmd.Context(), template, values)
			if err != nil {
				return err
			}
			v := a.view(cmd)
			if v.format == formatYAML {
				_, err := a.out.Write(src)
				return err
			}
			p, err := c.ApplyPipeline(cmd.Context(), client.PipelineFile{Name: args[0], Source: src, New: true})
			if err != nil {
				return err
			}
			return v.show(p, func(out *printer) {
				out.linef("pipeline %s was made of template %s; see: fairlead pipeline get %s", p.Name, template, p.Name)
			})
		}),
	}
	cmd.Flags().StringVarP(&template, "template", "t", "", "template of a pipeline")
	cmd.Flags().StringVar(&group, "group", "", "pipeline group; without it what the template says, usually default")
	cmd.Flags().StringArrayVar(&sets, "set", nil, "value of a placeholder as NAME=VALUE; may be repeated")
	cmd.Flags().StringArrayVar(&files, "values", nil, "file with a map of values, - for the input; may be repeated")
	addOutput(cmd)
	return cmd
}

// placeholders reads the values of --values and --set; later ones win.
func (a *app) placeholders(cmd *cobra.Command, sets, files []string) (map[string]string, error) {
	all := map[string]string{}
	for _, file := range files {
		values, err := a.readValues(file)
		if err != nil {
			return nil, err
		}
		for name, value := range values {
			switch value := value.(type) {
			case map[string]any, []any, nil:
				return nil, fairlead.Errorf(fairlead.Invalid, "%s: the value of placeholder %q must be a single value", file, name)
			case string:
				all[name] = value
			default:
				all[name] = fmt.Sprint(value)
			}
		}
	}
	values, err := pairs(cmd, "--set", sets)
	for name, value := range values {
		all[name] = value
	}
	return all, err
}

func newPipelineExportCommand(a *app) *cobra.Command {
	var x client.PipelineExport
	var values, variables []string
	var title, description, category string
	cmd := &cobra.Command{
		Use: "export NAME TEMPLATE", Short: "Make a template of a pipeline, without its secrets",
		Example: "  fairlead pipeline export shop our-release --variable tag=tag --value image=team/shop --value stack=shop-prod",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			x.Template, x.Category = args[1], fairlead.TemplateCategory(category)
			if title != "" {
				x.Title = &fairlead.LocalText{En: title}
			}
			if description != "" {
				x.Description = &fairlead.LocalText{En: description}
			}
			texts, err := pairs(cmd, "--value", values)
			if err != nil {
				return err
			}
			named, err := pairs(cmd, "--variable", variables)
			if err != nil {
				return err
			}
			for _, name := range sortedKeys(named) {
				x.Placeholders = append(x.Placeholders, client.ExportPlaceholder{Name: name, Variable: named[name]})
			}
			for _, name := range sortedKeys(texts) {
				x.Placeholders = append(x.Placeholders, client.ExportPlaceholder{Name: name, Value: texts[name]})
			}
			t, err := c.ExportPipeline(cmd.Context(), args[0], x)
			if err != nil {
				return err
			}
			return a.view(cmd).show(t, func(p *printer) {
				p.linef("pipeline template %s was made of pipeline %s: %s", t.Name, args[0], plural(len(t.Placeholders), "placeholder"))
				for _, h := range t.Placeholders {
					if h.Secret {
						p.linef("a secret stayed here and is asked as {%s}", h.Name)
					}
				}
			})
		}),
	}
	cmd.Flags().StringArrayVar(&variables, "variable", nil, "the value of a variable becomes a placeholder: PLACEHOLDER=VARIABLE; may be repeated")
	cmd.Flags().StringArrayVar(&values, "value", nil, "a text becomes a placeholder wherever it stands: PLACEHOLDER=TEXT; may be repeated")
	cmd.Flags().StringVar(&title, "title", "", "title of the template; default: the pipeline's name")
	cmd.Flags().StringVar(&description, "description", "", "what it is for; default: the pipeline's description")
	cmd.Flags().StringVar(&category, "category", "", "category, such as gray-release; default: other")
	addOutput(cmd)
	return cmd
}
