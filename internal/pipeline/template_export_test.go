package pipeline_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
)

const exported = `# how we release
name: web
description: team/web to web-prod
variables:
  - {name: tag, value: "1.0"}   # the newest
  - {name: replicas, value: 3}
  - {name: api_token, value: abc123}
start:
  conditions:
    - webhook: {}
      params: [{name: tag, variable: tag}]
stages:
  - name: deploy
    type: template-deploy
    images: [{name: app, image: "team/web:${tag}"}]
    deploy: {tool: aos, stack: web-prod, create: true, template: web, version: "1.0", parameters: {image: "${image.app}", replicas: "${replicas}"}}
    notifications:
      - webhook:
          url: https://ci.example.com/web-prod
          headers: {Authorization: "Bearer hush", X-Team: web}
          query: {token: t0psecret, stack: web-prod}
      - {webhook: {kind: slack, url: "https://hooks.slack.com/services/T0/B0/hush", body: "web-prod: ${stage.outcome}"}}
`

func TestExportMakesATemplate(t *testing.T) {
	b := newBench(t)
	p := b.apply(exported)
	tpl, err := b.engine.ExportTemplate(t.Context(), alice(), "web", pipeline.Export{Template: "our-release", Category: fairlead.ImageDeployment, Title: &fairlead.LocalText{En: "Ours", Zh: "我们的"},
		Placeholders: []pipeline.ExportPlaceholder{
			{Name: "stack", Value: "web-prod"}, {Name: "first_tag", Variable: "tag"}, {Name: "image", Value: "team/web", Required: true},
			{Name: "replicas", Variable: "replicas", Description: &fairlead.LocalText{En: "how many"}},
		}})
	b.must(err)
	if tpl.Kind != fairlead.OwnTemplate || tpl.Category != fairlead.ImageDeployment || tpl.Title.Zh != "我们的" || tpl.By != "alice" || tpl.Description.En != "team/web to web-prod" {
		t.Errorf("template %+v", tpl)
	}
	for _, secret := range []string{"hush", "t0psecret", "abc123", fairlead.Masked} {
		if strings.Contains(tpl.Source, secret) {
			t.Errorf("%s left with the template:\n%s", secret, tpl.Source)
		}
	}
	wantText(t, tpl.Source, "# how we release\nname: \"{name}\"\ngroup: \"{group}\"\n", `{name: tag, value: "{first_tag}"}   # the newest`, `value: "{replicas}"`,
		`image: "{image}:${tag}"`, `stack: "{stack}"`, `url: "https://ci.example.com/{stack}"`, `Authorization: "{secret_authorization}", X-Team: web`, `token: "{secret_token}", stack: "{stack}"`,
		`url: "{secret_url}", body: "{stack}: ${stage.outcome}"`, `replicas: "${replicas}"`, `value: "{secret_api_token}"`)
	var secrets []string
	for _, h := range tpl.Placeholders {
		if h.Secret {
			secrets = append(secrets, h.Name)
			if !h.Required || h.Default != "" {
				t.Errorf("secret %+v", h)
			}
		}
	}
	if len(secrets) != 4 {
		t.Errorf("secrets %v", secrets)
	}

	t.Run("and it makes the same pipeline again", func(t *testing.T) {
		values := map[string]string{"name": "web", "image": "team/web", "secret_authorization": "Bearer hush", "secret_token": "t0psecret", "secret_api_token": "abc123",
			"secret_url": "https://hooks.slack.com/services/T0/B0/hush"} // the same secrets, so the same masks
		src, err := b.engine.RenderTemplate(t.Context(), "our-release", values)
		b.must(err)
		again := b.apply(string(src))
		if !reflect.DeepEqual(again.Spec, p.Spec) {
			t.Errorf("got %+v\nwant %+v", again.Spec, p.Spec)
		}
	})
	t.Run("or another one", func(t *testing.T) {
		values := map[string]string{"name": "shop", "image": "team/shop", "stack": "shop: prod", "secret_authorization": "x", "secret_token": "y", "secret_api_token": "z", "secret_url": "https://hooks.slack.com/a"}
		_, err := b.engine.RenderTemplate(t.Context(), "our-release", values)
		b.wantCode(err, fairlead.Invalid, `stack name "shop: prod"`)
		values["stack"] = "shop-prod"
		src, err := b.engine.RenderTemplate(t.Context(), "our-release", values)
		b.must(err)
		shop := b.apply(string(src))
		if shop.Spec.Stages[0].Deploy.Stack != "shop-prod" || shop.Spec.Stages[0].Images[0].Image != "team/shop:${tag}" || shop.Group != "default" {
			t.Errorf("spec %+v", shop.Spec)
		}
	})
	t.Run("its name is taken", func(t *testing.T) {
		_, err := b.engine.ExportTemplate(t.Context(), alice(), "web", pipeline.Export{Template: "our-release"})
		b.wantCode(err, fairlead.Conflict, "pipeline template our-release exists")
		_, err = b.engine.ExportTemplate(t.Context(), alice(), "web", pipeline.Export{Template: "canary"})
		b.wantCode(err, fairlead.Conflict, "came with the program")
	})
}

