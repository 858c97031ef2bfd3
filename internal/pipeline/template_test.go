package pipeline_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/examples"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/pipeline/jobtest"
	"github.com/fairlead/fairlead/internal/store"
	"go.yaml.in/yaml/v4"
)

const smallHead = `title: {en: Small, zh: 小}
placeholders:
  - {name: stack, default: web}
  - {name: note, required: true}
---
`

const smallBody = `# stays
name: "{name}"
group: "{group}"   # stays too
description: "says {note}"
variables: [{name: tag, value: "1.0"}]
stages:
  - {name: deploy, type: template-deploy, deploy: {tool: aos, stack: "{stack}-${tag}", parameters: {note: "{note}"}}}
`

func mustTemplate(t testing.TB, src string) *pipeline.Template {
	t.Helper()
	tpl, diags := pipeline.ParseTemplate("t.yaml", []byte(src))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	tpl.Name = "small"
	return tpl
}

func TestRenderKeepsTheFile(t *testing.T) {
	got, err := mustTemplate(t, smallHead+smallBody).Render(map[string]string{"name": "shop", "note": "hello"})
	if err != nil {
		t.Fatal(err)
	}
	want := `# stays
name: "shop"
group: "default"   # stays too
description: "says hello"
variables: [{name: tag, value: "1.0"}]
stages:
  - {name: deploy, type: template-deploy, deploy: {tool: aos, stack: "web-${tag}", parameters: {note: "hello"}}}
`
	if string(got) != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestValuesAreData puts what could be YAML into a template: the parsed file has exactly that text at the place.
func TestValuesAreData(t *testing.T) {
	tpl := mustTemplate(t, smallHead+smallBody)
	for _, value := range []string{
		"plain", `"`, `'`, `\`, `\n`, "a\nb", "\n", "tab\there", "a: b", "- a", "# no comment", " # c", "&a", "*a", "!!int 3", "{stack}", "{note}", "{}", "[a, b]", "| x", ">",
		"\"}}}\nstages: []\nname: evil", "'\nname: evil\n", "---\nname: evil", "...", "%YAML 1.1", "null", "true", "3", "0x10", "~", "", " ", "中文 ✓ \U0001F600", "a\u2028b", "\u00a0", "a\u0085b"[:1], "<<", "?", "@", "`", "x}",
	} {
		t.Run(fmt.Sprintf("%q", value), func(t *testing.T) {
			if value == "" {
				value = "x" // required
			}
			src, err := tpl.Render(map[string]string{"name": "shop", "note": value})
			if err != nil {
				t.Fatal(err)
			}
			spec, diags := pipeline.Parse("", src)
			if diags.HasErrors() {
				t.Fatalf("%v in:\n%s", diags, src)
			}
			if spec.Name != "shop" || spec.Description != "says "+value || len(spec.Stages) != 1 || spec.Stages[0].Deploy.Parameters["note"] != value || spec.Stages[0].Deploy.Stack != "web-${tag}" {
				t.Errorf("spec %+v", spec)
			}
		})
	}
}

func FuzzRender(f *testing.F) {
	f.Add("a: b\n- c", "web")
	f.Add("\"}", "{note}")
	tpl := mustTemplate(f, smallHead+smallBody)
	f.Fuzz(func(t *testing.T, note, stack string) {
		src, err := tpl.Render(map[string]string{"name": "shop", "note": note, "stack": stack})
		if err != nil {
			return
		}
		var doc struct {
			Description string
			Stages      []struct{ Deploy struct{ Stack string } }
		}
		if err := yaml.Unmarshal(src, &doc); err != nil || doc.Description != "says "+note || len(doc.Stages) != 1 || doc.Stages[0].Deploy.Stack != stack+"-${tag}" {
			t.Errorf("%v, %+v of:\n%s", err, doc, src)
		}
	})
}

