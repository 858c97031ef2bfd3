package main

import (
	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/internal/provider/engine/forward"
)

// newForwardCommand is what the containers run that publish ports; people have no use for it.
func newForwardCommand() *cobra.Command {
	return &cobra.Command{
		Use: "forward", Short: "Serve published ports within a container", Hidden: true, DisableFlagParsing: true, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return forward.Main(cmd.Context(), args) },
	}
}
