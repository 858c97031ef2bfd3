package template_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/internal/template"
)

const elementDocs = "../../docs/elements"

// docs/elements shows the catalogue; -update writes it anew.
func TestElementDocs(t *testing.T) {
	pages := map[string]string{}
	var index strings.Builder
	index.WriteString("# Element types\n\nGenerated from [internal/template/catalogue](../../internal/template/catalogue); write it anew with\n`go test ./internal/template -run ElementDocs -update`. The facts are those of the original's\n[template reference](https://support.huaweicloud.com/tr-aos/index.html).\n\n" +
		"A type is written with the prefix `HuaweiCloud.` or `Cloud.`, or short as here. Types are what the checker knows; whether a target can make them is the target's\nanswer: Kubernetes makes `CCE.*`, `CCI.*` and `Kubernetes.Object`, an engine most of them.\n\n| Service | Types |\n|---|---|\n")
	for _, service := range template.Services() {
		var names []string
		page := "# " + service.Service + "\n\n" + capital(service.English) + ". " + service.Chinese + "\n"
		for _, typ := range template.Catalogue() {
			if typ.Service == service.Name {
				names = append(names, fmt.Sprintf("[%s](%s.md#%s)", typ.Name, service.Name, anchor(typ.Name)))
				page += typePage(t, typ)
			}
		}
		pages[service.Name+".md"] = page
		fmt.Fprintf(&index, "| %s | %s |\n", service.English, strings.Join(names, ", "))
	}
	pages["README.md"] = index.String()
	found, err := filepath.Glob(elementDocs + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range found {
		if _, ok := pages[filepath.Base(file)]; !ok {
			t.Errorf("%s belongs to no service", file)
		}
	}
	for name, want := range pages {
		file := filepath.Join(elementDocs, name)
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%s is not what the catalogue says; run this test with -update (%v)", file, err)
		}
	}
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func anchor(name string) string {
	return strings.NewReplacer(".", "", "*", "").Replace(strings.ToLower(name))
}

func typePage(t *testing.T, typ template.ElementType) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n%s. %s\n", typ.Name, capital(typ.English), typ.Chinese)
	switch {
	case typ.Policy:
		b.WriteString("\nA policy: it stands in the section `policies`, is checked and shown, and not carried out.\n")
	case typ.Extension:
		b.WriteString("\nAn extension: the original does not have it.\n")
	}
	if len(typ.Properties) > 0 {
		b.WriteString("\n| Property | Type | Default | Rules | Meaning |\n|---|---|---|---|---|\n")
		propertyRows(t, &b, "", typ.Properties)
	}
	if len(typ.Properties) > 0 && !typ.Complete || len(typ.Properties) == 0 && !typ.Policy {
		b.WriteString("\nProperties that are not listed are accepted.\n")
	}
	for _, group := range typ.Alternatives {
		fmt.Fprintf(&b, "\nEither `%s`, or else `%s`.\n", group[0], strings.Join(group[1:], "` and `"))
	}
	if len(typ.Manifests) > 0 {
		fmt.Fprintf(&b, "\n`k8sManifest` holds: %s.\n", strings.Join(typ.Manifests, " or "))
	}
	if len(typ.Attributes) > 0 {
		b.WriteString("\n| Attribute | Meaning |\n|---|---|\n")
		for _, a := range typ.Attributes {
			fmt.Fprintf(&b, "| `%s` | %s. %s |\n", a.Name, a.English, a.Chinese)
		}
	}
	if typ.Open {
		b.WriteString("\nEvery output of the inner template is an attribute too.\n")
	}
	for _, r := range typ.Relations {
		fmt.Fprintf(&b, "\n%s: %s.\n", r.Kind, strings.Join(r.Types, ", "))
	}
	b.WriteString("\n" + updates(typ) + "\n")
	return b.String()
}

func propertyRows(t *testing.T, b *strings.Builder, prefix string, list []template.Property) {
	for _, p := range list {
		name, typ, preset := "`"+prefix+p.Name+"`", p.Type, ""
		if p.Required {
			name = "**" + name + "**"
		}
		if p.Reference != "" {
			typ += ", " + p.Reference
		}
		if p.HasDefault {
			preset = "`" + asJSON(t, p.Default) + "`"
		}
		var rules []string
		for keyword, operand := range p.Constraints {
			rules = append(rules, fmt.Sprintf("`%s: %s`", keyword, strings.ReplaceAll(asJSON(t, operand), "|", `\|`)))
		}
		slices.Sort(rules)
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s. %s |\n", name, typ, preset, strings.Join(rules, "<br>"), p.English, p.Chinese)
		inner := prefix + p.Name + "."
		if p.Type == "list" {
			inner = prefix + p.Name + "[]."
		}
		propertyRows(t, b, inner, p.Fields)
	}
}

func asJSON(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func updates(typ template.ElementType) string {
	var cannot []string
	if !typ.Update.Topology {
		cannot = append(cannot, "add or remove elements of this type")
	}
	if !typ.Update.Properties {
		cannot = append(cannot, "change their properties")
	}
	switch {
	case typ.Policy:
		return "An update of the original cannot change policies. Fairlead can."
	case len(cannot) > 0:
		return "An update of the original cannot " + strings.Join(cannot, ", nor ") + ". Fairlead can."
	}
	return "An update may add and remove elements of this type and change their properties."
}
