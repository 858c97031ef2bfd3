package fairlead_test

import (
	"reflect"
	"testing"

	"github.com/fairlead/fairlead"
)

func TestMask(t *testing.T) {
	m := fairlead.NewMask("hunter2", "hunter2-long", "", "ab", "424242")
	in := map[string]any{
		"text":   "x hunter2-long y hunter2",
		"list":   []any{"ab", int64(424242), 4242.5, true, nil},
		"number": 424242.0,
	}
	want := map[string]any{
		"text":   "x ****** y ******",
		"list":   []any{"ab", fairlead.Masked, 4242.5, true, nil},
		"number": fairlead.Masked,
	}
	if got := m.Value(in); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if in["text"] != "x hunter2-long y hunter2" {
		t.Error("the value itself was changed")
	}
	if got := (fairlead.Mask{}).String("hunter2"); got != "hunter2" {
		t.Errorf("the empty mask gives %q", got)
	}
}
