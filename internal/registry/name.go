package registry

import (
	"regexp"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fairlead/fairlead"
)

// The name rules are those of the original service's reference pages for creating an organization and a repository; tags
// follow the OCI distribution specification.
var (
	organizationRE = regexp.MustCompile(`^[a-z][a-z0-9]*(?:(?:\.|_|__|-)[a-z0-9]+)*$`)
	repositoryRE   = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|/|_|__|-)[a-z0-9]+)*$`)
	tagRE          = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
)

// CheckOrganization checks the name of an organization.
func CheckOrganization(name string) error {
	if len(name) <= 64 && organizationRE.MatchString(name) {
		return nil
	}
	return fairlead.Errorf(fairlead.Invalid, "organization name %q: want 1 to 64 lower-case letters, digits, and dots, hyphens or one or two underscores between them, first a letter", name)
}

// CheckRepository checks the name of a repository within its organization.
func CheckRepository(name string) error {
	if len(name) <= 128 && repositoryRE.MatchString(name) {
		return nil
	}
	return fairlead.Errorf(fairlead.Invalid, "repository name %q: want 1 to 128 lower-case letters, digits, and dots, slashes, hyphens or one or two underscores between them", name)
}

// CheckTag checks a tag.
func CheckTag(tag string) error {
	if tagRE.MatchString(tag) {
		return nil
	}
	return fairlead.Errorf(fairlead.Invalid, "tag %q: want 1 to 128 letters, digits, underscores, dots or hyphens, first neither a dot nor a hyphen", tag)
}

// ref names an image: a repository with a tag or a digest.
type ref struct {
	organization, repository string
	tag                      string // empty when digest is set
	digest                   digest.Digest
}

// name is organization/repository, the name that distribution knows.
func (r ref) name() string { return r.organization + "/" + r.repository }

func (r ref) String() string {
	if r.digest != "" {
		return r.name() + "@" + r.digest.String()
	}
	return r.name() + ":" + r.tag
}

// parseRef reads organization/repository:tag or organization/repository@digest. With both, the digest decides. Without
// either the tag is "latest" when latest is allowed.
func parseRef(text string, latest bool) (ref, error) {
	var r ref
	name, dgst, pinned := strings.Cut(text, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		r.tag, name = name[i+1:], name[:i]
		if err := CheckTag(r.tag); err != nil {
			return r, err
		}
	} else if !pinned && latest {
		r.tag = "latest"
	} else if !pinned {
		return r, fairlead.Errorf(fairlead.Invalid, "image %q: want organization/repository:tag", text)
	}
	if pinned {
		r.tag = ""
		var err error
		if r.digest, err = digest.Parse(dgst); err != nil {
			return r, fairlead.Errorf(fairlead.Invalid, "image %q: the digest after @ is not like sha256:<64 hexadecimal digits>: %w", text, err)
		}
	}
	organization, repository, ok := strings.Cut(name, "/")
	if !ok {
		return r, fairlead.Errorf(fairlead.Invalid, "image %q: want organization/repository:tag", text)
	}
	r.organization, r.repository = organization, repository
	return r, r.check()
}

func (r ref) check() error {
	if err := CheckOrganization(r.organization); err != nil {
		return err
	}
	return CheckRepository(r.repository)
}
