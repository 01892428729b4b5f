# Everything a fresh machine needs is made on the first call: only Python 3.11+, make and a C library are taken for granted.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

FEED ?= sim
# A live market has a speed of its own.
SPEED ?= $(if $(filter sim replay:%,$(FEED)),60)
ARGS ?=
SEED ?=
SEEDS ?= 1000

DATA ?= ../shared/data

MINUTES ?= 10
PROXY ?= 1
REQUESTS ?= 1000
SOAK_MINUTES ?= 5
COUNT ?= 100000

.PHONY: help setup run observe watch verify chaos late test check fmt fmt-check lint types unit sim quality zoo generate manifests check-deploy images cluster-test lock bench bench-rivals bench-servers bench-venues clients soak release dashboards-preview clean

help: ## This list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Virtual environment, locked packages, Kafka's jars. Every other target does this itself.

$(READY): requirements/dev.txt requirements/bootstrap.txt pyproject.toml tidewheel/local/servers/kafka-jars.lock
	@test -n "$(PYTHON)" || { echo "tidewheel needs Python 3.11 or newer with its venv module (on Debian: python3-venv); none was found on PATH" >&2; exit 2; }
	@echo "setting up: virtual environment and locked packages"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync -q --compile-bytecode --require-hashes requirements/bootstrap.txt requirements/dev.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --no-deps --no-build-isolation -e .
	@$(BIN)/python -m tidewheel.local.servers.jars
	@touch $@

run: $(READY) ## The whole system on this machine with the live view: FEED=sim|kraken|…|replay:<path> SPEED=60|max ARGS='...'
	@$(BIN)/tidewheel run --feed '$(FEED)' $(if $(SPEED),--speed '$(SPEED)') $(ARGS)

observe: $(READY) ## make run on small windows, so that there is soon much to see, with Prometheus beside it and Grafana where it is installed: FEED SPEED ARGS as for run
	@$(BIN)/tidewheel run --observe --window 2000 --feed '$(FEED)' $(if $(SPEED),--speed '$(SPEED)') $(ARGS)

watch: $(READY) ## The live view of a system that runs elsewhere: ARGS='--kafka ... --redis ...'
	@$(BIN)/tidewheel watch $(ARGS)

verify: $(READY) ## Real recorded prices against the oracle, record for record: DATA=<folder>. Takes minutes.
	@$(BIN)/python -m tests.system.verify_recorded '$(DATA)'

chaos: $(READY) ## Kill, stop and crowd everything during a replay, then compare with an undisturbed one: SEED=1 MINUTES=10 PROXY=1
	@$(BIN)/python -m tests.system.chaos --seed '$(or $(SEED),1)' --minutes '$(MINUTES)' $(if $(filter 0,$(PROXY)),--own-broker)

late: $(READY) ## The labeler behind a proxy that keeps, doubles, delays and cuts its requests: SEED=1 REQUESTS=1000
	@$(BIN)/python -m tests.late_requests --seed '$(or $(SEED),1)' --requests '$(REQUESTS)'

# Each worker has servers of its own; servers that were given are shared by nobody.
WORKERS := $(if $(TIDEWHEEL_TEST_KAFKA)$(TIDEWHEEL_TEST_REDIS),0,3)

# Brokers that live for a minute: what their JVM compiles a second time costs more than it saves, a third of all they use.
# A worker that dies ends the run when the others are done: pytest-xdist 3.8 waits for ever for one that replaces it.
test: export JDK_JAVA_OPTIONS = -XX:TieredStopAtLevel=1
test: check ## All tests, on a real Kafka broker and a real Redis.
	@$(BIN)/python -m pytest -q -n $(WORKERS) --max-worker-restart 0 --dist loadgroup tests/system tests/integration

check: $(READY) fmt-check lint types unit ## The fast part: format, lint, types, unit, property, conformance and tidy tests.

fmt: $(READY) ## Format the code.
	@$(BIN)/ruff format -q . && $(BIN)/ruff check -q --fix .

fmt-check: $(READY)
	@$(BIN)/ruff format --check -q . || { echo "run 'make fmt'" >&2; exit 1; }

lint: $(READY)
	@$(BIN)/ruff check -q .
	@words=$$($(BIN)/lint-imports --no-cache 2>&1) || { echo "$$words"; exit 1; }

types: $(READY)
	@$(BIN)/mypy

unit: $(READY)
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal tests --ignore=tests/integration --ignore=tests/system

sim: $(READY) ## The simulation: SEED=n one seed, with a trace where it fails; else SEEDS=1000 of them.
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

quality: $(READY) ## How good models are on the window after theirs: markets with a planted edge and without. ARGS='--seeds 10'
	@$(BIN)/python -m bench.quality $(ARGS)

zoo: $(READY) ## How good models are on markets that nobody tuned for: families by seed. ARGS='--family pull --seeds 1-3'
	@$(BIN)/python -m bench.quality.zoo $(ARGS)

