package registry

import (
	"bytes"
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/go-digest"

	"github.com/distribution/distribution/v3/registry/storage"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// DeleteTag removes a tag, organization/repository:tag, and the manifests that nothing else in the repository uses then.
// The space comes back with [Registry.Collect].
func (r *Registry) DeleteTag(ctx context.Context, ref string) error {
	return r.DeleteTagAs(ctx, fairlead.Actor{Via: "server"}, ref)
}

// DeleteTagAs is DeleteTag with the name of who does it in the event.
func (r *Registry) DeleteTagAs(ctx context.Context, actor fairlead.Actor, ref string) error {
	im, err := parseRef(ref, false)
	if err != nil {
		return err
	}
	if im.tag == "" {
		return fairlead.Errorf(fairlead.Invalid, "image %q: want organization/repository:tag; a digest is deleted with its last tag", ref)
	}
	r.pushes.RLock()
	defer r.pushes.RUnlock()
	return r.removeTag(ctx, im, actor, true)
}

// DeleteRepository removes a repository with all its tags and manifests.
func (r *Registry) DeleteRepository(ctx context.Context, actor fairlead.Actor, organization, repository string) error {
	im := ref{organization: organization, repository: repository}
	if err := im.check(); err != nil {
		return err
	}
	r.pushes.RLock()
	defer r.pushes.RUnlock()
	unlock, err := r.lock(ctx, im.name())
	if err != nil {
		return err
	}
	defer unlock()
	err = r.cfg.DB.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.Repository(ctx, organization, repository)
		return err
	})
	if err != nil {
		return err
	}
	// Only its own folders go: a repository may have others below its name.
	if err := storage.NewVacuum(r.disk.context(ctx), r.disk.driver).RemoveRepository(im.name()); err != nil {
		return fmt.Errorf("registry: remove repository %s: %w", im.name(), err)
	}
	return r.cfg.DB.Write(ctx, func(tx *store.Tx) error {
		if err := eachTag(ctx, tx, im, func(t fairlead.Tag) error {
			return deletedEvent(ctx, tx, im, t.Name, actor)
		}); err != nil {
			return err
		}
		return tx.DeleteRepository(ctx, organization, repository)
	})
}

// removeTag takes a tag from the files, then from the catalogue. What a crash leaves between them the next scan ends.
func (r *Registry) removeTag(ctx context.Context, im ref, by fairlead.Actor, thorough bool) error {
	unlock, err := r.lock(ctx, im.name())
	if err != nil {
		return err
	}
	defer unlock()
	rp, err := r.disk.repository(ctx, im.name())
	if err != nil {
		return err
	}
	d, ok, err := rp.digestOf(im.tag)
	if err != nil {
		return fmt.Errorf("registry: read tag %s: %w", im, err)
	}
	if ok {
		if err := rp.untag(im.tag); err != nil {
			return fmt.Errorf("registry: remove tag %s: %w", im, err)
		}
		if thorough {
			if err := rp.dropUnused(d, 0); err != nil {
				return fmt.Errorf("registry: remove manifests of %s: %w", im, err)
			}
		}
	}
	err = r.cfg.DB.Write(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteTag(ctx, im.organization, im.repository, im.tag); err != nil {
			return err
		}
		return deletedEvent(ctx, tx, im, im.tag, by)
	})
	if ok && fairlead.ErrorCode(err) == fairlead.NotFound {
		return nil // pushed before a crash and not yet scanned: gone is what was asked for
	}
	return err
}

// removeManifest takes a manifest and its tags from the files, then the tags from the catalogue.
func (r *Registry) removeManifest(ctx context.Context, im ref, by fairlead.Actor) error {
	unlock, err := r.lock(ctx, im.name())
	if err != nil {
		return err
	}
	defer unlock()
	rp, err := r.disk.repository(ctx, im.name())
	if err != nil {
		return err
	}
	if err := rp.deleteManifest(im.digest); err != nil {
		return err
	}
	return r.cfg.DB.Write(ctx, func(tx *store.Tx) error {
		if err := tx.Audit(ctx, imageEntry(by, Delete, im)); err != nil {
			return err
		}
		tags, err := tx.TagsOfDigest(ctx, im.organization, im.repository, im.digest.String())
		if err != nil {
			return err
		}
		for _, t := range tags {
			if err := tx.DeleteTag(ctx, t.Organization, t.Repository, t.Name); err != nil {
				return err
			}
			if err := deletedEvent(ctx, tx, im, t.Name, by); err != nil {
				return err
			}
		}
		return nil
	})
}

func deletedEvent(ctx context.Context, tx *store.Tx, im ref, tag string, by fairlead.Actor) error {
	im.tag, im.digest = tag, ""
	if err := tx.Audit(ctx, imageEntry(by, Delete, im)); err != nil {
		return err
	}
	return imageEvent(ctx, tx, im, "image-deleted", fmt.Sprintf("%s deleted %s", by, im))
}

// dropUnused removes a manifest that has no tag and is in no index of the repository, and then its own children likewise.
func (r repo) dropUnused(d digest.Digest, depth int) error {
	used, err := r.used(d)
	if err != nil || used {
		return err
	}
	children, err := r.children(d)
	if fairlead.ErrorCode(err) == fairlead.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if err := r.deleteManifest(d); err != nil || depth == maxDepth {
		return err
	}
	for _, child := range children {
		if err := r.dropUnused(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (r repo) used(d digest.Digest) (bool, error) {
	tags, err := r.allTags()
	if err != nil {
		return false, err
	}
	for _, tag := range tags {
		if at, ok, err := r.digestOf(tag); err != nil || ok && at == d {
			return true, err
		}
	}
	used := false
	err = r.eachManifest(func(other digest.Digest) error {
		children, err := r.children(other)
		for _, child := range children {
			used = used || child == d
		}
		return err
	})
	return used, err
}

// children are the manifests that an index lists; none for a manifest.
func (r repo) children(d digest.Digest) ([]digest.Digest, error) {
	mediaType, body, err := r.manifest(d)
	if err != nil || !isIndex(mediaType) {
		return nil, err
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	children := make([]digest.Digest, len(index.Manifests))
	for i, child := range index.Manifests {
		children[i] = digest.Digest(child.Digest.String())
	}
	return children, nil
}
