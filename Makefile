# Every target is one line of meaning; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
# The race detector needs a C compiler. It leaves out SQLite, which is C turned into Go: watched, it takes ten times as long.
RACE    := $(shell command -v cc >/dev/null 2>&1 && echo -race -gcflags=modernc.org/sqlite/lib=-race=false)
# Packages whose tests run on SQLite and then on PostgreSQL; those of the store run on both by themselves.
ON_BOTH := ./internal/auth ./internal/registry ./internal/stack ./internal/pipeline ./internal/api
# Packages that are tested at once: half of the time tests wait for containers, disks and clocks.
AT_ONCE := -p $(shell echo $$((2 * $$(nproc 2>/dev/null || echo 2))))
TOOL    := go tool -modfile=tools/go.mod

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-11s %s\n", $$1, $$2}'

.PHONY: build
build: ## build bin/fairlead, one static binary, with the console where npm is there
	@scripts/web.sh try
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/fairlead ./cmd/fairlead

.PHONY: web
web: ## build the console's files, which the binary holds
	@scripts/web.sh build

.PHONY: generate
generate: ## write the console's types anew after a change of the API
	FAIRLEAD_WRITE_DOCUMENT=1 go test -count=1 -run 'TestDocumentOfConsole$$$$' ./internal/api
	@scripts/web.sh generate

.PHONY: screenshots
screenshots: ## pictures of every page in both languages, themes and sizes, below screenshots/; FAIRLEAD_SHOTS_ONLY=run,stack of some
	@scripts/test-tools.sh
	@scripts/web.sh build
	@mkdir -p screenshots
	@host=$$(scripts/engine.sh ensure) && DOCKER_HOST=$$host FAIRLEAD_TEST_REQUIRE=1 FAIRLEAD_SHOTS=$(CURDIR)/screenshots go test -count=1 -timeout 1h -run 'TestScreenshots$$$$' -v ./test/e2e

.PHONY: test-web
test-web: ## lint, type check and test the console
	@scripts/web.sh test

.PHONY: demo
demo: build ## the main job on this machine: push, pipeline, upgrade; ARGS=--exit ends by itself
	@host=$$(scripts/engine.sh ensure) && DOCKER_HOST=$$host bin/fairlead demo $(ARGS)

.PHONY: test
test: ## set up what the tests need and run them all: unit, store, CLI, end to end
	@scripts/test-tools.sh
	@scripts/web.sh build
	@host=$$(scripts/engine.sh ensure) && url=$$(scripts/postgres.sh ensure) && kube=$$(scripts/kube.sh ensure) && \
		export DOCKER_HOST=$$host FAIRLEAD_TEST_POSTGRES_URL=$$url FAIRLEAD_TEST_KUBECONFIG=$$kube FAIRLEAD_TEST_REQUIRE=1 && \
		go test $(RACE) $(AT_ONCE) -timeout 30m ./... && \
		go test -timeout 30m -run 'TestRandom|KilledAnywhere' ./internal/stack && FAIRLEAD_TEST_DATABASE=postgres go test -short $(AT_ONCE) -timeout 30m $(ON_BOTH)

.PHONY: kube
kube: ## a Kubernetes cluster for the tests, on this machine: prints the path of its kubeconfig
	@scripts/kube.sh ensure

.PHONY: test-crash
test-crash: ## kill servers N times (100) under load, on SQLite and as often on PostgreSQL with two servers; make test does 50 of each
	@scripts/test-tools.sh
	@host=$$(scripts/engine.sh ensure) && url=$$(scripts/postgres.sh ensure) && DOCKER_HOST=$$host FAIRLEAD_TEST_POSTGRES_URL=$$url \
		FAIRLEAD_TEST_REQUIRE=1 FAIRLEAD_CRASH_KILLS=$${N:-100} go test -count=1 -timeout 5h -run 'TestKills$$' -v ./test/e2e

.PHONY: lint
lint: ## vet, staticcheck and formatting
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not formatted; run gofmt -w on:"; echo "$$files"; exit 1; fi
	go vet ./...
	$(TOOL) staticcheck ./...

.PHONY: verify
verify: lint ## lint, tidy go.mod, known vulnerabilities (asks the Go vulnerability database)
	go mod tidy -diff
	$(TOOL) govulncheck ./...

.PHONY: bench
bench: build ## the figures of docs/benchmarks.md
	@host=$$(scripts/engine.sh ensure) && DOCKER_HOST=$$host scripts/bench.sh

.PHONY: fuzz
fuzz: ## fuzz the parsers of outside text, a minute each
	go test -run '^$$' -fuzz FuzzParse -fuzztime 60s ./internal/template
	go test -run '^$$' -fuzz FuzzEvaluate -fuzztime 60s ./internal/template

.PHONY: clean
clean: ## remove what was built
	rm -rf bin coverage.out web/node_modules
	find web/dist -mindepth 1 ! -name .gitkeep -delete
