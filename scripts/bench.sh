#!/usr/bin/env bash
# Prints the figures of docs/benchmarks.md, each several times, so that medians can be quoted: machines are noisy.
# COUNT is how many times; default 3.
set -euo pipefail
count=${COUNT:-3}
echo "== the machine: $(nproc) cores, load average $(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || echo unknown)"

run() { # PACKAGE, then flags
	local package=$1
	shift
	go test -run '^$' -count "$count" -timeout 30m "$@" "$package" | grep -E '^(Benchmark|cpu|FAIL|panic|---|    [a-z_]+\.go)' || true
}

echo "== a template of 10,000 elements: parse, check, plan"
run ./internal/template -bench 'Template10k/10000|Evaluate10k' -benchtime 3x -benchmem
run ./internal/stack -bench Plan10k -benchtime 3x -benchmem
echo "== a plan of which nothing changes, at several sizes: slope and bend of the line through them"
run ./internal/stack -bench NoChange -benchtime 20x -benchmem
echo "== the same objects on one API server: a bare loop of the client library, the provider's apply, a stack, kubectl, helm (ms, and times the loop)"
kubeconfig=$(scripts/kube.sh ensure)
FAIRLEAD_TEST_KUBECONFIG=$kubeconfig FAIRLEAD_KUBE_BOX=$(scripts/kube.sh box) run ./internal/stack -bench Kubernetes -benchtime "${count}x" -count 1 # its medians are of its own rounds
echo "== webhook to stage started"
run ./internal/pipeline -bench WebhookToStage -benchtime 200x
echo "== runs per second beside the commits that the same file allows"
run ./internal/pipeline -bench 'Runs$' -benchtime 4x
echo "== the same on PostgreSQL, which syncs to disk as SQLite does"
url=$(unset FAIRLEAD_TEST_POSTGRES_URL && FAIRLEAD_POSTGRES_DURABLE=1 scripts/postgres.sh ensure)
FAIRLEAD_TEST_POSTGRES_URL=$url FAIRLEAD_TEST_DATABASE=postgres run ./internal/pipeline -bench 'Runs$' -benchtime 4x
echo "== start to ready, idle processor and memory, and the end of an idle server, of the built program"
run ./test/e2e -bench 'ServeReady|Idle' -benchtime 1x
# What follows takes its quantiles from thousands of requests, so it runs once.
echo "== 10,000 runs that wait: what they cost in memory and at the start"
run ./test/e2e -bench WaitingRuns -benchtime 1x -count 1
echo "== 1,000 webhooks a second for 30 seconds: accepted, lost (accepted and not there), and the time from when each was due"
run ./test/e2e -bench Webhooks -benchtime 1x -count 1
echo "== lists and details through the API with 100,000 and 1,000,000 recorded runs"
run ./test/e2e -bench History -benchtime 1x -count 1
echo "== the console in a browser: lists of 10,000 rows, a log of 100,000 lines"
run ./test/e2e -bench Console -benchtime 1x -count 1
