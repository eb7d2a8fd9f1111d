# Every verb of the project; each does one thing. `make help` lists them.
PY ?= python3
BIN := .venv/bin
MEMBERS := schemas runtime maker monitor-service quote-service inventory-service risk-service gateway-api research sandbox
export PYTHONDONTWRITEBYTECODE :=
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev fast run test test-fast test-kafka lint format up down bench bench-kafka bench-orders bench-sides bench-budget bench-gate bench-rude bench-ui bench-paper bench-quotes bench-peers setup-peers soak soak-kafka docs page screenshots lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# What commands load when they need it is compiled once, here: ccxt alone takes five seconds.
USED := ccxt.pro, maker.cli.app, maker.engine, maker.run, gateway_api.app.service, gateway_api.history.worker, \
	monitor_service.streams.worker, research.pnl.command, research.calibration.command, sandbox.command
.venv/ready: requirements.lock $(MEMBERS:%=%/pyproject.toml)
	@$(PY) -m venv .venv || { echo "python3 -m venv failed: on Debian, apt install python3-venv" >&2; exit 3; }
	@$(PIP) --no-compile --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation $(MEMBERS:%=-e ./%)
	@$(BIN)/python -c "import $(USED)" && touch $@

.venv/ready-dev: .venv/ready requirements-dev.lock
	@$(PIP) --no-compile --require-hashes -r requirements-dev.lock && touch $@

setup: .venv/ready  ## make the virtual environment that the engine runs in

setup-dev: .venv/ready-dev  ## add what tests and lint need

