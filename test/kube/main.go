// Program kubebox is a whole Kubernetes control plane in one file: etcd, the API server, the controllers, the scheduler, kwok,
// which plays nodes and pods, and the command lines kubectl and helm. The name it is called by, or its first argument, says
// which of them it is. "kubebox up" starts a cluster of them on this machine, "kubebox down" ends it.
//
// It is for tests and benchmarks: what the API server does is real, the pods run nothing, but for those that "node" plays.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/etcdmain"
	helm "helm.sh/helm/v4/pkg/cmd"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
)

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if !known(name) && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	// Some of the programs look at os.Args, not at what they are given.
	os.Args = append([]string{name}, args...)
	os.Exit(run(name, args))
}

func known(name string) bool {
	switch name {
	case "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kubectl", "helm", "node", "up", "down":
		return true
	}
	return false
}

func run(name string, args []string) int {
	switch name {
	case "etcd":
		etcdmain.Main(os.Args)
		return 0
	case "kube-apiserver":
		return cli.Run(apiserver.NewAPIServerCommand())
	case "kube-controller-manager":
		return cli.Run(controllers.NewControllerManagerCommand())
	case "kube-scheduler":
		return cli.Run(scheduler.NewSchedulerCommand())
	case "kubectl":
		return cli.Run(kubectl.NewDefaultKubectlCommand())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch name {
	case "kwok":
		return runKwok(ctx, args)
	case "helm":
		cmd, err := helm.NewRootCmd(os.Stdout, args, helm.SetupLogging)
		if err != nil {
			return report(err)
		}
		return execute(ctx, cmd, args)
	case "node":
		return report(runNode(ctx, args))
	case "up":
		return report(up(ctx, args))
	case "down":
		return report(down(args))
	}
	fmt.Fprintln(os.Stderr, "usage: kubebox etcd | kube-apiserver | kube-controller-manager | kube-scheduler | kwok | kubectl | helm | node | up | down")
	return 2
}

// runKwok does what kwok's own main does.
func runKwok(ctx context.Context, args []string) int {
	// The API server's packages have put a flag named version of another type there.
	pflag.CommandLine = pflag.NewFlagSet("kwok", pflag.ContinueOnError)
	global := pflag.NewFlagSet("global", pflag.ContinueOnError)
	global.ParseErrorsAllowlist.UnknownFlags = true
	global.Usage = func() {}
	ctx, _ = kwoklog.InitFlags(ctx, global)
	ctx, err := kwokconfig.InitFlags(ctx, global)
	if err != nil {
		return report(err)
	}
	cmd := kwok.NewCommand(ctx)
	cmd.PersistentFlags().AddFlagSet(global)
	return execute(ctx, cmd, args)
}

func execute(ctx context.Context, cmd *cobra.Command, args []string) int {
	cmd.SetArgs(args)
	return report(cmd.ExecuteContext(ctx))
}

func report(err error) int {
	if err != nil {
		slog.Error("it failed", "error", err)
		return 1
	}
	return 0
}
