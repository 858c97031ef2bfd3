package helm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"

	"github.com/fairlead/fairlead"
)

// Delete uninstalls the release. Helm's records of it go last, when nothing of it is left: they say what there is to remove.
// What the chart wants to be kept stays, as with Helm; Jobs and Pods of its hooks go.
func (p *Provider) Delete(ctx context.Context, rec fairlead.Record) error {
	name, namespace := rec.Identity[identityName], rec.Identity[identityNamespace]
	if name == "" || namespace == "" {
		return nil // it was never fully planned, so it was never made
	}
	defer p.releases.lock(namespace + "/" + name)()
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := p.session(ctx, namespace)
	if err != nil {
		return err
	}
	err = s.delete(name, p.owner(rec), timeoutOf(rec))
	if err == nil && namespace == rec.Namespace && p.config.LeaveNamespace != nil {
		err = p.config.LeaveNamespace(ctx, rec)
	}
	if cause := ctx.Err(); err != nil && cause != nil {
		return fmt.Errorf("%s: %w", subject(rec.Element), cause)
	}
	return p.wrap(subject(rec.Element), err)
}

func timeoutOf(rec fairlead.Record) time.Duration {
	d := &decoder{}
	return d.span(rec.Properties, "timeout")
}

func (s *session) delete(name string, o owner, timeout time.Duration) error {
	h, err := s.history(name)
	if err != nil {
		return err
	}
	last := h.last()
	if last == nil || !o.mine(last) {
		return nil // a release of that name that somebody else made since is not ours to remove
	}
	if last.Info.Status != common.StatusUninstalled {
		if err := s.uninstall(h, timeout); err != nil {
			return err
		}
	}
	list, err := s.union(h.living())
	if err != nil {
		return err
	}
	left, err := s.left(list, last)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return &fairlead.Error{Code: fairlead.Unavailable, Message: "still being deleted: " + names(left, 5), Err: fairlead.ErrDeleting}
	}
	if err := s.removeHooks(h); err != nil {
		return err
	}
	return s.purge(h)
}

// purge removes Helm's records of a release of which nothing is left.
func (s *session) purge(h history) error {
	for _, r := range h {
		if _, err := s.releases.Delete(r.Name, r.Version); err != nil && !errors.Is(err, driver.ErrReleaseNotFound) {
			return err
		}
	}
	return nil
}

// uninstall deletes the objects of all revisions of which something may be there, without waiting until they are gone, and
// leaves the record as uninstalled.
func (s *session) uninstall(h history, timeout time.Duration) error {
	last := h.last()
	list, err := s.union(h.living())
	if err != nil {
		return err
	}
	own, err := s.objects(last.Manifest)
	if err != nil {
		return err
	}
	others, err := s.left(without(list, own), last)
	if err != nil {
		return err
	}
	c, err := s.configuration()
	if err != nil {
		return err
	}
	un := action.NewUninstall(c)
	un.KeepHistory, un.IgnoreNotFound, un.Timeout, un.DeletionPropagation = true, true, timeout, "background"
	un.WaitStrategy, un.WaitOptions = kube.HookOnlyStrategy, []kube.WaitOption{kube.WithWaitContext(s.ctx)}
	// Hooks of a release that was never deployed would look for what is not there.
	un.DisableHooks = !h.everDeployed()
	if err := s.remove(others); err != nil {
		return err
	}
	if unserved(own) {
		return s.forget(last, own)
	}
	if _, err := un.Run(last.Name); err != nil {
		if s.ctx.Err() != nil || unreachable(err) {
			return err
		}
		return fairlead.Errorf(fairlead.Failed, "release %s in namespace %s cannot be uninstalled: %w", last.Name, last.Namespace, err)
	}
	return nil
}

// unserved tells that the cluster does not know the kind of some object any more; Helm refuses to uninstall such a release.
func unserved(list []object) bool {
	for _, o := range list {
		if o.resource == nil {
			return true
		}
	}
	return false
}

// forget uninstalls without Helm what the cluster still knows of a release.
func (s *session) forget(r *release.Release, own []object) error {
	left, err := s.left(own, r)
	if err != nil {
		return err
	}
	if err := s.remove(left); err != nil {
		return err
	}
	r.SetStatus(common.StatusUninstalled, "uninstalled without its hooks: the cluster does not serve all its kinds any more")
	return s.releases.Update(r)
}

// removeHooks removes the Jobs and Pods that hooks left. Other kinds stay, as with Helm: charts keep data in them.
func (s *session) removeHooks(h history) error {
	var list []object
	for _, r := range h {
		for _, hook := range r.Hooks {
			found, err := s.objects(hook.Manifest)
			if err != nil {
				return err
			}
			for _, o := range found {
				if (o.kind == "Job" || o.kind == "Pod") && o.name != "" && o.resource != nil && !kept(o.want) {
					list = append(list, o)
				}
			}
		}
	}
	return s.remove(list)
}
