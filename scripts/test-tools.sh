#!/usr/bin/env bash
# Makes sure that the outside programs which the tests drive are there: registry clients. On Debian and Ubuntu, as root,
# it installs them; elsewhere it says what is missing and fails.
set -euo pipefail

need=()
command -v skopeo >/dev/null || need+=(skopeo)
[ ${#need[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "test-tools: the tests need: ${need[*]}" >&2
	echo "test-tools: install them, for instance: sudo apt-get install ${need[*]}" >&2
	exit 1
fi
echo "test-tools: installing ${need[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2
apt-get install -y -qq --no-install-recommends "${need[@]}" >&2
