package template_test

import (
	"errors"
	"testing"

	"github.com/fairlead/fairlead/internal/template"
)

func TestPass(t *testing.T) {
	var none *template.Pass
	for name, p := range map[string]*template.Pass{"none": none, "thorough": {}} {
		for range 2 {
			if !p.Tries("ConfigMap") {
				t.Errorf("%s: a sort is not tried", name)
			}
		}
	}
	sparing := &template.Pass{Sparing: true}
	if !sparing.Tries("ConfigMap") || !sparing.Tries("Secret") || sparing.Tries("ConfigMap") {
		t.Error("of each sort the first is tried, and no other")
	}

	looks := 0
	look := func() (any, error) { looks++; return looks, errors.New("told") }
	for range 2 {
		if v, err := sparing.Once("key", look); v != 1 || err == nil {
			t.Errorf("found %v, %v", v, err)
		}
	}
	if v, _ := sparing.Once("other", look); v != 2 {
		t.Errorf("another key found %v", v)
	}
	_, _ = none.Once("key", look)
	if _, _ = none.Once("key", look); looks != 4 {
		t.Errorf("without a pass everything is looked up each time; looked %d times", looks)
	}
}
