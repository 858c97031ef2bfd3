package registry

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/distribution/distribution/v3/registry/storage"
	"github.com/distribution/distribution/v3/registry/storage/driver"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

const (
	// young blobs belong to a push that may not have come to its manifest yet.
	young = time.Hour
	// uploadLife is how long an interrupted upload can be taken up again.
	uploadLife = 7 * 24 * time.Hour
	// collecting is the lock between Collect and the ends of pushes.
	collecting = "registry"
)

// Collect gives back the space of blobs that no manifest uses and of uploads that were given up. Pushes wait while it runs.
// While a push runs it does nothing and returns a Conflict; so it does while another server that shares the directory takes
// a manifest, which is the end of a push, or collects.
//
// A client that was told of an old unused blob right before, and so did not upload it, gets an error for its manifest and
// succeeds when it pushes again; no accepted image is ever harmed.
func (r *Registry) Collect(ctx context.Context) error {
	if !r.pushes.TryLock() {
		return fairlead.Errorf(fairlead.Conflict, "the registry takes a push now; collect its garbage later")
	}
	defer r.pushes.Unlock()
	unlock, err := r.cfg.DB.Lock(ctx, store.AloneNow(collecting))
	if err != nil {
		return err
	}
	defer unlock()
	ctx = r.disk.context(ctx)
	now := r.cfg.Now()
	if err := r.disk.dropUploads(ctx, now.Add(-uploadLife)); err != nil {
		return fmt.Errorf("registry: remove old uploads: %w", err)
	}
	// MarkAndSweep fails where nothing was ever pushed.
	for _, dir := range []string{repositoriesPath, blobsPath} {
		_, err := r.disk.driver.Stat(ctx, dir)
		if _, empty := errors.AsType[driver.PathNotFoundError](err); empty {
			return nil
		}
	}
	keep := sparing{StorageDriver: r.disk.driver, since: now.Add(-young)}
	if err := storage.MarkAndSweep(ctx, keep, r.disk.images, storage.GCOpts{Quiet: true}); err != nil {
		return fmt.Errorf("registry: collect garbage: %w", err)
	}
	return nil
}

// dropUploads removes the uploads that began before a time.
func (d *disk) dropUploads(ctx context.Context, before time.Time) error {
	var old []string
	err := d.driver.Walk(ctx, repositoriesPath, func(fi driver.FileInfo) error {
		switch path.Base(fi.Path()) {
		case "_manifests", "_layers":
			return driver.ErrSkipDir
		case "startedat":
			if fi.ModTime().Before(before) {
				old = append(old, path.Dir(fi.Path()))
			}
		}
		return nil
	})
	if _, empty := errors.AsType[driver.PathNotFoundError](err); err != nil && !empty {
		return err
	}
	for _, dir := range old {
		if err := d.driver.Delete(ctx, dir); err != nil {
			return err
		}
	}
	return nil
}

// sparing is a driver that does not delete what is young.
type sparing struct {
	driver.StorageDriver
	since time.Time
}

func (s sparing) Delete(ctx context.Context, path string) error {
	fi, err := s.Stat(ctx, path)
	if err != nil {
		return err
	}
	if fi.ModTime().After(s.since) {
		return nil
	}
	return s.StorageDriver.Delete(ctx, path)
}
