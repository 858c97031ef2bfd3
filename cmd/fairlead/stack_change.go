package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// stackFlags say what a stack shall become.
type stackFlags struct {
	template    string
	target      string
	namespace   string
	description string
	set         []string
	values      []string
	onFailure   string
	timeout     time.Duration
}

func (f *stackFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.template, "template", "t", "", "template as NAME@VERSION; without @VERSION its newest")
	flags.StringArrayVar(&f.set, "set", nil, "value of an input as NAME=VALUE; may be repeated; wins over --values")
	flags.StringArrayVar(&f.values, "values", nil, "YAML or JSON file with a map of inputs; may be repeated, later ones win")
	flags.StringVar(&f.onFailure, "on-failure", "", "what a failure leaves: keep (what was made stays) or rollback")
	flags.DurationVar(&f.timeout, "timeout", 0, "how long the action may take, such as 60m")
}

func (f *stackFlags) addPlace(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.target, "target", "", "where to make it; see fairlead target list")
	cmd.Flags().StringVar(&f.namespace, "namespace", "", "namespace on the target")
	cmd.Flags().StringVar(&f.description, "description", "", "what the stack is for")
}

// request makes the request of the flags. It asks the server only for the newest version of a template.
func (f *stackFlags) request(cmd *cobra.Command, a *app, c *client.Client, name string) (client.StackRequest, error) {
	r := client.StackRequest{
		Name: name, Target: f.target, Namespace: f.namespace, Description: f.description,
		OnFailure: fairlead.OnFailure(f.onFailure), Timeout: fairlead.Duration(f.timeout),
	}
	if f.onFailure != "" && r.OnFailure != fairlead.Keep && r.OnFailure != fairlead.Rollback {
		return r, usage(cmd, "--on-failure %q: want keep or rollback", f.onFailure)
	}
	if f.timeout < 0 {
		return r, usage(cmd, "--timeout %s: want a span such as 60m", f.timeout)
	}
	var err error
	if r.Inputs, err = f.inputs(cmd, a); err != nil {
		return r, err
	}
	if f.template != "" {
		r.Template, r.Version, err = resolveVersion(cmd, c, f.template)
	}
	return r, err
}

// inputs lays the values of the files and of --set over each other. A value of --set stays text: the server converts it to
// the type of its input.
func (f *stackFlags) inputs(cmd *cobra.Command, a *app) (map[string]any, error) {
	inputs := map[string]any{}
	for _, file := range f.values {
		values, err := a.readValues(file)
		if err != nil {
			return nil, err
		}
		maps.Copy(inputs, values)
	}
	set, err := pairs(cmd, "--set", f.set)
	for name, value := range set {
		inputs[name] = value
	}
	return inputs, err
}

// pairs splits the NAME=VALUE of a repeated flag.
func pairs(cmd *cobra.Command, flag string, list []string) (map[string]string, error) {
	m := map[string]string{}
	for _, pair := range list {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usage(cmd, "%s %q: want NAME=VALUE", flag, pair)
		}
		m[name] = value
	}
	return m, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func newStackCreateCommand(a *app) *cobra.Command {
	var f stackFlags
	var wait bool
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a stack of a template version",
		Example: "  fairlead stack create shop --template shop@1.0 --set image=127.0.0.1:8080/team/shop:1.0 --wait",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if f.template == "" {
				return usage(cmd, "--template is missing: say of which template, as NAME@VERSION")
			}
			r, err := f.request(cmd, a, c, args[0])
			if err != nil {
				return err
			}
			action, err := c.CreateStack(cmd.Context(), r)
			if err != nil {
				return err
			}
			return a.begun(cmd, c, action, wait, fairlead.ActionSucceeded)
		}),
	}
	f.add(cmd)
	f.addPlace(cmd)
	addWait(cmd, &wait)
	addOutput(cmd)
	return cmd
}

