package helm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	"helm.sh/helm/v4/pkg/ignore"
	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
)

const chartFile = "Chart.yaml"

// findByName finds a chart in the template's package or, failing that, in the embedded registry.
func (p *Provider) findByName(ctx context.Context, src source, ref chartRef, want pin) (*located, error) {
	var files []string
	if p.config.Charts.Files != nil {
		var err error
		if files, err = p.config.Charts.Files.TemplateFiles(ctx, src.template, src.version); err != nil && fairlead.ErrorCode(err) != fairlead.NotFound {
			return nil, err
		}
	}
	found := inPackage(files, ref)
	if len(found) > 1 {
		return nil, wrongChart("ambiguous-chart", "give the path of one of them, or the version", "chart %s is not unique in the package of template %s@%s: %s",
			ref, src.template, src.version, strings.Join(found, ", "))
	}
	if len(found) == 1 {
		return p.packaged(ctx, src, ref, found[0], files)
	}
	if p.config.Charts.Images != nil && strings.Contains(ref.Name, "/") && ref.Version != "" {
		l, err := p.findOwn(ctx, ref.Name+":"+tagOf(ref.Version), want)
		if fairlead.ErrorCode(err) != fairlead.NotFound {
			return l, err
		}
	}
	detail := "want the path of a chart's folder or archive in the package, or give the chart's url"
	if len(files) > 0 {
		detail += "; the package has " + listed(files, 8)
	}
	return nil, wrongChart("chart-not-found", detail, "chart %s is neither in the package of template %s@%s nor in the registry", ref, src.template, src.version)
}

// listed joins the first names of a list.
func listed(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// inPackage lists the charts of a package that a reference can mean: an exact path alone, else all of that name in the
// package's top or its folder charts.
func inPackage(files []string, ref chartRef) (found []string) {
	name := strings.TrimSuffix(path.Clean(ref.Name), "/")
	has := func(p string) bool { return slices.Contains(files, p) }
	switch {
	case isArchive(name) && has(name), has(path.Join(name, chartFile)):
		return []string{name}
	case strings.Contains(name, "/"):
		return nil
	}
	if folder := "charts/" + name; has(folder + "/" + chartFile) {
		found = append(found, folder)
	}
	for _, f := range files {
		if dir := path.Dir(f); dir != "." && dir != "charts" || !isArchive(f) {
			continue
		}
		base := strings.TrimSuffix(strings.TrimSuffix(path.Base(f), ".tgz"), ".tar.gz")
		version, versioned := strings.CutPrefix(base, name+"-")
		versioned = versioned && version != "" && version[0] >= '0' && version[0] <= '9'
		if base == name || versioned && (ref.Version == "" || ref.Version == version) {
			found = append(found, f)
		}
	}
	return found
}

// packaged is a chart of the package: a folder or an archive.
func (p *Provider) packaged(ctx context.Context, src source, ref chartRef, at string, all []string) (*located, error) {
	from := fmt.Sprintf("%s in the package of template %s@%s", at, src.template, src.version)
	var l *located
	if isArchive(at) {
		data, err := p.config.Charts.Files.TemplateFile(ctx, src.template, src.version, at)
		if err != nil {
			return nil, err
		}
		l = archived(from, data)
	} else {
		files, err := p.folder(ctx, src, at, all)
		if err != nil {
			return nil, err
		}
		l = &located{pin: pin{digest: filesDigest(files)}, from: from,
			fetch: func(context.Context) ([]*archive.BufferedFile, error) { return files, nil }}
	}
	files, err := l.fetch(ctx)
	if err != nil {
		return nil, err
	}
	if l.version = versionIn(files); ref.Version != "" && l.version != ref.Version {
		return nil, wrongChart("chart-not-found", "ask for that version, or leave the version out", "chart %s: %s has version %s", ref, from, l.version)
	}
	return l, nil
}

// folder reads a chart's folder without what its .helmignore names.
func (p *Provider) folder(ctx context.Context, src source, at string, all []string) ([]*archive.BufferedFile, error) {
	prefix := at + "/"
	if at == "." {
		prefix = ""
	}
	contents, err := p.config.Charts.Files.TemplateContents(ctx, src.template, src.version)
	if err != nil {
		return nil, err
	}
	rules := ignore.Empty()
	if text, ok := contents[prefix+ignore.HelmIgnore]; ok {
		if rules, err = ignore.Parse(strings.NewReader(string(text))); err != nil {
			return nil, wrongChart("bad-chart", "", "%s%s: %v", prefix, ignore.HelmIgnore, err)
		}
	}
	rules.AddDefaults()
	var files []*archive.BufferedFile
	for _, name := range slices.Sorted(slices.Values(all)) {
		rest, inside := strings.CutPrefix(name, prefix)
		if !inside || rules.Ignore(rest, fileInfo{path.Base(rest)}) {
			continue
		}
		files = append(files, &archive.BufferedFile{Name: rest, Data: contents[name]})
	}
	return files, nil
}

// filesDigest identifies files by their names and content.
func filesDigest(files []*archive.BufferedFile) string {
	h := sha256.New()
	for _, f := range files {
		sum := sha256.Sum256(f.Data)
		fmt.Fprintf(h, "%d:%s %x\n", len(f.Name), f.Name, sum)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// versionIn is the version that a chart's files give it.
func versionIn(files []*archive.BufferedFile) string {
	var meta struct {
		Version string `json:"version"`
	}
	for _, f := range files {
		if f.Name == chartFile && yaml.Unmarshal(f.Data, &meta) == nil {
			return meta.Version
		}
	}
	return ""
}

// mergedValues are the element's values over those of its values file.
func (p *Provider) mergedValues(ctx context.Context, src source, w *wanted) (map[string]any, error) {
	values := map[string]any{}
	if w.valuesFile != "" {
		if p.config.Charts.Files == nil {
			return nil, fairlead.Errorf(fairlead.Invalid, "valuesFile: templates here have no package with files")
		}
		text, err := p.config.Charts.Files.TemplateFile(ctx, src.template, src.version, path.Clean(w.valuesFile))
		if err != nil {
			return nil, err
		}
		if err := yaml.Unmarshal(text, &values); err != nil {
			return nil, fairlead.Errorf(fairlead.Invalid, "valuesFile %s: %w", w.valuesFile, err)
		}
	}
	return overlay(values, w.values), nil
}

// overlay lays values over others, key by key, without changing either. A null stays: it takes back a chart's own value.
func overlay(under, over map[string]any) map[string]any {
	out := make(map[string]any, len(under)+len(over))
	for k, v := range under {
		out[k] = copied(v)
	}
	for k, v := range over {
		below, isMap := out[k].(map[string]any)
		if above, ok := v.(map[string]any); ok && isMap {
			out[k] = overlay(below, above)
			continue
		}
		out[k] = copied(v)
	}
	return out
}

func copied(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return overlay(v, nil)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = copied(x)
		}
		return out
	}
	return v
}
