// A forwarder for tests: the sub-command "forward" and nothing else.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/fairlead/fairlead/internal/provider/engine/forward"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != "forward" {
		fmt.Fprintln(os.Stderr, "want: forward ...")
		os.Exit(2)
	}
	if err := forward.Main(context.Background(), os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