func TestRenderRefuses(t *testing.T) {
	tpl := mustTemplate(t, smallHead+smallBody)
	tests := []struct {
		name   string
		values map[string]string
		want   []string
	}{
		{"nothing given", nil, []string{"placeholder {name} must be given", "placeholder {note} must be given"}},
		{"an empty text for what must be given", map[string]string{"name": "a", "note": ""}, []string{"placeholder {note} must be given"}},
		{"unknown names", map[string]string{"name": "a", "note": "x", "stak": "y", "moon": "z"}, []string{`no placeholder "{stak}"`, `did you mean "stack"`, `no placeholder "{moon}"`}},
		{"a control character", map[string]string{"name": "a", "note": "\x00"}, []string{"has a control character"}},
		{"broken UTF-8", map[string]string{"name": "a", "note": "\xff"}, []string{"is not valid UTF-8"}},
		{"too long", map[string]string{"name": "a", "note": strings.Repeat("x", 17<<10)}, []string{"at most 16384"}},
		{"a wrong name", map[string]string{"name": "Shop", "note": "x"}, []string{`pipeline name "Shop"`}},
		{"an unknown variable", map[string]string{"name": "a", "note": "${moon}"}, []string{`variable "${moon}" does not exist`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			src, err := tpl.Render(test.values)
			if src != nil && err == nil || fairlead.ErrorCode(err) != fairlead.Invalid {
				t.Fatalf("%q, %v", src, err)
			}
			var all strings.Builder
			all.WriteString(err.Error())
			if e, ok := err.(*fairlead.Error); ok { //nolint:errorlint // as it is made
				all.WriteString(e.Problems.Error())
			}
			wantText(t, all.String(), test.want...)
		})
	}
}

