package fairlead_test

import (
	"testing"

	"github.com/fairlead/fairlead"
)

func TestNearest(t *testing.T) {
	known := []string{"stages", "start", "variables", "name", "protocol"}
	for given, want := range map[string]string{
		"stage": "stages", "Stages": "stages", "varaibles": "variables", "nmae": "name", "protocal": "protocol",
		"colour": "", "": "", "x": "",
	} {
		if got := fairlead.Nearest(given, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", given, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b  string
		limit int
		want  int
	}{
		{"", "", 3, 0},
		{"abc", "abc", 3, 0},
		{"abc", "acb", 3, 1}, // neighbours swapped
		{"abc", "ab", 3, 1},
		{"abc", "xbc", 3, 1},
		{"kitten", "sitting", 9, 3},
		{"kitten", "sitting", 2, 2}, // the limit is not told apart from more
	} {
		if got := fairlead.Distance(test.a, test.b, test.limit); got != test.want {
			t.Errorf("Distance(%q, %q, %d) = %d, want %d", test.a, test.b, test.limit, got, test.want)
		}
	}
}
