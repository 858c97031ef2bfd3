package helm

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// Limits of a release's timeout, which bounds each of the chart's hooks.
const (
	defaultTimeout = 5 * time.Minute
	maxTimeout     = time.Hour
)

// wanted is what an element wants, understood. What is not known yet is empty.
type wanted struct {
	name            string
	namespace       string
	cluster         string
	chart           chartRef
	values          map[string]any
	valuesFile      string
	wait            bool
	timeout         time.Duration
	createNamespace bool
	// unknown tells that some value becomes known only when other elements are made.
	unknown bool
	// chartUnknown tells so of the chart.
	chartUnknown bool
}

// chartRef is how a chart is asked for.
type chartRef struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	URL     string `json:"url,omitempty"`
}

func (r chartRef) String() string {
	text := r.Name
	if text == "" {
		text = r.URL
	}
	if r.Version != "" {
		text += " " + r.Version
	}
	if r.Name != "" && r.URL != "" {
		text += " of " + r.URL
	}
	return text
}

// Check finds what is wrong with an element without contact with the cluster.
func (p *Provider) Check(el template.Element) fairlead.Diagnostics {
	_, diags := parse(el)
	return diags
}

// parse understands an element, as far as its values are known, and finds everything that is wrong with it.
func parse(el template.Element) (*wanted, fairlead.Diagnostics) {
	d := &decoder{}
	if el.Type != Type {
		d.errorf("unsupported-element", "", "", "%s is not a Helm release", el.Type)
		return nil, d.diags
	}
	known := []string{"name", "chart", "values", "valuesFile", "namespace", "clusterId", "wait", "timeout", "createNamespace"}
	d.unknownKeys(el.Properties, "", known)
	w := &wanted{
		unknown: template.HasUnknown(el.Properties), chartUnknown: template.HasUnknown(el.Properties["chart"]),
		name: d.text(el.Properties, "name", ""), namespace: d.text(el.Properties, "namespace", ""), cluster: d.text(el.Properties, "clusterId", ""),
		values: d.dict(el.Properties, "values"), valuesFile: d.text(el.Properties, "valuesFile", ""),
		wait: d.boolean(el.Properties, "wait", true), createNamespace: d.boolean(el.Properties, "createNamespace", false),
		timeout: d.span(el.Properties, "timeout"),
	}
	if w.namespace == "" && el.Properties["namespace"] == nil || el.Properties["namespace"] == "" {
		w.namespace = el.Namespace
	}
	d.checkName(el.Properties, w.name)
	d.checkChart(el.Properties, w)
	if w.cluster != "" {
		d.warn("ignored-property", "clusterId", "leave it out, or choose the cluster with the stack's target",
			"clusterId is not used: the release is made on the stack's target, %s", el.Target)
	}
	if w.valuesFile != "" && !local(w.valuesFile) {
		d.errorf("bad-path", "valuesFile", "want the path of a file in the template's package, such as values/prod.yaml",
			"valuesFile %q does not lie in the template's package", w.valuesFile)
	}
	return w, d.diags
}

// local reports whether a path stays in the package.
func local(p string) bool {
	clean := path.Clean(p)
	return !path.IsAbs(clean) && clean != ".." && !strings.HasPrefix(clean, "../") && !strings.Contains(p, "\\")
}

// decoder reads properties and collects what is wrong with them.
type decoder struct{ diags fairlead.Diagnostics }

func (d *decoder) errorf(code, path, detail, format string, args ...any) {
	d.diags = append(d.diags, fairlead.Diagnostic{Severity: fairlead.SeverityError, Code: code, Path: path, Summary: fmt.Sprintf(format, args...), Detail: detail})
}

func (d *decoder) warn(code, path, detail, format string, args ...any) {
	d.diags = append(d.diags, fairlead.Diagnostic{Severity: fairlead.SeverityWarning, Code: code, Path: path, Summary: fmt.Sprintf(format, args...), Detail: detail})
}

func (d *decoder) unknownKeys(m map[string]any, at string, known []string) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(known, key) {
			d.errorf("unknown-property", at+key, "known are "+strings.Join(known, ", "), "%s has no property %q", Type, at+key)
		}
	}
}

func (d *decoder) checkName(m map[string]any, name string) {
	switch v := m["name"].(type) {
	case nil:
		d.errorf("missing-name", "name", "", "a Helm release needs a name")
	case string:
		if err := chartutil.ValidateReleaseName(name); err != nil {
			d.errorf("bad-name", "name", "want at most 53 lower-case letters, digits or hyphens, first and last not a hyphen", "release name %q is not valid", v)
		}
	}
}

