package kubernetes

import (
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead"
)

// callTime bounds a call of the provider, so that an API server that takes requests and does not answer is noticed.
const callTime = 2 * time.Minute

// restConfig is how to reach the cluster.
func restConfig(c Config) (*rest.Config, error) {
	config, err := credentials(c)
	if err != nil {
		return nil, err
	}
	// The API server limits its clients with fair queues; a limit here would only make us slower than it.
	config.QPS, config.Burst = -1, -1
	config.UserAgent = manager
	config.WarningHandlerWithContext = rest.NoWarnings{}
	return config, nil
}

func credentials(c Config) (*rest.Config, error) {
	if c.InCluster {
		config, err := rest.InClusterConfig()
		if err != nil {
			return nil, fairlead.Errorf(fairlead.Invalid, "kubernetes: this server does not run in a cluster, so it has no service account to use: %w", err)
		}
		return config, nil
	}
	if len(c.Kubeconfig) == 0 {
		return nil, fairlead.Errorf(fairlead.Invalid, "kubernetes: no kubeconfig")
	}
	file, err := clientcmd.Load(c.Kubeconfig)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "kubeconfig: it cannot be read: %w", err)
	}
	name := c.Context
	if name == "" {
		name = file.CurrentContext
	}
	if err := usable(file, name); err != nil {
		return nil, err
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(*file, name, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "kubeconfig: context %s cannot be used: %w", name, err)
	}
	return config, nil
}

// usable refuses what a kubeconfig may not make the server do: read its files and run programs.
func usable(file *api.Config, name string) error {
	known := slices.Sorted(maps.Keys(file.Contexts))
	if name == "" {
		return fairlead.Errorf(fairlead.Invalid, "kubeconfig: it has no current context; name one of %s", strings.Join(known, ", "))
	}
	context := file.Contexts[name]
	if context == nil {
		return fairlead.Errorf(fairlead.Invalid, "kubeconfig: it has no context %s; it has %s", name, strings.Join(known, ", "))
	}
	cluster := file.Clusters[context.Cluster]
	if cluster == nil || cluster.Server == "" {
		return fairlead.Errorf(fairlead.Invalid, "kubeconfig: context %s names no cluster with a server", name)
	}
	user := file.AuthInfos[context.AuthInfo]
	if user == nil {
		user = api.NewAuthInfo()
	}
	switch {
	case user.Exec != nil || user.AuthProvider != nil:
		return fairlead.Errorf(fairlead.Invalid, "kubeconfig: user %s gets its credentials from a program, which the server does not run; "+
			"give it the token of a service account (kubectl create token)", context.AuthInfo)
	case cluster.CertificateAuthority != "" || user.ClientCertificate != "" || user.ClientKey != "" || user.TokenFile != "":
		return fairlead.Errorf(fairlead.Invalid, "kubeconfig: context %s refers to files; put their content into it with kubectl config view --flatten --minify", name)
	}
	return nil
}