// TestExportKeepsSecretsOfStages exports a pipeline that says secrets to a template, to a chart and to a job.
func TestExportKeepsSecretsOfStages(t *testing.T) {
	b := newBench(t)
	p := b.apply(`name: web
variables: [{name: who, value: web}, {name: pass}]
stages:
  - {name: stack, type: template-deploy, deploy: {tool: aos, stack: web, parameters: {password: 424242, size: 3, signed: true, api_token: "${pass}"}}}
  - name: chart
    type: template-deploy
    deploy: {tool: helm, release: chart, chart: {url: "oci://charts.example.com/web"}, values: {auth: {password: hush1, user: web, tokens: [3], secretKey: "${pass}"}, secret: true, key: null}}
  - {name: test, type: job, job: {stack: web, image: "alpine:3", env: {DB_PASSWORD: "hush2-${who}", DB_USER: web, TOKEN: "", COOKIE: "$${hush3}"}}}
`)
	tpl, err := b.engine.ExportTemplate(t.Context(), alice(), "web", pipeline.Export{Template: "ours"})
	b.must(err)
	for _, secret := range []string{"hush", "424242"} {
		if strings.Contains(tpl.Source, secret) {
			t.Errorf("%s left with the template:\n%s", secret, tpl.Source)
		}
	}
	wantText(t, tpl.Source, `password: "{secret_password}", size: 3, signed: true, api_token: "${pass}"`, `password: "{secret_password_2}", user: web, tokens: [3], secretKey: "${pass}"}, secret: true, key: null`,
		`DB_PASSWORD: "{secret_db_password}", DB_USER: web, TOKEN: "", COOKIE: "{secret_cookie}"`)
	src, err := b.engine.RenderTemplate(t.Context(), "ours", map[string]string{"name": "web", "secret_password": "424242", "secret_password_2": "hush1",
		"secret_db_password": "hush2-${who}", "secret_cookie": "$${hush3}"})
	b.must(err)
	if again := b.apply(string(src)); !reflect.DeepEqual(again.Spec, p.Spec) {
		t.Errorf("got %+v\nwant %+v", again.Spec, p.Spec)
	}
}

