# A newcomer needs git, make and Python 3.11 or newer; everything else comes into .venv from the lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := build/demo
# published on purpose: the demo's people do not exist
export ESG_PSEUDONYM_KEY ?= demo-key-not-secret
export DAGSTER_HOME ?= $(CURDIR)

.PHONY: help env demo test check ui bench bench-faults bench-late docs format clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

env: $(READY) ## make the environment

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed / 需要 Python 3.11 及以上: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@# pip compiles what it copies, not what it points to; where Python may write no bytecode, each command would do it anew
	$(BIN)/python -m compileall -q pipelines connectors schemas warehouse indicators
	@touch $@

demo: $(READY) ## generate the demo enterprise, run its twelve months and evaluate the year
	$(BIN)/python -m examples.generate_demo $(DEMO)
	$(BIN)/esg --enterprise $(DEMO) run --month 2026-01 --to 2026-12
	$(BIN)/esg --enterprise $(DEMO) evaluate 2026
	$(BIN)/esg --enterprise $(DEMO) report 2026

test: $(READY) ## the whole suite
	$(BIN)/python -m pytest -n auto --dist loadfile

check: $(READY) ## style, types, layers, SQL, definitions, generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --disable-progress-bar warehouse
	$(BIN)/dg check defs
	$(BIN)/esg docs --check

ui: $(READY) ## Dagster UI and daemon over the demo (or ESG_ENTERPRISE)
	ESG_ENTERPRISE=$${ESG_ENTERPRISE:-$(CURDIR)/$(DEMO)} $(BIN)/dagster dev -m pipelines.definitions

bench: $(READY) ## a month of 10,000 meters beside a bare DuckDB script
	$(BIN)/python -m benchmarks.meters

bench-faults: $(READY) ## faults put into known meters: what is found, what energy is lost (ESG_REAL_DATA adds a real works)
	$(BIN)/python -m benchmarks.faults

bench-late: $(READY) ## one late file of 1 % of the meters beside the whole month
	$(BIN)/python -m benchmarks.late

docs: $(READY) ## write the generated docs anew
	$(BIN)/esg docs

format: $(READY) ## lay out code as `make check` wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove the environment and what was built
	rm -rf $(VENV) build .pytest_cache .ruff_cache .mypy_cache
