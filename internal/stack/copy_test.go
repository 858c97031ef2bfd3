package stack_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
)

func TestCopy(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", chain("1", nil))
	r := request("1.0")
	r.Inputs = map[string]any{"text": "db.dev.svc:5432 device dev", "key": "open-sesame"}
	r.Labels = map[string]string{"team": "web"}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, r)))

	c := stack.Copy{From: "shop", Map: map[string]string{"dev": "prod", "prod": "never", "stays": "goes"},
		Request: stack.Request{Name: "shop2", Namespace: "two", Actor: fairlead.Actor{User: "ann"}}}
	if _, err := b.engine.CopyRequest(ctx, c); fairlead.ErrorCode(err) != fairlead.Invalid || !strings.Contains(err.Error(), `"prod" stands in no input`) {
		t.Errorf("a map with what is nowhere: %v", err)
	}
	delete(c.Map, "prod")
	copied, err := b.engine.CopyRequest(ctx, c)
	if err != nil {
		t.Fatal(describe(err))
	}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, copied)))
	if d := dataOf(w, "two/a"); d["text"] != "db.prod.svc:5432 device prod" || d["key"] != "open-sesame" || d["fixed"] != "goes" {
		t.Errorf("the copy has %v", d)
	}
	if s := b.stack("shop2"); s.Labels["team"] != "web" || s.Namespace != "two" || s.Inputs["key"] != fairlead.Masked {
		t.Errorf("stack %+v", s)
	}
}

func TestExport(t *testing.T) {
	w := stacktest.NewWorld()
	b := newBench(t, w.Provider())
	ctx := t.Context()
	b.push("shop", "1.0", chain("1", nil))
	r := request("1.0")
	r.Inputs = map[string]any{"text": "hi", "key": "open-sesame"}
	b.want(fairlead.ActionSucceeded, b.wait(b.engine.Create(ctx, r)))

	x, err := b.engine.Export(ctx, "shop", "")
	if err != nil || x.Sealed != nil || fmt.Sprint(x.Omitted) != "[key]" || strings.Contains(fmt.Sprintf("%+v", x), "open-sesame") || x.Template.Text != chain("1", nil) {
		t.Fatalf("export %+v, %v", x, err)
	}
	if !maps.Equal(x.Inputs, map[string]any{"text": "hi"}) {
		t.Errorf("inputs %v", x.Inputs)
	}
	if _, err := b.engine.Export(ctx, "shop", "short"); fairlead.ErrorCode(err) != fairlead.Invalid {
		t.Errorf("a short passphrase: %v", err)
	}
	const passphrase = "correct horse battery"
	if x, err = b.engine.Export(ctx, "shop", passphrase); err != nil || strings.Contains(string(x.Sealed), "open-sesame") {
		t.Fatalf("export %+v, %v", x, err)
	}
	if secrets, err := stack.Unseal(x, passphrase); err != nil || secrets["key"] != "open-sesame" {
		t.Errorf("secrets %v, %v", secrets, err)
	}
	if _, err := stack.Unseal(x, passphrase+"!"); fairlead.ErrorCode(err) != fairlead.Invalid {
		t.Errorf("another passphrase: %v", err)
	}
	x.Template.Text += "# changed"
	if _, err := stack.Unseal(x, passphrase); fairlead.ErrorCode(err) != fairlead.Invalid {
		t.Errorf("another template: %v", err)
	}
}
