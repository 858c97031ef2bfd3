package registry

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
)

// sync makes the names of a pushed image's files durable. Distribution syncs the files themselves, but moves layers to their
// place and makes folders without telling the disk, so that a power cut could take an image that was accepted.
func (d *disk) sync(im ref, manifest digest.Digest, all []string) error {
	repository := filepath.Join(d.root, repositoriesPath, filepath.FromSlash(im.name()))
	var leaves []string
	for _, text := range all {
		dg, err := digest.Parse(text)
		if err != nil {
			return err
		}
		algorithm, hex := dg.Algorithm().String(), dg.Encoded()
		leaves = append(leaves,
			filepath.Join(d.root, blobsPath, algorithm, hex[:2], hex),
			filepath.Join(repository, "_layers", algorithm, hex),
			filepath.Join(repository, "_manifests", "revisions", algorithm, hex))
	}
	if im.tag != "" {
		tag := filepath.Join(repository, "_manifests", "tags", im.tag)
		leaves = append(leaves, filepath.Join(tag, "current"),
			filepath.Join(tag, "index", manifest.Algorithm().String(), manifest.Encoded()))
	}
	top := filepath.Dir(d.root)
	done := map[string]bool{}
	for _, leaf := range leaves {
		for dir := leaf; len(dir) >= len(top) && !done[dir]; dir = filepath.Dir(dir) {
			done[dir] = true
			if err := syncFolder(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// syncFolder syncs one folder; a missing one is fine, because not every blob has every kind of link.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
