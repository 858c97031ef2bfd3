package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"log/slog"

	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/provider/helm"
	"github.com/fairlead/fairlead/internal/provider/kubernetes"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

// cluster is a Kubernetes cluster as a target: releases of charts go to Helm, everything else to the API server.
type cluster struct {
	*kubernetes.Provider
	helm *helm.Provider
}

func (c *cluster) of(elementType string) stack.Provider {
	if elementType == helm.Type {
		return c.helm
	}
	return c.Provider
}

func (c *cluster) Check(el template.Element) fairlead.Diagnostics { return c.of(el.Type).Check(el) }

func (c *cluster) Plan(ctx context.Context, want template.Element, prior *fairlead.Record) (fairlead.Change, error) {
	return c.of(want.Type).Plan(ctx, want, prior)
}

func (c *cluster) Apply(ctx context.Context, change fairlead.Change) (fairlead.Record, error) {
	return c.of(change.Record.Type).Apply(ctx, change)
}

func (c *cluster) Health(ctx context.Context, record fairlead.Record) (fairlead.Health, error) {
	return c.of(record.Type).Health(ctx, record)
}

func (c *cluster) Read(ctx context.Context, record fairlead.Record) (fairlead.Live, error) {
	return c.of(record.Type).Read(ctx, record)
}

func (c *cluster) Delete(ctx context.Context, record fairlead.Record) error {
	return c.of(record.Type).Delete(ctx, record)
}

// Release takes the marks off a resource that stays on the cluster.
func (c *cluster) Release(ctx context.Context, record fairlead.Record) error {
	if p, ok := c.of(record.Type).(stack.Releaser); ok {
		return p.Release(ctx, record)
	}
	return nil
}

func (c *cluster) Close() {
	c.helm.Close()
	c.Provider.Close()
}

func (t *targets) openCluster(target fairlead.Target, credentials store.TargetCredentials) (opened, error) {
	log := t.log.With("target", target.Name)
	kube, err := kubernetes.New(kubernetes.Config{
		Kubeconfig: credentials.Kubeconfig, InCluster: target.InCluster, Instance: t.instance, PullSecret: t.pullSecret(target.Name, credentials.PullKey),
		PullFrom: t.pullFrom, Log: log,
	})
	if err != nil {
		return nil, err
	}
	charts, err := t.openHelm(target, credentials, kube, log)
	if err != nil {
		kube.Close()
		return nil, err
	}
	return &cluster{kube, charts}, nil
}

func (t *targets) openHelm(target fairlead.Target, credentials store.TargetCredentials, kube *kubernetes.Provider, log *slog.Logger) (*helm.Provider, error) {
	return helm.New(helm.Config{
		Kubeconfig: credentials.Kubeconfig, InCluster: target.InCluster, Instance: t.instance, Charts: helm.Charts{Files: t, Images: t.images}, Log: log,
		MakeNamespace: kube.MakeNamespace, LeaveNamespace: kube.LeaveNamespace,
	})
}

// TemplateFile returns a file of a template package.
func (t *targets) TemplateFile(ctx context.Context, name, version, path string) (data []byte, err error) {
	err = t.db.Read(ctx, func(tx *store.Tx) error { data, err = tx.TemplateFile(ctx, name, version, path); return err })
	return data, err
}

// TemplateContents returns all files of a template package.
func (t *targets) TemplateContents(ctx context.Context, name, version string) (files map[string][]byte, err error) {
	err = t.db.Read(ctx, func(tx *store.Tx) error { files, err = tx.TemplateContents(ctx, name, version); return err })
	return files, err
}

// TemplateFiles lists the files of a template package.
func (t *targets) TemplateFiles(ctx context.Context, name, version string) (paths []string, err error) {
	err = t.db.Read(ctx, func(tx *store.Tx) error { paths, err = tx.TemplateFiles(ctx, name, version); return err })
	return paths, err
}

// pullSecret gives the credentials with which the nodes of a target pull images from our registry, in Docker's format. It is
// the same in every namespace.
func (t *targets) pullSecret(target, key string) func(context.Context, string) ([]byte, bool, error) {
	return func(context.Context, string) ([]byte, bool, error) {
		if key == "" {
			return nil, false, nil
		}
		user := auth.Puller(target)
		login := map[string]string{"username": user, "password": key, "auth": base64.StdEncoding.EncodeToString([]byte(user + ":" + key))}
		text, err := json.Marshal(map[string]any{"auths": map[string]any{t.pullFrom: login}})
		return text, err == nil, err
	}
}

// prepareCluster completes a cluster that shall be added: of the kubeconfig only the chosen context is kept.
func prepareCluster(target fairlead.Target, kubeconfig []byte) (fairlead.Target, store.TargetCredentials, error) {
	credentials := store.TargetCredentials{PullKey: rand.Text() + rand.Text()}
	if target.InCluster {
		cfg, err := rest.InClusterConfig()
		if err != nil {
			return target, credentials, fairlead.Errorf(fairlead.Invalid, "target %s: the server does not run in a cluster, so it has no service account to use; give a kubeconfig: %w", target.Name, err)
		}
		target.Server = cfg.Host
		return target, credentials, nil
	}
	access, err := pickContext(kubeconfig, target.Context, "")
	if err != nil {
		return target, credentials, err
	}
	target.Server, target.Context, credentials.Kubeconfig = access.server, access.context, access.kubeconfig
	return target, credentials, nil
}
