package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strconv"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/google/uuid"
)

// Everything Fairlead makes on an engine carries these labels. They are the memory that outlives the server: what belongs to
// whom, which revision it is, and how it is probed.
const (
	labelInstance  = "fairlead.instance"
	labelStackID   = "fairlead.stack-id"
	labelStack     = "fairlead.stack"
	labelNamespace = "fairlead.namespace"
	labelElement   = "fairlead.element"
	labelKind      = "fairlead.kind"
	labelName      = "fairlead.name"
	labelRole      = "fairlead.role"
	labelHash      = "fairlead.hash"      // of what is wanted
	labelReplica   = "fairlead.replica"   // index of the pod
	labelPod       = "fairlead.pod"       // name of the pod
	labelContainer = "fairlead.container" // name of the container in its pod
	labelCare      = "fairlead.care"      // probes and how to stop, as JSON
	labelService   = "fairlead.service"   // what a Service wants, as JSON
	labelAliases   = "fairlead.aliases"   // aliases a container always has, as JSON
	labelPodLabel  = "fairlead.pod-label/"
)

// Roles of what is made.
const (
	roleMain      = "main"      // first container of a pod; it owns the pod's network
	roleSide      = "side"      // further containers of a pod
	roleInit      = "init"      // init containers
	roleForwarder = "forwarder" // serves a published port
	roleLoader    = "loader"    // never runs; files go through it into volumes
	roleFiles     = "files"     // volume with the content of config maps and secrets
	roleEmpty     = "empty"     // volume of an emptyDir
	roleClaim     = "claim"     // volume that is kept
	roleMarker    = "service"   // empty volume whose labels say what a Service wants
	roleNetwork   = "network"
)

// scope is what shares one network: a stack in a namespace.
type scope struct{ instance, stackID, stack, namespace string }

// owner is the element that something on the engine belongs to.
type owner struct {
	scope
	element, kind, name string
}

func (s scope) labels() map[string]string {
	return map[string]string{labelInstance: s.instance, labelStackID: s.stackID, labelStack: s.stack, labelNamespace: s.namespace}
}

// with are the labels of everything of the scope that also has more: pairs of label and value.
func (s scope) with(more ...string) labelled {
	return labelled{labelInstance: s.instance, labelStackID: s.stackID, labelNamespace: s.namespace}.and(more)
}

func (l labelled) and(pairs []string) labelled {
	for i := 0; i+1 < len(pairs); i += 2 {
		l[pairs[i]] = pairs[i+1]
	}
	return l
}

func (s scope) key() string { return s.stackID + "/" + s.namespace }

func (o owner) labels(role string, more map[string]string) map[string]string {
	l := o.scope.labels()
	l[labelElement], l[labelKind], l[labelName], l[labelRole] = o.element, o.kind, o.name, role
	maps.Copy(l, more)
	return l
}

// with are the labels of everything of the element that also has more, whatever its kind, name and namespace were.
func (o owner) with(more ...string) labelled {
	return labelled{labelInstance: o.instance, labelStackID: o.stackID, labelElement: o.element}.and(more)
}

func (o owner) key() string { return o.stackID + "/" + o.element }

// same reports whether labels were made for the same object and not for another that the element was before.
func (o owner) same(l map[string]string) bool {
	return l[labelKind] == o.kind && l[labelName] == o.name && l[labelNamespace] == o.namespace
}

func ownerOf(l map[string]string) owner {
	return owner{scope: scope{l[labelInstance], l[labelStackID], l[labelStack], l[labelNamespace]},
		element: l[labelElement], kind: l[labelKind], name: l[labelName]}
}

func (p *Provider) ownerOfRecord(r fairlead.Record) owner {
	return owner{scope: scope{p.instance, r.StackID, r.Stack, r.Identity["namespace"]},
		element: r.Element, kind: r.Identity["kind"], name: r.Identity["name"]}
}

// refID is a stable unique id of the object.
func (o owner) refID() string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.Join([]string{o.instance, o.stackID, o.element, o.kind, o.name}, "/"))).String()
}

// tag tells the names of one server's things from those of another server on the same engine.
func (s scope) tag() string { return digest(s.instance)[:6] }

// objectName is a name on the engine that says what it is.
func (o owner) objectName(parts ...string) string {
	return bounded(append([]string{o.stack, o.namespace, o.name, o.tag()}, parts...)...)
}

// podName is the name of the pod's first container.
func (o owner) podName(hash string, index int) string {
	return o.objectName(hash[:8], strconv.Itoa(index))
}

// hostname is what the pod calls itself.
func (o owner) hostname(hash string, index int) string {
	if o.kind == kindStatefulSet {
		return o.stableName(index)
	}
	if o.kind == kindPod {
		return boundedTo(63, o.name)
	}
	return boundedTo(63, o.name, hash[:8], strconv.Itoa(index))
}

func (o owner) stableName(index int) string { return boundedTo(63, o.name, strconv.Itoa(index)) }

func bounded(parts ...string) string { return boundedTo(100, parts...) }

// boundedTo joins name parts into one that engines accept. The part that would not fit becomes a digest of the whole.
func boundedTo(limit int, parts ...string) string {
	whole := strings.Join(parts, "-")
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
			return r
		}
		return '-'
	}, whole)
	clean = strings.TrimLeft(clean, "-._")
	if len(clean) <= limit && len(clean) > 1 {
		return clean
	}
	return clean[:min(len(clean), limit-9)] + "-" + digest(whole)[:8]
}

// digest identifies any JSON-like value.
func digest(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		b = []byte(err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(b)
}