func TestExportRefuses(t *testing.T) {
	b := newBench(t)
	b.apply(exported)
	b.apply(`{"name": "json", "description": "{x}", "stages": [{"name": "a", "type": "template-deploy", "deploy": {"tool": "aos", "stack": "web"}}]}`)
	b.apply("---\nname: block\ndescription: |\n  of\n  shop\nstages:\n  - {name: a, type: template-deploy, deploy: {tool: aos, stack: web}}\n")
	place := func(name, variable, value string) []pipeline.ExportPlaceholder {
		return []pipeline.ExportPlaceholder{{Name: name, Variable: variable, Value: value}}
	}
	tests := []struct {
		name, pipeline string
		places         []pipeline.ExportPlaceholder
		want           string
	}{
		{"a text that is nowhere", "web", place("a", "", "web-pro"), `the file has "web-pro" nowhere as a text of its own`},
		{"a variable that is not there", "web", place("a", "tga", ""), `no variable "tga"`},
		{"neither", "web", place("a", "", ""), "say either variable or value"},
		{"both", "web", place("a", "tag", "web"), "say either variable or value"},
		{"a bad name", "web", place("1", "tag", ""), `placeholder name "1"`},
		{"twice", "web", append(place("a", "tag", ""), place("a", "", "web")...), "placeholder {a} is there twice"},
		{"another name than the pipeline's", "web", place("name", "", "web-prod"), "{name} is the name of the new pipeline"},
		{"a text that is there as a placeholder", "json", place("x", "", "web"), "has the text {x} already"},
		{"several lines", "block", place("a", "", "shop"), "a text of several lines cannot take a placeholder"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := b.engine.ExportTemplate(t.Context(), alice(), test.pipeline, pipeline.Export{Template: "new", Placeholders: test.places})
			b.wantCode(err, fairlead.Invalid, test.want)
		})
	}
	if list, _, err := b.engine.Templates(t.Context(), pipeline.TemplateFilter{Kind: fairlead.OwnTemplate}, 100, ""); err != nil || len(list) != 0 {
		t.Errorf("something was stored: %v, %v", list, err)
	}
	t.Run("JSON, and a file that begins with dashes, can be exported", func(t *testing.T) {
		_, err := b.engine.ExportTemplate(t.Context(), alice(), "json", pipeline.Export{Template: "json", Placeholders: place("stack", "", "web")})
		b.must(err)
		tpl, err := b.engine.ExportTemplate(t.Context(), alice(), "block", pipeline.Export{Template: "block", Placeholders: place("stack", "", "web")})
		b.must(err)
		wantText(t, tpl.Source, "---\n\nname: \"{name}\"\ngroup: \"{group}\"\n", `stack: "{stack}"`)
		for _, name := range []string{"json", "block"} {
			src, err := b.engine.RenderTemplate(t.Context(), name, map[string]string{"name": "again", "stack": "other"})
			b.must(err)
			if p := b.apply(string(src)); p.Spec.Stages[0].Deploy.Stack != "other" {
				t.Errorf("%s: spec %+v", name, p.Spec)
			}
		}
	})
	_, err := b.engine.ExportTemplate(t.Context(), alice(), "nope", pipeline.Export{Template: "new"})
	b.wantCode(err, fairlead.NotFound, `pipeline "nope"`)
}

func TestTemplatesAreListed(t *testing.T) {
	b := newBench(t)
	put := func(name string) error {
		_, _, err := b.engine.PutTemplate(t.Context(), alice(), name, []byte(smallHead+smallBody), true)
		return err
	}
	b.must(put("my-own"))
	b.must(put("my-own"))
	b.wantCode(put("canary"), fairlead.Conflict, "came with the program")
	b.wantCode(put("My own"), fairlead.Invalid, "pipeline template name")
	var names []string
	for cursor := ""; ; {
		list, next, err := b.engine.Templates(t.Context(), pipeline.TemplateFilter{}, 3, cursor)
		b.must(err)
		for _, tpl := range list {
			if tpl.Source != "" || len(tpl.Placeholders) < 2 || tpl.Placeholders[0].Name != "name" || tpl.Placeholders[1].Name != "group" {
				t.Errorf("template %+v", tpl)
			}
			names = append(names, tpl.Name)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	want := "all-at-once blue-green canary deploy-nightly deploy-on-push helm-release link-of-a-chain migrate-then-deploy my-own test-then-production"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("templates %s, want %s", got, want)
	}
	own, _, err := b.engine.Templates(t.Context(), pipeline.TemplateFilter{Kind: fairlead.OwnTemplate}, 10, "")
	b.must(err)
	gray, _, err := b.engine.Templates(t.Context(), pipeline.TemplateFilter{Category: fairlead.GrayRelease}, 10, "")
	b.must(err)
	if len(own) != 1 || own[0].By != "alice" || own[0].CreatedAt == nil || len(gray) != 2 || gray[0].Kind != fairlead.SampleTemplate {
		t.Errorf("own %+v, gray %+v", own, gray)
	}
	tpl, err := b.engine.Template(t.Context(), "my-own")
	b.must(err)
	if tpl.Source != smallHead+smallBody {
		t.Errorf("source:\n%s", tpl.Source)
	}
	b.wantCode(b.engine.DeleteTemplate(t.Context(), alice(), "canary"), fairlead.Conflict, "cannot be deleted")
	b.must(b.engine.DeleteTemplate(t.Context(), alice(), "my-own"))
	b.wantCode(b.engine.DeleteTemplate(t.Context(), alice(), "my-own"), fairlead.NotFound, `pipeline template "my-own" does not exist`)
	for _, name := range []string{"my-own", "../canary", "", "canary.yaml"} {
		_, err = b.engine.Template(t.Context(), name)
		b.wantCode(err, fairlead.NotFound, "does not exist")
	}
}