generate: $(READY) ## Make again what is generated: code from proto/, docs/settings.md, docs/commands.md, docs/metrics.md and deploy/observability.
	@$(BIN)/python -m tidewheel.wire.generate
	@$(BIN)/python -m tidewheel.cli.reference
	@$(BIN)/python -m tidewheel.observability.generate

manifests: ## Render each overlay of deploy/k8s into deploy/k8s/dist, by kubectl.
	@sh deploy/k8s/render.sh

check-deploy: $(READY) ## The manifests: built, valid for several Kubernetes versions, and after our rules. Part of check.
	@$(BIN)/python -m pytest -q tests/deploy

images: ## The images of all services, by docker, podman or buildah: BASE=<image> TAG=<version> ENGINE=<one of them>
	@sh deploy/images/build.sh

cluster-test: $(READY) ## The system on the cluster that the kube context names, killed, drained and upgraded there. Takes minutes.
	@$(BIN)/python -m tests.cluster $(ARGS)

lock: $(READY) ## Choose package versions anew, with hashes and without addresses.
	@$(BIN)/python requirements/lock.py

bench: $(READY) .venv-rivals-polars/.ready ## All benches at full size, one JSON line each; labeler and passthrough three times in turns, then their best.
	@$(BIN)/python -m bench

# Environments of their own: their packages need other versions than ours.
.venv-rivals-%/.ready: requirements/rivals-%.txt $(READY)
	@echo "setting up: virtual environment of $*"
	@test -x $(@D)/bin/python || $(PYTHON) -m venv --without-pip $(@D)
	@VIRTUAL_ENV=$(@D) $(BIN)/uv pip sync -q --require-hashes $<
	@touch $@

bench-rivals: $(READY) .venv-rivals-quixstreams/.ready .venv-rivals-faust/.ready ## The labeler's job on other stream processors beside ours: ARGS='--rounds 3'
	@$(BIN)/python -m bench.rivals $(ARGS)

bench-servers: $(READY) .venv-rivals-mlserver/.ready .venv-rivals-kserve/.ready ## The predictor beside other model servers, under h2load: ARGS='--rounds 3'
	@$(BIN)/python -m bench.rivals.serving $(ARGS)

bench-venues: $(READY) .venv-rivals-ccxt/.ready ## Ingest beside another client of live venues, on a local one: ARGS='--rounds 3'
	@$(BIN)/python -m bench.rivals.venues $(ARGS)

.venv-clients-%/.ready: requirements/clients-%.txt $(READY)
	@echo "setting up: virtual environment of $*"
	@test -x $(@D)/bin/python || $(PYTHON) -m venv --without-pip $(@D)
	@VIRTUAL_ENV=$(@D) $(BIN)/uv pip sync -q --require-hashes $<
	@touch $@

soak: $(READY) ## A predictor under what chance makes: requests, byte streams, calls held open, swaps, a damaged registry: SEED=1 COUNT=100000
	@$(BIN)/python -m tests.soak --seed '$(or $(SEED),1)' --count '$(COUNT)'
	@$(BIN)/python -m tests.model_swaps --seed '$(or $(SEED),1)' --minutes '$(SOAK_MINUTES)'
	@$(BIN)/python -m tests.registry_damage --seed '$(or $(SEED),1)' --minutes '$(SOAK_MINUTES)'

clients: $(READY) .venv-clients-tritonclient/.ready .venv-clients-open_inference/.ready ## Clients that others wrote against our predictor; grpcurl and grpc-health-probe where they are on PATH.
	@$(BIN)/python -m pytest -q -rs tests/integration/test_foreign_clients.py

release: $(READY) ## sdist, wheel and bill of materials of this commit in dist/, shown to run from the wheel. Takes minutes.
	@$(BIN)/python -m release

# Grafana's components, by npm from wherever it is set up to fetch: the lock has hashes and no addresses.
RENDERER := preview/renderer

$(RENDERER)/node_modules/.ready: $(RENDERER)/package.json $(RENDERER)/package-lock.json
	@command -v npm >/dev/null 2>&1 || { echo "pictures of the dashboards need Node.js 20 or newer with npm on PATH; there is none" >&2; exit 2; }
	@echo "setting up: Grafana's components, 450 MB; takes a minute or more"
	@cd $(RENDERER) && npm ci --silent && touch node_modules/.ready

$(RENDERER)/built/page.js: $(RENDERER)/node_modules/.ready $(RENDERER)/build.mjs $(wildcard $(RENDERER)/src/*)
	@echo "building the page that draws"
	@cd $(RENDERER) && node build.mjs

dashboards-preview: $(READY) $(RENDERER)/built/page.js ## The dashboards as pictures in docs/, of a run of five minutes: ARGS='--prometheus URL' of one that is there. Needs npm, chromium, prometheus.
	@$(BIN)/python -m preview $(ARGS)

clean: ## Remove the virtual environment and caches; data directories stay.
	@rm -rf $(VENV) .venv-rivals-* .venv-clients-* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache $(RENDERER)/node_modules $(RENDERER)/built
