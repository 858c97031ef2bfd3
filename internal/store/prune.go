package store

import "context"

// PruneRuns removes at most limit ended runs of a pipeline with their logs, the oldest first: those that ended before a time,
// when that is not "", and all but the newest count, when that is not 0. It reports how many; fewer than limit are the last.
// All at once would keep every other writer waiting.
func (tx *Tx) PruneRuns(ctx context.Context, pipeline, before string, count, limit int) (n int, err error) {
	if before != "" {
		const q = `SELECT id FROM runs WHERE pipeline = $1 AND created_at < $2 AND ended_at < $2 ORDER BY created_at LIMIT $3`
		if n, err = tx.removeRuns(ctx, q, pipeline, before, limit); err != nil {
			return n, err
		}
	}
	if count == 0 || n == limit {
		return n, nil
	}
	const q = `SELECT id FROM runs WHERE pipeline = $1 AND ended_at IS NOT NULL AND number <= coalesce((SELECT r.number FROM runs r
WHERE r.pipeline = $1 ORDER BY r.number DESC LIMIT 1 OFFSET $2), 0) ORDER BY number LIMIT $3`
	more, err := tx.removeRuns(ctx, q, pipeline, count, limit-n)
	return n + more, err
}

// PruneMessages removes at most limit messages of a pipeline that arrived before a time, the oldest first, and reports how many.
func (tx *Tx) PruneMessages(ctx context.Context, pipeline, before string, limit int) (int64, error) {
	const q = `DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE pipeline = $1 AND received_at < $2 ORDER BY received_at LIMIT $3)`
	res, err := tx.Exec(ctx, q, pipeline, before, limit)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// DeleteHistory removes at most limit runs of a pipeline with their logs, the oldest first, and as many messages; done tells that
// none are left. The caller has checked that no run is active.
func (tx *Tx) DeleteHistory(ctx context.Context, pipeline string, limit int) (done bool, err error) {
	n, err := tx.removeRuns(ctx, `SELECT id FROM runs WHERE pipeline = $1 ORDER BY number LIMIT $2`, pipeline, limit)
	if err != nil {
		return false, err
	}
	const q = `DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE pipeline = $1 ORDER BY id LIMIT $2)`
	res, err := tx.Exec(ctx, q, pipeline, limit)
	if err != nil {
		return false, err
	}
	messages, err := res.RowsAffected()
	return n < limit && messages < int64(limit), err
}

// removeRuns removes the runs that a query gives, with their logs.
func (tx *Tx) removeRuns(ctx context.Context, query string, args ...any) (int, error) {
	rows, err := tx.Query(ctx, query, args...)
	ids, err := Collect(rows, err, func(row Row) (id string, err error) { return id, row.Scan(&id) })
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	if err := tx.keepLastSeq(ctx); err != nil {
		return 0, err
	}
	for _, id := range ids {
		if _, err := tx.Exec(ctx, `DELETE FROM events WHERE kind = 'run' AND name = $1`, id); err != nil {
			return 0, err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM runs WHERE id = $1`, id); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}
