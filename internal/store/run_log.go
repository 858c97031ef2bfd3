package store

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// LogQuery selects lines of a run's log.
type LogQuery struct {
	Stage         string // empty: all
	Text          string // only lines that hold it, upper and lower case alike; empty: all
	After, Before int64  // only lines with a Seq between them; Before 0 is no bound
	Newest        bool   // newest first, so that a page is the end of the log
	Limit         int
}

// maxScan bounds the lines that one query with a text looks at.
const maxScan = 20_000

// RunLog returns lines of a run's log: what the run says, the events of the stack actions that its stages began, and what the
// containers of its job stages wrote, in the order in which they were stored. next is where a following query goes on (its
// After or, for the newest first, its Before), 0 when there is no more. With a text a page can be short, even empty, and have
// a next all the same: no query looks at more than 20,000 lines.
//
// Nothing is copied: a line is an event, of kind run or of a stack action that an event of the run names, or a line of
// output. So the log is as live as they are, and no line is there twice.
func (tx *Tx) RunLog(ctx context.Context, run string, q LogQuery) (lines []fairlead.LogLine, next int64, err error) {
	if q.Before <= 0 {
		q.Before = math.MaxInt64
	}
	if q.Text == "" {
		return tx.logPage(ctx, run, q)
	}
	text, want := strings.ToLower(q.Text), q.Limit
	q.Limit = 1000
	for scanned := 0; ; scanned += q.Limit {
		page, next, err := tx.logPage(ctx, run, q)
		if err != nil {
			return nil, 0, err
		}
		for i, l := range page {
			if !strings.Contains(strings.ToLower(l.Text), text) {
				continue
			}
			if lines = append(lines, l); len(lines) == want {
				if i == len(page)-1 {
					return lines, next, nil
				}
				return lines, l.Seq, nil
			}
		}
		if next == 0 || scanned+q.Limit >= maxScan {
			return lines, next, nil
		}
		if q.Newest {
			q.Before = next
		} else {
			q.After = next
		}
	}
}

// logPage is RunLog without a text.
func (tx *Tx) logPage(ctx context.Context, run string, q LogQuery) (lines []fairlead.LogLine, next int64, err error) {
	limit := q.Limit
	q.Limit++ // one more tells whether there is more
	if lines, err = tx.ownLog(ctx, run, q); err != nil {
		return nil, 0, err
	}
	output, err := tx.output(ctx, run, q)
	if err != nil {
		return nil, 0, err
	}
	lines = append(lines, output...)
	actions, err := tx.runActions(ctx, run, q.Stage)
	if err != nil {
		return nil, 0, err
	}
	for _, a := range actions {
		more, err := tx.actionLog(ctx, a, q)
		if err != nil {
			return nil, 0, err
		}
		lines = append(lines, more...)
	}
	slices.SortFunc(lines, func(a, b fairlead.LogLine) int {
		if q.Newest {
			a, b = b, a
		}
		return cmp.Compare(a.Seq, b.Seq)
	})
	if len(lines) <= limit {
		return lines, 0, nil
	}
	return lines[:limit], lines[limit-1].Seq, nil
}

// The queries of a log's events.
const (
	ownOldest = `SELECT seq, time, part, type, message FROM events
WHERE kind = 'run' AND name = $1 AND seq > $2 AND seq < $3 AND ($4 = '' OR part = $4) ORDER BY seq LIMIT $5`
	ownNewest = `SELECT seq, time, part, type, message FROM events
WHERE kind = 'run' AND name = $1 AND seq > $2 AND seq < $3 AND ($4 = '' OR part = $4) ORDER BY seq DESC LIMIT $5`

	actionOldest = `SELECT seq, time, kind, type, message FROM events WHERE action <> '' AND action = $1 AND seq > $2 AND seq < $3 ORDER BY seq LIMIT $4`
	actionNewest = `SELECT seq, time, kind, type, message FROM events WHERE action <> '' AND action = $1 AND seq > $2 AND seq < $3 ORDER BY seq DESC LIMIT $4`

	logActions = `SELECT action, part FROM events WHERE kind = 'run' AND name = $1 AND action <> '' AND ($2 = '' OR part = $2) ORDER BY seq`
)

// ownLog reads what the run itself says.
func (tx *Tx) ownLog(ctx context.Context, run string, q LogQuery) ([]fairlead.LogLine, error) {
	rows, err := tx.Query(ctx, pick(q.Newest, ownNewest, ownOldest), run, q.After, q.Before, q.Stage, q.Limit)
	return Collect(rows, err, scanLogLine)
}

func pick(which bool, yes, no string) string {
	if which {
		return yes
	}
	return no
}

// runAction is a stack action that a stage began; a stage has one for each attempt.
type runAction struct{ action, stage string }

