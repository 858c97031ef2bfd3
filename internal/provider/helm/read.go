package helm

import (
	"context"
	"fmt"
	"strings"

	"helm.sh/helm/v4/pkg/release/common"

	"github.com/fairlead/fairlead"
)

// Read compares the release on the cluster with the record. Objects do not tell the values that they were made from, so what
// differs is told in words.
func (p *Provider) Read(ctx context.Context, rec fairlead.Record) (fairlead.Live, error) {
	w, err := understand(rec)
	if err != nil {
		return fairlead.Live{}, err
	}
	s, err := p.session(ctx, w.namespace)
	if err != nil {
		return fairlead.Live{}, err
	}
	l, err := s.drift(w, rec)
	return l, p.wrap(subject(rec.Element), err)
}

// drift says how the release differs from the record.
func (s *session) drift(w *wanted, rec fairlead.Record) (fairlead.Live, error) {
	h, err := s.history(w.name)
	if err != nil {
		return fairlead.Live{}, err
	}
	r := h.last()
	if r == nil || r.Info.Status == common.StatusUninstalled {
		return fairlead.Live{Reason: "its release is gone from the cluster"}, nil
	}
	l := fairlead.Live{Exists: true}
	if !s.provider.owner(rec).mine(r) {
		l.Reason = fmt.Sprintf("somebody else made revision %d, %s", r.Version, chartOf(r))
		return l, nil
	}
	values, err := s.provider.mergedValues(s.ctx, sourceOf(rec), w)
	if err != nil {
		return l, err
	}
	var parts []string
	if r.Info.Status != common.StatusDeployed {
		parts = append(parts, fmt.Sprintf("revision %d is %s", r.Version, r.Info.Status))
	}
	if m, want := made(r), pinOf(rec); m.digest != want.digest || want.version != "" && m.version != want.version {
		parts = append(parts, fmt.Sprintf("revision %d was made from %s, not %s", r.Version, chartOf(r), want.version))
	} else if !sameJSON(r.Config, values) {
		parts = append(parts, fmt.Sprintf("revision %d was made with other values", r.Version))
	}
	missing, err := s.missing(r)
	if err != nil {
		return l, err
	}
	if len(missing) > 0 {
		parts = append(parts, names(missing, 5)+": gone from the cluster")
	}
	if r.Info.Status == common.StatusDeployed {
		changed, err := s.changed(r)
		if err != nil {
			return l, err
		}
		parts = append(parts, shortened(changed)...)
	}
	l.Reason = strings.Join(parts, "; ")
	return l, nil
}

// Watch returns nil: the provider is asked.
func (p *Provider) Watch(context.Context, string) <-chan string { return nil }
