package kubernetes

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fairlead/fairlead"
)

// request is what was asked of the API server, to explain its answer.
type request struct {
	subject string // the element
	verbs   []string
	place
	source  string // path of the manifest in the properties
	account string // the service account that a pod runs as
	adoptAs string // the element that may be told to adopt; "" is the subject
}

// explain gives an error its code and the words that a user needs. What a wait can cure is Unavailable. The kind of an error is
// told by its type and never by its text.
func (p *Provider) explain(ctx context.Context, q request, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fairlead.Error](err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", q.subject, err)
	}
	if isMissingKind(err) {
		return fairlead.Errorf(fairlead.Failed, "%s: %w", q.subject, err)
	}
	if answer, ok := errors.AsType[*apierrors.StatusError](err); ok {
		return p.explainStatus(ctx, q, answer.ErrStatus, err)
	}
	return p.explainConnection(q, err)
}

func (p *Provider) explainConnection(q request, err error) error {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	if untrusted || unknown {
		return fairlead.Errorf(fairlead.Failed, "%s: the certificate of the cluster at %s is not trusted: %w; correct certificate-authority-data in the target's kubeconfig",
			q.subject, p.host, root(err))
	}
	if unreachable(err) {
		return &fairlead.Error{Code: fairlead.Unavailable, Err: err,
			Message: fmt.Sprintf("%s: the cluster at %s does not answer (%s)", q.subject, p.host, root(err))}
	}
	return fairlead.Errorf(fairlead.Failed, "%s: %w", q.subject, err)
}

func unreachable(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	_, ok := errors.AsType[*url.Error](err)
	return ok
}

// root is the innermost cause.
func root(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

func (p *Provider) explainStatus(ctx context.Context, q request, s metav1.Status, err error) error {
	failed := func(code fairlead.Code, format string, args ...any) error {
		return &fairlead.Error{Code: code, Message: q.subject + ": " + fmt.Sprintf(format, args...), Err: err}
	}
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return failed(fairlead.Unavailable, "namespace %s is being deleted", q.namespace)
	}
	switch s.Reason {
	case metav1.StatusReasonUnauthorized:
		return failed(fairlead.Denied, "the cluster at %s does not accept the target's credentials; they are wrong or have expired: give the target a new kubeconfig", p.host)
	case metav1.StatusReasonForbidden:
		return p.explainForbidden(ctx, q, s, failed)
	case metav1.StatusReasonInvalid, metav1.StatusReasonBadRequest:
		return invalid(q, s, err)
	case metav1.StatusReasonConflict:
		return explainConflict(q, s, failed)
	case metav1.StatusReasonAlreadyExists:
		return failed(fairlead.Conflict, "%s exists already", q.place)
	case metav1.StatusReasonNotFound:
		if missingNamespace(err) {
			return failed(fairlead.Failed, "namespace %s does not exist; make it with an element of type CCI.Namespace that this one requires, or use it as the stack's namespace", q.namespace)
		}
		if slices.Contains(q.verbs, "create") { // a definition is served a moment after it is said to be
			return failed(fairlead.Unavailable, "the cluster does not serve %s yet: %s", q.GroupResource(), s.Message)
		}
		return failed(fairlead.Failed, "%s", s.Message)
	case metav1.StatusReasonRequestEntityTooLarge:
		return failed(fairlead.TooLarge, "%s is larger than the cluster takes: %s", q.place, s.Message)
	case metav1.StatusReasonTooManyRequests, metav1.StatusReasonServerTimeout, metav1.StatusReasonTimeout, metav1.StatusReasonServiceUnavailable,
		metav1.StatusReasonInternalError, metav1.StatusReasonExpired:
		return failed(fairlead.Unavailable, "the cluster cannot do it now: %s", s.Message)
	}
	if s.Code >= 500 {
		return failed(fairlead.Unavailable, "the cluster cannot do it now: %s", s.Message)
	}
	return failed(fairlead.Failed, "the cluster refuses %s: %s", q.place, s.Message)
}

// explainForbidden tells missing rights from an admission that refuses: it asks what is allowed.
func (p *Provider) explainForbidden(ctx context.Context, q request, s metav1.Status, failed func(fairlead.Code, string, ...any) error) error {
	missing := p.access.lacks(ctx, p, q)
	if len(missing) == 0 && q.account != "" && p.lacksAccount(ctx, q) {
		return failed(fairlead.Unavailable, "service account %s of namespace %s does not exist yet", q.account, q.namespace)
	}
	if len(missing) == 0 {
		return failed(fairlead.Failed, "the cluster refuses %s: %s", q.place, s.Message)
	}
	where, role := "in the whole cluster", "ClusterRole"
	if q.namespace != "" {
		where, role = "in namespace "+q.namespace, "Role"
	}
	return failed(fairlead.Denied, "user %s may not %s %s %s; bind it to a %s with apiGroups [%q], resources [%s], verbs [%s]",
		p.access.user(ctx, p), strings.Join(missing, ", "), q.GroupResource(), where, role, q.Group, q.Resource, strings.Join(missing, ", "))
}

