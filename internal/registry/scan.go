package registry

import (
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// scanPage bounds what a scan holds in memory of the catalogue.
const scanPage = 500

// Scan repairs the catalogue from the files: tags that were pushed but not recorded before a crash are added, recorded ones
// that are gone are removed, and an organization that only the files know is made again. Clients can push meanwhile. A
// repository that cannot be read is logged and left alone.
func (r *Registry) Scan(ctx context.Context) error {
	seen := map[string]bool{}
	err := r.disk.each(ctx, func(name string) error {
		seen[name] = true
		return r.scanOne(ctx, name)
	})
	if err != nil {
		return fmt.Errorf("registry: scan: %w", err)
	}
	return r.scanRecorded(ctx, seen)
}

// scanRecorded looks at the repositories that only the catalogue knows.
func (r *Registry) scanRecorded(ctx context.Context, seen map[string]bool) error {
	for cursor := ""; ; {
		var page []fairlead.Repository
		err := r.cfg.DB.Read(ctx, func(tx *store.Tx) (err error) {
			page, cursor, err = tx.Repositories(ctx, "", scanPage, cursor)
			return err
		})
		if err != nil {
			return fmt.Errorf("registry: scan: %w", err)
		}
		for _, rp := range page {
			name := rp.Organization + "/" + rp.Name
			if seen[name] {
				continue
			}
			if err := r.scanOne(ctx, name); err != nil {
				return err
			}
		}
		if cursor == "" {
			return nil
		}
	}
}

func (r *Registry) scanOne(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.scanRepository(ctx, name); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.cfg.Log.Error("registry: a repository cannot be scanned", "repository", name, "error", err)
	}
	return nil
}

// difference is what the catalogue lacks of one repository and what it has too much.
type difference struct {
	found []fairlead.Tag
	lost  []string
}

// scanRepository brings the catalogue of one repository up to date while nobody changes it.
func (r *Registry) scanRepository(ctx context.Context, name string) error {
	var im ref
	im.organization, im.repository, _ = strings.Cut(name, "/")
	if err := im.check(); err != nil {
		return err
	}
	unlock, err := r.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	rp, err := r.disk.repository(ctx, name)
	if err != nil {
		return err
	}
	recorded := map[string]string{}
	known := false
	err = r.cfg.DB.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.Repository(ctx, im.organization, im.repository)
		if known = err == nil; fairlead.ErrorCode(err) == fairlead.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		return eachTag(ctx, tx, im, func(t fairlead.Tag) error {
			recorded[t.Name] = t.Digest
			return nil
		})
	})
	if err != nil {
		return err
	}
	diff, err := r.compare(rp, im, recorded)
	if err != nil || known && len(diff.found) == 0 && len(diff.lost) == 0 {
		return err
	}
	return r.repair(ctx, im, diff)
}

// compare reads the tags on disk. A tag whose manifest is gone counts as gone.
func (r *Registry) compare(rp repo, im ref, recorded map[string]string) (diff difference, err error) {
	tags, err := rp.allTags()
	if err != nil {
		return diff, err
	}
	for _, tag := range tags {
		d, ok, err := rp.digestOf(tag)
		if err != nil {
			return diff, err
		}
		if ok && recorded[tag] == d.String() {
			// Recorded before, so complete: whoever deletes a manifest deletes its tags first.
			delete(recorded, tag)
			continue
		}
		if !ok || CheckTag(tag) != nil {
			continue
		}
		t, err := r.found(rp, im, tag, d)
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			r.cfg.Log.Warn("registry: a tag on disk has no manifest", "repository", rp.name, "tag", tag, "digest", d)
			continue
		}
		if err != nil {
			return diff, err
		}
		diff.found = append(diff.found, t)
		delete(recorded, tag)
	}
	for tag := range recorded {
		diff.lost = append(diff.lost, tag)
	}
	return diff, nil
}

func (r *Registry) found(rp repo, im ref, tag string, d digest.Digest) (fairlead.Tag, error) {
	s, err := rp.describe(d)
	if err != nil {
		return fairlead.Tag{}, err
	}
	im.tag = tag
	t := s.tag(im, d)
	t.PushedAt = rp.taggedAt(tag)
	return t, nil
}

// repair writes the difference in one transaction.
func (r *Registry) repair(ctx context.Context, im ref, diff difference) error {
	return r.cfg.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Organization(ctx, im.organization)
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			err = tx.CreateOrganization(ctx, &fairlead.Organization{Name: im.organization, CreatedBy: "scan"})
		}
		if err != nil {
			return err
		}
		if err := tx.PutRepository(ctx, im.organization, im.repository); err != nil {
			return err
		}
		for _, t := range diff.found {
			im.tag = t.Name
			if err := tx.PutTag(ctx, &t); err != nil {
				return err
			}
			if err := imageEvent(ctx, tx, im, "image-found", fmt.Sprintf("%s (%s) was found on disk and recorded", im, t.Digest)); err != nil {
				return err
			}
		}
		for _, tag := range diff.lost {
			im.tag = tag
			if err := tx.DeleteTag(ctx, im.organization, im.repository, tag); err != nil {
				return err
			}
			if err := imageEvent(ctx, tx, im, "image-lost", fmt.Sprintf("%s is no longer on disk and was forgotten", im)); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachTag calls fn for every recorded tag of a repository.
func eachTag(ctx context.Context, tx *store.Tx, im ref, fn func(fairlead.Tag) error) error {
	for cursor := ""; ; {
		page, next, err := tx.Tags(ctx, im.organization, im.repository, scanPage, cursor)
		if err != nil {
			return err
		}
		for _, t := range page {
			if err := fn(t); err != nil {
				return err
			}
		}
		if cursor = next; next == "" {
			return nil
		}
	}
}
