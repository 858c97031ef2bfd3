package store

// LastSeq is the expression of the last number of a log.
const LastSeq = lastSeq

// LogQueries are the queries of a run's log, with their parameters in the order run, after, before, stage, limit.
func LogQueries() map[string]string {
	return map[string]string{
		"own": ownOldest, "own, newest first": ownNewest, "of an action": actionOldest, "of an action, newest first": actionNewest, "actions": logActions,
		"output": outputQuery(LogQuery{}), "output, newest first": outputQuery(LogQuery{Newest: true}),
		"output of a stage": outputQuery(LogQuery{Stage: "x"}), "output of a stage, newest first": outputQuery(LogQuery{Stage: "x", Newest: true}),
	}
}
