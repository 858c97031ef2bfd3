package helm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	repo "helm.sh/helm/v4/pkg/repo/v1"
	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
)

// errNoChartLayer says what an artifact without a chart is.
var errNoChartLayer = errors.New("it is an image, not a chart")

// tagOf is the tag of a version: registries know no plus sign.
func tagOf(version string) string { return strings.ReplaceAll(version, "+", "_") }

// hasTag reports whether an OCI address ends with a tag or digest.
func hasTag(address string) bool {
	last := address[strings.LastIndexByte(address, '/')+1:]
	return strings.ContainsAny(last, ":@")
}

// findOCI finds a chart in an OCI registry. Our own is read straight from its files.
func (p *Provider) findOCI(ctx context.Context, ref chartRef, want pin) (*located, error) {
	address := strings.TrimSuffix(strings.TrimPrefix(ref.URL, ociScheme), "/")
	if ref.Name != "" {
		address += "/" + ref.Name
	}
	if !hasTag(address) {
		if ref.Version == "" {
			return nil, wrongChart("missing-chart-version", "add the version, which is the tag in the registry", "the chart %s has no version", ref)
		}
		address += ":" + tagOf(ref.Version)
	}
	if images := p.config.Charts.Images; images != nil {
		if own, ok := images.Own(address); ok {
			l, err := p.findOwn(ctx, own, want)
			if fairlead.ErrorCode(err) == fairlead.NotFound {
				return nil, wrongChart("chart-not-found", "push it with: helm push", "chart %s is not in the registry: %v", ref, err)
			}
			return l, err
		}
	}
	return p.findRemote(ctx, address, want)
}

// findOwn finds a chart in the embedded registry.
func (p *Provider) findOwn(ctx context.Context, ref string, want pin) (*located, error) {
	digest := want.manifest
	if digest == "" {
		tag, err := p.config.Charts.Images.Resolve(ctx, ref)
		if err != nil {
			return nil, err
		}
		digest = tag.Digest
	}
	repository, _, _ := strings.Cut(ref, "@")
	if i := strings.LastIndexByte(repository, ':'); i > 0 {
		repository = repository[:i]
	}
	img, err := p.config.Charts.Images.Image(ctx, repository+"@"+digest, v1.Platform{})
	if err != nil {
		return nil, err
	}
	return artifact(ref+" of the registry", img)
}

func (p *Provider) findRemote(ctx context.Context, address string, want pin) (*located, error) {
	ref, err := name.ParseReference(address)
	if err != nil {
		return nil, wrongChart("bad-chart-address", "want oci://host/path with a version", "the chart's address %s%s is not valid: %v", ociScheme, address, err)
	}
	if want.manifest != "" {
		ref = ref.Context().Digest(want.manifest)
	}
	options := []remote.Option{remote.WithContext(ctx)}
	if p.http.Transport != nil {
		options = append(options, remote.WithTransport(p.http.Transport))
	}
	img, err := remote.Image(ref, options...)
	if err != nil {
		return nil, p.remoteError(address, err)
	}
	l, err := artifact(ociScheme+address, img)
	if _, ok := errors.AsType[*fairlead.Error](err); err != nil && !ok {
		return nil, p.remoteError(address, err)
	}
	return l, err
}

func (p *Provider) remoteError(address string, err error) error {
	if te, ok := errors.AsType[*transport.Error](err); ok {
		switch te.StatusCode {
		case http.StatusNotFound:
			return wrongChart("chart-not-found", "", "chart %s%s does not exist", ociScheme, address)
		case http.StatusUnauthorized, http.StatusForbidden:
			return wrongChart("chart-denied", "copy it to the embedded registry", "chart %s%s may not be read without credentials", ociScheme, address)
		}
	}
	return p.wrap("chart "+ociScheme+address, err)
}

