// Command fairlead is the whole program: the server, the command line that speaks to one, and the demonstration.
//
// It is the only place that knows every package and wires them together. Each noun of the command line has a file here;
// what a command prints is in view.go and what it exits with in exit.go.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // schedules and windows name time zones, also where the machine has no table of them

	"github.com/spf13/cobra"
)

// version is set by the linker (-X main.version=...); without it the module's version or commit is shown.
var version string

// app is what commands get from the process.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	now      func() time.Time
}

func main() { os.Exit(run()) }

// run is main with its exit code as a value.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second Ctrl-C ends the process at once
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv, now: time.Now}
	return a.execute(ctx, os.Args[1:])
}

func (a *app) execute(ctx context.Context, args []string) int {
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	return a.fail(ctx, cmd, err)
}

func newRootCommand(a *app) *cobra.Command {
	root := newGroup("fairlead", "Container images from a registry into running applications, by template and pipeline",
		newServeCommand(a), newLSPCommand(a),
		newBackupCommand(a),
		newRestoreCommand(a),
		newLoginCommand(a), newLogoutCommand(a), newWhoAmICommand(a),
		newTemplateCommand(a), newTargetCommand(a), newStackCommand(a),
		newGroupCommand(a), newPipelineCommand(a), newPipelineTemplateCommand(a), newRunCommand(a), newChannelCommand(a),
		newFreezeCommand(a), newLockCommand(a),
		newImageCommand(a), newUserCommand(a), newTokenCommand(a), newAuditCommand(a),
		newSettingsCommand(a), newVersionCommand(a), newDemoCommand(), newDemoWebCommand(), newForwardCommand(),
	)
	root.Version = buildVersion()
	root.SetVersionTemplate("fairlead {{.Version}}\n")
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%s", err) })
	return root
}

// newGroup makes a command that only holds others.
func newGroup(use, short string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: runGroup}
	// A mistyped command is told as such, also with flags that only the right one has.
	group.FParseErrWhitelist.UnknownFlags = true
	for _, cmd := range commands {
		if cmd.Args == nil {
			cmd.Args = checkArgs
		}
	}
	group.AddCommand(commands...)
	return group
}

func runGroup(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	if cmd.SuggestionsMinimumDistance == 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	hint := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return usage(cmd, "unknown command %q%s", args[0], hint)
}

// checkArgs counts the arguments by the names in the command's Use: NAME is needed, [NAME] may be given, NAME... repeats.
func checkArgs(cmd *cobra.Command, args []string) error {
	names := strings.Fields(cmd.Use)[1:]
	for i, name := range names {
		switch {
		case strings.HasSuffix(strings.Trim(name, "[]"), "...") && (len(args) > i || name[0] == '['):
			return nil
		case i >= len(args) && name[0] != '[':
			return usage(cmd, "%s is missing", strings.TrimSuffix(name, "..."))
		}
	}
	if len(args) > len(names) {
		return usage(cmd, "unexpected argument %q", args[len(names)])
	}
	return nil
}

// build tells which program this is.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersionCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "Print the version of this program", RunE: func(cmd *cobra.Command, _ []string) error {
		b := build{Version: buildVersion(), Commit: setting("vcs.revision"), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
		return a.view(cmd).show(b, func(p *printer) {
			p.line(fmt.Sprintf("fairlead %s %s %s", b.Version, b.Go, b.Platform))
		})
	}}
	addOutput(cmd)
	return cmd
}

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// setting reads one setting of the build.
func setting(key string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