fast: setup  ## compile what every market event passes, which needs a C compiler; some five minutes
	@$(PIP) --no-compile --require-hashes -r requirements-compile.lock
	@rm -rf .venv/compiled && $(BIN)/python deploy/make_compiled.py .venv/compiled
	@$(PIP) --no-deps --force-reinstall .venv/compiled/*.whl
	@$(BIN)/maker --version

run: setup  ## the whole engine in one process, with a dashboard
	@$(BIN)/maker up $(ARGS)

TWO := -n 2 --dist worksteal
test: setup-dev  ## all tests that can run on this machine
ifdef ARGS
	@$(BIN)/python -m pytest $(ARGS)
else
	@$(BIN)/python -m pytest $(TWO) -m "not timed"
	@$(BIN)/python -m pytest -m timed
endif

test-fast: setup-dev  ## the everyday part, under a minute
	@$(BIN)/python -m pytest $(TWO) -m "not slow and not browser and not kafka and not redis" $(ARGS)

test-kafka: setup-dev  ## what needs Kafka and Redis; fails where they cannot run
	@MM_REQUIRE_ALL_TESTS=1 $(BIN)/python -m pytest -m "kafka or redis" $(ARGS)

lint: setup-dev  ## ruff, mypy strict, import rules, manifests
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache \
		&& $(BIN)/python -m pytest -q tests/contract/test_deploy.py

format: setup-dev  ## let ruff rewrite what it can
	@$(BIN)/ruff check --fix-only . ; $(BIN)/ruff format .

up:  ## everything in containers: Kafka, Redis and each process (needs Docker)
	docker compose -f deploy/compose.yaml up --build --wait --detach
	@echo "The page is at http://127.0.0.1:8080/"

down:  ## stop the containers; their volumes stay
	docker compose -f deploy/compose.yaml down

bench: setup-dev  ## print the figures: events a second, latency, memory
	@$(BIN)/python -m tests.bench.run $(ARGS)

bench-kafka: setup-dev  ## the same of the processes on Kafka: latency by hop, saturation, restarts
	@$(BIN)/python -m tests.bench.kafka $(ARGS)

bench-orders: setup-dev  ## the same of orders over the sandbox exchange: decision to answer
	@$(BIN)/python -m tests.bench.orders $(ARGS)

bench-budget: setup-dev  ## what it costs to count a request in the budget that all clients share
	@$(BIN)/python -m tests.bench.budget $(ARGS)

bench-sides: setup-dev  ## how many quotes stand where the venue grants few messages
	@$(BIN)/python -m tests.bench.sides $(ARGS)

bench-paper: setup-dev  ## the tables of Avellaneda and Stoikov (2008) beside ours
	@$(BIN)/python -m tests.bench.paper $(ARGS)

bench-quotes: setup-dev  ## the default settings on recordings, walk-forward, beside three baselines; some ten minutes
	@$(BIN)/python -m tests.bench.quotes $(ARGS)

bench-balance: setup-dev  ## what each stage of the position balancer costs on recordings, and the inventory risk it saves
	@$(BIN)/python -m tests.bench.balance $(ARGS)

bench-gate: setup-dev  ## how long the router's gate takes for one order
	@$(BIN)/python -m tests.bench.gate $(ARGS)

bench-rude: setup-dev  ## what rude clients cost: a halt in a crowd of half-open requests, previews beside quoting
	@$(BIN)/python -m tests.bench.rude $(ARGS)

bench-ui: setup-dev  ## the page at 100 symbols: script time a frame, heap, event to pixel, what it costs quoting
	@$(BIN)/python -m tests.bench.page $(ARGS)

setup-peers: .venv-peers/nautilus/ready .venv-peers/hftbacktest/ready  ## install what bench-peers compares with, each in an environment of its own
.venv-peers/%/ready: tests/bench/%.lock
	@$(PY) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps --require-hashes -r $< \
		&& touch $@

bench-peers: setup-dev  ## market events a CPU second, beside NautilusTrader and hftbacktest on the same recording
	@$(BIN)/python -m tests.bench.peers $(ARGS)

soak: setup-dev  ## a week of simulated days with all that goes wrong, then the sandbox exchange; under an hour
	@$(BIN)/python -m tests.soak.run $(ARGS)

soak-kafka: setup-dev  ## the processes on a real broker, and what goes wrong there; some ten minutes
	@$(BIN)/python -m tests.soak.kafka $(ARGS)

docs: setup-dev  ## the contracts and the parameters as documents: docs/api, docs/PARAMETERS.md
	@$(BIN)/maker docs parameters > docs/PARAMETERS.md
	@$(BIN)/maker docs asyncapi > docs/api/asyncapi.json
	@$(BIN)/maker docs openapi > docs/api/openapi.json

COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	$(MEMBERS:%=--no-emit-package mm-%) pyproject.toml --group build
COMPILE_PEER := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11
lock: setup-dev  ## resolve every third-party version anew
	@$(COMPILE) -o requirements.lock $(ARGS)
	@$(COMPILE) --group dev -c requirements.lock -o requirements-dev.lock $(ARGS)
	@$(COMPILE) --group compile -c requirements-dev.lock -o requirements-compile.lock $(ARGS)
	@echo "nautilus_trader==1.221.0" | $(COMPILE_PEER) - -o tests/bench/nautilus.lock $(ARGS)
	@printf "%s\n" hftbacktest==2.4.4 numba==0.68.1 llvmlite==0.50.0 numpy==2.2.6 \
		| $(COMPILE_PEER) --no-deps - -o tests/bench/hftbacktest.lock $(ARGS)

PAGE := gateway-api/page
page:  ## build the dashboard from its source (needs Node 20.19 or newer); the result is committed
	@npm --prefix $(PAGE)/openapi ci --no-audit --no-fund --loglevel=error
	@npm --prefix $(PAGE)/openapi run --silent generate
	@npm --prefix $(PAGE) ci --no-audit --no-fund --loglevel=error
	@npm --prefix $(PAGE) run --silent check
	@npm --prefix $(PAGE) run --silent build

screenshots: setup-dev  ## the pictures in docs/images, of a fresh engine in a real browser; fails where text is cut
	@$(BIN)/python -m docs.make_screenshots

clean:  ## remove what the other verbs made
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache runs
