package helm

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	release "helm.sh/helm/v4/pkg/release/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// managedBy is the label that Helm puts on every object, beside its annotations.
const managedBy = "app.kubernetes.io/managed-by"

// changed says in words which of a revision's objects somebody else changed. The cluster itself is asked what applying the
// manifest again would change, without doing it, so that what it fills in or writes in another way is no difference.
func (s *session) changed(r *release.Release) ([]string, error) {
	list, err := s.objects(r.Manifest)
	if err != nil {
		return nil, err
	}
	found, err := s.live(list)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(list))
	err = each(len(list), func(i int) (err error) {
		if found[i] != nil {
			texts[i], err = s.changedFields(list[i], found[i], r)
		}
		return err
	})
	return slices.DeleteFunc(texts, func(t string) bool { return t == "" }), err
}

// shortened leaves a few of many texts.
func shortened(texts []string) []string {
	if more := len(texts) - 5; more > 0 {
		return append(texts[:5:5], fmt.Sprintf("and %d more", more))
	}
	return texts
}

func (s *session) changedFields(o object, live *unstructured.Unstructured, r *release.Release) (string, error) {
	data, err := json.Marshal(marked(o.want, r))
	if err != nil {
		return "", err
	}
	force := true
	would, err := o.resource.Patch(s.ctx, o.name, types.ApplyPatchType, data, metav1.PatchOptions{FieldManager: manager, Force: &force, DryRun: []string{metav1.DryRunAll}})
	switch {
	case apierrors.IsForbidden(err):
		return "", nil // it may not be looked at so closely
	case apierrors.IsInvalid(err):
		return o.String() + " differs in a field that cannot be changed", nil
	case err != nil:
		return "", fmt.Errorf("%s: %w", o.key, err)
	}
	for _, u := range []*unstructured.Unstructured{would, live} {
		delete(u.Object, "status")
		for _, field := range []string{"managedFields", "resourceVersion", "generation"} {
			unstructured.RemoveNestedField(u.Object, "metadata", field)
		}
	}
	text := difference(would.Object, live.Object, "")
	if at, _, shown := strings.Cut(text, " is "); shown && o.kind == "Secret" {
		text = at + " differs"
	}
	if text != "" {
		text = o.String() + ": " + text
	}
	return text, nil
}

// marked is an object as Helm applies it.
func marked(want *unstructured.Unstructured, r *release.Release) *unstructured.Unstructured {
	u := want.DeepCopy()
	labels, annotations := u.GetLabels(), u.GetAnnotations()
	if labels == nil {
		labels = map[string]string{}
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	labels[managedBy] = "Helm"
	annotations[annotationName], annotations[annotationNamespace] = r.Name, r.Namespace
	u.SetLabels(labels)
	u.SetAnnotations(annotations)
	return u
}

// difference is the first field in which a live object differs from what is wanted; "" when none does.
func difference(want, live any, at string) string {
	switch want := want.(type) {
	case map[string]any:
		l, ok := live.(map[string]any)
		if !ok {
			break
		}
		all := maps.Clone(want)
		maps.Copy(all, l)
		for _, key := range slices.Sorted(maps.Keys(all)) {
			if text := difference(want[key], l[key], strings.TrimPrefix(at+"."+key, ".")); text != "" {
				return text
			}
		}
		return ""
	case []any:
		l, ok := live.([]any)
		if !ok || len(l) != len(want) {
			break
		}
		for i := range want {
			if text := difference(want[i], l[i], fmt.Sprintf("%s[%d]", at, i)); text != "" {
				return text
			}
		}
		return ""
	}
	if reflect.DeepEqual(want, live) {
		return ""
	}
	return fmt.Sprintf("%s is %s, not %s", at, brief(live), brief(want))
}

// brief is a value for a message.
func brief(v any) string {
	if v == nil {
		return "absent"
	}
	text, err := json.Marshal(v)
	if err != nil || len(text) > 80 {
		return "another value"
	}
	return string(text)
}
