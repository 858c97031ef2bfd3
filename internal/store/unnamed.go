package store

import (
	"context"
	"regexp"
	"strings"

	"github.com/fairlead/fairlead"
)

// runOf is how a text names the run of a pipeline that did something.
var runOf = regexp.MustCompile(`\bpipeline ([^\s,]+), run \d+(?: in run [0-9a-f-]+)?`)

// Unnamed takes out of a text which runs of pipelines did something, as far as the viewer does not see them.
func (tx *Tx) Unnamed(ctx context.Context, v Viewer, text string) (string, error) {
	if v == Everything {
		return text, nil
	}
	return unnamed(text, func(pipeline string) (bool, error) { return tx.seesPipeline(ctx, v, pipeline) })
}

// UnnamedIn is [Tx.Unnamed] for those who see one pipeline group and maybe no other.
func (tx *Tx) UnnamedIn(ctx context.Context, group, text string) (string, error) {
	return unnamed(text, func(pipeline string) (bool, error) {
		of, err := tx.PipelineGroup(ctx, pipeline)
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			return false, nil
		}
		return of == group, err
	})
}

func unnamed(text string, seen func(pipeline string) (bool, error)) (string, error) {
	var out strings.Builder
	rest := 0
	for _, m := range runOf.FindAllStringSubmatchIndex(text, -1) {
		switch ok, err := seen(text[m[2]:m[3]]); {
		case err != nil:
			return "", err
		case ok:
			continue
		}
		out.WriteString(text[rest:m[0]] + "a pipeline")
		rest = m[1]
	}
	return out.String() + text[rest:], nil
}

// NamesRuns reports whether [Tx.Unnamed] can have something to do with a text.
func NamesRuns(text string) bool { return runOf.MatchString(text) }

// UnnamedActions takes out of actions which pipelines' runs began them, as far as the viewer does not see them.
func (tx *Tx) UnnamedActions(ctx context.Context, v Viewer, actions []fairlead.Action) error {
	for i := range actions {
		a := &actions[i]
		by, err := tx.Unnamed(ctx, v, a.By)
		if err != nil {
			return err
		}
		if by != a.By {
			a.By, a.Run = by, ""
		}
		if a.Message, err = tx.Unnamed(ctx, v, a.Message); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) seesPipeline(ctx context.Context, v Viewer, name string) (seen bool, err error) {
	const q = `SELECT EXISTS (SELECT 1 FROM pipelines p JOIN group_roles v ON v.group_name = p.group_name WHERE p.name = $1 AND v.user_name = $2)`
	return seen, tx.QueryRow(ctx, q, name, string(v)).Scan(&seen)
}
