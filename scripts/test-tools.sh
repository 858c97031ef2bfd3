#!/usr/bin/env bash
# Makes sure that the outside programs which the tests drive are there: registry clients, a PostgreSQL server, a browser. On Debian and
# Ubuntu, as root, it installs them; elsewhere it says what is missing and fails.
set -euo pipefail

missing=()
for tool in skopeo podman docker chromium; do
	command -v "$tool" >/dev/null || missing+=("$tool")
done
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || missing+=(postgresql)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "test-tools: the tests drive ${missing[*]}, which is not installed" >&2
	echo "test-tools: install it, for instance: sudo apt-get install skopeo podman docker.io postgresql chromium" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2
packages=()
for tool in "${missing[@]}"; do
	case $tool in
	podman) packages+=(podman crun) ;;
	docker) # newer releases keep the command in a package of its own
		packages+=(docker.io)
		apt-cache show docker-cli >/dev/null 2>&1 && packages+=(docker-cli)
		;;
	*) packages+=("$tool") ;;
	esac
done
echo "test-tools: installing ${packages[*]}" >&2
apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
