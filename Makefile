# Everything starts here. Needs Python 3.11+ and a package index, nothing else.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo up test explore check format bench clean

# The environment: made once, made again when the lock changes.
.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tuvi needs Python 3.11 or newer; say which: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements.lock)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# Segment's SDKs for Node and for browsers, which a test runs as they are.
.venv/sdks: .venv/ready tests/sdks/package.json tests/sdks/package-lock.json
	@cd tests/sdks && NODE_OPTIONS=--use-system-ca ../../$(BIN)/npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

demo: .venv/ready  ## five days of a shop in three minutes, checked
	@$(BIN)/tuvi demo

up: .venv/ready  ## the whole stack in real time, until Ctrl-C
	@$(BIN)/tuvi up

test: .venv/ready .venv/sdks  ## all tests, on real Kafka and PostgreSQL
	$(BIN)/pytest -q --numprocesses 3 --no-loadscope-reorder

explore: .venv/ready  ## the properties with new examples, in another order
	$(BIN)/pytest -q --hypothesis-profile=explore -p randomly tests/unit tests/contract

check: .venv/ready  ## format, lint, types, boundaries, tests: what CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/ready  ## figures beside the machine's raw limits
	$(BIN)/python -m tests.benchmarks

COMPILE = $(BIN)/uv pip compile pyproject.toml --generate-hashes --no-header --no-emit-index-url \
  --no-annotate --universal --python-version 3.11 --quiet
lock:  ## newest versions of everything, with hashes
	$(COMPILE) --group build --group local --group dev --output-file requirements.lock
	$(COMPILE) --group build --constraint requirements.lock --output-file requirements.production.lock

clean:
	rm -rf tests/sdks/node_modules .venv .tuvi .mypy_cache .ruff_cache .pytest_cache .hypothesis
