package store

import "context"

// Setting returns a value of the server itself, or NotFound.
func (tx *Tx) Setting(ctx context.Context, name string) (value string, err error) {
	err = tx.QueryRow(ctx, `SELECT value FROM settings WHERE name = $1`, name).Scan(&value)
	return value, NotFound(err, "setting %q is not there", name)
}

// SetSetting stores a value of the server itself.
func (tx *Tx) SetSetting(ctx context.Context, name, value string) error {
	_, err := tx.Exec(ctx, `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

// StateCounts counts what there is, by state.
type StateCounts struct {
	Runs, Actions, Jobs map[string]int
}

// CountStates counts runs, stack actions and jobs by state, for the metrics.
func (tx *Tx) CountStates(ctx context.Context) (c StateCounts, err error) {
	for _, count := range []struct {
		into  *map[string]int
		query string
	}{
		// Within a pipeline an index has the states in order, so that nothing is sorted.
		{&c.Runs, `SELECT state, sum(n) FROM (SELECT pipeline, state, count(*) AS n FROM runs GROUP BY pipeline, state) AS counted GROUP BY state`},
		{&c.Actions, `SELECT state, count(*) FROM stack_actions GROUP BY state`},
		{&c.Jobs, `SELECT state, count(*) FROM river_job GROUP BY state`},
	} {
		*count.into = map[string]int{}
		rows, err := tx.Query(ctx, count.query)
		_, err = Collect(rows, err, func(row Row) (none struct{}, err error) {
			var state string
			var n int
			err = row.Scan(&state, &n)
			(*count.into)[state] = n
			return none, err
		})
		if err != nil {
			return c, err
		}
	}
	return c, nil
}
