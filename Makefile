# Every verb of the project; each does one thing. `make help` lists them.
PY ?= python3
BIN := .venv/bin
MEMBERS := schemas chassis monitor-service quote-service inventory-service risk-service gateway-api
.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast lint format bench lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

.venv/ready: requirements.lock pyproject.toml $(MEMBERS:%=%/pyproject.toml)
	@$(PY) -m venv .venv || { echo "python3 -m venv failed: on Debian, apt install python3-venv" >&2; exit 3; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(MEMBERS:%=-e ./%)
	@touch $@

setup: .venv/ready  ## make the virtual environment

run: setup  ## the whole engine in one process, with a dashboard
	@$(BIN)/maker up $(ARGS)

test: setup  ## all tests that can run on this machine
	@$(BIN)/python -m pytest $(ARGS)

test-fast: setup  ## the everyday part, under a minute
	@$(BIN)/python -m pytest -m "not slow and not browser" $(ARGS)

lint: setup  ## ruff, mypy strict, import rules
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache

format: setup  ## let ruff rewrite what it can
	@$(BIN)/ruff check --fix-only . ; $(BIN)/ruff format .

bench: setup  ## print the figures: events a second, latency, memory
	@$(BIN)/python tests/bench/run.py $(ARGS)

lock: setup  ## resolve every third-party version anew into requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		$(MEMBERS:%=--no-emit-package mm-%) pyproject.toml --group dev -o requirements.lock $(ARGS)

clean:  ## remove what the other verbs made
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache runs
