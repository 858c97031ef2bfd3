package helm

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"

	"github.com/fairlead/fairlead"
)

// Labels of Helm's records. They tell whose a release is and what it was made from.
const (
	labelInstance = "fairlead.io/instance"
	labelStackID  = "fairlead.io/stack-id"
	labelStack    = "fairlead.io/stack"
	labelElement  = "fairlead.io/element"
	labelChart    = "fairlead.io/chart"    // digest of the chart
	labelManifest = "fairlead.io/manifest" // digest of the chart's artifact in an OCI registry
	labelWant     = "fairlead.io/want"     // digest of what was asked for: template version, chart, values
	labelPass     = "fairlead.io/pass"     // another for each revision that we make
)

// labelPrefix is that of all our labels.
const labelPrefix = "fairlead.io/"

// keptRevisions bounds Helm's records of one release.
const keptRevisions = 10

// foreignPatience is after what time the unfinished work of another Helm client counts as given up. Helm's own limit of a whole
// action is five minutes unless its user says otherwise.
const foreignPatience = time.Hour

// owner says which element a release belongs to.
type owner struct{ instance, stackID, stack, element string }

func (p *Provider) owner(r fairlead.Record) owner {
	return owner{p.config.Instance, r.StackID, r.Stack, r.Element}
}

func (o owner) labels(chart pin, want string) map[string]string {
	l := map[string]string{
		labelInstance: labelValue(o.instance), labelStackID: labelValue(o.stackID), labelStack: labelValue(o.stack), labelElement: labelValue(o.element),
		labelChart: digestLabel(chart.digest), labelManifest: digestLabel(chart.manifest), labelWant: digestLabel(want), labelPass: strings.ToLower(rand.Text()),
	}
	maps.DeleteFunc(l, func(_, v string) bool { return v == "" })
	if chart.manifest == "" {
		l[labelManifest] = "null" // Helm's way to take away the label of the revision before
	}
	return l
}

var labelRE = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

// labelValue is a name as a label can have it.
func labelValue(name string) string {
	if name == "" || labelRE.MatchString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return "x" + base32Text(sum[:])
}

func base32Text(b []byte) string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// digestLabel is a digest as a label can have it, whole.
func digestLabel(digest string) string {
	b, err := hex.DecodeString(strings.TrimPrefix(digest, "sha256:"))
	if err != nil || len(b) == 0 {
		return ""
	}
	return base32Text(b)
}

// labelDigest is the digest in a label.
func labelDigest(label string) string {
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(label))
	if err != nil || len(b) != sha256.Size {
		return ""
	}
	return "sha256:" + hex.EncodeToString(b)
}

// history is Helm's records of one release, oldest first.
type history []*release.Release

