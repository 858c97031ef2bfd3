package store_test

import (
	"archive/zip"
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
	"github.com/fairlead/fairlead/internal/store/storetest"
)

func TestTemplateIDs(t *testing.T) { storetest.Each(t, testTemplateIDs) }

func testTemplateIDs(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	push := func(name, version, text, id string) error {
		return db.Write(t.Context(), func(tx *store.Tx) error {
			v := fairlead.TemplateVersion{Template: name, Version: version, Filename: "web.yaml", Source: []byte(text), ID: id}
			err := tx.CreateTemplateVersion(t.Context(), &v)
			if err == nil && id != "" && v.ID != id {
				t.Errorf("%s@%s has id %q, want %q", name, version, v.ID, id)
			}
			return err
		})
	}
	const id = "370f60c6-afc2-e08a-d1c4-fd33bd58b785"
	for i, step := range []struct {
		name, version, text, id string
		code                    fairlead.Code
		message                 string
	}{
		{"web", "1.0", "a", "", "", ""},
		{"web", "1.1", "b", "", "", ""}, // several versions without an id
		{"web", "1.0", "a", id, "", ""}, // an id can come later
		{"web", "1.0", "a", id, "", ""},
		{"web", "1.0", "a", "", "", ""}, // and stays
		{"web", "1.0", "a", "other", fairlead.Conflict, "has the id " + id + " already"},
		{"shop", "1.0", "c", id, fairlead.Conflict, "belongs to template web@1.0"},
		{"web", "1.1", "b", id, fairlead.Conflict, "belongs to template web@1.0"},
		{"shop", "1.0", "c", "shop", "", ""},
	} {
		err := push(step.name, step.version, step.text, step.id)
		if fairlead.ErrorCode(err) != step.code || err != nil && !strings.Contains(err.Error(), step.message) {
			t.Errorf("step %d: err = %v, want %q with %q", i, err, step.code, step.message)
		}
	}
	mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
		for ref, want := range map[string]string{id: "web@1.0", "web@1.1": "web@1.1", "shop": "shop@1.0"} {
			v, err := tx.TemplateByRef(ctx, ref)
			if got := v.Template + "@" + v.Version; err != nil || got != want || len(v.Source) == 0 {
				t.Errorf("%s is %s, %v; want %s", ref, got, err, want)
			}
		}
		for _, ref := range []string{"", "web", "web@9", "@", "nothing"} {
			if _, err := tx.TemplateByRef(ctx, ref); fairlead.ErrorCode(err) != fairlead.NotFound {
				t.Errorf("%q: err = %v, want not found", ref, err)
			}
		}
		return nil
	})
}

func TestTemplatePackages(t *testing.T) { storetest.Each(t, testTemplatePackages) }

func testTemplatePackages(t *testing.T, cfg store.Config) {
	db := mustOpen(t, cfg)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"blueprint.yaml", "charts/web/Chart.yaml"} {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte("content of " + name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, db, func(ctx context.Context, tx *store.Tx) error {
		v := fairlead.TemplateVersion{
			Template: "shop", Version: "1.0", Filename: "blueprint.yaml", Source: []byte("content of blueprint.yaml"), Digest: "sha256:all",
			Package: "shop.zip", Files: []string{"charts/web/Chart.yaml"}, Archive: b.Bytes(),
		}
		if err := tx.CreateTemplateVersion(ctx, &v); err != nil {
			return err
		}
		other := v
		other.Digest = "sha256:other"
		if err := tx.CreateTemplateVersion(ctx, &other); fairlead.ErrorCode(err) != fairlead.Conflict {
			t.Errorf("another package under the same version: err = %v, want a conflict", err)
		}
		return tx.CreateTemplateVersion(ctx, &fairlead.TemplateVersion{Template: "text", Version: "1.0", Filename: "web.yaml", Source: []byte("a")})
	})
	mustRead(t, db, func(ctx context.Context, tx *store.Tx) error {
		v, err := tx.TemplateVersion(ctx, "shop", "1.0")
		if err != nil || v.Digest != "sha256:all" || v.Package != "shop.zip" || !slices.Equal(v.Files, []string{"charts/web/Chart.yaml"}) {
			t.Errorf("version = %+v, %v", v, err)
		}
		if name, archive, err := tx.TemplatePackage(ctx, "shop", "1.0"); err != nil || name != "shop.zip" || !bytes.Equal(archive, b.Bytes()) {
			t.Errorf("package %s of %d bytes, %v", name, len(archive), err)
		}
		if content, err := tx.TemplateFile(ctx, "shop", "1.0", "charts/web/Chart.yaml"); err != nil || string(content) != "content of charts/web/Chart.yaml" {
			t.Errorf("file = %q, %v", content, err)
		}
		contents, err := tx.TemplateContents(ctx, "shop", "1.0")
		if err != nil || len(contents) != 2 || string(contents["charts/web/Chart.yaml"]) != "content of charts/web/Chart.yaml" || contents["blueprint.yaml"] == nil {
			t.Errorf("contents = %q, %v", contents, err)
		}
		for _, missing := range [][2]string{{"text", "1.0"}, {"text", "2.0"}} {
			if _, err := tx.TemplateContents(ctx, missing[0], missing[1]); fairlead.ErrorCode(err) != fairlead.NotFound {
				t.Errorf("contents of %v: err = %v, want not found", missing, err)
			}
		}
		for _, missing := range [][3]string{{"shop", "1.0", "charts/web"}, {"shop", "1.0", "../x"}, {"text", "1.0", "web.yaml"}, {"text", "2.0", "x"}} {
			if _, err := tx.TemplateFile(ctx, missing[0], missing[1], missing[2]); fairlead.ErrorCode(err) != fairlead.NotFound {
				t.Errorf("%v: err = %v, want not found", missing, err)
			}
		}
		if list, err := tx.TemplateFiles(ctx, "shop", "1.0"); err != nil || len(list) != 1 {
			t.Errorf("files = %v, %v", list, err)
		}
		if list, err := tx.TemplateFiles(ctx, "text", "1.0"); err != nil || len(list) != 0 {
			t.Errorf("files of a text = %v, %v", list, err)
		}
		return nil
	})
}
