package registry

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// maxManifest is the size up to which every client and registry is expected to take a manifest.
const maxManifest = 4 << 20

// putManifest is the end of a push. The client hears of success only when both the files and the catalogue have it. What a
// crash leaves between them the next scan ends.
func (r *Registry) putManifest(w http.ResponseWriter, req *http.Request, rt route, who caller) error {
	im := rt.image
	if !strings.Contains(rt.last, ":") { // a digest; distribution checks it against the content
		im.tag = rt.last
		if err := CheckTag(im.tag); err != nil {
			return nameFault(codeTagInvalid, err)
		}
	}
	if err := limitManifest(req); err != nil {
		return err
	}
	// A client that hangs up now must not keep what is on disk out of the catalogue.
	ctx := context.WithoutCancel(req.Context())
	unlock, err := r.lock(ctx, im.name())
	if err != nil {
		return err
	}
	defer unlock()
	rp, err := r.disk.repository(ctx, im.name())
	if err != nil {
		return err
	}
	before, tagged, err := rp.digestOf(im.tag)
	if err != nil {
		return err
	}
	answer := capture{header: http.Header{}}
	r.forward(&answer, req, rt)
	if answer.status == http.StatusCreated {
		err := r.record(ctx, rp, im, digest.Digest(answer.header.Get("Docker-Content-Digest")), who.actor)
		if err != nil {
			return errors.Join(fmt.Errorf("registry: record the push of %s: %w", im, err), rp.undo(im.tag, before, tagged))
		}
	}
	answer.send(w)
	return nil
}

// undo puts a tag back to where it was before a push that failed. Clients do not push what the registry seems to have, so
// without this a second try would end before it reaches the catalogue.
func (r repo) undo(tag string, before digest.Digest, tagged bool) error {
	switch {
	case tag == "":
		return nil
	case tagged:
		return r.retag(tag, before)
	default:
		return r.untag(tag)
	}
}

// limitManifest reads a manifest within its limit and refuses what distribution would take for its own failure.
func limitManifest(req *http.Request) error {
	body, err := io.ReadAll(io.LimitReader(req.Body, maxManifest+1))
	if err != nil {
		return fault{http.StatusBadRequest, codeManifestInvalid, "the manifest could not be read to its end"}
	}
	if len(body) > maxManifest {
		return fault{http.StatusRequestEntityTooLarge, codeManifestInvalid, "the manifest is larger than 4 MiB, the limit for manifests"}
	}
	var version struct {
		SchemaVersion int `json:"schemaVersion"`
	}
	if err := json.Unmarshal(body, &version); err != nil || version.SchemaVersion != 2 {
		return fault{http.StatusBadRequest, codeManifestInvalid, "the manifest is not a JSON object with schemaVersion 2; want an OCI or Docker v2 image manifest or index"}
	}
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// record makes a pushed manifest durable and writes it into the catalogue. A push by digest makes the repository but no tag.
func (r *Registry) record(ctx context.Context, rp repo, im ref, d digest.Digest, by fairlead.Actor) error {
	s, err := rp.describe(d)
	if err != nil {
		return err
	}
	if err := r.disk.sync(im, d, slices.Collect(maps.Keys(s.seen))); err != nil {
		return fmt.Errorf("make %s durable: %w", d, err)
	}
	tag := s.tag(im, d)
	tag.PushedBy = by.String()
	return r.cfg.DB.Write(ctx, func(tx *store.Tx) error {
		entry := imageEntry(by, Push, im)
		if im.tag == "" {
			entry.Name = im.name() + "@" + d.String()
		}
		if err := tx.Audit(ctx, entry); err != nil {
			return err
		}
		if im.tag == "" {
			return tx.PutRepository(ctx, im.organization, im.repository)
		}
		if err := tx.PutTag(ctx, &tag); err != nil {
			return err
		}
		if err := imageEvent(ctx, tx, im, "image-pushed", fmt.Sprintf("%s pushed %s (%s)", by, im, d)); err != nil {
			return err
		}
		if r.cfg.OnPush == nil {
			return nil
		}
		return r.cfg.OnPush(ctx, tx, tag)
	})
}

func imageEvent(ctx context.Context, tx *store.Tx, im ref, kind, message string) error {
	return tx.AppendEvent(ctx, fairlead.Event{Kind: "image", Name: im.String(), Type: kind, Message: message})
}

// imageEntry is what the audit log says of a push or a removal.
func imageEntry(by fairlead.Actor, verb string, im ref) fairlead.AuditEntry {
	e := fairlead.AuditEntry{User: by.User, Via: cmp.Or(by.Via, "registry"), Operation: "pushImage", Verb: "change", Kind: "images", Name: im.String()}
	if verb == Delete {
		e.Operation, e.Verb = "deleteImage", "delete"
	}
	return e
}

// deleteManifest removes a tag, or a manifest with its tags, as the distribution specification says. The manifest of a
// removed tag stays for those that know its digest; [Registry.DeleteTag] is thorough.
func (r *Registry) deleteManifest(w http.ResponseWriter, req *http.Request, rt route, who caller) error {
	ctx, im := context.WithoutCancel(req.Context()), rt.image
	var err error
	if strings.Contains(rt.last, ":") {
		if im.digest, err = digest.Parse(rt.last); err != nil {
			return fault{http.StatusBadRequest, codeDigestInvalid, fmt.Sprintf("digest %q: want sha256:<64 hexadecimal digits>", rt.last)}
		}
		err = r.removeManifest(ctx, im, who.actor)
	} else {
		im.tag = rt.last
		err = r.removeTag(ctx, im, who.actor, false)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// capture keeps an answer back until it is known whether it holds. It is only used for small answers.
type capture struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (c *capture) Header() http.Header { return c.header }

func (c *capture) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
}

func (c *capture) Write(b []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	return c.body.Write(b)
}

func (c *capture) send(w http.ResponseWriter) {
	for key, values := range c.header {
		w.Header()[key] = values
	}
	c.WriteHeader(http.StatusOK)
	w.WriteHeader(c.status)
	_, _ = w.Write(c.body.Bytes()) // the client may be gone
}
