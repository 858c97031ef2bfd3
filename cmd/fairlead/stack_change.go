package main

import (
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
	adopt       []string
	preview     string
	comment     string
	labels      []string
	protect     bool
	revision    int64
}

func (f *stackFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.template, "template", "t", "", "template as NAME@VERSION; without @VERSION its newest")
	f.addInputs(cmd)
}

func (f *stackFlags) addInputs(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.set, "set", nil, "value of an input as NAME=VALUE; may be repeated; wins over --values")
	flags.StringArrayVar(&f.values, "values", nil, "YAML or JSON file with a map of inputs; may be repeated, later ones win")
	flags.StringVar(&f.onFailure, "on-failure", "", "what a failure leaves: keep (what was made stays) or rollback")
	flags.DurationVar(&f.timeout, "timeout", 0, "how long the action may take, such as 60m")
	flags.StringSliceVar(&f.adopt, "adopt", nil, "elements that may take over what exists on the target and belongs to no stack, as ELEMENT,...; alone: all")
	flags.Lookup("adopt").NoOptDefVal = "*"
}

// addBegin adds the flags of what begins an action and not only shows it.
func (f *stackFlags) addBegin(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.preview, "preview", "", "hash that a preview showed: refuse to do anything else by now")
	flags.StringVar(&f.comment, "comment", "", "why, for the record")
}

func addRevision(cmd *cobra.Command, revision *int64) {
	cmd.Flags().Int64Var(revision, "if-revision", 0, "refuse when the stack has another revision, see stack show")
}

func (f *stackFlags) addAbout(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.labels, "label", "l", nil, "label as KEY=VALUE; may be repeated")
	cmd.Flags().BoolVar(&f.protect, "protect", false, "refuse deletion, also of elements with data")
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
		Adopt: f.adopt, Preview: f.preview, Comment: f.comment, Protected: f.protect, IfRevision: f.revision,
	}
	if f.onFailure != "" && r.OnFailure != fairlead.Keep && r.OnFailure != fairlead.Rollback {
		return r, usage(cmd, "--on-failure %q: want keep or rollback", f.onFailure)
	}
	if f.timeout < 0 {
		return r, usage(cmd, "--timeout %s: want a span such as 60m", f.timeout)
	}
	var err error
	if r.Labels, err = pairs(cmd, "--label", f.labels); err != nil {
		return r, err
	}
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
	var from string
	var wait bool
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a stack of a template version",
		Example: "  fairlead stack create shop --template shop@1.0 --set image=127.0.0.1:8080/team/shop:1.0 --wait",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			switch {
			case f.template == "" && from == "":
				return usage(cmd, "--template is missing: say of which template, as NAME@VERSION")
			case f.template != "" && from != "":
				return usage(cmd, "--template and --from: the file says of which template")
			}
			r, err := f.request(cmd, a, c, args[0])
			if err == nil && from != "" {
				err = a.fromFile(cmd, c, from, &r)
			}
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
	f.addBegin(cmd)
	f.addPlace(cmd)
	f.addAbout(cmd)
	cmd.Flags().StringVar(&from, "from", "", "file that stack export wrote; its template version is stored when the server has none")
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
	f.addBegin(cmd)
	cmd.Flags().StringVar(&f.description, "description", "", "what the stack is for")
	addRevision(cmd, &f.revision)
	addWait(cmd, &wait)
	addOutput(cmd)
	return cmd
}
