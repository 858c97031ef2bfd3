package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/fairlead/fairlead"
)

// Limits of what can be said about when stages begin.
const (
	maxWindows  = 20
	maxLocks    = 10
	maxLockName = 128
	minOpen     = time.Minute
	maxOpen     = 31 * 24 * time.Hour
)

// lockRE is the rule of the names of locks, once their variables are replaced.
var lockRE = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$`)

func checkLock(name string) error {
	if len(name) <= maxLockName && lockRE.MatchString(name) {
		return nil
	}
	return fairlead.Errorf(fairlead.Invalid, "lock name %q: want 1 to %d letters, digits, dots, underscores, slashes or hyphens, first and last a letter or digit", name, maxLockName)
}

// maxRuns reads how many runs of the pipeline go on at once.
func (p *parser) maxRuns(o *object) int {
	n := p.number(o, "max_runs", 0, 1, fairlead.MaxRuns)
	if n > 1 && p.spec.Concurrency == fairlead.CancelPrevious {
		o.at("max_runs").error("wrong-value", "with concurrency cancel-previous one run is active at most", "remove \"max_runs\", or say concurrency: queue or reject")
	}
	return n
}

// locks reads the named locks of a stage.
func (p *parser) locks(o *object) []string {
	if o.get("locks") == nil {
		return nil
	}
	var names []string
	seen := map[string]bool{}
	for i, n := range o.list("locks", maxLocks) {
		at := p.on(n, item(o.sub("locks"), i))
		if n.Kind != yaml.ScalarNode || n.Value == "" {
			at.error("wrong-type", "the name of a lock must be text, not "+kindName(n), "")
			continue
		}
		p.unique(seen, at, "lock", n.Value)
		if strings.Contains(n.Value, "${") {
			p.references(at, n.Value, p.known)
		} else if err := checkLock(n.Value); err != nil {
			at.invalid("bad-name", err, "")
		}
		names = append(names, n.Value)
	}
	return names
}

// windows reads when deploying stages may begin.
func (p *parser) windows(o *object) []fairlead.Window {
	var list []fairlead.Window
	for i, n := range o.list("windows", maxWindows) {
		path := item(o.sub("windows"), i)
		w := p.object(n, path, "a window", []string{"cron", "duration", "timezone"}, nil)
		if w == nil {
			continue
		}
		w.require("a window", "cron", "duration")
		window := fairlead.Window{Cron: w.str("cron"), Timezone: w.str("timezone"), Duration: p.span(w, "duration", minOpen, minOpen, maxOpen)}
		if window.Cron != "" {
			if _, err := openings(window); err != nil {
				w.at("cron").error("wrong-value", err.Error(), "cron has five fields: minute, hour, day of month, month, day of week, such as 0 9 * * 1-5; a time zone is such as Asia/Shanghai")
			}
		}
		list = append(list, window)
	}
	return list
}

// CheckWindows checks windows that come from elsewhere than a pipeline file.
func CheckWindows(list []fairlead.Window) error {
	if len(list) > maxWindows {
		return fairlead.Errorf(fairlead.Invalid, "there are %d windows; at most %d are allowed", len(list), maxWindows)
	}
	var problems fairlead.Diagnostics
	for i, w := range list {
		_, err := openings(w)
		if d := time.Duration(w.Duration); err == nil && (d < minOpen || d > maxOpen) {
			err = fmt.Errorf("duration %s: want %s to %s", d, short(minOpen), short(maxOpen))
		}
		if err != nil {
			problems = append(problems, fairlead.Diagnostic{Severity: fairlead.SeverityError, Code: "wrong-value", Path: item("windows", i), Summary: err.Error()})
		}
	}
	return problems.Err("the windows")
}

// deploys reports whether stages of a type change a target: windows, freezes and limits of targets are about them.
func deploys(kind fairlead.StageType) bool {
	return kind == fairlead.StageTemplateDeploy || kind == fairlead.StageJob
}

// sorted are the names of locks in the order in which all stages take them, each once.
func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}
