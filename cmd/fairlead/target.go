package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// maxKubeconfig bounds a kubeconfig file with all its contexts.
const maxKubeconfig = 8 << 20

func newTargetCommand(a *app) *cobra.Command {
	return newGroup("target", "Where stacks are made: container engines and Kubernetes clusters",
		newTargetAddCommand(a), newTargetListCommand(a), newTargetUpdateCommand(a), newTargetCheckCommand(a), newTargetRenewCommand(a), newTargetRemoveCommand(a))
}

func newTargetAddCommand(a *app) *cobra.Command {
	var t client.NewTarget
	var kind, kubeconfig string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a target that answers",
		Long: `Add a target that answers.

Of a kubeconfig only the chosen context is sent to the server, which keeps it encrypted and never shows it. Certificates
and tokens in files of their own are read here and sent along. Credentials that come from a program (exec, auth-provider)
cannot be used: the server runs no programs.`,
		Example: `  fairlead target add build-box --host unix:///run/podman/podman.sock
  fairlead target add prod --kind kubernetes --kubeconfig ~/.kube/config --context prod
  fairlead target add here --kind kubernetes --in-cluster`,
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			t.Name, t.Kind = args[0], fairlead.TargetKind(kind)
			if kubeconfig != "" {
				access, err := a.readKubeconfig(kubeconfig, t.Context)
				if err != nil {
					return err
				}
				t.Kubeconfig, t.Context = string(access.kubeconfig), access.context
			}
			added, err := c.CreateTarget(cmd.Context(), t)
			if err != nil {
				return err
			}
			return a.view(cmd).show(added, func(p *printer) { p.linef("target %s was added: %s %s", added.Name, added.Kind, added.Address()) })
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&kind, "kind", string(fairlead.TargetEngine), "what it is: engine (Docker or Podman) or kubernetes")
	flags.StringVar(&t.Host, "host", "", "address of the engine as the server sees it, such as unix:///var/run/docker.sock")
	flags.StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig file of the cluster; - reads standard input")
	flags.StringVar(&t.Context, "context", "", "context of the kubeconfig (default its current one)")
	flags.BoolVar(&t.InCluster, "in-cluster", false, "the cluster in which the server runs, with the service account of its pod")
	addOutput(cmd)
	return cmd
}

// readKubeconfig takes one context out of a kubeconfig file, with what is in the files that it refers to.
func (a *app) readKubeconfig(path, context string) (kubeAccess, error) {
	text, err := a.readFile(path, maxKubeconfig)
	if err != nil {
		return kubeAccess{}, err
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return kubeAccess{}, err
	}
	return pickContext(text, context, dir)
}

func newTargetListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the targets", RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		return showList(a.view(cmd), c.Targets(cmd.Context()), []string{"NAME", "KIND", "ADDRESS", "CREATED"},
			func(t fairlead.Target, p *printer) []string {
				return []string{t.Name, string(t.Kind), orDash(t.Address()), p.ago(t.CreatedAt)}
			})
	})}
	addOutput(cmd)
	return cmd
}

func newTargetCheckCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "check NAME", Short: "Look whether a target answers and what is missing; exit 1 when something is", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		check, err := c.CheckTarget(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		err = a.view(cmd).show(check, func(p *printer) {
			p.fields("Target", check.Target, "Answers", yesNo(check.Version != ""), "Version", check.Version, "Message", check.Message)
			for _, right := range check.Missing {
				p.fields("Missing", right)
			}
		})
		if err == nil && !check.OK {
			err = shown{exitFailed}
		}
		return err
	})}
	addOutput(cmd)
	return cmd
}

func newTargetRenewCommand(a *app) *cobra.Command {
	var kubeconfig, context string
	cmd := &cobra.Command{
		Use: "renew NAME", Short: "Give the credentials of a cluster anew; its stacks stay", Example: "  fairlead target renew prod --kubeconfig fresh.yaml",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if kubeconfig == "" {
				return usage(cmd, "--kubeconfig is missing: the file with the new credentials")
			}
			access, err := a.readKubeconfig(kubeconfig, context)
			if err != nil {
				return err
			}
			t, err := c.RenewTarget(cmd.Context(), args[0], string(access.kubeconfig), access.context)
			if err != nil {
				return err
			}
			return a.view(cmd).show(t, func(p *printer) { p.linef("target %s was renewed: %s", t.Name, t.Address()) })
		}),
	}
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig file of the cluster; - reads standard input")
	cmd.Flags().StringVar(&context, "context", "", "context of the kubeconfig (default its current one)")
	addOutput(cmd)
	return cmd
}

func newTargetRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "remove NAME", Short: "Remove a target that no stack uses", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		if err := c.DeleteTarget(cmd.Context(), args[0]); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "target %s was removed\n", args[0])
		return nil
	})}
}
