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

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// Keys of an identity. The release is found by name and namespace; the others say which chart it is made from.
const (
	identityName      = "name"
	identityNamespace = "namespace"
	identityTemplate  = "template"
	identityVersion   = "template_version"
	identityChart     = "chart_version"
	identityDigest    = "chart_digest"
	identityManifest  = "chart_manifest"
	identityAdopt     = "adopt"
)

func subject(element string) string { return "element " + element }

// Plan looks at the chart and at the release on the cluster and decides what Apply shall do.
func (p *Provider) Plan(ctx context.Context, want template.Element, prior *fairlead.Record) (fairlead.Change, error) {
	w, diags := parse(want)
	if err := diags.Err(subject(want.Name)); err != nil {
		return fairlead.Change{}, err
	}
	c := fairlead.Change{Verb: fairlead.OpCreate, Prior: prior, Record: fairlead.Record{
		StackID: want.StackID, Stack: want.Stack, Element: want.Name, Type: want.Type, Target: want.Target, Namespace: want.Namespace,
		State: fairlead.RecordPlanned, Properties: want.Properties, Requires: want.Requires, Position: want.Position,
		Identity: map[string]string{identityName: w.name, identityNamespace: w.namespace, identityTemplate: want.Template, identityVersion: want.Version},
	}}
	if want.Adopt {
		c.Record.Identity[identityAdopt] = "true"
	}
	err := p.plan(ctx, w, &c)
	return c, p.wrap(subject(want.Name), err)
}

func (p *Provider) plan(ctx context.Context, w *wanted, c *fairlead.Change) error {
	c.Record.Attributes = attributes(w, c.Record, nil)
	moved := c.Prior != nil && c.Prior.Identity[identityName] != "" && move(c)
	if w.unknown {
		if c.Prior != nil && !moved {
			c.Verb, c.Reason = fairlead.OpUpdate, "some values become known only when other elements are made"
		}
		if w.name == "" || w.namespace == "" {
			return nil
		}
	}
	s, err := p.session(ctx, w.namespace)
	if err != nil {
		return err
	}
	h, err := s.history(w.name)
	if err != nil {
		return err
	}
	o := p.owner(c.Record)
	// A release of another element of the stack goes before this one comes, as after renaming the element.
	if r := h.last(); r != nil && !o.sibling(r) {
		if err := o.mayHave(h, adopts(c.Record), p.now()); err != nil {
			return err
		}
	}
	if w.unknown {
		return nil
	}
	src := sourceOf(c.Record)
	values, err := p.mergedValues(ctx, src, w)
	if err != nil {
		return err
	}
	chart, err := p.locate(ctx, src, w.chart, h.earlier(wantDigest(src, w.chart, values)))
	if err != nil {
		return err
	}
	chart.pin.keep(c.Record.Identity)
	if !moved {
		if err := s.decide(w, c, h, chart.pin, values); err != nil || c.Verb == fairlead.OpNone {
			return err
		}
	}
	return p.rehearse(ctx, s, w, c, h, chart, values)
}

// move makes the change a replacement when the release gets another name or namespace, which Helm cannot change.
func move(c *fairlead.Change) bool {
	for _, k := range []string{identityName, identityNamespace} {
		if before, after := c.Prior.Identity[k], c.Record.Identity[k]; before != after && after != "" {
			c.Verb, c.Reason = fairlead.OpReplace, fmt.Sprintf("its %s changes from %s to %s", k, before, after)
			return true
		}
	}
	return false
}

// decide compares the release on the cluster with what is wanted.
func (s *session) decide(w *wanted, c *fairlead.Change, h history, chart pin, values map[string]any) error {
	r, o := h.last(), s.provider.owner(c.Record)
	switch {
	case r == nil || r.Info.Status == common.StatusUninstalled:
		if c.Prior != nil && c.Prior.State == fairlead.RecordMade {
			c.Reason = "its release is gone from the cluster"
		}
		return nil
	case c.Prior == nil && (o.mine(r) || o.sibling(r)):
		return nil
	}
	c.Verb = fairlead.OpUpdate
	switch {
	case !o.mine(r):
		c.Reason = fmt.Sprintf("takes over revision %d, %s", r.Version, chartOf(r))
	case r.Info.Status != common.StatusDeployed:
		c.Reason = fmt.Sprintf("revision %d is %s", r.Version, r.Info.Status)
	case !same(r, chart, values) || c.Prior.State != fairlead.RecordMade:
	default:
		if touched, err := s.touched(r); err != nil || touched != "" {
			c.Reason = touched
			return err
		}
		if sameJSON(c.Prior.Properties, c.Record.Properties) {
			c.Verb, c.Record = fairlead.OpNone, *c.Prior
		}
	}
	return nil
}

// touched says which objects of a revision are gone from the cluster or, if all are there, which somebody else changed.
func (s *session) touched(r *release.Release) (string, error) {
	missing, err := s.missing(r)
	if err != nil {
		return "", err
	}
	if len(missing) > 0 {
		return names(missing, 3) + ": gone from the cluster", nil
	}
	changed, err := s.changed(r)
	return strings.Join(shortened(changed), "; "), err
}

