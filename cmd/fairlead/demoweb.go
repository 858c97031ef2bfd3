package main

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/internal/scratch"
)

// demoWebAddress is where the demo's application listens within its container.
const demoWebAddress = ":8080"

var demoPage = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Demo shop {{.Version}}</title>
<style>body{font:1.2rem/1.6 system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:0;color-scheme:light dark}</style>
<main><h1>Hello from version {{.Version}}</h1><p>Served by container {{.Host}}.</p></main></html>
`))

// newDemoWebCommand is the application that the demo deploys: a page that says its version.
func newDemoWebCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "demo-web",
		Short:  "Serve the demo's page",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serveDemoWeb(cmd.Context(), os.Getenv("DEMO_VERSION"))
		},
	}
}

func serveDemoWeb(ctx context.Context, version string) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = demoPage.Execute(w, map[string]string{"Version": version, "Host": host}) // the client is gone: nothing to do
	})
	server := &http.Server{Addr: demoWebAddress, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// demoImage makes an image of this very program that serves the demo's page as the given version. The layers of all
// versions are the same; only the configuration differs.
func demoImage(program, version string) (v1.Image, error) {
	return scratch.Image(program, v1.Config{
		Entrypoint:   []string{scratch.Program, "demo-web"},
		Env:          []string{"DEMO_VERSION=" + version},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
	})
}
