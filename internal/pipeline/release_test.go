package pipeline_test

import (
	"archive/zip"
	"bytes"
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/template"
)

const helmPipeline = `name: web
variables: [{name: tag, value: "1.10"}, {name: n, value: "2"}]
stages:
  - name: deploy
    type: template-deploy
    images: [{name: app, image: "team/web:1.0"}]
    deploy:
      tool: helm
      release: shop
      create: true
      chart: {url: "oci://reg.test:8080/team/charts/web", version: "${tag}"}
      values: {image: {tag: "${tag}", name: "${image.app}"}, replicas: !!int "${n}", list: [{a: "x${n}"}], on: true, ratio: 0.5, text: "3"}
`

// release is the properties of the only element on the target.
func (b *bench) release() map[string]any {
	b.Helper()
	objects := b.world.Objects()
	if len(objects) != 1 {
		b.Fatalf("%d objects on the target, want 1", len(objects))
	}
	for _, o := range objects {
		return o.Properties
	}
	return nil
}

func (b *bench) stack(name string) (s fairlead.Stack) {
	b.Helper()
	b.read(func(ctx context.Context, tx *store.Tx) (err error) {
		s, err = tx.Stack(ctx, name)
		return err
	})
	return s
}

func TestHelmStage(t *testing.T) {
	b := newBench(t)
	b.apply(helmPipeline)
	b.ended(b.start("web", nil).ID, fairlead.RunSucceeded)
	want := map[string]any{
		"name": "shop", "chart": map[string]any{"url": "oci://reg.test:8080/team/charts/web", "version": "1.10"},
		"values": map[string]any{"image": map[string]any{"tag": "1.10", "name": "reg.test:8080/team/web:1.0"}, "replicas": int64(2),
			"list": []any{map[string]any{"a": "x2"}}, "on": true, "ratio": 0.5, "text": "3"},
	}
	if got := b.release(); !reflect.DeepEqual(got, want) {
		t.Errorf("properties %v\nwant       %v", got, want)
	}
	first := b.stack("shop")
	if first.Template != "helm-shop" || !strings.HasPrefix(first.Version, "h") || first.Inputs["chart_version"] != "1.10" || first.Inputs["replicas"] != int64(2) {
		t.Errorf("stack %+v", first)
	}

	t.Run("other variables are other inputs of the same template", func(t *testing.T) {
		run := b.ended(b.start("web", map[string]string{"tag": "1.11"}).ID, fairlead.RunSucceeded)
		if s := b.stack("shop"); s.Version != first.Version || s.Inputs["image_tag"] != "1.11" {
			t.Errorf("stack %+v", s)
		}
		wantText(t, b.log(run.ID, ""), "upgrade of stack shop")
		again := b.ended(b.start("web", map[string]string{"tag": "1.11"}).ID, fairlead.RunSucceeded)
		wantText(t, again.Stages[0].Message, "nothing changed")
	})
	t.Run("what is no number", func(t *testing.T) {
		run := b.ended(b.start("web", map[string]string{"n": "many"}).ID, fairlead.RunFailed)
		wantText(t, run.Stages[0].Message, "replicas", "many")
	})
	t.Run("a map that looks like a function", func(t *testing.T) {
		b.apply(strings.Replace(helmPipeline, "on: true", "on: {concat: [a, b]}", 1))
		run := b.ended(b.start("web", nil).ID, fairlead.RunFailed)
		wantText(t, run.Stages[0].Message, "deploy.values.on", "the name of a template function")
	})
}

func TestHelmStageOfPackage(t *testing.T) {
	b := newBench(t)
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, file := range []string{"blueprint.yaml", "charts/web/Chart.yaml", "values/prod.yaml"} {
		f, err := w.Create(file)
		b.must(err)
		_, err = f.Write([]byte(webTemplate))
		b.must(err)
	}
	b.must(w.Close())
	p, err := template.Open("shop.zip", "", buf.Bytes())
	b.must(err)
	b.write(func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateTemplateVersion(ctx, &fairlead.TemplateVersion{Template: "shop", Version: "1.0", Filename: p.Main, Source: p.Text,
			Digest: p.Digest, Package: "shop.zip", Files: p.Files, Archive: buf.Bytes()})
	})
	deploy := func(ref string) string {
		return "name: web\nstages:\n  - name: deploy\n    type: template-deploy\n    deploy: {tool: helm, release: shop, create: true, package: " + ref +
			", chart: {name: charts/web}, values_file: values/prod.yaml, wait: false, create_namespace: true}\n"
	}
	b.apply(deploy("shop@1.0"))
	b.ended(b.start("web", nil).ID, fairlead.RunSucceeded)
	if got := b.release(); got["valuesFile"] != "values/prod.yaml" || got["wait"] != false || got["createNamespace"] != true {
		t.Errorf("properties %v", got)
	}
	s := b.stack("shop")
	b.read(func(ctx context.Context, tx *store.Tx) error {
		files, err := tx.TemplateFiles(ctx, s.Template, s.Version)
		if !slices.Equal(files, []string{"charts/web/Chart.yaml", "values/prod.yaml"}) {
			t.Errorf("files %v", files)
		}
		return err
	})
	again := b.ended(b.start("web", nil).ID, fairlead.RunSucceeded)
	wantText(t, again.Stages[0].Message, "nothing changed")

	for ref, want := range map[string]string{"web@1.0": "is a text alone; push it as a package", "web@9": `template web has no version "9"`} {
		b.apply(deploy(ref))
		run := b.ended(b.start("web", nil).ID, fairlead.RunFailed)
		wantText(t, run.Stages[0].Message, want)
	}
}
