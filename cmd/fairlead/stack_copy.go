package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/internal/stack"
)

func newStackCopyCommand(a *app) *cobra.Command {
	var f stackFlags
	var words []string
	var wait bool
	cmd := &cobra.Command{
		Use: "copy NAME NEW", Short: "Make a stack like another one, on another target or in another namespace",
		Long: `Make a stack of the same template version with the same inputs, secret ones too. --map replaces texts in the inputs wherever
they stand as whole words: dev=prod turns db.dev.svc into db.prod.svc and leaves device alone. --set and --values win over that.`,
		Example: "  fairlead stack copy shop shop-prod --target prod --map dev=prod --set replicas=5 --wait",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			r, err := f.request(cmd, a, c, args[1])
			if err != nil {
				return err
			}
			to := client.StackCopy{
				Name: r.Name, Target: r.Target, Namespace: r.Namespace, Description: r.Description, Protected: r.Protected, Inputs: r.Inputs,
				OnFailure: r.OnFailure, Timeout: r.Timeout, Adopt: r.Adopt, Comment: r.Comment,
			}
			if len(r.Labels) > 0 {
				to.Labels = r.Labels
			}
			if to.Map, err = pairs(cmd, "--map", words); err != nil {
				return err
			}
			action, err := c.CopyStack(cmd.Context(), args[0], to)
			if err != nil {
				return err
			}
			return a.begun(cmd, c, action, wait, fairlead.ActionSucceeded)
		}),
	}
	f.addInputs(cmd)
	f.addPlace(cmd)
	f.addAbout(cmd)
	cmd.Flags().StringVar(&f.comment, "comment", "", "why, for the record")
	cmd.Flags().StringArrayVar(&words, "map", nil, "text to replace in the inputs, as OLD=NEW; may be repeated")
	addWait(cmd, &wait)
	addOutput(cmd)
	return cmd
}

// passphraseVariable holds the passphrase of sealed secrets, for scripts.
const passphraseVariable = "FAIRLEAD_PASSPHRASE"

func newStackExportCommand(a *app) *cobra.Command {
	var secrets, force bool
	cmd := &cobra.Command{
		Use: "export NAME [FILE]", Short: "Write a stack to a file that stack create --from makes it from again",
		Long: `Write what a stack is made from to a file or the output: template, inputs, labels and options; nothing of what was made. Secret inputs are
left out and named. With --with-secrets they are in the file, sealed with a passphrase that is asked for or comes from ` + passphraseVariable + `;
only administrators may do that.`,
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			passphrase := ""
			if secrets {
				var err error
				if passphrase, err = a.passphrase(cmd, true); err != nil {
					return err
				}
			}
			x, err := c.ExportStack(cmd.Context(), args[0], passphrase)
			if err != nil {
				return err
			}
			var text strings.Builder
			if err := writeYAML(&text, x); err != nil {
				return err
			}
			if len(args) < 2 || args[1] == "-" {
				_, err = a.out.Write([]byte(text.String()))
				return err
			}
			return writeFile(args[1], []byte(text.String()), force)
		}),
	}
	cmd.Flags().BoolVar(&secrets, "with-secrets", false, "seal the secret inputs into the file with a passphrase")
	cmd.Flags().BoolVar(&force, "force", false, "replace the file when it exists")
	return cmd
}

// passphrase is that of the environment or else asked for, twice when it is a new one.
func (a *app) passphrase(cmd *cobra.Command, fresh bool) (string, error) {
	if p := a.env(passphraseVariable); p != "" {
		return p, nil
	}
	if _, ok := a.terminal(); !ok {
		return "", usage(cmd, "a passphrase is needed: set %s", passphraseVariable)
	}
	p, err := a.password(cmd, "Passphrase: ", false)
	if err != nil || !fresh {
		return p, err
	}
	again, err := a.password(cmd, "Once more: ", false)
	if err == nil && again != p {
		err = fairlead.Errorf(fairlead.Invalid, "the two passphrases differ; nothing was written")
	}
	return p, err
}

// maxExport bounds a file that holds a stack; a package of a template may be in it.
const maxExport = 64 << 20

// fromFile completes a request with an exported stack, and stores its template version when the server has none.
func (a *app) fromFile(cmd *cobra.Command, c *client.Client, file string, r *client.StackRequest) error {
	src, err := a.readFile(file, maxExport)
	if err != nil {
		return err
	}
	var x fairlead.StackExport
	text, err := yaml.YAMLToJSON(src)
	if err != nil {
		return valuesError(file, err)
	}
	if err := json.Unmarshal(text, &x); err != nil || x.Format != fairlead.StackFormat {
		return fairlead.Errorf(fairlead.Invalid, "file %s is no exported stack: want fairlead: %s, as fairlead stack export writes it", file, fairlead.StackFormat)
	}
	inputs := x.Inputs
	if inputs == nil {
		inputs = map[string]any{}
	}
	maps.Copy(inputs, r.Inputs)
	if err := a.openSecrets(cmd, x, inputs); err != nil {
		return err
	}
	r.Inputs, r.Template, r.Version = inputs, x.Template.Name, x.Template.Version
	if r.Description == "" {
		r.Description = x.Description
	}
	if len(r.Labels) == 0 {
		r.Labels = x.Labels
	}
	if r.Namespace == "" {
		r.Namespace = x.Namespace
	}
	if r.Target == "" {
		r.Target = x.Target
	}
	r.Protected = r.Protected || x.Protected
	upload := x.Template.Package
	if upload == nil {
		upload = []byte(x.Template.Text)
	}
	_, err = c.PushTemplate(cmd.Context(), client.TemplateUpload{
		Name: x.Template.Name, Version: x.Template.Version, Description: x.Template.Description, Filename: x.Template.Filename, Source: upload,
	})
	return err
}

// openSecrets adds the secret inputs of a file to inputs. Those that the file left out must be given.
func (a *app) openSecrets(cmd *cobra.Command, x fairlead.StackExport, inputs map[string]any) error {
	missing := slices.DeleteFunc(slices.Clone(x.Omitted), func(name string) bool { _, given := inputs[name]; return given })
	if len(missing) == 0 {
		return nil
	}
	if x.Sealed == nil {
		return usage(cmd, "the file leaves out secret inputs: give %s with --values or --set, or export with --with-secrets", strings.Join(missing, ", "))
	}
	passphrase, err := a.passphrase(cmd, false)
	if err != nil {
		return err
	}
	secrets, err := stack.Unseal(x, passphrase)
	if err != nil {
		return err
	}
	for _, name := range missing {
		inputs[name] = secrets[name]
	}
	return nil
}