func (s *session) history(name string) (history, error) {
	list, err := s.releases.History(name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var h history
	for _, r := range list {
		rel, ok := r.(*release.Release)
		if !ok {
			return nil, fmt.Errorf("release %s has a record of an unknown version", name)
		}
		h = append(h, rel)
	}
	slices.SortFunc(h, func(a, b *release.Release) int { return a.Version - b.Version })
	return h, nil
}

func (h history) last() *release.Release {
	if len(h) == 0 {
		return nil
	}
	return h[len(h)-1]
}

// deployed is the newest revision that was deployed and not superseded, nil when there is none.
func (h history) deployed() *release.Release {
	for _, r := range slices.Backward(h) {
		if r.Info.Status == common.StatusDeployed {
			return r
		}
	}
	return nil
}

// everDeployed tells that some revision was once deployed, so that the release may hold data.
func (h history) everDeployed() bool {
	return slices.ContainsFunc(h, func(r *release.Release) bool {
		return r.Info.Status == common.StatusDeployed || r.Info.Status == common.StatusSuperseded
	})
}

// living are the revisions of which something may be on the cluster: from the last that was deployed on.
func (h history) living() history {
	for i, r := range slices.Backward(h) {
		if r.Info.Status == common.StatusDeployed || r.Info.Status == common.StatusUninstalled && i < len(h)-1 {
			return h[i:]
		}
	}
	return h
}

// mine reports whether a release is the element's.
func (o owner) mine(r *release.Release) bool {
	return r.Labels[labelStackID] == labelValue(o.stackID) && r.Labels[labelElement] == labelValue(o.element)
}

// sibling reports whether a release is another element's of the same stack.
func (o owner) sibling(r *release.Release) bool {
	return r.Labels[labelStackID] == labelValue(o.stackID) && !o.mine(r)
}

// foreignWork tells that another Helm client began the newest revision: Helm carries labels on, so it has the mark of an
// earlier one or none.
func (h history) foreignWork() bool {
	r := h.last()
	if r.Labels[labelPass] == "" {
		return true
	}
	return slices.ContainsFunc(h[:len(h)-1], func(before *release.Release) bool { return before.Labels[labelPass] == r.Labels[labelPass] })
}

// mayHave refuses a release that is somebody else's. Without adopt that is any that the element did not make; a release of
// another stack is refused always, and so is one that another Helm client may be at work on.
func (o owner) mayHave(h history, adopt bool, now time.Time) error {
	r := h.last()
	at := fmt.Sprintf("release %s in namespace %s", r.Name, r.Namespace)
	switch id := r.Labels[labelStackID]; {
	case o.mine(r):
	case id == labelValue(o.stackID):
		return fairlead.Errorf(fairlead.Conflict, "%s belongs to element %s of this stack; give one of them another name", at, r.Labels[labelElement])
	case id != "":
		return fairlead.Errorf(fairlead.Conflict, "%s belongs to stack %s; choose another name or namespace", at, r.Labels[labelStack])
	case !adopt:
		return fairlead.Errorf(fairlead.Conflict, "%s exists and was not made by this stack (%s, revision %d); choose another name, or adopt it", at, chartOf(r), r.Version)
	}
	if r.Info.Status.IsPending() && h.foreignWork() && now.Sub(r.Info.LastDeployed) < foreignPatience {
		return fairlead.Errorf(fairlead.Conflict, "%s is %s by another Helm client since %s; wait until it is done", at, r.Info.Status, r.Info.LastDeployed.UTC().Format(time.RFC3339))
	}
	return nil
}

// busy tells that a Helm client works on the release, or died while it did.
func busy(r *release.Release) bool {
	return r.Info.Status.IsPending() || r.Info.Status == common.StatusUninstalling
}

// chartOf is a release's chart with its version.
func chartOf(r *release.Release) string {
	if r.Chart == nil || r.Chart.Metadata == nil {
		return "chart unknown"
	}
	return "chart " + r.Chart.Metadata.Name + " " + r.Chart.Metadata.Version
}

// made is what a revision was made from.
func made(r *release.Release) pin {
	p := pin{digest: labelDigest(r.Labels[labelChart]), manifest: labelDigest(r.Labels[labelManifest])}
	if r.Chart != nil && r.Chart.Metadata != nil {
		p.version = r.Chart.Metadata.Version
	}
	return p
}

// same reports whether a revision was made from that chart with those values. The chart that the record names is looked at too,
// because labels outlive a change by another Helm client.
func same(r *release.Release, chart pin, values map[string]any) bool {
	m := made(r)
	return m.digest == chart.digest && (chart.version == "" || m.version == chart.version) && sameJSON(r.Config, values)
}

func sameJSON(a, b map[string]any) bool {
	if len(a) == 0 && len(b) == 0 {
		return true
	}
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	return err == nil && string(x) == string(y)
}

// wantDigest identifies what an element asks for, before anybody looks where its chart is.
func wantDigest(src source, ref chartRef, values map[string]any) string {
	text, err := json.Marshal([]any{src.template, src.version, ref, values})
	if err != nil {
		return ""
	}
	return digestOf(text)
}

// earlier finds the chart of the newest revision that answered the same want, when the newest of all answers another: the stack
// goes back to what it was, so the chart shall be the same, too.
func (h history) earlier(want string) pin {
	if r := h.last(); r == nil || r.Labels[labelWant] == digestLabel(want) {
		return pin{}
	}
	for _, r := range slices.Backward(h) {
		if r.Labels[labelWant] == digestLabel(want) && (r.Info.Status == common.StatusDeployed || r.Info.Status == common.StatusSuperseded) {
			return made(r)
		}
	}
	return pin{}
}

// Release takes the element's marks off a release that stays on the cluster, so that another stack can adopt it.
func (p *Provider) Release(ctx context.Context, rec fairlead.Record) error {
	name, namespace := rec.Identity[identityName], rec.Identity[identityNamespace]
	if name == "" || namespace == "" {
		return nil
	}
	defer p.releases.lock(namespace + "/" + name)()
	s, err := p.session(ctx, namespace)
	if err != nil {
		return err
	}
	h, err := s.history(name)
	for i := 0; i < len(h) && err == nil; i++ {
		if r := h[i]; p.owner(rec).mine(r) {
			maps.DeleteFunc(r.Labels, func(k, _ string) bool { return strings.HasPrefix(k, labelPrefix) })
			err = s.releases.Update(r)
		}
	}
	return p.wrap(subject(rec.Element), err)
}
