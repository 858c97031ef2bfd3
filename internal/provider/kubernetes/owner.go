package kubernetes

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fairlead/fairlead"
)

// manager is the name under which fields are owned; managers of ours that start with it and a hyphen are the same.
const manager = "fairlead"

// Marks on every object. The labels find it, the annotations tell people whose it is.
const (
	labelStackID      = "fairlead.io/stack-id"
	labelElement      = "fairlead.io/element"
	labelRole         = "fairlead.io/role" // of what belongs to no element
	annotationStack   = "fairlead.io/stack"
	annotationElement = "fairlead.io/element"
	annotationMadeBy  = "fairlead.io/made-by" // the server
	labelManagedBy    = "app.kubernetes.io/managed-by"
)

// Roles.
const (
	roleNamespace  = "namespace"   // was made because a stack needed it
	rolePullSecret = "pull-secret" // lets pods pull from the server's registry
)

// mark writes down whose the object is.
func (p *Provider) mark(o *object, r fairlead.Record) {
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[labelStackID], labels[labelElement] = labelValue(r.StackID), labelValue(r.Element)
	if labels[labelManagedBy] == "" {
		labels[labelManagedBy] = manager
	}
	o.SetLabels(labels)
	notes := o.GetAnnotations()
	if notes == nil {
		notes = map[string]string{}
	}
	notes[annotationStack], notes[annotationElement] = r.Stack, r.Element
	if p.instance != "" {
		notes[annotationMadeBy] = p.instance
	}
	o.SetAnnotations(notes)
}

// labelValue is a text as the value of a label: itself when it can be one, else a digest.
func labelValue(s string) string {
	if len(validation.IsValidLabelValue(s)) == 0 {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

// belonging says whose an object on the cluster is.
type belonging int

const (
	nobodys belonging = iota // no stack's
	ours                     // the element's
	another                  // of another stack or element
)

// belongs decides by the marks, and where they were taken off, by the uid that was recorded.
func belongs(live metav1.Object, r fairlead.Record) belonging {
	labels := live.GetLabels()
	switch {
	case labels[labelStackID] == "":
		if uid := r.Identity["uid"]; uid != "" && uid == string(live.GetUID()) {
			return ours
		}
		return nobodys
	case labels[labelStackID] == labelValue(r.StackID) && labels[labelElement] == labelValue(r.Element):
		return ours
	}
	return another
}

// taken is the Conflict of an object that exists already.
func taken(q request, live metav1.Object, b belonging) error {
	subject, what := q.subject, q.place.String()
	if b == nobodys {
		return fairlead.Errorf(fairlead.Conflict, "%s: %s exists already and belongs to no stack; adopt it (--adopt=%s), delete it, or give the element's object another name",
			subject, what, cmp.Or(q.adoptAs, strings.TrimPrefix(subject, "element ")))
	}
	notes := live.GetAnnotations()
	stack, element, server := notes[annotationStack], notes[annotationElement], notes[annotationMadeBy]
	if stack == "" {
		stack = "with id " + live.GetLabels()[labelStackID]
	}
	if server != "" {
		server = " of the Fairlead server " + server
	}
	return fairlead.Errorf(fairlead.Conflict, "%s: %s belongs to element %s of stack %s%s; change it there, or give the element's object another name; "+
		"if that stack is gone, take the object's label %s away and adopt it", subject, what, element, stack, server, labelStackID)
}
