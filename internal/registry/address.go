package registry

import (
	"context"
	"net"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// Resolve finds an image, organization/repository:tag or organization/repository@digest, in the catalogue. A digest that
// has no tag of its own is looked up in the files and has no name. What does not exist is NotFound.
func (r *Registry) Resolve(ctx context.Context, ref string) (tag fairlead.Tag, err error) {
	im, err := parseRef(ref, false)
	if err != nil {
		return tag, err
	}
	if im.digest != "" {
		return r.resolveDigest(ctx, im)
	}
	err = r.cfg.DB.Read(ctx, func(tx *store.Tx) error {
		tag, err = tx.Tag(ctx, im.organization, im.repository, im.tag)
		return err
	})
	return tag, err
}

func (r *Registry) resolveDigest(ctx context.Context, im ref) (fairlead.Tag, error) {
	var tags []fairlead.Tag
	err := r.cfg.DB.Read(ctx, func(tx *store.Tx) (err error) {
		tags, err = tx.TagsOfDigest(ctx, im.organization, im.repository, im.digest.String())
		return err
	})
	if err != nil {
		return fairlead.Tag{}, err
	}
	if len(tags) > 0 {
		return tags[0], nil
	}
	rp, err := r.disk.repository(ctx, im.name())
	if err != nil {
		return fairlead.Tag{}, err
	}
	s, err := rp.describe(im.digest)
	if err != nil {
		return fairlead.Tag{}, err
	}
	return s.tag(im, im.digest), nil
}

// digestOf is the digest of a tag or digest reference.
func (r *Registry) digestOf(ctx context.Context, im ref) (digest.Digest, error) {
	if im.digest != "" {
		return im.digest, nil
	}
	tag, err := r.Resolve(ctx, im.String())
	return digest.Digest(tag.Digest), err
}

// Address is the name under which a client pulls an image of this registry: host/organization/repository:tag.
func (r *Registry) Address(ref string) string {
	if r.public == nil {
		return ref
	}
	return r.public.Host + "/" + ref
}

// Own reports whether a pull address is one of this registry's, under any spelling of its host, and gives the image in it.
func (r *Registry) Own(image string) (ref string, ok bool) {
	host, rest, ok := strings.Cut(image, "/")
	if !ok || r.public == nil || !sameHost(r.public, host) {
		return "", false
	}
	im, err := parseRef(rest, true)
	if err != nil {
		return "", false
	}
	return im.String(), true
}

// sameHost compares a host[:port] with that of our URL. A client may leave out the port that its scheme has anyway. All
// spellings of loopback are one host.
func sameHost(public *url.URL, host string) bool {
	// The slashes make host a host for url.Parse, which also unwraps [::1].
	u, err := url.Parse("//" + host)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	return port(public, public.Scheme) == port(u, public.Scheme) && canonical(public.Hostname()) == canonical(u.Hostname())
}

func port(u *url.URL, scheme string) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case scheme == "https":
		return "443"
	default:
		return "80"
	}
}

func canonical(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return "localhost"
	}
	return host
}