// lacksAccount reports whether the service account of a pod is missing: a new namespace gets its own a moment later.
func (p *Provider) lacksAccount(ctx context.Context, q request) bool {
	accounts := schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	_, err := p.objects.Resource(accounts).Namespace(q.namespace).Get(ctx, q.account, metav1.GetOptions{})
	return apierrors.IsNotFound(err)
}

// missingNamespace reports whether an object could not be made because its namespace does not exist.
func missingNamespace(err error) bool {
	s, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok || !apierrors.IsNotFound(err) {
		return false
	}
	d := s.ErrStatus.Details
	return d != nil && d.Kind == "namespaces"
}

// wholeObject is the field of a cause that is about all the data of a ConfigMap or Secret.
const wholeObject = "[]"

// invalid turns each cause of a refused manifest into a finding with its path.
func invalid(q request, s metav1.Status, err error) error {
	var ds fairlead.Diagnostics
	if s.Details != nil {
		for _, c := range s.Details.Causes {
			if c.Message == "" {
				continue
			}
			ds = append(ds, fairlead.Diagnostic{Severity: fairlead.SeverityError, Code: "refused", Path: q.pathOf(c.Field), Summary: strings.TrimSpace(c.Field + ": " + c.Message)})
			switch c.Field {
			case "":
				ds[len(ds)-1].Summary = c.Message
			case wholeObject:
				ds[len(ds)-1].Summary = fmt.Sprintf("%s: %s", q.place, c.Message)
			}
		}
	}
	if len(ds) == 0 {
		ds = fairlead.Diagnostics{{Severity: fairlead.SeverityError, Code: "refused", Path: q.pathOf(""), Summary: s.Message}}
	}
	ds = slices.Compact(ds)
	return &fairlead.Error{Code: fairlead.Invalid, Problems: ds, Err: err,
		Message: fmt.Sprintf("%s: the cluster refuses %s: %s", q.subject, q.place, s.Message)}
}

// pathOf is the path of a field of the object in the element's properties.
func (q request) pathOf(field string) string {
	switch {
	case q.source == "":
		first, _, _ := strings.Cut(field, ".")
		if first == "data" || first == "stringData" {
			return "data"
		}
		return ""
	case field == "" || field == "<nil>" || field == wholeObject:
		return q.source
	}
	return q.source + "." + field
}

// explainConflict names who owns which field.
func explainConflict(q request, s metav1.Status, failed func(fairlead.Code, string, ...any) error) error {
	owned := conflicts(s)
	if len(owned) == 0 {
		return failed(fairlead.Unavailable, "%s changed at the same moment: %s", q.place, s.Message)
	}
	texts := make([]string, len(owned))
	for i, c := range owned {
		texts[i] = c.field + " is set by " + c.manager
	}
	return failed(fairlead.Conflict, "%s: %s; leave these fields out of the manifest, set them back on the cluster, or take them over (--adopt=%s)",
		q.place, strings.Join(texts, ", "), cmp.Or(q.adoptAs, strings.TrimPrefix(q.subject, "element ")))
}

type conflict struct{ field, manager string }

// conflicts are the fields that other managers own and that the manifest sets to other values.
func conflicts(s metav1.Status) []conflict {
	var out []conflict
	if s.Details == nil {
		return nil
	}
	for _, c := range s.Details.Causes {
		if c.Type == metav1.CauseTypeFieldManagerConflict {
			out = append(out, conflict{strings.TrimPrefix(c.Field, "."), managerIn(c.Message)})
		}
	}
	return out
}

// managerIn takes the name out of: conflict with "name" with subresource "scale" using apps/v1.
func managerIn(message string) string {
	_, rest, _ := strings.Cut(message, `"`)
	name, _, ok := strings.Cut(rest, `"`)
	if !ok {
		return "somebody else (" + message + ")"
	}
	return name
}

// onlyOurs reports whether an error is a conflict with managers of our own only.
func onlyOurs(err error) bool {
	s, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok {
		return false
	}
	list := conflicts(s.ErrStatus)
	return len(list) > 0 && !slices.ContainsFunc(list, func(c conflict) bool {
		return c.manager != manager && !strings.HasPrefix(c.manager, manager+"-")
	})
}
