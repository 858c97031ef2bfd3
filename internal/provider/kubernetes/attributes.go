package kubernetes

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// attributesOf are what get_attribute reads: the names of the original service, and every field of the live object by its path.
func attributesOf(o *unstructured.Unstructured) map[string]any {
	out := map[string]any{}
	for k, v := range o.Object {
		switch k {
		case "metadata":
		case "data", "stringData", "binaryData":
			if o.GetKind() != "Secret" {
				out[k] = v
			}
		default:
			out[k] = v
		}
	}
	meta := map[string]any{}
	live, _ := o.Object["metadata"].(map[string]any)
	for _, k := range []string{"name", "namespace", "uid", "labels", "annotations"} {
		if v, ok := live[k]; ok {
			meta[k] = v
		}
	}
	if notes, ok := meta["annotations"].(map[string]any); ok {
		notes = maps.Clone(notes)
		delete(notes, "kubectl.kubernetes.io/last-applied-configuration") // a copy of everything, Secrets too
		meta["annotations"] = notes
	}
	out["metadata"] = meta
	maps.Copy(out, names(o))
	if o.GetKind() == "ConfigMap" {
		out["checksum"] = checksum(out["data"], out["binaryData"])
	}
	if uid := string(o.GetUID()); uid != "" {
		out["refID"] = uid
	}
	return out
}

// checksum is another for other data. A workload that has it as an annotation of its pods is rolled when the data changes.
func checksum(parts ...any) string {
	text, _ := json.Marshal(parts) // what comes from the API server is JSON
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// names are the attributes that are known before the object is made.
func names(o *unstructured.Unstructured) map[string]any {
	out := map[string]any{"refName": o.GetName()}
	if app := o.GetLabels()["app"]; app != "" {
		out["refLabelsApp"] = app
	}
	return out
}
