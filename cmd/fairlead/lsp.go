package main

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/internal/lsp"
)

// stdio is standard input and output as one stream.
type stdio struct {
	io.Reader
	io.Writer
}

func (stdio) Close() error { return errors.Join(os.Stdin.Close(), os.Stdout.Close()) }

func newLSPCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "lsp", Short: "Language server for templates and pipeline files, over standard input and output; no server needed",
		Long: "Editors start this command and speak the Language Server Protocol with it: findings while you type, completion and hover\n" +
			"in templates (files with node_templates) and pipeline files (files with stages).",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return lsp.Serve(cmd.Context(), stdio{cmd.InOrStdin(), a.out}, buildVersion())
		},
	}
}
