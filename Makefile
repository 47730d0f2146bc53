# Every habit of the project. `make` alone tells them; the recipes are what continuous integration runs too.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
PORT   ?= 8000
VENV   := .venv
BIN    := $(VENV)/bin

# Stamps: a step runs again when what it is made from has changed, and only then.
TOOLS  := $(VENV)/.tools
PORTAL := $(VENV)/.portal

.PHONY: help
help: ## Tell what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1m%-10s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Use

.PHONY: install run worker
install: $(TOOLS) ## Make .venv from the lock and build the portal

run: install ## Serve on 127.0.0.1:$PORT (8000), with a demo key printed
	@exec $(BIN)/engage serve --host 127.0.0.1 --port $(PORT)

worker: install ## Run the jobs in a process of their own
	@exec $(BIN)/engage worker

##@ Keep

.PHONY: lock clean
lock: $(BIN)/uv ## Resolve both locks anew (UPGRADE=1 takes newer versions)
	$(LOCK) --extra otel --output-file requirements.lock
	$(LOCK) --all-extras --group dev --constraints requirements.lock --output-file requirements-dev.lock

# --no-header, --no-emit-*: a lock names versions and hashes, never where somebody got them or how.
LOCK = $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

clean: ## Remove what was made (never the data in var/)
	rm -rf $(VENV) portal/site dist .coverage htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed and '$(PYTHON)' is not there. Name another: make install PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) -V). Name another: make install PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "'$(PYTHON)' has no venv module (on Debian and Ubuntu: apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# uv installs the lock in 5 seconds where pip takes a minute. It comes from the lock itself, with the same hashes.
$(BIN)/uv: $(BIN)/python requirements-dev.lock
	@awk '/^uv==/ { on = 1 } on { print } on && !/\\$$/ { exit }' requirements-dev.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@touch $@

# uv does not read pip's configuration, so where an index is reached through that (a mirror), pip does the work.
$(TOOLS): $(BIN)/uv requirements-dev.lock pyproject.toml
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.lock \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