// artifact is the chart in an OCI artifact.
func artifact(from string, img v1.Image) (*located, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, err
	}
	for _, layer := range manifest.Layers {
		if t := string(layer.MediaType); t != "application/vnd.cncf.helm.chart.content.v1.tar+gzip" && t != "application/tar+gzip" {
			continue
		}
		return &located{
			pin:  pin{version: manifest.Annotations["org.opencontainers.image.version"], digest: layer.Digest.String(), manifest: digest.String()},
			from: from,
			fetch: func(context.Context) ([]*archive.BufferedFile, error) {
				data, err := layerBytes(img, layer.Digest)
				if err != nil {
					return nil, fmt.Errorf("chart %s: %w", from, err)
				}
				return unpack(from, data)
			},
		}, nil
	}
	return nil, wrongChart("not-a-chart", "push a chart there with: helm push", "%s: %v", from, errNoChartLayer)
}

func layerBytes(img v1.Image, digest v1.Hash) ([]byte, error) {
	layer, err := img.LayerByDigest(digest)
	if err != nil {
		return nil, err
	}
	r, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readLimited(r, maxArchive, "the chart")
}

// findArchive fetches an archive by its address.
func (p *Provider) findArchive(ctx context.Context, url string) (*located, error) {
	data, err := p.get(ctx, url, maxArchive)
	if err != nil {
		return nil, err
	}
	l := archived(url, data)
	files, err := l.fetch(ctx)
	if err != nil {
		return nil, err
	}
	l.version = versionIn(files)
	return l, nil
}

// findInRepository finds a chart in a chart repository by the repository's index. The archive is fetched only when it is read,
// unless the index does not tell its digest.
func (p *Provider) findInRepository(ctx context.Context, ref chartRef) (*located, error) {
	text, err := p.get(ctx, strings.TrimSuffix(ref.URL, "/")+"/index.yaml", maxIndex)
	if err != nil {
		return nil, err
	}
	var index repo.IndexFile
	if err := yaml.Unmarshal(text, &index); err != nil {
		return nil, wrongChart("bad-index", "", "the index of the chart repository %s cannot be read: %v", ref.URL, err)
	}
	index.SortEntries()
	entry, err := index.Get(ref.Name, ref.Version)
	if err != nil || len(entry.URLs) == 0 {
		return nil, wrongChart("chart-not-found", has(index.Entries[ref.Name]), "chart %s does not exist", ref)
	}
	url, err := repo.ResolveReferenceURL(ref.URL, entry.URLs[0])
	if err != nil {
		return nil, wrongChart("bad-index", "", "the index of the chart repository %s has a bad address for chart %s: %v", ref.URL, ref.Name, err)
	}
	digest := strings.TrimPrefix(entry.Digest, "sha256:")
	if digest == "" {
		l, err := p.findArchive(ctx, url)
		if err == nil {
			l.version = entry.Version
		}
		return l, err
	}
	return &located{pin: pin{version: entry.Version, digest: "sha256:" + digest}, from: url, fetch: func(ctx context.Context) ([]*archive.BufferedFile, error) {
		data, err := p.get(ctx, url, maxArchive)
		if err != nil {
			return nil, err
		}
		if d := digestOf(data); d != "sha256:"+digest {
			return nil, wrongChart("digest-mismatch", "the repository's index does not fit its files", "%s has digest %s; its repository says %s", url, short(d), short("sha256:"+digest))
		}
		return unpack(url, data)
	}}, nil
}

func has(versions repo.ChartVersions) string {
	if len(versions) == 0 {
		return "the repository has no chart of that name"
	}
	var names []string
	for _, v := range versions {
		names = append(names, v.Version)
	}
	return "the repository has the versions " + listed(names, 5)
}

// get fetches a file.
func (p *Provider) get(ctx context.Context, url string, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, wrongChart("bad-chart-address", "", "the address %s is not valid: %v", url, err)
	}
	req.Header.Set("User-Agent", "fairlead")
	resp, err := p.http.Do(req)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return nil, err
		}
		return nil, fairlead.Errorf(fairlead.Unavailable, "chart repository: %w", err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, wrongChart("chart-not-found", "", "%s does not exist", url)
	case resp.StatusCode >= http.StatusInternalServerError || resp.StatusCode == http.StatusTooManyRequests:
		return nil, fairlead.Errorf(fairlead.Unavailable, "chart repository: %s answers %s", url, resp.Status)
	case resp.StatusCode != http.StatusOK:
		return nil, wrongChart("chart-denied", "", "%s answers %s", url, resp.Status)
	}
	return readLimited(resp.Body, limit, url)
}