func TestTemplateMistakes(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"one document", "name: web\nstages: []\n", "t.yaml:1:1: error: the file has one document"},
		{"three documents", smallHead + smallBody + "---\na: b\n", "a third document starts here"},
		{"broken", "title: [\n---\nname: x\n", "not valid YAML"},
		{"text behind the dashes", "title: x\n--- {name: \"{name}\"}\n", "t.yaml:2:4: error: the line of dashes has something behind them"},
		{"no title", "category: chain\n---\n" + smallBody, `t.yaml:1:1: error: a pipeline template needs "title"`},
		{"an unknown key", "titel: x\n---\n" + smallBody, `has no key "titel"; did you mean "title"`},
		{"an unknown category", strings.Replace(smallHead, "title", "category: moon\ntitle", 1) + smallBody, `"category" cannot be "moon"`},
		{"a bad name", strings.Replace(smallHead, "name: stack", "name: 1x", 1) + smallBody, `placeholder name "1x"`},
		{"a name twice", strings.Replace(smallHead, "name: note", "name: stack", 1) + smallBody, `placeholder "stack" is there twice`},
		{"required with a default", strings.Replace(smallHead, "required: true", "required: true, default: a", 1) + smallBody, "is required and has a default"},
		{"a secret with a default", strings.Replace(smallHead, "required: true", "secret: true, default: a", 1) + smallBody, "a secret placeholder has no default"},
		{"not used", strings.Replace(smallHead, "name: note", "name: other", 1) + smallBody, "placeholder {other} is declared and stands nowhere"},
		{"without quotes", smallHead + strings.Replace(smallBody, `"{group}"`, `{group}`, 1), `t.yaml:8:8: error: placeholder {group} stands without quotes, which is a map in YAML; write "{group}"`},
		{"a name of its own", smallHead + strings.Replace(smallBody, `"{name}"`, `shop`, 1), `t.yaml:7:7: error: the pipeline file of a template takes its name from the one who makes a pipeline of it; write name: "{name}"`},
		{"no group", smallHead + strings.Replace(smallBody, "group: \"{group}\"   # stays too\n", "", 1), `takes its group from`},
		{"a block of text", smallHead + strings.Replace(smallBody, `"says {note}"`, "|\n  says\n  {note}", 1), "stands in a text of several lines"},
		{"a pipeline that is wrong", smallHead + strings.Replace(smallBody, "tool: aos", "tool: moon", 1), `t.yaml:12:`},
		{"a default that is wrong", strings.Replace(smallHead, "default: web", `default: "No!"`, 1) + strings.Replace(smallBody, "{stack}-${tag}", "{stack}", 1), `stack name "No!"`},
		{"a number that is none", strings.Replace(smallHead, "default: web", `default: many`, 1) + strings.Replace(smallBody, `"{note}"}}`, `"{note}", n: !!int "{stack}"}}`, 1), `placeholder {stack} stands where a whole number is wanted, not "many"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tpl, diags := pipeline.ParseTemplate("t.yaml", []byte(test.src))
			if tpl != nil || !diags.HasErrors() {
				t.Fatal("it was accepted")
			}
			wantText(t, diags.Error(), test.want)
		})
	}
	t.Run("a near miss is a warning", func(t *testing.T) {
		tpl, diags := pipeline.ParseTemplate("t.yaml", []byte(smallHead+strings.Replace(smallBody, "# stays\n", "", 1)+`description2: "{}"`))
		if tpl != nil {
			t.Fatal("an unknown key was accepted", diags)
		}
		tpl, diags = pipeline.ParseTemplate("t.yaml", []byte(smallHead+strings.Replace(smallBody, "says {note}", "says {note} {nte}", 1)))
		if tpl == nil || len(diags) != 1 || diags[0].Severity != fairlead.SeverityWarning {
			t.Fatal(diags)
		}
		wantText(t, diags.Error(), "{nte} is not declared and stays as it is; did you mean {note}?")
	})
}

func TestTypedPlaceholders(t *testing.T) {
	src := `title: x
placeholders: [{name: n, default: "3"}, {name: yes, default: "true"}, {name: part, default: "1"}]
---
name: "{name}"
group: "{group}"
stages:
  - name: a
    type: template-deploy
    deploy: {tool: helm, release: web, create: !!bool "{yes}", target: prod, chart: {url: "oci://r.example.com/web", version: "1.0"}, values: {n: !!int "{n}", anchor: &x "a{part}", again: *x, "k{part}": v}}
`
	out, err := mustTemplate(t, src).Render(map[string]string{"name": "web", "n": "5", "part": "2"})
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, string(out), "create: true", "n: 5", `anchor: &x "a2", again: *x`, `"k2": v`)
	_, err = mustTemplate(t, src).Render(map[string]string{"name": "web", "n": "5, evil: 1"})
	if fairlead.ErrorCode(err) != fairlead.Invalid || !strings.Contains(err.Error(), "whole number") {
		t.Errorf("error %v", err)
	}
}

// sampleValues are values for what the samples want to be given.
func sampleValues(name string, h []fairlead.Placeholder) map[string]string {
	known := map[string]string{"image": "team/web", "template": "web", "router": "router", "listen": "built", "publish": "deployed", "chart": "oci://registry.example.com/charts/web",
		"chart_version": "1.2.3", "target": "local"}
	values := map[string]string{"name": name}
	for _, p := range h {
		if v, ok := known[p.Name]; ok && p.Required {
			values[p.Name] = v
		}
	}
	return values
}

func samples(t testing.TB) map[string]*pipeline.Template {
	t.Helper()
	files, err := fs.Glob(examples.PipelineTemplates(), "*.yaml")
	if err != nil || len(files) < 8 {
		t.Fatalf("samples %v, %v", files, err)
	}
	all := map[string]*pipeline.Template{}
	for _, file := range files {
		src, err := fs.ReadFile(examples.PipelineTemplates(), file)
		if err != nil {
			t.Fatal(err)
		}
		tpl, diags := pipeline.ParseTemplate(file, src)
		if len(diags) > 0 {
			t.Fatal(diags)
		}
		all[strings.TrimSuffix(file, ".yaml")] = tpl
	}
	return all
}

// TestSamples makes a pipeline of every sample with its defaults: it is right, it says what the values say, and all words are there
// in both languages.
func TestSamples(t *testing.T) {
	categories := map[fairlead.TemplateCategory]bool{}
	for name, tpl := range samples(t) {
		t.Run(name, func(t *testing.T) {
			categories[tpl.Category] = true
			chinese := func(s string) bool {
				return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
			}
			texts := map[string]fairlead.LocalText{"title": tpl.Title, "description": tpl.Description}
			for _, h := range tpl.Placeholders {
				texts["placeholder "+h.Name] = h.Description
			}
			for what, text := range texts {
				if text.En == "" || !chinese(text.Zh) || chinese(text.En) {
					t.Errorf("%s: %+v", what, text)
				}
			}
			values := sampleValues("my-"+name, tpl.Placeholders)
			src, err := tpl.Render(values)
			if err != nil {
				t.Fatal(err)
			}
			spec, diags := pipeline.Parse(name, src)
			if len(diags) > 0 {
				t.Fatalf("%v of:\n%s", diags, src)
			}
			for _, h := range tpl.Placeholders {
				if strings.Contains(string(src), "{"+h.Name+"}") && !strings.Contains(string(src), "${"+h.Name+"}") {
					t.Errorf("{%s} was left in:\n%s", h.Name, src)
				}
			}
			if spec.Name != "my-"+name || spec.Group != "default" || spec.Start == nil || len(spec.Stages) == 0 {
				t.Errorf("spec %+v", spec)
			}
			if image := values["image"]; image != "" && !strings.Contains(string(src), `"`+image+`:${tag}"`) {
				t.Errorf("image %s is not in:\n%s", image, src)
			}
		})
	}
	for _, want := range []fairlead.TemplateCategory{fairlead.ImageDeployment, fairlead.GrayRelease, fairlead.MultiEnvironment, fairlead.ChartDeployment, fairlead.ChainCategory} {
		if !categories[want] {
			t.Errorf("no sample of category %s among %v", want, slices.Collect(maps.Keys(categories)))
		}
	}
}

// TestSamplesRun makes a pipeline of every sample and runs it to the end.
func TestSamplesRun(t *testing.T) {
	b := newBench(t)
	all, ran := samples(t), map[string]bool{}
	apply := func(sample string, more map[string]string) fairlead.Pipeline {
		t.Helper()
		ran[sample] = true
		values := sampleValues(sample, all[sample].Placeholders)
		maps.Copy(values, more)
		src, err := b.engine.RenderTemplate(t.Context(), sample, values)
		b.must(err)
		return b.apply(string(src))
	}
	hook := func(p fairlead.Pipeline) string {
		t.Helper()
		res, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Params: map[string]string{"tag": "1.0"}})
		b.must(err)
		return res.Run
	}
	t.Run("deploy-on-push", func(t *testing.T) {
		p := apply("deploy-on-push", nil)
		run := b.ended(hook(p), fairlead.RunSucceeded)
		if run.Stages[0].Stack != "deploy-on-push" {
			t.Errorf("stages %+v", run.Stages)
		}
	})
	t.Run("test-then-production", func(t *testing.T) {
		p := apply("test-then-production", map[string]string{"reviewer": "alice"})
		id := hook(p)
		b.until(id, "asking", func(run fairlead.Run) bool { return run.Stages[1].Review != nil && run.Stages[1].Review.Preview != nil })
		_, err := b.engine.Answer(t.Context(), alice(), id, "approve", pipeline.Answer{Approve: true, Comment: "good"})
		b.must(err)
		run := b.ended(id, fairlead.RunSucceeded)
		if run.Stages[0].Stack != "test-then-production-test" || run.Stages[2].Stack != "test-then-production-production" {
			t.Errorf("stages %+v", run.Stages)
		}
	})
	t.Run("canary", func(t *testing.T) {
		p := apply("canary", map[string]string{"reviewer": "alice"})
		id := hook(p)
		b.until(id, "asking", func(run fairlead.Run) bool { return run.Stages[1].Review != nil && run.Stages[1].Review.Preview != nil })
		_, err := b.engine.Answer(t.Context(), alice(), id, "is it good", pipeline.Answer{Approve: true})
		b.must(err)
		b.ended(id, fairlead.RunSucceeded)
	})
	t.Run("all-at-once", func(t *testing.T) {
		b.ended(hook(apply("all-at-once", nil)), fairlead.RunSucceeded)
	})
	t.Run("deploy-nightly", func(t *testing.T) {
		b.push("nightly")
		apply("deploy-nightly", nil)
		run := b.ended(b.start("deploy-nightly", nil).ID, fairlead.RunSucceeded)
		if s := b.stack("deploy-nightly"); s.Inputs["image"] != "reg.test:8080/team/web:nightly@"+run.Stages[0].Images[0].Digest {
			t.Errorf("inputs %v", s.Inputs)
		}
	})
	t.Run("links of a chain", func(t *testing.T) {
		apply("link-of-a-chain", map[string]string{"name": "first"})
		apply("link-of-a-chain", map[string]string{"name": "second", "listen": "deployed", "publish": "ready"})
		b.publish("built", map[string]string{"tag": "1.0"}, "")
		b.ended(b.runs("second", 1)[0].ID, fairlead.RunSucceeded)
	})
	t.Run("migrate-then-deploy", func(t *testing.T) {
		p := apply("migrate-then-deploy", nil)
		run := b.ended(hook(p), fairlead.RunSucceeded)
		if c := b.jobs.Made()[0]; !slices.Equal(c.Command, []string{"/app", "migrate"}) || run.Stages[1].Stack != "migrate-then-deploy" {
			t.Errorf("container %+v, stages %+v", c, run.Stages)
		}
		b.jobs.Set(tool, jobtest.Behaviour{Exit: 1})
		id := hook(p)
		run = b.until(id, "held", func(run fairlead.Run) bool { return run.State == fairlead.RunHeld })
		if run.Stages[1].State != fairlead.StagePending {
			t.Errorf("stages %+v", run.Stages)
		}
	})
	t.Run("blue-green", func(t *testing.T) {
		b.write(func(ctx context.Context, tx *store.Tx) error {
			const source = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs: {side: {type: string, constraints: [{valid_values: [blue, green]}]}}
node_templates:
  route: {type: HuaweiCloud.CCE.ConfigMap, properties: {k8sManifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: route}, data: {side: {get_input: side}}}}}
`
			return tx.CreateTemplateVersion(ctx, &fairlead.TemplateVersion{Template: "router", Version: "1.0", Filename: "router.yaml", Source: []byte(source)})
		})
		b.apply(`{"name": "routing", "stages": [{"name": "a", "type": "template-deploy", "deploy": {"tool": "aos", "stack": "router", "create": true, "template": "router", "version": "1.0", "parameters": {"side": "green"}}}]}`)
		b.ended(b.start("routing", nil).ID, fairlead.RunSucceeded)
		p := apply("blue-green", map[string]string{"reviewer": "alice"})
		for _, side := range []string{"blue", "green"} {
			res, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Params: map[string]string{"tag": "1.0", "side": side}})
			b.must(err)
			b.until(res.Run, "asking", func(run fairlead.Run) bool { return run.Stages[1].Review != nil && run.Stages[1].Review.Preview != nil })
			_, err = b.engine.Answer(t.Context(), alice(), res.Run, "switch the traffic", pipeline.Answer{Approve: true})
			b.must(err)
			run := b.ended(res.Run, fairlead.RunSucceeded)
			if run.Stages[0].Stack != "blue-green-"+side || b.stack("router").Inputs["side"] != side {
				t.Errorf("side %s: stages %+v, router %v", side, run.Stages, b.stack("router").Inputs)
			}
		}
	})
	t.Run("helm-release", func(t *testing.T) {
		p := apply("helm-release", nil)
		run := b.ended(hook(p), fairlead.RunSucceeded)
		if s := b.stack(run.Stages[0].Stack); s.Inputs["image_tag"] != "1.0" || s.Inputs["chart_version"] != "1.2.3" {
			t.Errorf("stack %+v", s)
		}
	})
	for name := range all {
		if !ran[name] {
			t.Errorf("sample %s was not run", name)
		}
	}
}
