package fairlead_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

// TestDiagramsShowTheMoves compares the diagrams of docs/state-machines.md with the tables of legal moves.
func TestDiagramsShowTheMoves(t *testing.T) {
	doc, err := os.ReadFile("docs/state-machines.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := diagrams(string(doc))
	tables := map[string][]string{
		"Actions":    arrows(fairlead.ActionMoves),
		"Operations": arrows(fairlead.OperationMoves),
		"Runs":       arrows(fairlead.RunMoves),
		"Stages":     arrows(fairlead.StageMoves),
	}
	for name, want := range tables {
		t.Run(name, func(t *testing.T) {
			got := shown[name]
			for _, arrow := range want {
				if !slices.Contains(got, arrow) {
					t.Errorf("the diagram lacks %s", arrow)
				}
			}
			for _, arrow := range got {
				if !slices.Contains(want, arrow) {
					t.Errorf("the table lacks %s", arrow)
				}
			}
		})
	}
	for name := range shown {
		if _, ok := tables[name]; !ok {
			t.Errorf("diagram %s has no table", name)
		}
	}
}

// arrows lists the moves of a table as "from --> to", and its final states as "state --> [*]".
func arrows[S ~string](moves fairlead.Moves[S]) []string {
	var list []string
	states := map[S]bool{}
	for from, tos := range moves {
		states[from] = true
		for _, to := range tos {
			states[to] = true
			list = append(list, string(from)+" --> "+string(to))
		}
	}
	for s := range states {
		if moves.Final(s) {
			list = append(list, string(s)+" --> [*]")
		}
	}
	return slices.Sorted(slices.Values(list))
}

var (
	headingRE = regexp.MustCompile(`^## (\w+)$`)
	arrowRE   = regexp.MustCompile(`^\s+(\S+) --> ([^\s:]+)`)
)

// diagrams reads the arrows below each heading. A state with a hyphen has an underscore in a diagram, where a hyphen is not
// allowed; where the first state comes from is not a move.
func diagrams(doc string) map[string][]string {
	found := map[string]map[string]bool{}
	heading := ""
	for line := range strings.Lines(doc) {
		line = strings.TrimRight(line, "\n")
		if m := headingRE.FindStringSubmatch(line); m != nil {
			heading = m[1]
		}
		m := arrowRE.FindStringSubmatch(line)
		if m == nil || m[1] == "[*]" {
			continue
		}
		if found[heading] == nil {
			found[heading] = map[string]bool{}
		}
		found[heading][strings.ReplaceAll(m[1]+" --> "+m[2], "_", "-")] = true
	}
	out := map[string][]string{}
	for heading, arrows := range found {
		out[heading] = slices.Sorted(maps.Keys(arrows))
	}
	return out
}
