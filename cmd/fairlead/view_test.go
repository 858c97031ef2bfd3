package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

func TestTable(t *testing.T) {
	p := &printer{}
	p.table(table{
		{"NAME", "STATUS", "REASON"},
		{"商城", "running", ""},
		{"cafe\u0301", "pending", "waits"}, // the accent is a character of its own, without width
		{"x\x1b[2J", "", "ﾊﾝｶｸ"},
	})
	want := strings.Join([]string{
		`NAME      STATUS   REASON`,
		`商城      running`,
		"cafe\u0301      pending  waits",
		`x\x1b[2J           ﾊﾝｶｸ`,
	}, "\n") + "\n"
	if got := p.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTruncate(t *testing.T) {
	for _, tt := range []struct {
		text string
		most int
		want string
	}{{"short", 5, "short"}, {"longer", 5, "long…"}, {"网站的镜像", 6, "网站…"}, {"网站的镜像", 10, "网站的镜像"}} {
		if got := truncate(tt.text, tt.most); got != tt.want || columns(got) > tt.most {
			t.Errorf("truncate(%q, %d) = %q, %d columns; want %q", tt.text, tt.most, got, columns(got), tt.want)
		}
	}
}

func TestTimes(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := &printer{now: now}
	for d, want := range map[time.Duration]string{
		0: "just now", 59 * time.Second: "59s ago", 90 * time.Second: "1m ago", 47 * time.Hour: "47h ago", 49 * time.Hour: "2d ago",
		-10 * time.Minute: "in 10m",
	} {
		if got := p.ago(now.Add(-d)); got != want {
			t.Errorf("%s before: %q, want %q", d, got, want)
		}
	}
	if got := p.agoIf(nil); got != "-" {
		t.Errorf("no time: %q, want -", got)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 5 << 30: "5.0 GiB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for code, want := range map[fairlead.Code]int{
		fairlead.Invalid: 2, fairlead.TooLarge: 2, fairlead.NotFound: 3, fairlead.Conflict: 4, fairlead.Unauthenticated: 5,
		fairlead.Denied: 5, fairlead.Unavailable: 1, fairlead.Failed: 1, fairlead.TooMany: 1, fairlead.Internal: 1,
	} {
		if got := failureOf(t.Context(), fairlead.Errorf(code, "x")).exit; got != want {
			t.Errorf("%s exits with %d, want %d", code, got, want)
		}
	}
	if f := failureOf(t.Context(), errors.New("disk full")); f.exit != 1 || f.Code != fairlead.Failed {
		t.Errorf("another error is %+v, want a failure", f)
	}
}

func TestPlanText(t *testing.T) {
	p := &printer{}
	printPlan(p, fairlead.Plan{Operations: []fairlead.Operation{
		{Element: "db", Type: "CCE.StatefulSet", Verb: fairlead.OpNone},
		{Element: "web", Type: "CCE.Deployment", Verb: fairlead.OpUpdate, Fields: []fairlead.FieldChange{
			{Path: "spec.replicas", Before: 2, After: 3},
			{Path: "spec.host", Before: "a", Unknown: true},
			{Path: "spec.motto", Before: "a\nb"},
			{Path: "spec.tags", After: []any{"x"}},
			{Path: "spec.image", Before: "a:1", After: "a:2", Live: "a:hack", Drifted: true, Owner: "kubectl-edit"},
			{Path: "spec.extra", Live: map[string]any{"k": 1}, Drifted: true},
		}},
		{Element: "db-user", Type: "CCE.Secret", Verb: fairlead.OpCreate, Fields: []fairlead.FieldChange{
			{Path: "spec", After: map[string]any{"kind": "user", "host": "(known when it runs)"}, Unknown: true},
		}},
		{Element: "old", Type: "CCE.ConfigMap", Verb: fairlead.OpUpdate, Adopt: true, Fields: []fairlead.FieldChange{{Path: "data.a", Before: "theirs", After: "ours"}}},
		{Element: "pod", Type: "CCE.Pod", Verb: fairlead.OpReplace, Reason: "the image changes"},
	}, Hash: "sha256:0123456789abcdef0123"})
	want := `~ update web  CCE.Deployment
    ~ spec.replicas: 2 -> 3
    ~ spec.host: a -> (known when it runs)
    - spec.motto: a\nb
    + spec.tags: ["x"]
    ! spec.image: applied a:1, on the target a:hack, wanted a:2, held by kubectl-edit
    ! spec.extra: applied nothing, on the target {"k":1}, wanted nothing
+ create db-user  CCE.Secret
    + spec:
        host: (known when it runs)
        kind: user
& adopt old  CCE.ConfigMap
    ~ data.a: theirs -> ours
± replace pod  CCE.Pod  (the image changes)
plan: 1 to adopt, 1 to create, 1 to update, 1 to replace, 0 to delete, 1 as they are
drift: 1 field changed on the target by somebody else, marked with !; applying the plan sets back what it lists
conflict: 1 field held by somebody else; carrying the plan out is refused unless the element adopts (--adopt)
preview: 0123456789abcdef
`
	if got := p.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDriftText(t *testing.T) {
	p := &printer{}
	printDrift(p, fairlead.Drift{Stack: "shop", Drifted: true, Elements: []fairlead.ElementDrift{
		{Element: "web", Type: "CCE.Deployment", State: fairlead.DriftChanged, Reason: "spec.replicas is 3, not 2 (set by kubectl)",
			Fields: []fairlead.FieldChange{{Path: "spec.replicas", Before: 2, After: 2, Live: 3, Drifted: true}}},
		{Element: "map", Type: "CCE.ConfigMap", State: fairlead.DriftMissing},
		{Element: "job", Type: "CCE.Job", State: fairlead.DriftSame},
	}})
	want := `! web changed  CCE.Deployment  (spec.replicas is 3, not 2 (set by kubectl))
    spec.replicas: applied 2, on the target 3
! map missing  CCE.ConfigMap
stack shop: 1 changed, 1 missing, 0 could not be read, 1 as last applied
fairlead stack upgrade shop sets it back to what the template says
where a cluster refuses that, because somebody else set the field, with --adopt=web
`
	if got := p.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestColours(t *testing.T) {
	p := &printer{colour: true}
	printPlan(p, fairlead.Plan{Operations: []fairlead.Operation{{Element: "web\x1b[2J", Type: "CCE.Pod", Verb: fairlead.OpDelete}}})
	if want := "\x1b[31m- delete web\\x1b[2J  CCE.Pod\x1b[0m\n"; !strings.HasPrefix(p.String(), want) {
		t.Errorf("got %q, want %q", p.String(), want)
	}
	if colours(&strings.Builder{}, func(string) string { return "" }) {
		t.Error("colours where there is no terminal")
	}
}
