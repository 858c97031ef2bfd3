package api

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

func (a *API) listTargets(ctx context.Context, in *Page) (*Body[List[fairlead.Target]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Targets}); err != nil {
		return nil, err
	}
	var targets []fairlead.Target
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) { targets, err = tx.Targets(ctx); return err })
	after := []fairlead.Target{}
	for _, t := range targets {
		if t.Name > in.Cursor {
			after = append(after, t)
		}
	}
	after, next := store.Page(after, in.Limit, func(t fairlead.Target) string { return t.Name })
	return list(after, next, err)
}

func (a *API) getTarget(ctx context.Context, in *Named) (*Body[fairlead.Target], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Targets, Name: in.Name}); err != nil {
		return nil, err
	}
	return answer(a.target(ctx, in.Name))
}

func (a *API) target(ctx context.Context, name string) (t fairlead.Target, err error) {
	err = a.DB.Read(ctx, func(tx *store.Tx) error { t, err = tx.Target(ctx, name); return err })
	return t, err
}

// NewTarget is a target to add.
type NewTarget struct {
	Body struct {
		Name string              `json:"name" doc:"1 to 64 lower-case letters, digits or hyphens"`
		Kind fairlead.TargetKind `json:"kind" enum:"engine,kubernetes"`
		Host string              `json:"host,omitempty" maxLength:"1000" doc:"address of an engine, such as unix:///var/run/docker.sock; absent: looked for where Docker and Podman listen"`

		Kubeconfig string `json:"kubeconfig,omitempty" doc:"text of a kubeconfig that refers to no files and no programs, for a cluster; only its chosen context is kept, encrypted"`
		Context    string `json:"context,omitempty" maxLength:"253" doc:"context of the kubeconfig; absent: its current one"`
		InCluster  bool   `json:"in_cluster,omitempty" doc:"the cluster in which the server runs, with the service account of its pod"`
	}
}

func (a *API) createTarget(ctx context.Context, in *NewTarget) (*Body[fairlead.Target], error) {
	t := fairlead.Target{Name: in.Body.Name, Kind: in.Body.Kind, Host: in.Body.Host, Context: in.Body.Context, InCluster: in.Body.InCluster}
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.Targets, Name: t.Name}); err != nil {
		return nil, err
	}
	if err := appendFinding(nil, "name", fairlead.CheckName("target", t.Name)).Err("the target"); err != nil {
		return nil, err
	}
	if err := checkNewTarget(in); err != nil {
		return nil, err
	}
	t, credentials, err := a.PrepareTarget(ctx, t, []byte(in.Body.Kubeconfig))
	if err != nil {
		return nil, err
	}
	err = a.DB.Write(ctx, func(tx *store.Tx) error {
		if err := tx.CreateTarget(ctx, &t); err != nil {
			return err
		}
		return tx.SetTargetCredentials(ctx, t.Name, credentials)
	})
	return answer(t, err)
}

// TargetRenewal is how a cluster shall be reached and signed in to from now on.
type TargetRenewal struct {
	Named
	Body struct {
		Kubeconfig string `json:"kubeconfig" minLength:"1" doc:"text of a kubeconfig that refers to no files and no programs; only its chosen context is kept, encrypted"`
		Context    string `json:"context,omitempty" maxLength:"253" doc:"context of the kubeconfig; absent: its current one"`
	}
}

func (a *API) renewTarget(ctx context.Context, in *TargetRenewal) (*Body[fairlead.Target], error) {
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.Targets, Name: in.Name}); err != nil {
		return nil, err
	}
	t, err := a.target(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if t.Kind != fairlead.TargetKubernetes {
		return nil, fairlead.Errorf(fairlead.Invalid, "target %s: an engine has no credentials; remove it and add it with another host", t.Name)
	}
	t.Context, t.InCluster = in.Body.Context, false
	t, credentials, err := a.PrepareTarget(ctx, t, []byte(in.Body.Kubeconfig))
	if err != nil {
		return nil, err
	}
	err = a.DB.Write(ctx, func(tx *store.Tx) error { return tx.RenewTarget(ctx, &t, credentials.Kubeconfig) })
	return answer(t, err)
}

// checkNewTarget refuses what the kind of the target has no use for, instead of ignoring it.
func checkNewTarget(in *NewTarget) error {
	b := in.Body
	switch {
	case b.Kind == fairlead.TargetEngine && (b.Kubeconfig != "" || b.Context != "" || b.InCluster):
		return fairlead.Errorf(fairlead.Invalid, "target %s: an engine has a host; kubeconfig, context and in_cluster are for kind kubernetes", b.Name)
	case b.Kind != fairlead.TargetKubernetes:
		return nil
	case b.Host != "":
		return fairlead.Errorf(fairlead.Invalid, "target %s: host is for engines; the address of a cluster is in its kubeconfig", b.Name)
	case b.InCluster == (b.Kubeconfig != ""):
		return fairlead.Errorf(fairlead.Invalid, "target %s: a Kubernetes target needs either a kubeconfig or in_cluster", b.Name)
	case b.InCluster && b.Context != "":
		return fairlead.Errorf(fairlead.Invalid, "target %s: context belongs to a kubeconfig", b.Name)
	}
	return nil
}

func (a *API) deleteTarget(ctx context.Context, in *Named) (*None, error) {
	if err := can(ctx, auth.Remove, auth.Object{Kind: auth.Targets, Name: in.Name}); err != nil {
		return nil, err
	}
	err := a.DB.Write(ctx, func(tx *store.Tx) error {
		stacks, err := tx.StacksOn(ctx, in.Name)
		if err != nil {
			return err
		}
		if len(stacks) > 0 {
			return fairlead.Errorf(fairlead.Conflict, "target %q holds stacks: %s; delete them first", in.Name, some(stacks))
		}
		runs, err := tx.JobsOn(ctx, in.Name)
		if err != nil {
			return err
		}
		if len(runs) > 0 {
			return fairlead.Errorf(fairlead.Conflict, "target %q runs containers of the runs %s; wait for them or stop them first", in.Name, some(runs))
		}
		return tx.DeleteTarget(ctx, in.Name)
	})
	if err == nil {
		a.ForgetTarget(in.Name)
	}
	return &None{}, err
}

func (a *API) checkTarget(ctx context.Context, in *Named) (*Body[fairlead.TargetCheck], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Targets, Name: in.Name}); err != nil {
		return nil, err
	}
	t, err := a.target(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return answer(a.CheckTarget(ctx, t), nil)
}
