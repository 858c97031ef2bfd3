#!/usr/bin/env bash
# The console. "build" makes its files, which the binary holds, when its source is newer than they are; "test" checks and
# tests it; "generate" makes its types from openapi.json. All need Node.js and npm. "try" is build where npm is there, and says what is missing where it is not.
set -euo pipefail
cd "$(dirname "$0")/../web"

fresh() { # nothing that the files are made from is newer than they are
	[ -e dist/index.html.gz ] && [ -z "$(find . -path ./node_modules -prune -o -path ./dist -prune -o -type f -newer dist/index.html.gz -print -quit; find ../internal/words/zh-CN.json -newer dist/index.html.gz)" ]
}

install() {
	if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
		npm ci --no-audit --no-fund --loglevel=error >&2
	fi
}

case ${1:-} in
build)
	fresh && exit 0
	install
	npm run --silent build >&2
	;;
try)
	if command -v npm >/dev/null; then
		exec "../scripts/web.sh" build
	fi
	fresh || echo "web: npm is not installed, so the console is not built in; everything else is" >&2
	;;
generate)
	install
	npm run --silent generate >&2
	;;
test)
	install
	npm run --silent lint
	npm run --silent typecheck
	npm test --silent
	;;
*)
	echo "usage: scripts/web.sh build|generate|try|test" >&2
	exit 2
	;;
esac