// missing are the objects of a revision that are not on the cluster.
func (s *session) missing(r *release.Release) ([]object, error) {
	list, err := s.objects(r.Manifest)
	if err != nil {
		return nil, err
	}
	found, err := s.live(list)
	if err != nil {
		return nil, err
	}
	var missing []object
	for i, u := range found {
		if u == nil && list[i].name != "" { // generated names cannot be found again
			missing = append(missing, list[i])
		}
	}
	return missing, nil
}

// rehearse renders the chart, so that what is wrong with its values is known before anything begins, and says what changes.
func (p *Provider) rehearse(ctx context.Context, s *session, w *wanted, c *fairlead.Change, h history, found *located, values map[string]any) error {
	chart, err := p.read(ctx, found)
	if err != nil {
		return err
	}
	if c.Record.Identity[identityChart] == "" {
		c.Record.Identity[identityChart] = chart.Metadata.Version
	}
	before := h.deployed()
	manifest, err := s.render(w, chart, values, before != nil)
	if err != nil {
		return err
	}
	if c.Verb == fairlead.OpUpdate && c.Reason == "" && before != nil {
		c.Reason, err = s.difference(before, chart, found.digest, manifest)
	}
	return err
}

// render makes the chart's manifest without touching the cluster.
func (s *session) render(w *wanted, chart *chartv2.Chart, values map[string]any, upgrade bool) (string, error) {
	capabilities, err := s.capabilities()
	if err != nil {
		return "", err
	}
	in := action.NewInstall(action.NewConfiguration(action.ConfigurationSetLogger(s.provider.log.Handler())))
	in.DryRunStrategy, in.ReleaseName, in.Namespace, in.IsUpgrade = action.DryRunClient, w.name, s.namespace, upgrade
	in.KubeVersion, in.APIVersions, in.WaitStrategy = &capabilities.KubeVersion, capabilities.APIVersions, kube.HookOnlyStrategy
	out, err := in.RunWithContext(s.ctx, chart, copied(values).(map[string]any))
	if err != nil {
		return "", fairlead.Diagnostics{{Severity: fairlead.SeverityError, Code: "chart-rendering", Path: "values",
			Summary: fmt.Sprintf("chart %s %s cannot be rendered: %s", chart.Metadata.Name, chart.Metadata.Version, oneLine(err))}}.Err("chart")
	}
	rel, ok := out.(*release.Release)
	if !ok {
		return "", errors.New("rendered a release of an unknown version")
	}
	return rel.Manifest, nil
}

// oneLine is an error's text without line breaks and blanks around them.
func oneLine(err error) string {
	lines := strings.Split(err.Error(), "\n")
	var kept []string
	for _, l := range lines {
		if l = strings.TrimSpace(l); l != "" {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "; ")
}

// difference says in words what an upgrade changes: the chart, and which objects.
func (s *session) difference(before *release.Release, chart *chartv2.Chart, digest, manifest string) (string, error) {
	var parts []string
	switch old, now := chartOf(before), "chart "+chart.Metadata.Name+" "+chart.Metadata.Version; {
	case old != now:
		parts = append(parts, old+" -> "+strings.TrimPrefix(now, "chart "+before.Name+" "))
	case made(before).digest != "" && made(before).digest != digest:
		parts = append(parts, now+" has other content")
	}
	old, err := s.objects(before.Manifest)
	if err != nil {
		return "", err
	}
	wanted, err := s.objects(manifest)
	if err != nil {
		return "", err
	}
	content := map[key]map[string]any{}
	for _, o := range old {
		content[o.key] = o.want.Object
	}
	var changed []object
	for _, o := range wanted {
		if was, there := content[o.key]; there && !sameJSON(was, o.want.Object) {
			changed = append(changed, o)
		}
	}
	for _, part := range []struct {
		verb string
		list []object
	}{{"adds", without(wanted, old)}, {"changes", changed}, {"removes", without(old, wanted)}} {
		if len(part.list) > 0 {
			parts = append(parts, part.verb+" "+names(part.list, 5))
		}
	}
	return strings.Join(parts, "; "), nil
}

func adopts(r fairlead.Record) bool { return r.Identity[identityAdopt] != "" }

func sourceOf(r fairlead.Record) source {
	return source{r.Identity[identityTemplate], r.Identity[identityVersion]}
}

// keep writes a pin into an identity.
func (p pin) keep(identity map[string]string) {
	identity[identityDigest] = p.digest
	for k, v := range map[string]string{identityChart: p.version, identityManifest: p.manifest} {
		if v != "" {
			identity[k] = v
		}
	}
}

// pinOf is the chart that a record was planned with.
func pinOf(r fairlead.Record) pin {
	return pin{version: r.Identity[identityChart], digest: r.Identity[identityDigest], manifest: r.Identity[identityManifest]}
}

// attributes are what templates read of a release; r is nil before it is made.
func attributes(w *wanted, rec fairlead.Record, r *release.Release) map[string]any {
	a := map[string]any{"refName": w.name, "namespace": w.namespace, "clusterId": rec.Target}
	if w.cluster != "" {
		a["clusterId"] = w.cluster
	}
	if r != nil {
		a["revision"], a["status"] = int64(r.Version), r.Info.Status.String()
		if r.Chart != nil && r.Chart.Metadata != nil {
			a["chart"], a["version"], a["appVersion"] = r.Chart.Metadata.Name, r.Chart.Metadata.Version, r.Chart.Metadata.AppVersion
		}
	}
	return a
}
