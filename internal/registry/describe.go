package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/go-digest"

	"github.com/fairlead/fairlead"
)

const (
	// maxConfig bounds the config of an image, which is read into memory.
	maxConfig = 4 << 20
	// maxDepth bounds indexes within indexes.
	maxDepth = 3
)

// summary is what the catalogue keeps of a manifest.
type summary struct {
	mediaType string
	size      int64
	platforms []string
	seen      map[string]bool // digests that are counted already
}

// describe reads a manifest and what it refers to. A missing manifest is NotFound; a child of an index that is gone counts
// with the size of its descriptor.
func (r repo) describe(d digest.Digest) (summary, error) {
	s := summary{seen: map[string]bool{}}
	mediaType, err := s.add(r, d, "", 0)
	s.mediaType = mediaType
	return s, err
}

// add counts one manifest. platform is what an index says about it; empty means that its config tells.
func (s *summary) add(r repo, d digest.Digest, platform string, depth int) (mediaType string, err error) {
	mediaType, body, err := r.manifest(d)
	if err != nil {
		return "", err
	}
	s.count(d.String(), int64(len(body)))
	if isIndex(mediaType) {
		return mediaType, s.addIndex(r, d, body, depth)
	}
	m, err := v1.ParseManifest(bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("registry: manifest %s@%s: %w", r.name, d, err)
	}
	s.count(m.Config.Digest.String(), m.Config.Size)
	for _, l := range m.Layers {
		s.count(l.Digest.String(), l.Size)
	}
	if platform == "" && m.Config.MediaType.IsConfig() {
		platform = r.platform(digest.Digest(m.Config.Digest.String()), m.Config.Size)
	}
	s.addPlatform(platform)
	return mediaType, nil
}

func (s *summary) addIndex(r repo, d digest.Digest, body []byte, depth int) error {
	index, err := v1.ParseIndexManifest(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("registry: index %s@%s: %w", r.name, d, err)
	}
	if depth == maxDepth {
		return nil
	}
	for _, child := range index.Manifests {
		if s.seen[child.Digest.String()] {
			continue
		}
		platform := ""
		if child.Platform != nil {
			platform = platformName(*child.Platform)
		}
		_, err := s.add(r, digest.Digest(child.Digest.String()), platform, depth+1)
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			s.count(child.Digest.String(), child.Size)
			s.addPlatform(platform)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *summary) count(digest string, size int64) {
	if !s.seen[digest] {
		s.seen[digest] = true
		s.size += max(size, 0) // sizes in a manifest are what its author wrote
	}
}

func (s *summary) addPlatform(p string) {
	for _, have := range s.platforms {
		if have == p {
			return
		}
	}
	if p != "" && p != "unknown/unknown" { // builders attach signatures and the like under this name
		s.platforms = append(s.platforms, p)
	}
}

// platform reads the platform from an image's config; empty when it does not say.
func (r repo) platform(config digest.Digest, size int64) string {
	if size > maxConfig {
		return ""
	}
	rc, err := r.blob(config)
	if err != nil {
		return ""
	}
	defer rc.Close() //nolint:errcheck // read only
	var p v1.Platform
	if err := json.NewDecoder(io.LimitReader(rc, maxConfig)).Decode(&p); err != nil {
		return ""
	}
	return platformName(p)
}

// platformName is os/architecture, with the variant when there is one.
func platformName(p v1.Platform) string {
	if p.OS == "" || p.Architecture == "" {
		return ""
	}
	name := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		name += "/" + p.Variant
	}
	return name
}

// tag makes the catalogue's entry.
func (s summary) tag(im ref, d digest.Digest) fairlead.Tag {
	return fairlead.Tag{
		Organization: im.organization, Repository: im.repository, Name: im.tag, Digest: d.String(),
		MediaType: s.mediaType, Size: s.size, Platforms: s.platforms,
	}
}
