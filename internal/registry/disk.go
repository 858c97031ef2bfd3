package registry

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"path/filepath"
	"reflect"
	"time"

	"github.com/distribution/distribution/v3"
	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/distribution/distribution/v3/registry/storage"
	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"

	"github.com/fairlead/fairlead"
)

// Where distribution keeps things below its root. The layout is documented and stable.
const (
	repositoriesPath = "/docker/registry/v2/repositories"
	blobsPath        = "/docker/registry/v2/blobs"
)

// disk is distribution on a directory: its HTTP handler for what clients send, and its storage for what we read ourselves.
// Both look at the same files and neither keeps a cache, so each sees at once what the other does.
type disk struct {
	root   string // absolute or relative as given, cleaned
	app    *handlers.App
	driver driver.StorageDriver
	images distribution.Namespace
	log    *logrus.Entry
}

func openDisk(dir string, uploadKey []byte, log *slog.Logger) (*disk, error) {
	root := filepath.Join(dir, "blobs")
	d := &disk{root: root, log: quiet(log)}
	fsDriver, err := filesystem.FromParameters(map[string]any{"rootdirectory": root})
	if err != nil {
		return nil, err
	}
	d.driver = fsDriver
	ctx := d.context(context.Background())
	if d.images, err = storage.NewRegistry(ctx, d.driver, storage.EnableDelete); err != nil {
		return nil, err
	}
	d.app, err = newApp(ctx, &configuration.Configuration{
		Version: configuration.CurrentVersion,
		Storage: configuration.Storage{
			"filesystem": {"rootdirectory": root},
			"delete":     {"enabled": true},
			"redirect":   {"disable": true},
			// Left-over uploads are removed by Collect, which its owner waits for.
			"maintenance": {"uploadpurging": map[any]any{"enabled": false}},
		},
		HTTP: configuration.HTTP{
			Secret:       hex.EncodeToString(uploadKey),
			RelativeURLs: true, // right behind any proxy and under any name
		},
	})
	return d, err
}

// newApp makes distribution's handler, which reports a bad configuration by panicking.
func newApp(ctx context.Context, cfg *configuration.Configuration) (app *handlers.App, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("distribution does not start: %v", p)
		}
	}()
	return handlers.NewApp(ctx, cfg), nil
}

func (d *disk) close() error { return d.app.Shutdown() }

// ServeHTTP passes a request to distribution. No rights are checked here.
func (d *disk) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	d.app.ServeHTTP(w, req.WithContext(d.context(req.Context())))
}

// context carries our logger to distribution.
func (d *disk) context(ctx context.Context) context.Context { return logContext{ctx, d.log} }

// logContext answers distribution's question for its logger. The key's type is internal to distribution, hence the look at
// its name; the alternative is to change logrus' process-wide logger, for every other user in the process.
type logContext struct {
	context.Context
	log *logrus.Entry
}

func (c logContext) Value(key any) any {
	if t := reflect.TypeOf(key); t != nil && t.Kind() == reflect.Struct && t.String() == "dcontext.loggerKey" {
		return c.log
	}
	return c.Context.Value(key)
}

// quiet makes a logger for distribution that tells log about broken requests only. Distribution calls it an error when a
// client asks for something that does not exist.
func quiet(log *slog.Logger) *logrus.Entry {
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	logger.SetLevel(logrus.ErrorLevel)
	logger.AddHook(logHook{log})
	return logrus.NewEntry(logger)
}

type logHook struct{ log *slog.Logger }

func (logHook) Levels() []logrus.Level {
	return []logrus.Level{logrus.PanicLevel, logrus.FatalLevel, logrus.ErrorLevel}
}

func (h logHook) Fire(e *logrus.Entry) error {
	level := slog.LevelDebug
	if status, ok := e.Data["http.response.status"].(int); ok && status >= 500 {
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("message", e.Message)}
	for _, key := range []string{"http.request.method", "http.request.uri", "http.response.status", "err.code", "err.message", "err.detail"} {
		if v, ok := e.Data[key]; ok {
			attrs = append(attrs, slog.Any(key, v))
		}
	}
	h.log.LogAttrs(context.Background(), level, "registry: distribution reports a problem", attrs...)
	return nil
}

// repository opens one repository for reading and untagging. It need not exist.
func (d *disk) repository(ctx context.Context, name string) (repo, error) {
	ctx = d.context(ctx)
	named, err := reference.WithName(name)
	if err != nil {
		return repo{}, fairlead.Errorf(fairlead.Invalid, "image name %q: %w", name, err)
	}
	r, err := d.images.Repository(ctx, named)
	if err != nil {
		return repo{}, err
	}
	manifests, err := r.Manifests(ctx)
	if err != nil {
		return repo{}, err
	}
	return repo{ctx: ctx, name: name, driver: d.driver, tags: r.Tags(ctx), manifests: manifests, blobs: r.Blobs(ctx)}, nil
}

