package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"

	"github.com/fairlead/fairlead"
)

// Image opens an image, organization/repository:tag or @digest, for reading straight from the files. Of an index it is the
// image for platform; the zero platform means linux on the server's own architecture. Layers are read while ctx lives.
func (r *Registry) Image(ctx context.Context, ref string, platform v1.Platform) (v1.Image, error) {
	im, err := parseRef(ref, false)
	if err != nil {
		return nil, err
	}
	d, err := r.digestOf(ctx, im)
	if err != nil {
		return nil, err
	}
	rp, err := r.disk.repository(ctx, im.name())
	if err != nil {
		return nil, err
	}
	if platform.OS == "" {
		platform.OS = "linux"
	}
	if platform.Architecture == "" {
		platform.Architecture = runtime.GOARCH
	}
	for range maxDepth + 1 {
		mediaType, body, err := rp.manifest(d)
		if err != nil {
			return nil, err
		}
		if !isIndex(mediaType) {
			return newImage(rp, mediaType, body)
		}
		if d, err = choose(im, body, platform); err != nil {
			return nil, err
		}
	}
	return nil, fairlead.Errorf(fairlead.Invalid, "image %s: indexes are nested deeper than %d", im, maxDepth)
}

// choose picks the manifest for a platform from an index. An index inside may hold it, too.
func choose(im ref, body []byte, platform v1.Platform) (digest.Digest, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("registry: index of %s: %w", im, err)
	}
	var have []string
	for _, m := range index.Manifests {
		if m.Platform != nil && m.Platform.Satisfies(platform) || m.Platform == nil && m.MediaType.IsIndex() {
			return digest.Digest(m.Digest.String()), nil
		}
		if m.Platform != nil {
			have = append(have, platformName(*m.Platform))
		}
	}
	return "", fairlead.Errorf(fairlead.NotFound, "image %s has no variant for %s; it has %s", im, platform, strings.Join(have, ", "))
}

func newImage(rp repo, mediaType string, body []byte) (v1.Image, error) {
	m, err := v1.ParseManifest(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("registry: manifest of %s: %w", rp.name, err)
	}
	if m.Config.Size > maxConfig {
		return nil, fairlead.Errorf(fairlead.Invalid, "image %s: its config has %d bytes; want at most %d", rp.name, m.Config.Size, maxConfig)
	}
	return partial.CompressedToImage(&image{repo: rp, mediaType: types.MediaType(mediaType), body: body, manifest: m})
}

// image reads one image from the files.
type image struct {
	repo      repo
	mediaType types.MediaType
	body      []byte
	manifest  *v1.Manifest
}

func (i *image) MediaType() (types.MediaType, error) { return i.mediaType, nil }
func (i *image) RawManifest() ([]byte, error)        { return i.body, nil }

func (i *image) RawConfigFile() ([]byte, error) {
	rc, err := i.repo.blob(digest.Digest(i.manifest.Config.Digest.String()))
	if err != nil {
		return nil, err
	}
	defer rc.Close() //nolint:errcheck // read only
	return io.ReadAll(io.LimitReader(rc, i.manifest.Config.Size))
}

func (i *image) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if h == i.manifest.Config.Digest {
		return &layer{repo: i.repo, desc: i.manifest.Config}, nil
	}
	for _, desc := range i.manifest.Layers {
		if desc.Digest == h {
			return &layer{repo: i.repo, desc: desc}, nil
		}
	}
	return nil, fairlead.Errorf(fairlead.NotFound, "image %s has no layer %s", i.repo.name, h)
}

type layer struct {
	repo repo
	desc v1.Descriptor
}

func (l *layer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l *layer) Size() (int64, error)                { return l.desc.Size, nil }
func (l *layer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l *layer) Compressed() (io.ReadCloser, error) {
	return l.repo.blob(digest.Digest(l.desc.Digest.String()))
}
