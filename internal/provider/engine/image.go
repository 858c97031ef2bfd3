package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/moby/client"
	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/scratch"
)

const (
	// ownPrefix is the name of our registry's images on an engine: fairlead.internal/org/repo:tag-digest.
	ownPrefix     = "fairlead.internal/"
	forwarderName = "fairlead-forwarder"
	// imageIdentity prefixes the keys of a record's identity that hold the digests of our registry's images.
	imageIdentity = "image "
)

// fetch is an image on its way to the engine.
type fetch struct {
	done chan struct{}
	err  error
}

// localName is what an image of ours with a known digest is called on the engine.
func localName(ref, digest string) string {
	repo, tag := splitRef(ref)
	_, hash, _ := strings.Cut(digest, ":")
	hash = hash[:min(16, len(hash))]
	if len(tag) > 100 {
		tag = tag[:100]
	}
	if tag == "" {
		return ownPrefix + repo + ":" + hash
	}
	return ownPrefix + repo + ":" + tag + "-" + hash
}

// splitRef splits "org/repo:tag", "org/repo@digest" or "org/repo:tag@digest"; the tag of one with a digest is "".
func splitRef(ref string) (repo, tag string) {
	if pinned, _, ok := strings.Cut(ref, "@"); ok {
		repo, _ = splitRef(pinned)
		return repo, ""
	}
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		return ref[:i], ref[i+1:]
	}
	return ref, "latest"
}

// resolveImages finds the digests of our registry's images in a pod, for the record's identity. An image whose tag is gone
// keeps the digest that it had.
func (p *Provider) resolveImages(ctx context.Context, spec *corev1.PodSpec, prior *fairlead.Record) (map[string]string, error) {
	out := map[string]string{}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		ref, ok := p.own(c.Image)
		if !ok {
			continue
		}
		tag, err := p.images.Resolve(ctx, ref)
		switch {
		case err == nil:
			out[imageIdentity+c.Image] = tag.Digest
		case fairlead.ErrorCode(err) == fairlead.NotFound && prior != nil && prior.Identity[imageIdentity+c.Image] != "":
			out[imageIdentity+c.Image] = prior.Identity[imageIdentity+c.Image]
		case fairlead.ErrorCode(err) == fairlead.NotFound:
			return nil, fairlead.Errorf(fairlead.Failed, "image %s is not in the registry: push it first, or correct the image of container %s", ref, c.Name)
		default:
			return nil, fmt.Errorf("image %s: %w", ref, err)
		}
	}
	return out, nil
}

func (p *Provider) own(image string) (string, bool) {
	if p.images == nil || image == "" {
		return "", false
	}
	return p.images.Own(image)
}

// engineImage is the name under which the engine runs a container's image.
func (p *Provider) engineImage(identity map[string]string, image string) string {
	ref, ok := p.own(image)
	if digest := identity[imageIdentity+image]; ok && digest != "" {
		return localName(ref, digest)
	}
	return image
}

// ensureImages brings the images of a pod to the engine. It waits a moment; the answer is the name of an image that is still
// on its way, or "". first tells that no pod of the revision exists: only then "always pull" pulls.
func (p *Provider) ensureImages(ctx context.Context, o owner, identity map[string]string, spec *corev1.PodSpec, first bool) (waiting string, err error) {
	var names []string
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		names = append(names, p.engineImage(identity, c.Image))
	}
	p.mu.Lock()
	p.needs[o.key()] = names
	p.mu.Unlock()
	for i, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		policy := c.ImagePullPolicy
		if policy == "" && strings.HasSuffix(withTag(c.Image), ":latest") {
			policy = corev1.PullAlways
		}
		if policy == corev1.PullAlways && !first {
			policy = corev1.PullIfNotPresent
		}
		ok, err := p.ensureImage(ctx, c.Image, names[i], identity, policy)
		if err != nil {
			return "", err
		}
		if !ok {
			return c.Image, nil
		}
	}
	return "", nil
}

func (p *Provider) ensureImage(ctx context.Context, image, local string, identity map[string]string, policy corev1.PullPolicy) (bool, error) {
	p.mu.Lock()
	f := p.fetches[local]
	p.mu.Unlock()
	if f == nil {
		_, err := p.api.ImageInspect(ctx, local)
		present := err == nil
		if err != nil && !gone(err) {
			return false, err
		}
		ref, own := p.own(image)
		switch {
		case present && (own || policy != corev1.PullAlways):
			return true, nil
		case !present && policy == corev1.PullNever:
			return false, fairlead.Errorf(fairlead.Failed, "image %s is not on the engine and imagePullPolicy is Never", image)
		case own:
			_, tag, _ := strings.Cut(ref, ":")
			repo, _ := splitRef(ref)
			f = p.fetch(local, func(ctx context.Context) error {
				return p.load(ctx, repo+"@"+identity[imageIdentity+image], local, tag)
			})
		default:
			f = p.fetch(local, func(ctx context.Context) error { return p.pull(ctx, image, present) })
		}
	}
	select {
	case <-f.done:
	case <-time.After(3 * time.Second):
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
	p.mu.Lock()
	delete(p.fetches, local)
	p.mu.Unlock()
	return f.err == nil, f.err
}

// fetch runs get beside the calls; a second one for the same name joins the first.
func (p *Provider) fetch(local string, get func(context.Context) error) *fetch {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.fetches[local]; f != nil {
		return f
	}
	f := &fetch{done: make(chan struct{})}
	p.fetches[local] = f
	if p.life.Err() != nil {
		f.err = p.life.Err()
		close(f.done)
		return f
	}
	p.started.Go(func() {
		defer close(f.done)
		f.err = get(p.life)
	})
	return f
}

// load streams an image of our registry into the engine.
func (p *Provider) load(ctx context.Context, ref, local, tag string) error {
	m, err := p.about(ctx)
	if err != nil {
		return err
	}
	img, err := p.images.Image(ctx, ref, m.platform)
	if err != nil {
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			repo, _ := splitRef(ref)
			return fairlead.Errorf(fairlead.Failed, "image %s is not in the registry for %s: push it first: %w", repo+":"+tag, m.platform, err)
		}
		return fmt.Errorf("image %s: %w", ref, err)
	}
	return p.loadImage(ctx, img, local)
}