// checkChart reads the chart: a package path or a name with version, or an address.
func (d *decoder) checkChart(m map[string]any, w *wanted) {
	const how = "want chart: {name: charts/web} for a folder or archive of the template's package, {url: oci://...} or {url: https://..., name: web, version: 1.0.0}"
	var chart map[string]any
	switch v := m["chart"].(type) {
	case template.Unknown:
		return
	case nil:
		d.errorf("missing-chart", "chart", how, "a Helm release needs a chart")
		return
	case map[string]any:
		chart = v
	default:
		d.errorf("wrong-type", "chart", how, "chart must be a map, not %s", kindOf(v))
		return
	}
	d.unknownKeys(chart, "chart.", []string{"name", "version", "url"})
	w.chart = chartRef{Name: d.text(chart, "name", "chart."), Version: d.text(chart, "version", "chart."), URL: d.text(chart, "url", "chart.")}
	if w.chartUnknown {
		return
	}
	r := &w.chart
	if strings.HasPrefix(r.Name, ociScheme) && r.URL == "" {
		r.Name, r.URL = "", r.Name
	}
	switch url, given := chart["url"]; {
	case given && url == "":
		d.errorf("empty-chart-address", "chart.url", how, "the chart's address is empty")
	case r.Name == "" && r.URL == "":
		d.errorf("missing-chart-name", "chart", how, "the chart has neither a name nor an address")
	case r.URL != "" && !strings.HasPrefix(r.URL, ociScheme) && !strings.HasPrefix(r.URL, "https://") && !strings.HasPrefix(r.URL, "http://"):
		d.errorf("bad-chart-address", "chart.url", how, "the chart's address %q begins with neither oci:// nor https:// nor http://", r.URL)
	case r.URL != "" && r.Name == "" && !strings.HasPrefix(r.URL, ociScheme) && !isArchive(r.URL):
		d.errorf("missing-chart-name", "chart.name", "add the chart's name and version, or give the address of a .tgz file",
			"a chart of the repository %s needs a name", r.URL)
	case strings.HasPrefix(r.URL, ociScheme) && r.Version == "" && r.Name == "" && !hasTag(r.URL):
		d.errorf("missing-chart-version", "chart.version", "add the version, which is the tag in the registry", "the chart %s has no version", r.URL)
	case r.URL == "" && !local(r.Name):
		d.errorf("bad-path", "chart.name", how, "chart %q does not lie in the template's package", r.Name)
	}
}

// text reads a text; a number is taken for one where it stands for a version or name.
func (d *decoder) text(m map[string]any, key, at string) string {
	switch v := m[key].(type) {
	case string:
		return v
	case int64, float64:
		return fmt.Sprint(v)
	case nil, template.Unknown:
	default:
		d.errorf("wrong-type", at+key, "", "%s must be a text, not %s", at+key, kindOf(v))
	}
	return ""
}

func (d *decoder) boolean(m map[string]any, key string, otherwise bool) bool {
	switch v := m[key].(type) {
	case bool:
		return v
	case nil, template.Unknown:
	default:
		d.errorf("wrong-type", key, "write true or false", "%s must be true or false, not %s", key, kindOf(v))
	}
	return otherwise
}

func (d *decoder) dict(m map[string]any, key string) map[string]any {
	v, given := m[key]
	switch v := v.(type) {
	case map[string]any:
		return v
	case template.Unknown:
	case nil:
		if given {
			d.errorf("missing-values", key, "write {} for the chart's own values", "%s has no value", key)
		}
	default:
		d.errorf("wrong-type", key, "want the chart's values by name, such as {replicas: 2}", "%s must be a map, not %s", key, kindOf(v))
	}
	return nil
}

func (d *decoder) span(m map[string]any, key string) time.Duration {
	switch v := m[key].(type) {
	case string:
		t, err := time.ParseDuration(v)
		if err == nil && t >= time.Second && t <= maxTimeout {
			return t
		}
		d.errorf("wrong-value", key, "want 1s to 1h, such as 90s or 10m", "%s %q is not a valid time span", key, v)
	case nil, template.Unknown:
	default:
		d.errorf("wrong-type", key, "want a text such as 90s or 10m", "%s must be a time span, not %s", key, kindOf(v))
	}
	return defaultTimeout
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case string:
		return "a text"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	}
	return "a number"
}