// each calls fn for every repository on disk.
func (d *disk) each(ctx context.Context, fn func(name string) error) error {
	all, ok := d.images.(distribution.RepositoryEnumerator)
	if !ok {
		return errors.New("distribution's storage cannot list repositories")
	}
	err := all.Enumerate(d.context(ctx), fn)
	if _, empty := errors.AsType[driver.PathNotFoundError](err); empty {
		return nil // nothing was ever pushed
	}
	return err
}

// repo is one repository on disk. It lives for one call, whose context it carries because distribution's services do.
type repo struct {
	ctx       context.Context
	name      string
	driver    driver.StorageDriver
	tags      distribution.TagService
	manifests distribution.ManifestService
	blobs     distribution.BlobStore
}

// allTags returns the tags, sorted.
func (r repo) allTags() ([]string, error) {
	tags, err := r.tags.All(r.ctx)
	if _, unknown := errors.AsType[distribution.ErrRepositoryUnknown](err); unknown {
		return nil, nil
	}
	return tags, err
}

// digestOf returns what a tag points at; ok is false when there is no such tag.
func (r repo) digestOf(tag string) (d digest.Digest, ok bool, err error) {
	desc, err := r.tags.Get(r.ctx, tag)
	if _, unknown := errors.AsType[distribution.ErrTagUnknown](err); unknown {
		return "", false, nil
	}
	return desc.Digest, err == nil, err
}

// taggedAt is when a tag was last pushed; zero when that cannot be told.
func (r repo) taggedAt(tag string) time.Time {
	fi, err := r.driver.Stat(r.ctx, path.Join(repositoriesPath, r.name, "_manifests/tags", tag, "current/link"))
	if err != nil {
		return time.Time{}
	}
	return fi.ModTime().UTC()
}

// manifest returns a manifest's media type and bytes. A missing one is NotFound.
func (r repo) manifest(d digest.Digest) (mediaType string, body []byte, err error) {
	m, err := r.manifests.Get(r.ctx, d)
	if _, unknown := errors.AsType[distribution.ErrManifestUnknownRevision](err); unknown {
		return "", nil, fairlead.Errorf(fairlead.NotFound, "image %s@%s does not exist", r.name, d)
	}
	if err != nil {
		return "", nil, fmt.Errorf("registry: read manifest %s@%s: %w", r.name, d, err)
	}
	return m.Payload()
}

// retag moves a tag back to a digest that it had before.
func (r repo) retag(tag string, d digest.Digest) error {
	return r.tags.Tag(r.ctx, tag, ocispec.Descriptor{Digest: d})
}

// blob opens a blob of the repository. Its end is an error instead of io.EOF when the content is not what the digest says.
func (r repo) blob(d digest.Digest) (io.ReadCloser, error) {
	b, err := r.blobs.Open(r.ctx, d)
	if err != nil {
		return nil, fmt.Errorf("registry: open blob %s of %s: %w", d, r.name, err)
	}
	return &verified{blob: b, digest: d, verifier: d.Verifier()}, nil
}

// verified is a blob that checks itself while it is read. Distribution reads a missing file as an empty one.
type verified struct {
	blob     io.ReadCloser
	digest   digest.Digest
	verifier digest.Verifier
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.blob.Read(p)
	_, _ = v.verifier.Write(p[:n]) // a hash takes everything
	if err == io.EOF && !v.verifier.Verified() {
		err = fmt.Errorf("registry: blob %s is damaged on disk: its content has another digest; push the image again", v.digest)
	}
	return n, err
}

// Close never fails: distribution's reader returns an error from every Close, and nothing can go wrong in reading's end.
func (v *verified) Close() error {
	_ = v.blob.Close()
	return nil
}

// untag removes a tag; a missing one is fine.
func (r repo) untag(tag string) error {
	err := r.tags.Untag(r.ctx, tag)
	if _, gone := errors.AsType[driver.PathNotFoundError](err); gone {
		return nil
	}
	return err
}

// eachManifest calls fn for every manifest of the repository, tagged or not.
func (r repo) eachManifest(fn func(digest.Digest) error) error {
	all, ok := r.manifests.(distribution.ManifestEnumerator)
	if !ok {
		return errors.New("distribution's storage cannot list manifests")
	}
	err := all.Enumerate(r.ctx, fn)
	if _, empty := errors.AsType[driver.PathNotFoundError](err); empty {
		return nil
	}
	return err
}

// deleteManifest removes a manifest and the tags that point at it.
func (r repo) deleteManifest(d digest.Digest) error {
	tags, err := r.allTags()
	if err != nil {
		return err
	}
	for _, tag := range tags {
		at, ok, err := r.digestOf(tag)
		if err != nil {
			return err
		}
		if ok && at == d {
			if err := r.untag(tag); err != nil {
				return err
			}
		}
	}
	err = r.manifests.Delete(r.ctx, d)
	if errors.Is(err, distribution.ErrBlobUnknown) {
		return fairlead.Errorf(fairlead.NotFound, "image %s@%s does not exist", r.name, d)
	}
	return err
}

// isIndex tells lists of manifests from manifests.
func isIndex(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageIndex || mediaType == "application/vnd.docker.distribution.manifest.list.v2+json"
}