func (tx *Tx) runActions(ctx context.Context, run, stage string) ([]runAction, error) {
	rows, err := tx.Query(ctx, logActions, run, stage)
	return Collect(rows, err, func(row Row) (a runAction, err error) { return a, row.Scan(&a.action, &a.stage) })
}

// actionLog reads the events of a stack action as lines of its stage.
func (tx *Tx) actionLog(ctx context.Context, a runAction, q LogQuery) ([]fairlead.LogLine, error) {
	rows, err := tx.Query(ctx, pick(q.Newest, actionNewest, actionOldest), a.action, q.After, q.Before, q.Limit)
	lines, err := Collect(rows, err, scanLogLine)
	// The run's own line that names the action is there already.
	lines = slices.DeleteFunc(lines, func(l fairlead.LogLine) bool { return l.Stage == "run" })
	for i := range lines {
		lines[i].Stage = a.stage
	}
	return lines, err
}

func scanLogLine(row Row) (l fairlead.LogLine, err error) {
	var kind string
	err = row.Scan(&l.Seq, ScanTime(&l.Time), &l.Stage, &kind, &l.Text)
	l.Level = logLevel(kind)
	return l, err
}

// logLevel is the level of a line by its event's type; types end in what happened.
func logLevel(kind string) string {
	what := kind[strings.LastIndexByte(kind, '-')+1:]
	switch {
	case what == "failed" || what == "error" || strings.HasSuffix(kind, "timed-out"):
		return "error"
	case what == "warning" || what == "waits" || what == "stopping" || what == "canceled" || what == "unavailable" || what == "ignored" ||
		what == "held" || what == "rejected":
		return "warning"
	}
	return "info"
}

// storedLine is a line of output within a row.
type storedLine struct {
	Time   int64  `json:"t"` // nanoseconds since 1970
	Stderr bool   `json:"e,omitempty"`
	Text   string `json:"x"`
}

// Bounds of one row of output.
const (
	rowLines = 200
	rowBytes = 64 << 10
)

// AppendOutput adds lines that the container of a stage wrote to the log of its run.
func (tx *Tx) AppendOutput(ctx context.Context, run, stage string, lines []fairlead.OutputLine) error {
	const q = `INSERT INTO run_output (last_seq, run_id, stage, lines) VALUES (` + lastSeq + ` + $1, $2, $3, $4)`
	tx.Changed()
	for len(lines) > 0 {
		n, size := 0, 0
		row := []storedLine{}
		for n < min(len(lines), rowLines) && size < rowBytes {
			l := lines[n]
			row = append(row, storedLine{l.Time.UnixNano(), l.Stream == fairlead.Stderr, l.Text})
			size += len(l.Text)
			n++
		}
		text, err := json.Marshal(row)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, q, n, run, stage, string(text)); err != nil {
			return err
		}
		lines = lines[n:]
	}
	return nil
}

// output reads what containers wrote. The rows before the first one that can hold a line are not looked at, and those behind the
// last neither.
func (tx *Tx) output(ctx context.Context, run string, q LogQuery) (lines []fairlead.LogLine, err error) {
	rows, err := tx.Query(ctx, outputQuery(q), run, q.After, q.Before, q.Stage)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err tells
	for len(lines) < q.Limit && rows.Next() {
		var last int64
		var stage string
		var text []byte
		if err := rows.Scan(&last, &stage, &text); err != nil {
			return nil, err
		}
		var row []storedLine
		if err := json.Unmarshal(text, &row); err != nil {
			return nil, err
		}
		first := last - int64(len(row)) + 1
		for i := range row {
			if q.Newest {
				i = len(row) - 1 - i
			}
			l := fairlead.LogLine{Seq: first + int64(i), Time: time.Unix(0, row[i].Time).UTC(), Stage: stage, Level: "info", Stream: fairlead.Stdout, Text: row[i].Text}
			if row[i].Stderr {
				l.Stream = fairlead.Stderr
			}
			if l.Seq > q.After && l.Seq < q.Before {
				lines = append(lines, l)
			}
		}
	}
	return lines, rows.Err()
}

// outputQuery is the query for a stage's output or, with an index of its own, for all. A row that holds the line Before has no
// smaller number than that, and is the last that counts.
func outputQuery(q LogQuery) string {
	const all = `SELECT last_seq, stage, lines FROM run_output WHERE run_id = $1 AND last_seq > $2
AND last_seq <= coalesce((SELECT min(last_seq) FROM run_output WHERE run_id = $1 AND last_seq >= $3), $3) AND $4 = '' ORDER BY last_seq`
	const one = `SELECT last_seq, stage, lines FROM run_output WHERE run_id = $1 AND last_seq > $2
AND last_seq <= coalesce((SELECT min(last_seq) FROM run_output WHERE run_id = $1 AND last_seq >= $3), $3) AND stage = $4 ORDER BY last_seq`
	query := pick(q.Stage == "", all, one)
	if q.Newest {
		query += ` DESC`
	}
	return query
}