func newStackUpgradeCommand(a *app) *cobra.Command {
	var f stackFlags
	var wait bool
	cmd := &cobra.Command{
		Use: "upgrade NAME", Short: "Change a stack to another template version, other inputs or both",
		Example: "  fairlead stack upgrade shop --set replicas=3 --wait",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			r, err := f.request(cmd, a, c, args[0])
			if err != nil {
				return err
			}
			action, err := c.UpgradeStack(cmd.Context(), r)
			if err != nil {
				return err
			}
			return a.begun(cmd, c, action, wait, fairlead.ActionSucceeded)
		}),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.description, "description", "", "what the stack is for")
	addWait(cmd, &wait)
	addOutput(cmd)
	return cmd
}

func newStackPreviewCommand(a *app) *cobra.Command {
	var f stackFlags
	cmd := &cobra.Command{
		Use: "preview NAME", Short: "Show what create or upgrade would do; nothing is changed",
		Long: "Show what create would do, or upgrade when the stack exists. Everything is checked; nothing is stored or changed.",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			r, err := f.request(cmd, a, c, args[0])
			if err != nil {
				return err
			}
			plan, err := c.PreviewStack(cmd.Context(), r)
			if err != nil {
				return err
			}
			return a.view(cmd).show(plan, func(p *printer) { printPlan(p, plan) })
		}),
	}
	f.add(cmd)
	f.addPlace(cmd)
	addOutput(cmd)
	return cmd
}

// sign is the character of a verb at the start of a line.
func sign(verb fairlead.OperationVerb) string {
	switch verb {
	case fairlead.OpCreate:
		return "+"
	case fairlead.OpUpdate:
		return "~"
	case fairlead.OpReplace:
		return "±"
	case fairlead.OpDelete:
		return "-"
	}
	return "="
}

func printPlan(p *printer, plan fairlead.Plan) {
	for _, w := range plan.Warnings {
		p.line(w.String())
	}
	count := map[fairlead.OperationVerb]int{}
	for _, op := range plan.Operations {
		count[op.Verb]++
		if op.Verb == fairlead.OpNone {
			continue
		}
		line := fmt.Sprintf("%s %s %s  %s", sign(op.Verb), op.Verb, op.Element, op.Type)
		if op.Reason != "" {
			line += "  (" + op.Reason + ")"
		}
		p.line(line)
		for _, f := range op.Fields {
			printField(p, f)
		}
	}
	p.linef("plan: %d to create, %d to update, %d to replace, %d to delete, %d as they are", count[fairlead.OpCreate],
		count[fairlead.OpUpdate], count[fairlead.OpReplace], count[fairlead.OpDelete], count[fairlead.OpNone])
}

// printField shows a change on one line, and an object that is new or gone as a block below its path.
func printField(p *printer, f fairlead.FieldChange) {
	const indent = "    "
	mark, whole := "+", f.After
	if f.After == nil {
		mark, whole = "-", f.Before
	}
	if _, object := whole.(map[string]any); !object || f.Unknown || (f.Before != nil && f.After != nil) {
		p.line(indent + fieldLine(f))
		return
	}
	p.line(indent + mark + " " + f.Path + ":")
	var block strings.Builder
	if err := writeYAML(&block, whole); err != nil {
		block.WriteString(literal(whole))
	}
	for line := range strings.Lines(block.String()) {
		p.line(indent + indent + strings.TrimRight(line, "\n"))
	}
}

func fieldLine(f fairlead.FieldChange) string {
	after := literal(f.After)
	if f.Unknown {
		after = "(known when it runs)"
	}
	switch {
	case f.Before == nil:
		return fmt.Sprintf("+ %s: %s", f.Path, after)
	case f.After == nil && !f.Unknown:
		return fmt.Sprintf("- %s: %s", f.Path, literal(f.Before))
	}
	return fmt.Sprintf("~ %s: %s -> %s", f.Path, literal(f.Before), after)
}
