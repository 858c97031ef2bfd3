#!/usr/bin/env bash
# Starts a PostgreSQL server that belongs to this project's tests alone.
#
#   scripts/postgres.sh ensure    prints the URL of a server that answers; everything else goes to stderr
#   scripts/postgres.sh stop      stops the private server; what it stored stays for the next start
#   scripts/postgres.sh remove    stops it and removes what it stored
#
# FAIRLEAD_TEST_POSTGRES_URL names another server to use; its user must be allowed to create databases. FAIRLEAD_POSTGRES_DIR
# is where the private server lives. FAIRLEAD_POSTGRES_DURABLE=1 starts one that syncs to disk, for measurements.
set -euo pipefail

user=$(id -un)
base=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/fairlead
if [ "$(id -u)" = 0 ]; then
	# The server refuses to run as root, and its own user may not enter root's home.
	user=postgres
	base=/var/tmp/fairlead
fi
name=postgres
[ -n "${FAIRLEAD_POSTGRES_DURABLE:-}" ] && name=postgres-durable
dir=${FAIRLEAD_POSTGRES_DIR:-$base/$name}

say() { printf '%s\n' "$*" >&2; }

as_user() {
	if [ "$(id -u)" = 0 ]; then
		(cd / && setpriv --reuid="$user" --regid="$user" --init-groups -- env -u HOME "$@")
	else
		"$@"
	fi
}

find_programs() {
	local d
	for d in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) "$(dirname "$(command -v initdb 2>/dev/null || echo /nonexistent/initdb)")"; do
		if [ -x "$d/initdb" ] && [ -x "$d/pg_ctl" ]; then
			printf '%s\n' "$d"
			return 0
		fi
	done
	return 1
}

url() { printf 'postgres://fairlead:%s@localhost/postgres?host=%s\n' "$(cat "$dir/password")" "$dir/run"; }

# make_server writes a new server into a folder that gets its name when it is complete.
make_server() {
	local draft=$dir.draft
	rm -rf "$draft"
	mkdir -p "$draft/run"
	head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$draft/password"
	chmod 755 "$draft" "$draft/run"
	chmod 600 "$draft/password"
	[ "$(id -u)" = 0 ] && chown -R "$user:" "$draft"
	as_user "$bin/initdb" -D "$draft/data" -U fairlead --auth=scram-sha-256 --pwfile="$draft/password" \
		--encoding=UTF8 --locale=C.UTF-8 >&2
	mv "$draft" "$dir"
}

start_server() {
	local sync=off
	[ -n "${FAIRLEAD_POSTGRES_DURABLE:-}" ] && sync=on
	rm -f "$dir/data/postmaster.pid.stale"
	as_user "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 -o "-c listen_addresses='' -c unix_socket_directories='$dir/run' \
-c max_connections=500 -c shared_buffers=64MB -c fsync=$sync -c full_page_writes=$sync" start >&2 9>&-
}

ensure() {
	if [ -n "${FAIRLEAD_TEST_POSTGRES_URL:-}" ]; then
		printf '%s\n' "$FAIRLEAD_TEST_POSTGRES_URL"
		return
	fi
	mkdir -p "$(dirname "$dir")"
	exec 9>"$dir.lock"
	flock 9
	[ -d "$dir" ] || make_server
	as_user "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1 || start_server
	url
}

stop() {
	if [ -d "$dir/data" ] && as_user "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; then
		as_user "$bin/pg_ctl" -D "$dir/data" -m fast -w stop >&2
	fi
}

if ! bin=$(find_programs); then
	say "The programs of a PostgreSQL server (initdb, pg_ctl) are not installed; on Debian: apt-get install postgresql"
	exit 1
fi
case ${1:-} in
ensure) ensure ;;
stop) stop ;;
remove)
	stop
	rm -rf "$dir"
	;;
*)
	say "usage: scripts/postgres.sh ensure | stop | remove"
	exit 2
	;;
esac
