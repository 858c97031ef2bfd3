package helm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"helm.sh/helm/v4/pkg/action"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// Apply installs or upgrades the release. It does not wait for the release's objects; the chart's own hooks run in it, each
// bounded by the element's timeout. A release that an earlier pass left half made is repaired first: what the stack engine
// asks for is asked by one server at a time, so a pass that finds unfinished work of ours finds that of a pass that is over.
func (p *Provider) Apply(ctx context.Context, change fairlead.Change) (fairlead.Record, error) {
	rec := change.Record
	if change.Verb == fairlead.OpDelete {
		return rec, p.Delete(ctx, rec)
	}
	w, err := understand(rec)
	if err != nil {
		return rec, err
	}
	defer p.releases.lock(w.namespace + "/" + w.name)()
	r, err := p.apply(ctx, w, rec)
	if err != nil {
		if cause := ctx.Err(); cause != nil {
			return rec, fmt.Errorf("%s: %w", subject(rec.Element), cause)
		}
		return rec, p.wrap(subject(rec.Element), err)
	}
	rec.State, rec.Attributes, rec.UpdatedAt = fairlead.RecordMade, attributes(w, rec, r), p.now()
	return rec, nil
}

// understand reads a record back. Records hold only what Plan accepted.
func understand(r fairlead.Record) (*wanted, error) {
	w, diags := parse(template.Element{Name: r.Element, Type: r.Type, Target: r.Target, Namespace: r.Namespace, Properties: r.Properties})
	if err := diags.Err(subject(r.Element)); err != nil {
		return nil, err
	}
	if w.unknown {
		return nil, fairlead.Errorf(fairlead.Internal, "element %s: applied before all its values were known", r.Element)
	}
	w.name, w.namespace = r.Identity[identityName], r.Identity[identityNamespace]
	return w, nil
}

// pass is one pass of Apply over a release.
type pass struct {
	*session
	*wanted
	rec    fairlead.Record
	owner  owner
	h      history
	found  *located
	chart  *chartv2.Chart
	merged map[string]any
}

// apply does the next step and returns the newest revision.
func (p *Provider) apply(ctx context.Context, w *wanted, rec fairlead.Record) (*release.Release, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := p.session(ctx, w.namespace)
	if err != nil {
		return nil, err
	}
	a := &pass{session: s, wanted: w, rec: rec, owner: p.owner(rec)}
	if a.h, err = s.history(w.name); err != nil {
		return nil, err
	}
	last := a.h.last()
	if last != nil {
		if err := a.owner.mayHave(a.h, adopts(rec), p.now()); err != nil {
			return nil, err
		}
	}
	src := sourceOf(rec)
	if a.merged, err = p.mergedValues(ctx, src, w); err != nil {
		return nil, err
	}
	if a.found, err = p.locate(ctx, src, w.chart, pinOf(rec)); err != nil {
		return nil, err
	}
	if done, err := a.asWanted(); done || err != nil {
		return last, err
	}
	if a.chart, err = p.read(ctx, a.found); err != nil {
		return nil, err
	}
	return a.step()
}

// asWanted tells that the newest revision is deployed as it shall be.
func (a *pass) asWanted() (bool, error) {
	r := a.h.last()
	if r == nil || r.Info.Status != common.StatusDeployed || !a.owner.mine(r) || !same(r, a.found.pin, a.merged) {
		return false, nil
	}
	touched, err := a.touched(r)
	return err == nil && touched == "", err
}

// step installs, upgrades, or clears away first what stands in the way; then Health asks for the next step.
func (a *pass) step() (*release.Release, error) {
	last := a.h.last()
	switch {
	case last == nil:
		return a.install()
	case last.Info.Status == common.StatusUninstalled:
		return a.installAfter(last)
	case a.h.everDeployed():
		return a.upgrade(last)
	case last.Info.Status != common.StatusUninstalling && same(last, a.found.pin, a.merged):
		// The first installation did not get to its end; the same one goes on where it stopped.
		if err := a.giveUp(last); err != nil {
			return nil, err
		}
		return a.install()
	}
	// Nothing of the release ever worked and another one is wanted. It is made on clean ground: what the failed one left may be
	// impossible to change in place.
	return last, a.uninstall(a.h, a.timeout)
}

// installAfter installs when nothing of an uninstalled release is left.
func (a *pass) installAfter(last *release.Release) (*release.Release, error) {
	list, err := a.union(a.h.living())
	if err != nil {
		return nil, err
	}
	left, err := a.left(list, last)
	if err != nil || len(left) > 0 {
		return last, err
	}
	if err := a.purge(a.h); err != nil {
		return nil, err
	}
	a.h = nil
	return a.install()
}

// giveUp marks a revision as failed that no Helm client works on any more.
func (a *pass) giveUp(r *release.Release) error {
	if !busy(r) {
		return nil
	}
	a.provider.log.Info("repairs a release that was left unfinished", "release", r.Name, "namespace", r.Namespace, "revision", r.Version, "status", r.Info.Status)
	r.SetStatus(common.StatusFailed, "interrupted while "+r.Info.Status.String())
	return a.releases.Update(r)
}

