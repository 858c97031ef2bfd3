package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"github.com/fairlead/fairlead"
)

const (
	ociScheme = "oci://"
	// fetchTimeout bounds each fetch from a repository or another registry.
	fetchTimeout = time.Minute
	// Limits of what is fetched. Charts in use have kilobytes; an index of a big repository has some ten megabytes.
	maxArchive = 20 << 20
	maxIndex   = 64 << 20
	// keptCharts bounds the bytes of charts that are kept unpacked.
	keptCharts = 16 << 20
)

// source says which template's package an element is from.
type source struct{ template, version string }

// pin is a chart as it was found before. The zero value is none.
type pin struct {
	version  string
	digest   string // of the archive, or of a folder's files
	manifest string // of the artifact in an OCI registry
}

// located is a chart that was found, not yet read.
type located struct {
	pin
	// from says where it was found, for messages.
	from  string
	fetch func(ctx context.Context) ([]*archive.BufferedFile, error)
}

// locate finds a chart. With a digest in want it is that very chart or none.
func (p *Provider) locate(ctx context.Context, src source, ref chartRef, want pin) (*located, error) {
	if want.digest != "" && ref.URL != "" {
		ref.Version = want.version
	}
	l, err := p.find(ctx, src, ref, want)
	if err != nil {
		return nil, err
	}
	if want.digest != "" && l.digest != want.digest {
		return nil, wrongChart("chart-gone", "bring the old chart back there, or ask for the new one by another version",
			"chart %s is not there any more as it was when it was planned: %s has %s in its place, not %s", ref, l.from, short(l.digest), short(want.digest))
	}
	return l, nil
}

func (p *Provider) find(ctx context.Context, src source, ref chartRef, want pin) (*located, error) {
	switch {
	case strings.HasPrefix(ref.URL, ociScheme):
		return p.findOCI(ctx, ref, want)
	case isArchive(ref.URL):
		return p.findArchive(ctx, ref.URL)
	case ref.URL != "":
		return p.findInRepository(ctx, ref)
	}
	return p.findByName(ctx, src, ref, want)
}

// wrongChart is an error about the chart that the element asks for.
func wrongChart(code, detail, format string, args ...any) error {
	return fairlead.Diagnostics{{Severity: fairlead.SeverityError, Code: code, Path: "chart", Summary: fmt.Sprintf(format, args...), Detail: detail}}.Err("chart")
}

func short(digest string) string { return digest[:min(len(digest), 19)] }

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func isArchive(name string) bool {
	return strings.HasSuffix(name, ".tgz") || strings.HasSuffix(name, ".tar.gz")
}

// read returns the chart. Helm changes charts while it works with them, so each call returns a new one.
func (p *Provider) read(ctx context.Context, l *located) (*chartv2.Chart, error) {
	files, ok := p.kept.get(l.digest)
	if !ok {
		var err error
		if files, err = l.fetch(ctx); err != nil {
			return nil, err
		}
		p.kept.put(l.digest, files)
	}
	chart, err := loader.LoadFiles(files)
	if err != nil {
		return nil, wrongChart("bad-chart", "", "%s is no usable chart: %v", l.from, err)
	}
	if chart.Metadata.Type == "library" {
		return nil, wrongChart("library-chart", "want a chart of type application that uses it", "%s is a library chart, which cannot be installed", l.from)
	}
	var missing []string
	for _, need := range chart.Metadata.Dependencies {
		if !slices.ContainsFunc(chart.Dependencies(), func(c *chartv2.Chart) bool { return c.Name() == need.Name }) {
			missing = append(missing, need.Name)
		}
	}
	if missing != nil {
		return nil, wrongChart("missing-dependency", "run: helm dependency build", "%s needs charts that are not in its charts folder: %s", l.from, strings.Join(missing, ", "))
	}
	return chart, nil
}

// unpack reads an archive with one chart in it.
func unpack(from string, data []byte) ([]*archive.BufferedFile, error) {
	charts, err := topFolders(data)
	if err != nil {
		return nil, wrongChart("bad-archive", "want a .tgz file as helm package writes it", "%s cannot be unpacked: %v", from, err)
	}
	if len(charts) != 1 {
		return nil, wrongChart("chart-count", "make one archive of each chart", "%s holds %d charts (%s); want one", from, len(charts), strings.Join(charts, ", "))
	}
	files, err := archive.LoadArchiveFiles(bytes.NewReader(data))
	if err != nil {
		return nil, wrongChart("bad-archive", "want a .tgz file as helm package writes it", "%s cannot be unpacked: %v", from, err)
	}
	return files, nil
}

// topFolders are the folders at the top of an archive that hold a Chart.yaml.
func topFolders(data []byte) ([]string, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	folders := map[string]bool{}
	for r := tar.NewReader(io.LimitReader(unzipped, archive.MaxDecompressedChartSize+1)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return slices.Sorted(maps.Keys(folders)), nil
		}
		if err != nil {
			return nil, err
		}
		if folder, rest, _ := strings.Cut(path.Clean(h.Name), "/"); rest == "Chart.yaml" {
			folders[folder] = true
		}
	}
}

// archived is a chart in an archive that was read already.
func archived(from string, data []byte) *located {
	return &located{pin: pin{digest: digestOf(data)}, from: from,
		fetch: func(context.Context) ([]*archive.BufferedFile, error) { return unpack(from, data) }}
}

// readLimited reads at most limit bytes; more is an error.
func readLimited(r io.Reader, limit int64, what string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, fairlead.Errorf(fairlead.TooLarge, "%s has more than %d MiB", what, limit>>20)
	}
	return data, err
}

// chartCache keeps the files of the charts that were used last. The zero value is ready.
type chartCache struct {
	mu    sync.Mutex
	files map[string][]*archive.BufferedFile
	order []string // last used last
	size  int
}

func (c *chartCache) get(digest string) ([]*archive.BufferedFile, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	files, ok := c.files[digest]
	if ok {
		c.touch(digest)
	}
	return files, ok
}

func (c *chartCache) touch(digest string) {
	c.order = append(slices.DeleteFunc(c.order, func(d string) bool { return d == digest }), digest)
}

func (c *chartCache) put(digest string, files []*archive.BufferedFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.files[digest]; there {
		return
	}
	if c.files == nil {
		c.files = map[string][]*archive.BufferedFile{}
	}
	c.files[digest] = files
	c.size += size(files)
	c.touch(digest)
	for c.size > keptCharts && len(c.order) > 1 {
		c.size -= size(c.files[c.order[0]])
		delete(c.files, c.order[0])
		c.order = c.order[1:]
	}
}

func size(files []*archive.BufferedFile) (n int) {
	for _, f := range files {
		n += len(f.Data)
	}
	return n
}