func (p *Provider) loadImage(ctx context.Context, img v1.Image, local string) error {
	tag, err := name.NewTag(local, name.WithDefaultRegistry(""))
	if err != nil {
		return fmt.Errorf("image %s: %w", local, err)
	}
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := tarball.Write(tag, img, w)
		w.CloseWithError(err)
		written <- err
	}()
	res, err := p.api.ImageLoad(ctx, r, client.ImageLoadWithQuiet(true))
	if err == nil {
		err = loadProblem(res)
		res.Close()
	}
	r.Close() // ends the writer when the engine stopped reading
	if werr := <-written; err == nil && !errors.Is(werr, io.ErrClosedPipe) {
		err = werr
	}
	if err != nil {
		return fmt.Errorf("load image %s into the engine: %w", local, err)
	}
	if _, err := p.api.ImageInspect(ctx, local); err != nil { // somebody removed it meanwhile; the next try loads it again
		return fairlead.Errorf(fairlead.Unavailable, "load image %s into the engine: it is not there afterwards: %w", local, err)
	}
	return nil
}

// loadProblem reads the engine's answer to the end. What goes wrong while it unpacks stands in the answer, whose status is good.
func loadProblem(answer io.Reader) error {
	dec := json.NewDecoder(answer)
	for {
		var line struct {
			Error string `json:"error"`
		}
		switch err := dec.Decode(&line); {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, new(*json.SyntaxError)): // nothing that says what went wrong
			_, err := io.Copy(io.Discard, answer)
			return err
		case err != nil:
			return err
		case line.Error != "":
			return fairlead.Errorf(fairlead.Failed, "the engine says: %s", line.Error)
		}
	}
}

// pull asks the engine for an outside image. An image that is there already is used when the outside does not answer.
func (p *Provider) pull(ctx context.Context, image string, present bool) error {
	res, err := p.api.ImagePull(ctx, withTag(image), client.ImagePullOptions{})
	if err == nil {
		err = res.Wait(ctx)
	}
	if err == nil || present {
		return nil
	}
	if p.unreachable(err) {
		return err
	}
	return fairlead.Errorf(fairlead.Failed, "image %s cannot be pulled: %w", image, err)
}

// withTag adds :latest where neither tag nor digest is given.
func withTag(image string) string {
	if strings.Contains(image, "@") || strings.LastIndexByte(image, ':') > strings.LastIndexByte(image, '/') {
		return image
	}
	return image + ":latest"
}

// program is our own binary, as an image of one layer.
type program struct {
	image v1.Image
	name  string
}

// openProgram reads the forwarder's binary. Its image is the same for the same binary.
func openProgram(path string) (*program, error) {
	if path == "" {
		var err error
		if path, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("forwarder: find our own program: %w", err)
		}
	}
	sum, err := fileSum(path)
	if err != nil {
		return nil, fmt.Errorf("forwarder: %w", err)
	}
	img, err := scratch.Image(path, v1.Config{Entrypoint: []string{scratch.Program, "forward"}})
	if err != nil {
		return nil, fmt.Errorf("forwarder: %w", err)
	}
	return &program{image: img, name: forwarderName + ":" + sum[:12]}, nil
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// ensureProgram brings the forwarder's image to the engine and returns its name.
func (p *Provider) ensureProgram(ctx context.Context) (string, error) {
	prog, err := p.program()
	if err != nil {
		return "", err
	}
	defer p.scopes.lock("program")()
	if _, err := p.api.ImageInspect(ctx, prog.name); err == nil || !gone(err) {
		return prog.name, err
	}
	return prog.name, p.loadImage(ctx, prog.image, prog.name)
}

// releaseImages removes the images that came from us and that no container uses and no pass needs.
func (p *Provider) releaseImages(ctx context.Context) error {
	p.imagesMu.Lock()
	defer p.imagesMu.Unlock()
	images, err := p.api.ImageList(ctx, client.ImageListOptions{})
	if err != nil {
		return err
	}
	list, err := p.containers(ctx, nil)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, c := range list {
		used[c.Image], used[c.ImageID] = true, true
	}
	p.mu.Lock()
	for _, names := range p.needs {
		for _, n := range names {
			used[n] = true
		}
	}
	for n := range p.fetches {
		used[n] = true
	}
	p.mu.Unlock()
	for _, img := range images.Items {
		for _, tag := range img.RepoTags {
			if ours(tag) && !used[tag] && !used[strings.TrimPrefix(tag, "docker.io/library/")] && !used[img.ID] {
				if _, err := p.api.ImageRemove(ctx, tag, client.ImageRemoveOptions{PruneChildren: true}); err != nil && !gone(err) && !cerrdefs.IsConflict(err) {
					return err
				}
			}
		}
	}
	return nil
}

func ours(tag string) bool {
	tag = strings.TrimPrefix(strings.TrimPrefix(tag, "docker.io/library/"), "localhost/")
	return strings.HasPrefix(tag, ownPrefix) || strings.HasPrefix(tag, forwarderName+":")
}
