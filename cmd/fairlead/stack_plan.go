package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newStackPreviewCommand(a *app) *cobra.Command {
	var f stackFlags
	var rollback, deletion bool
	var to int64
	cmd := &cobra.Command{
		Use: "preview NAME", Short: "Show what create, upgrade, rollback or delete would do; nothing is changed",
		Long: `Show what create would do, or upgrade when the stack exists, or with --rollback or --delete those. Everything is checked;
nothing is stored or changed. Each field shows what was last applied and what is wanted; where somebody else has changed the
target meanwhile, also what is there now. The last line has the hash that --preview of create, upgrade and rollback takes.`,
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			r, err := f.request(cmd, a, c, args[0])
			if err != nil {
				return err
			}
			switch {
			case rollback && deletion:
				return usage(cmd, "--rollback and --delete are two previews: ask for one")
			case rollback || to > 0:
				r.Verb, r.To = fairlead.VerbRollback, to
			case deletion:
				r.Verb = fairlead.VerbDelete
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
	cmd.Flags().BoolVar(&rollback, "rollback", false, "show what rollback would do")
	cmd.Flags().BoolVar(&deletion, "delete", false, "show what delete would do")
	cmd.Flags().Int64Var(&to, "to", 0, "show what rollback to this good state would do; see stack history")
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

// signColour is the colour of a line by its first character.
func signColour(sign string) colour {
	switch sign {
	case "+":
		return green
	case "~", "&":
		return yellow
	case "-", "±":
		return red
	}
	return plain
}

func printPlan(p *printer, plan fairlead.Plan) {
	for _, w := range plan.Warnings {
		p.painted(yellow, w.String())
	}
	count := map[string]int{}
	printOperations(p, plan, "", count)
	line := "plan: "
	if n := count["adopt"]; n > 0 {
		line += fmt.Sprintf("%d to adopt, ", n)
	}
	line += fmt.Sprintf("%d to create, %d to update, %d to replace, %d to delete, %d as they are", count["create"],
		count["update"], count["replace"], count["delete"], count["none"])
	p.line(line)
	if n := count["drifted"]; n > 0 {
		p.painted(magenta, fmt.Sprintf("drift: %s changed on the target by somebody else, marked with !; applying the plan sets back what it lists", plural(n, "field")))
	}
	if n := count["held"]; n > 0 {
		p.painted(magenta, fmt.Sprintf("conflict: %s held by somebody else; carrying the plan out is refused unless the element adopts (--adopt)", plural(n, "field")))
	}
	if hash := strings.TrimPrefix(plan.Hash, "sha256:"); len(hash) > shownHash {
		p.line("preview: " + hash[:shownHash])
	}
}

// shownHash is how much of a plan's hash is shown; the server wants at least 12 characters.
const shownHash = 16

func printOperations(p *printer, plan fairlead.Plan, indent string, count map[string]int) {
	for _, op := range plan.Operations {
		verb, mark := string(op.Verb), sign(op.Verb)
		if op.Adopt {
			verb, mark = "adopt", "&"
		}
		if indent == "" {
			count[verb]++
		}
		if op.Verb == fairlead.OpNone {
			continue
		}
		line := fmt.Sprintf("%s%s %s %s  %s", indent, mark, verb, op.Element, op.Type)
		if op.Reason != "" {
			line += "  (" + op.Reason + ")"
		}
		p.painted(signColour(mark), line)
		for _, f := range op.Fields {
			switch {
			case f.Owner != "":
				count["held"]++
			case f.Drifted && !op.Adopt:
				count["drifted"]++
			}
			printField(p, f, indent)
		}
		if op.Nested != nil {
			printOperations(p, *op.Nested, indent+"    ", count)
		}
	}
}

// printField shows a change on one line, and an object that is new or gone as a block below its path.
func printField(p *printer, f fairlead.FieldChange, more string) {
	const step = "    "
	indent := more + step
	mark, whole := "+", f.After
	if f.After == nil {
		mark, whole = "-", f.Before
	}
	if _, object := whole.(map[string]any); !object || f.Drifted || (f.Before != nil && f.After != nil) {
		line := fieldLine(f)
		if f.Drifted {
			p.painted(magenta, indent+line)
			return
		}
		p.painted(signColour(line[:1]), indent+line)
		return
	}
	p.painted(signColour(mark), indent+mark+" "+f.Path+":")
	var block strings.Builder
	if err := writeYAML(&block, whole); err != nil {
		block.WriteString(literal(whole))
	}
	for line := range strings.Lines(block.String()) {
		p.painted(signColour(mark), indent+step+strings.TrimRight(line, "\n"))
	}
}

func fieldLine(f fairlead.FieldChange) string {
	after := orNothing(f.After)
	if f.Unknown {
		after = "(known when it runs)"
	}
	if f.Drifted {
		line := fmt.Sprintf("! %s: applied %s, on the target %s, wanted %s", f.Path, orNothing(f.Before), orNothing(f.Live), after)
		if f.Owner != "" {
			line += ", held by " + f.Owner
		}
		return line
	}
	switch {
	case f.Before == nil:
		return fmt.Sprintf("+ %s: %s", f.Path, after)
	case f.After == nil && !f.Unknown:
		return fmt.Sprintf("- %s: %s", f.Path, literal(f.Before))
	}
	return fmt.Sprintf("~ %s: %s -> %s", f.Path, literal(f.Before), after)
}

// orNothing is a value on one line, or that there is none.
func orNothing(v any) string {
	if v == nil {
		return "nothing"
	}
	return literal(v)
}
