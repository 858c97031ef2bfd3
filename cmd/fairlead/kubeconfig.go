package main

import (
	"errors"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	kubeapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead"
)

// kubeAccess is what one context of a kubeconfig gives: how to reach one cluster as one user, and nothing else of the file.
type kubeAccess struct {
	context, server string
	kubeconfig      []byte
}

// pickContext takes one context out of a kubeconfig, its current one when name is empty. Files that it refers to are read and
// put into it; they are relative to dir. With an empty dir, on the server, there are no such files: to read them there would
// give the server's own files to whoever adds a target.
func pickContext(text []byte, name, dir string) (kubeAccess, error) {
	file, err := clientcmd.Load(text)
	if err != nil {
		return kubeAccess{}, wrongKubeconfig("it is no kubeconfig; want a file as kubectl config view --raw prints: %w", err)
	}
	if name == "" {
		name = file.CurrentContext
	}
	chosen, err := findContext(file, name)
	if err != nil {
		return kubeAccess{}, err
	}
	cluster, ok := file.Clusters[chosen.Cluster]
	if !ok {
		return kubeAccess{}, wrongKubeconfig("context %q names cluster %q, which is not in it%s", name, chosen.Cluster, didYouMean(chosen.Cluster, file.Clusters))
	}
	user, ok := file.AuthInfos[chosen.AuthInfo]
	if !ok {
		return kubeAccess{}, wrongKubeconfig("context %q names user %q, which is not in it%s", name, chosen.AuthInfo, didYouMean(chosen.AuthInfo, file.AuthInfos))
	}
	if err := errors.Join(checkCluster(chosen.Cluster, cluster), checkUser(chosen.AuthInfo, user)); err != nil {
		return kubeAccess{}, err
	}
	if err := inlineFiles(chosen, cluster, user, dir); err != nil {
		return kubeAccess{}, err
	}
	small := kubeapi.NewConfig()
	small.CurrentContext = name
	small.Contexts[name] = &kubeapi.Context{Cluster: chosen.Cluster, AuthInfo: chosen.AuthInfo}
	small.Clusters[chosen.Cluster], small.AuthInfos[chosen.AuthInfo] = cluster, user
	cluster.Extensions, user.Extensions = nil, nil
	out, err := clientcmd.Write(*small)
	return kubeAccess{context: name, server: cluster.Server, kubeconfig: out}, err
}

func wrongKubeconfig(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Invalid, "kubeconfig: "+format, args...)
}

// didYouMean ends a message about a name that is not among the known ones.
func didYouMean[T any](name string, known map[string]T) string {
	names := slices.Sorted(maps.Keys(known))
	if near := fairlead.Nearest(name, names); near != "" {
		return "; did you mean " + near + "?"
	}
	if len(names) == 0 {
		return ""
	}
	return "; it has " + strings.Join(names, ", ")
}

func findContext(file *kubeapi.Config, name string) (*kubeapi.Context, error) {
	switch {
	case len(file.Contexts) == 0:
		return nil, wrongKubeconfig("it has no contexts; want a file as kubectl config view --raw prints")
	case name == "":
		return nil, wrongKubeconfig("it has no current context; choose one with --context%s", didYouMean("", file.Contexts))
	case file.Contexts[name] == nil:
		return nil, wrongKubeconfig("it has no context %q%s", name, didYouMean(name, file.Contexts))
	}
	return file.Contexts[name], nil
}

func checkCluster(name string, cluster *kubeapi.Cluster) error {
	at, err := url.Parse(cluster.Server)
	if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" || at.User != nil {
		return wrongKubeconfig("cluster %q: server %q: want the address of an API server, such as https://10.0.0.1:6443", name, cluster.Server)
	}
	return nil
}

// checkUser refuses credentials that come from a program: it would run on the server with the server's rights, and is not there.
func checkUser(name string, user *kubeapi.AuthInfo) error {
	program := ""
	switch {
	case user.Exec != nil:
		program = "the program " + user.Exec.Command
	case user.AuthProvider != nil:
		program = "the auth provider " + user.AuthProvider.Name
	default:
		return nil
	}
	return wrongKubeconfig("user %q gets its credentials from %s, which the server does not run; make a service account for Fairlead and use a kubeconfig with its token "+
		"(kubectl create token)", name, program)
}

// inlineFiles replaces the files that a cluster and a user refer to by what is in them.
func inlineFiles(chosen *kubeapi.Context, cluster *kubeapi.Cluster, user *kubeapi.AuthInfo, dir string) error {
	token := []byte(user.Token)
	for _, f := range []struct {
		owner, field string
		path         *string
		data         *[]byte
	}{
		{"cluster " + chosen.Cluster, "certificate-authority", &cluster.CertificateAuthority, &cluster.CertificateAuthorityData},
		{"user " + chosen.AuthInfo, "client-certificate", &user.ClientCertificate, &user.ClientCertificateData},
		{"user " + chosen.AuthInfo, "client-key", &user.ClientKey, &user.ClientKeyData},
		{"user " + chosen.AuthInfo, "tokenFile", &user.TokenFile, &token},
	} {
		switch path := *f.path; {
		case path == "" || len(*f.data) > 0:
			// Data in the file goes before a path.
		case dir == "":
			return wrongKubeconfig("%s: %s refers to the file %s, which the server does not read; put its content into the kubeconfig (kubectl config view --raw --flatten --minify)", f.owner, f.field, path)
		default:
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			data, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				return wrongKubeconfig("%s: %s refers to the file %s, which does not exist", f.owner, f.field, path)
			}
			if err != nil {
				return wrongKubeconfig("%s: %s refers to a file that cannot be read: %w", f.owner, f.field, err)
			}
			*f.data = data
		}
		*f.path = ""
	}
	user.Token = strings.TrimSpace(string(token))
	return nil
}
