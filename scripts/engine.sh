#!/usr/bin/env bash
# Finds a container engine, or starts one that belongs to this project alone.
#
#   scripts/engine.sh ensure    prints the address of an engine that answers, unix:///...; everything else goes to stderr
#   scripts/engine.sh stop      stops the private engine; what it stored stays for the next start
#
# Looks at DOCKER_HOST, Docker's socket and Podman's sockets. When none answers: as root on Debian or Ubuntu it installs
# docker.io and starts dockerd on a private socket below FAIRLEAD_ENGINE_DIR (default ~/.cache/fairlead/engine).
set -euo pipefail

dir=${FAIRLEAD_ENGINE_DIR:-${HOME:-/root}/.cache/fairlead/engine}
# The path of a socket has at most 107 bytes, and the engine makes some below its own folder.
run=$dir/run
if [ "${#run}" -gt 60 ]; then
	run=/tmp/fairlead-engine-$(id -u)-$(printf %s "$dir" | cksum | cut -d' ' -f1)
fi
socket=$run/docker.sock
pidfile=$run/dockerd.pid
log=$dir/dockerd.log

say() { printf '%s\n' "$*" >&2; }

# get URL-of-the-engine: succeeds when the engine answers. Any of curl, docker, go will do.
answers() {
	local host=$1
	case $host in
	unix://*) [ -S "${host#unix://}" ] || return 1 ;;
	esac
	if command -v curl >/dev/null 2>&1; then
		case $host in
		unix://*) curl -fsS -m 5 -o /dev/null --unix-socket "${host#unix://}" http://engine/_ping 2>/dev/null && return 0 || return 1 ;;
		tcp://*) [ -z "${DOCKER_TLS_VERIFY:-}" ] && { curl -fsS -m 5 -o /dev/null "http://${host#tcp://}/_ping" 2>/dev/null && return 0 || return 1; } ;;
		esac
	fi
	if command -v docker >/dev/null 2>&1; then
		DOCKER_HOST=$host timeout 10 docker version >/dev/null 2>&1
		return
	fi
	case $host in
	unix://*) go_ping "${host#unix://}" ;;
	*) return 1 ;;
	esac
}

go_ping() {
	local src
	src=$(mktemp -d)
	cat >"$src/main.go" <<-'GO'
		package main

		import (
			"context"
			"net"
			"net/http"
			"os"
			"time"
		)

		func main() {
			dial := func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", os.Args[1]) }
			c := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: dial}}
			if res, err := c.Get("http://engine/_ping"); err != nil || res.StatusCode != 200 {
				os.Exit(1)
			}
		}
	GO
	local rc=0
	go run "$src/main.go" "$1" >/dev/null 2>&1 || rc=1
	rm -rf "$src"
	return $rc
}

find_engine() {
	local host
	for host in "${DOCKER_HOST:-}" unix:///var/run/docker.sock unix:///run/podman/podman.sock \
		${XDG_RUNTIME_DIR:+"unix://$XDG_RUNTIME_DIR/docker.sock" "unix://$XDG_RUNTIME_DIR/podman/podman.sock"} "unix://$socket"; do
		if [ -n "$host" ] && answers "$host"; then
			printf '%s\n' "$host"
			return 0
		fi
	done
	return 1
}

give_up() {
	say "No container engine answers (DOCKER_HOST, Docker's socket, Podman's sockets)${1:+: $1}."
	say "Install and start Docker (https://docs.docker.com/engine/install/) or Podman with its API socket (systemctl start podman.socket), or set DOCKER_HOST."
	exit 1
}

install_engine() {
	[ "$(id -u)" = 0 ] || give_up
	command -v apt-get >/dev/null 2>&1 && grep -qiE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release 2>/dev/null || give_up
	say "Installing docker.io ..."
	mkdir -p "$dir"
	export DEBIAN_FRONTEND=noninteractive
	{ apt-get update -q && apt-get install -qy --no-install-recommends docker.io iptables; } >"$dir/install.log" 2>&1 ||
		give_up "apt-get install docker.io failed, see $dir/install.log"
}

# another_dockerd: somebody else's engine runs on this machine.
another_dockerd() {
	local comm
	for comm in /proc/[0-9]*/comm; do
		[ "$(cat "$comm" 2>/dev/null)" = dockerd ] && return 0
	done
	return 1
}

# running prints the pid of the private engine.
running() {
	local pid
	[ -s "$pidfile" ] && pid=$(cat "$pidfile") && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] && printf '%s\n' "$pid"
}

start_engine() {
	local flags=(--data-root "$dir/data" --exec-root "$run/exec" -H "unix://$socket" --pidfile "$pidfile"
		# Small networks of our own range, so that there are many and none collides with another engine's.
		--default-address-pool base=10.213.0.0/16,size=24 --default-address-pool base=172.29.0.0/16,size=24)
	if another_dockerd; then
		flags+=(--bridge none) # docker0 is the other one's
	fi
	if [ -S /run/containerd/containerd.sock ]; then
		flags+=(--containerd-namespace fairlead --containerd-plugins-namespace fairlead-plugins)
	fi
	# Some machines may not lower their own OOM score, some have no overlayfs below this folder.
	try_start "${flags[@]}" --oom-score-adjust 0 || try_start "${flags[@]}" ||
		try_start "${flags[@]}" --oom-score-adjust 0 --storage-driver vfs ||
		give_up "dockerd does not start, see $log"
}

try_start() {
	rm -f "$pidfile" "$socket"
	say "Starting a private container engine in $dir ..."
	setsid nohup dockerd "$@" >>"$log" 2>&1 </dev/null &
	local child=$! i
	for ((i = 0; i < 150; i++)); do
		if [ -S "$socket" ] && answers "unix://$socket"; then
			return 0
		fi
		if ! kill -0 "$child" 2>/dev/null && ! running >/dev/null; then
			return 1
		fi
		sleep 0.2
	done
	kill "$child" 2>/dev/null || true
	return 1
}

ensure() {
	find_engine && return
	command -v dockerd >/dev/null 2>&1 || install_engine
	[ "$(id -u)" = 0 ] || give_up
	mkdir -p "$dir" "$run"
	chmod 700 "$dir" "$run"
	# Only one at a time starts it; the others find it. The engine must not inherit the lock.
	exec 9>"$dir/lock"
	flock 9
	find_engine && return
	start_engine 9>&-
	printf 'unix://%s\n' "$socket"
}

stop() {
	local pid i
	if ! pid=$(running); then
		say "The private engine does not run."
		return 0
	fi
	kill "$pid"
	for ((i = 0; i < 150; i++)); do
		if ! running >/dev/null; then
			rm -f "$socket"
			say "The private engine is stopped."
			return 0
		fi
		sleep 0.2
	done
	say "The private engine (process $pid) does not stop."
	return 1
}

case ${1:-} in
ensure) ensure ;;
stop) stop ;;
*)
	say "usage: scripts/engine.sh ensure | stop"
	exit 2
	;;
esac
