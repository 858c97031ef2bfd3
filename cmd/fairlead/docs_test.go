package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// docs/cli.md has every command with its arguments, and every flag.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	root := newRootCommand(&app{})
	for _, cmd := range leaves(root) {
		_, args, _ := strings.Cut(cmd.Use, " ")
		if usage := strings.TrimSpace(cmd.CommandPath() + " " + args); !strings.Contains(string(page), "`"+usage) {
			t.Errorf("docs/cli.md does not have `%s`", usage)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "output" && !f.Hidden && !strings.Contains(string(page), "--"+f.Name) && !strings.Contains(string(page), "-"+f.Shorthand+" ") {
				t.Errorf("docs/cli.md does not have --%s of %s", f.Name, cmd.CommandPath())
			}
		})
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: Short is %q, want a phrase without a full stop", cmd.CommandPath(), cmd.Short)
		}
	}
}

// leaves are the commands that do something, hidden ones left out.
func leaves(cmd *cobra.Command) []*cobra.Command {
	if cmd.Hidden || cmd.Name() == "completion" || cmd.Name() == "help" {
		return nil
	}
	if !cmd.HasSubCommands() {
		return []*cobra.Command{cmd}
	}
	var all []*cobra.Command
	for _, sub := range cmd.Commands() {
		all = append(all, leaves(sub)...)
	}
	return all
}

// docs/operations.md has every metric of the program's own with its labels, and no other.
func TestMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, m := range regexp.MustCompile("`(fairlead_[a-z_]+)(\\{[a-z,]+\\})?`").FindAllStringSubmatch(string(page), -1) {
		told[m[1]] = true
	}
	descs := make(chan *prometheus.Desc, 1000)
	newTelemetry(nil, nil).registry.Describe(descs)
	close(descs)
	have := map[string]bool{}
	for d := range descs {
		if m := regexp.MustCompile(`fqName: "(fairlead_[a-z_]+)"`).FindStringSubmatch(d.String()); m != nil {
			have[m[1]] = true
		}
	}
	if len(have) < 6 {
		t.Fatalf("metrics %v", have)
	}
	for name := range have {
		if !told[name] {
			t.Errorf("docs/operations.md does not have %s", name)
		}
	}
	for name := range told {
		if !have[name] {
			t.Errorf("docs/operations.md has %s, which does not exist", name)
		}
	}
}