// install installs the release, and makes the stack's namespace when that is missing: Helm notices before it makes anything.
func (a *pass) install() (*release.Release, error) {
	r, err := a.installOnce()
	if err == nil || !namespaceMissing(err) || a.rec.Namespace != a.session.namespace || a.provider.config.MakeNamespace == nil {
		return r, err
	}
	if err := a.provider.config.MakeNamespace(a.ctx, a.rec); err != nil {
		return nil, err
	}
	if a.chart, err = a.provider.read(a.ctx, a.found); err != nil { // another one: Helm changes a chart
		return nil, err
	}
	return a.installOnce()
}

// namespaceMissing tells that something could not be made because its namespace is not there.
func namespaceMissing(err error) bool {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	return ok && apierrors.IsNotFound(err) && status.Status().Details != nil && status.Status().Details.Kind == "namespaces"
}

func (a *pass) installOnce() (*release.Release, error) {
	c, err := a.configuration()
	if err != nil {
		return nil, err
	}
	in := action.NewInstall(c)
	in.ReleaseName, in.Namespace, in.Timeout, in.CreateNamespace = a.name, a.session.namespace, a.timeout, a.createNamespace
	in.WaitStrategy, in.WaitOptions = kube.HookOnlyStrategy, []kube.WaitOption{kube.WithWaitContext(a.ctx)}
	in.Replace, in.TakeOwnership, in.ForceConflicts, in.DisableOpenAPIValidation = len(a.h) > 0, adopts(a.rec), true, true
	in.Labels = a.labels()
	if in.Labels[labelManifest] == "null" {
		delete(in.Labels, labelManifest)
	}
	// Without a context of its own the action returns when it is over: its requests end with the session's.
	out, err := in.Run(a.chart, copied(a.merged).(map[string]any))
	if err != nil {
		return nil, a.explain("installed", err)
	}
	r, ok := out.(*release.Release)
	if !ok {
		return nil, errors.New("installed a release of an unknown version")
	}
	// Helm only logs when it cannot write down that the release is deployed.
	if err := a.ctx.Err(); err != nil {
		return nil, err
	}
	return r, a.releases.Update(r)
}

func (a *pass) labels() map[string]string {
	return a.owner.labels(a.found.pin, wantDigest(sourceOf(a.rec), a.wanted.chart, a.merged))
}

func (a *pass) upgrade(last *release.Release) (*release.Release, error) {
	if err := a.giveUp(last); err != nil {
		return nil, err
	}
	if err := a.prune(); err != nil {
		return nil, err
	}
	c, err := a.configuration()
	if err != nil {
		return nil, err
	}
	up := action.NewUpgrade(c)
	up.Namespace, up.Timeout, up.ResetValues, up.MaxHistory = a.session.namespace, a.timeout, true, keptRevisions
	up.WaitStrategy, up.WaitOptions = kube.HookOnlyStrategy, []kube.WaitOption{kube.WithWaitContext(a.ctx)}
	up.ServerSideApply, up.ForceConflicts, up.TakeOwnership, up.DisableOpenAPIValidation = "true", true, adopts(a.rec), true
	up.Labels = a.labels()
	out, err := up.Run(a.name, a.chart, copied(a.merged).(map[string]any))
	if err != nil {
		return nil, a.explain("upgraded", err)
	}
	r, ok := out.(*release.Release)
	if !ok {
		return nil, errors.New("upgraded a release of an unknown version")
	}
	return r, nil
}

// prune removes what failed upgrades made and neither the deployed revision nor the wanted one has; Helm forgets it.
func (a *pass) prune() error {
	living := a.h.living()
	if len(living) < 2 {
		return nil
	}
	failed, err := a.union(living[1:])
	if err != nil {
		return err
	}
	deployed, err := a.objects(living[0].Manifest)
	if err != nil {
		return err
	}
	chart, err := a.provider.read(a.ctx, a.found) // another one: rendering changes a chart
	if err != nil {
		return err
	}
	manifest, err := a.render(a.wanted, chart, a.merged, true)
	if err != nil {
		return err
	}
	next, err := a.objects(manifest)
	if err != nil {
		return err
	}
	extra, err := a.left(without(failed, deployed, next), living[0])
	if err != nil {
		return err
	}
	return a.remove(extra)
}

// explain says what an error of Helm means.
func (a *pass) explain(what string, err error) error {
	text := oneLine(err)
	at := fmt.Sprintf("release %s in namespace %s cannot be %s", a.name, a.session.namespace, what)
	switch {
	case a.ctx.Err() != nil:
		return err
	case errors.Is(err, context.DeadlineExceeded) && !requestFailed(err):
		return fairlead.Errorf(fairlead.Failed, "%s: a hook of the chart took longer than %s: %s", at, a.timeout, strings.TrimSuffix(text, "; context deadline exceeded"))
	case unreachable(err):
		return err
	case strings.Contains(text, "exists and cannot be imported"):
		return fairlead.Errorf(fairlead.Conflict, "%s: %s; choose another name, or adopt what is there: %w", at, text, err)
	case namespaceMissing(err):
		return fairlead.Errorf(fairlead.Failed, "%s: the namespace does not exist; make it first, or say createNamespace: true: %w", at, err)
	case strings.Contains(text, "field is immutable"):
		return fairlead.Errorf(fairlead.Failed, "%s: a field changes that the cluster does not let change; give the release another name, or delete that object first: %w", at, err)
	}
	return fairlead.Errorf(fairlead.Failed, "%s: %w", at, err)
}
