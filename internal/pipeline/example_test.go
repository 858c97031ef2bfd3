package pipeline_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/store"
)

// TestExamples runs every pipeline of examples/pipelines with the template of examples/templates.
func TestExamples(t *testing.T) {
	b := newBench(t)
	src, err := os.ReadFile("../../examples/templates/web.yaml")
	b.must(err)
	b.write(func(ctx context.Context, tx *store.Tx) error {
		put := func(organization, repository string) error {
			return errors.Join(tx.PutRepository(ctx, organization, repository),
				tx.PutTag(ctx, &fairlead.Tag{Organization: organization, Repository: repository, Name: "1.0", Digest: "sha256:" + strings.Repeat("a", 64)}))
		}
		return errors.Join(tx.DeleteTemplateVersion(ctx, "web", "1.0"),
			tx.CreateTemplateVersion(ctx, &fairlead.TemplateVersion{Template: "web", Version: "1.0", Filename: "web.yaml", Source: src}),
			tx.CreateOrganization(ctx, &fairlead.Organization{Name: "demo"}), put("demo", "web"), put("team", "shop"))
	})
	files, err := filepath.Glob("../../examples/pipelines/*.yaml")
	b.must(err)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b.TB = t
			src, err := os.ReadFile(file)
			b.must(err)
			p, err := b.engine.Apply(t.Context(), alice(), file, src, nil)
			b.must(err)
			if len(p.Spec.Windows) > 0 { // on a Wednesday at half past ten in Shanghai
				days := (time.Wednesday - b.clock.now().UTC().Weekday() + 7) % 7
				at := b.clock.now().UTC().Truncate(24*time.Hour).AddDate(0, 0, int(days)).Add(2*time.Hour + 30*time.Minute)
				b.clock.add(at.Sub(b.clock.now()))
			}
			if len(p.Webhooks) == 0 {
				if run := b.ended(b.start(p.Name, nil).ID, fairlead.RunSucceeded); len(run.Stages) < len(p.Spec.Stages) {
					t.Errorf("stages %+v", run.Stages)
				}
			}
			for i := range p.Webhooks {
				res, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, i)})
				b.must(err)
				run := b.ended(res.Run, fairlead.RunSucceeded)
				if len(run.Stages) != len(p.Spec.Stages) {
					t.Errorf("stages %+v", run.Stages)
				}
			}
		})
	}
}
