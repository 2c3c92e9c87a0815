# One command checks everything: `make test`. One command shows everything: `make demo`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
ROUTE ?= promio_to_freshsales
SIZE ?= small
SEEDS ?= 100
SIDES ?= 4
BROWSERS ?= 2
DEMO ?= demo
CLIENTS := .clients
PYTHON_CLIENTS := freshworks airbyte tap
CLIENT_LOCK := uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11

# Hundreds of tests start a process of ours; without this each of them would translate all of our code again.
unexport PYTHONDONTWRITEBYTECODE

# A test's files may lie in memory, where there is enough of it: each commit waits for the disk otherwise, and there are many.
IN_MEMORY = room=$$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1 || true); \
  if [ "$${room:-0}" -gt 6000000 ] && [ -w /dev/shm ]; then \
    export PYTEST_DEBUG_TEMPROOT=$$(mktemp -d /dev/shm/workbench-XXXXXX); trap 'rm -rf "$$PYTEST_DEBUG_TEMPROOT"' EXIT; fi; set -x;

.PHONY: help venv browser postgres demo test beside lint translated unit notebooks-check faults faults-crashes faults-soak faults-matrix faults-rest soak test-browser office-test clients clients-test clients-lock bench bench-load samples notebooks coverage decisions lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

venv: $(STAMP) ## make .venv with the package and its locked dependencies

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, found: $$($(PYTHON) --version)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null; \
	  else echo "the venv module is missing: apt-get install python3-venv" >&2; exit 1; fi; }
	@echo "→ virtual environment and dependencies (once, about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

browser: $(CLIENTS)/axe/.ready ## see to a Chromium, and to axe-core, for the browser tests
	@command -v chromium chromium-browser google-chrome >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "→ Chromium for the browser tests"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	  else echo "Chromium is missing: apt-get install chromium" >&2; exit 1; fi; }

postgres: ## see to a PostgreSQL for the tests of the database
	@command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "→ PostgreSQL for the tests of the database"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null; \
	  else echo "PostgreSQL 13 or newer is missing: apt-get install postgresql (or WORKBENCH_NO_POSTGRES=1 to leave its tests out)" >&2; \
	    [ "$${WORKBENCH_NO_POSTGRES:-}" = 1 ]; fi; }

demo: venv ## one whole engagement there and back, Promio → Freshsales (ROUTE=profi_to_pipedrive, SIZE=medium …)
	@$(BIN)/python -m sample_exports.demo --route $(ROUTE) --size $(SIZE) --into $(DEMO)

test: venv browser postgres ## everything that CI checks
	@echo "→ lint, and the environments of the clients"
	@$(MAKE) --no-print-directory -j2 -Otarget lint clients translated
	@echo "→ unit tests, and beside them one after the other notebooks, browser, clients, crashes and faults (it says more in ten minutes)"
	@$(MAKE) --no-print-directory -j2 -Otarget unit beside

beside:
	@for part in notebooks-check test-browser clients-test faults; do $(MAKE) --no-print-directory $$part BROWSERS=0; done

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

translated: venv # the tests, once, before each of a dozen processes does it for itself
	@$(BIN)/pytest -q --collect-only tests >/dev/null || true  # what is wrong with one of them is told when it is run

unit: venv postgres ## the tests without a browser, without others' clients and without the faults, side by side
	@$(IN_MEMORY) $(BIN)/pytest -q -n $(SIDES) --dist loadfile --no-loadscope-reorder --durations 15 \
	  -m "not browser and not slow and not clients and not office" $(patsubst %,--ignore tests/%,browser clients faults) tests

faults: venv ## the loader under crashes and faults: every crash point, each fault alone, a soak of 8 seeds, and mutants
	@$(MAKE) --no-print-directory -j4 -Otarget faults-crashes faults-soak faults-matrix faults-rest

faults-crashes:
	@$(IN_MEMORY) $(BIN)/pytest -q tests/faults/test_crash_points.py

faults-soak:
	@$(IN_MEMORY) $(BIN)/pytest -q tests/faults/test_soak.py tests/faults/test_rivals.py

faults-matrix:
	@$(IN_MEMORY) $(BIN)/pytest -q tests/faults/test_fault_matrix.py

faults-rest:
	@$(IN_MEMORY) $(BIN)/pytest -q $(patsubst %,--ignore tests/faults/test_%.py,crash_points soak rivals fault_matrix) tests/faults

