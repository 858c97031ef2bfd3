#!/usr/bin/env bash
# Builds a Kubernetes control plane from its Go modules and starts a cluster of it for the tests, on the loopback address.
#
#   scripts/kube.sh ensure    prints the path of the kubeconfig of a cluster that answers; everything else goes to stderr
#   scripts/kube.sh stop      stops the cluster; what was built stays
#   scripts/kube.sh box       prints the path of the program, which is also kubectl and helm: BOX kubectl get pods
#
# FAIRLEAD_TEST_KUBECONFIG names a cluster of your own instead. The first build takes some minutes; the program and the
# cluster are below FAIRLEAD_KUBE_DIR (default ~/.cache/fairlead/kube), for each version of the program in a folder of their own, so
# that checkouts which differ leave each other's clusters alone. Its kubeconfig has the contexts admin and restricted.
set -euo pipefail

source=$(cd "$(dirname "$0")/../test/kube" && pwd)
dir=${FAIRLEAD_KUBE_DIR:-${HOME:-/root}/.cache/fairlead/kube}
kubernetes=v1.36.3

say() { printf '%s\n' "$*" >&2; }

# key is the same as long as the files are that the program is built from.
key() {
	(cd "$source" && sha256sum go.mod go.sum ./*.go stages/* && go env GOOS GOARCH GOVERSION) | sha256sum | cut -c1-16
}

build() {
	local box=$dir/$1/kubebox new=$dir/kubebox.new old
	[ -x "$box" ] && return
	say "Building Kubernetes $kubernetes, etcd and kwok in $dir; the first time this takes some minutes ..."
	CGO_ENABLED=0 go build -C "$source" -trimpath -buildvcs=false -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$kubernetes" -o "$new" . >&2
	for old in "$dir"/*/; do # of versions that no cluster runs of
		if [ -x "$old/kubebox" ] && [ ! -e "$old/cluster/program" ]; then rm -rf "$old"; fi
	done
	mkdir -p "$dir/$1"
	mv "$new" "$box"
}

# locked runs a function while no other ensure or stop does.
locked() {
	mkdir -p "$dir"
	chmod 700 "$dir"
	exec 9>"$dir/lock"
	flock 9
	"$@" 9>&-
}

ensure() {
	if [ -n "${FAIRLEAD_TEST_KUBECONFIG:-}" ]; then
		printf '%s\n' "$FAIRLEAD_TEST_KUBECONFIG"
		return
	fi
	locked start
}

start() {
	local k
	k=$(key)
	build "$k"
	"$dir/$k/kubebox" up --dir "$dir/$k/cluster"
}

box() {
	local k
	k=$(key)
	build "$k"
	printf '%s\n' "$dir/$k/kubebox"
}

stop() {
	local box cluster
	for box in "$dir"/*/kubebox; do
		cluster=$(dirname "$box")/cluster
		[ -e "$cluster/program" ] || continue
		"$box" down --dir "$cluster"
		say "The cluster in $cluster is stopped."
	done
}

case ${1:-} in
ensure) ensure ;;
stop) locked stop ;;
box) locked box ;;
*)
	say "usage: scripts/kube.sh ensure | stop | box"
	exit 2
	;;
esac