soak: venv ## the same soak with 100 seeds, of a night (SEEDS=20 for fewer)
	EVERY_POINT=1 SOAK_SEEDS=$(SEEDS) $(BIN)/pytest -q tests/faults/test_crash_points.py tests/faults/test_soak.py

notebooks-check: venv ## run the reference notebooks again and compare every output
	$(BIN)/python -m tests.reference check

test-browser: venv browser ## every widget and page in JupyterLab, with real keys and clicks
	$(BIN)/pytest -q -n $(BROWSERS) --dist loadfile -m browser tests/browser

office-test: venv ## the customer's workbook through LibreOffice
	@command -v soffice pdftotext >/dev/null || { echo "LibreOffice is missing: apt-get install libreoffice-calc poppler-utils" >&2; exit 1; }
	$(BIN)/pytest -q -m office tests

clients: $(PYTHON_CLIENTS:%=$(CLIENTS)/%/.ready) $(CLIENTS)/pipedrive/.ready ## make the environments of the real clients, each from its lock

$(CLIENTS)/%/.ready: tests/clients/%/requirements.lock
	@echo "→ environment of the client $*"
	@rm -rf $(@D)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@for bare in $(wildcard tests/clients/$*/bare.lock); do \
	  $(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $$bare; done
	@touch $@

$(CLIENTS)/airbyte/.ready: tests/clients/airbyte/bare.lock

$(CLIENTS)/pipedrive/.ready: $(addprefix tests/clients/pipedrive/,package.json package-lock.json .npmrc)

$(CLIENTS)/axe/.ready: $(addprefix tests/browser/axe/,package.json package-lock.json .npmrc)

$(CLIENTS)/pipedrive/.ready $(CLIENTS)/axe/.ready:
	@{ command -v node && command -v npm; } >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -y -qq nodejs npm >/dev/null; \
	  else echo "Node 20 and npm are missing: apt-get install nodejs npm" >&2; exit 1; fi; }
	@node -e 'process.exit(Number(process.versions.node.split(".")[0] < 20))' || { \
	  echo "Node 20 or newer is needed, found: $$(node --version)" >&2; exit 1; }
	@echo "→ environment of $(notdir $(@D))"
	@rm -rf $(@D)
	@mkdir -p $(@D)
	@cp $^ $(@D)
	@npm ci --prefix $(@D) --silent
	@touch $@

clients-test: venv clients ## real clients of the vendors against the rehearsals
	$(BIN)/pytest -q -m clients tests/clients

clients-lock: ## resolve the clients' dependencies again (uv and npm are needed)
	for name in $(PYTHON_CLIENTS); do $(CLIENT_LOCK) tests/clients/$$name/requirements.in -o tests/clients/$$name/requirements.lock; done
	$(CLIENT_LOCK) --no-deps tests/clients/airbyte/bare.in -o tests/clients/airbyte/bare.lock
	for folder in tests/clients/pipedrive tests/browser/axe; do (cd $$folder && npm install --package-lock-only); done

bench: venv ## figures: time and peak memory of the medium sample, of the rehearsals, of a large ledger, of an extraction, and of a table that opens
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench_matching
	$(BIN)/python -m tests.bench_ledger
	$(BIN)/python -m tests.bench_load_memory
	$(BIN)/python -m tests.bench_resume
	$(BIN)/python -m tests.bench_extract
	$(BIN)/python tests/browser/bench_table.py

bench-load: venv ## how near to the limits a load runs: 350,000 records on a virtual clock, then 60 s over real sockets
	$(BIN)/python -m tests.bench_load

samples: venv ## write sample_exports/ again
	$(BIN)/python -m sample_exports.generate promio --size small --out sample_exports/promio

notebooks: venv ## execute the templates on the sample and keep them as notebooks/
	$(BIN)/python -m tests.reference refresh

coverage: venv ## run the walks of the five routes and write docs/coverage.md again
	$(BIN)/python -m tests.coverage_page

decisions: venv ## record the decisions of the sample again, after rules or samples have changed
	$(BIN)/python -m sample_exports.demo --route $(ROUTE) --record

lock: venv ## resolve the dependencies again (uv is needed)
	uv pip compile --quiet --all-extras --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml -o requirements.lock

clean: ## take away what was built, but no sample and no engagement of yours
	rm -rf $(VENV) $(CLIENTS) $(DEMO) .pytest_cache .mypy_cache .ruff_cache
