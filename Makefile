# Countersign. `make demo` shows it, `make test` tests it; both do everything on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
SANDBOX_PORT ?= 8091
export PORT SANDBOX_PORT
FLASK := $(BIN)/flask --app app

.DEFAULT_GOAL := help
.PHONY: help month install install-dev browser company demo demo-reset test test-fast test-postgresql storm crash-points storm-sync tamper bench pictures messages check audit format run worker lock

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Countersign needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is another one. Name one: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "No virtual environment could be made. On Debian: apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/installed: $(VENV)/made requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt -r requirements-dev.txt
	@touch $@

$(VENV)/installed-company: $(VENV)/made requirements-company.txt
	@$(PYTHON) -m venv --clear $(VENV)/company
	@$(VENV)/company/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-company.txt
	@touch $@

install: $(VENV)/installed ## the virtual environment with what the portal needs
install-dev: $(VENV)/installed-dev ## and with what developing needs

browser:
	@bash .ci/browser

company: $(VENV)/installed-company

demo: install ## sandbox, portal and worker on made-up data; prints the address and the sign-ins
	@$(BIN)/python -m portal.demo

demo-reset: install ## forget what was done in the demo
	@$(BIN)/python -m portal.demo reset

test: install-dev browser company ## every test
	@$(BIN)/pytest -q -n 2 --dist worksteal

test-fast: install-dev ## without browser and crash tests
	@$(BIN)/pytest -q -n 2 --dist worksteal -m "not browser and not crash"

test-postgresql: install-dev ## the store and a month on PostgreSQL; COUNTERSIGN_TEST_POSTGRESQL names a server
	@$(BIN)/pytest -q -m postgresql

storm: install-dev ## 400 decisions through faults, kills and a person's edits, five times; fails where a rule breaks
	@$(BIN)/python -m tests.storm.run $(SEEDS)

crash-points: install-dev ## kill a worker at every named point of a push, at each of its first three passings
	@COUNTERSIGN_TEST_CRASH_POINTS=all $(BIN)/pytest -q -n 2 --dist worksteal tests/services/pushing/test_crash_points.py

storm-sync: install-dev ## a full sync through a storm, and over ten kills of its worker
	@COUNTERSIGN_TEST_KILLS=10 $(BIN)/pytest -q tests/services/test_sync_storm.py

tamper: install-dev ## 600 random tamperings of the audit trail, each of which has to be found
	@COUNTERSIGN_TEST_TAMPERINGS=600 $(BIN)/pytest -q tests/services/auditing/test_tampering.py

bench: install-dev ## how fast it is, as ratios against a floor of the same run; LONG=1 for all sizes, BENCH="sync pages" for some
	@$(BIN)/python tests/bench/run.py $(BENCH) $(if $(LONG),--long)

month: install-dev browser ## reconcile the sample month by keys, then by pointer, and print what it took
	@$(BIN)/pytest -q tests/browser/month_run.py

pictures: install-dev browser ## take every page into pictures/ at three widths in two themes, and the documentation's pictures anew
	@$(BIN)/pytest -q -n 2 --dist worksteal tests/browser/pictures.py

messages: install-dev ## list every sentence of the portal in docs/messages.txt, to be read over
	@$(BIN)/python tests/support/messages.py

check: install-dev ## format, lint, types, import rules, templates, migrations against models, advisories
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/djlint --quiet --lint templates
	@$(BIN)/pytest -q tests/db/test_store.py
	@$(BIN)/python .ci/audit_packages.py

audit: install-dev ## ask whether an advisory stands against a package that the portal runs on
	@$(BIN)/python .ci/audit_packages.py

format: install-dev ## put the code into the one format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# the portal itself takes forwarded headers from trusted proxies alone, so waitress must not drop them before
run: install ## the portal on real settings
	@$(FLASK) db upgrade
	@$(FLASK) setup-code --at-start
	@$(BIN)/waitress-serve --host=$${HOST:-127.0.0.1} --port=$(PORT) --threads=8 --ident=Countersign --no-clear-untrusted-proxy-headers app:app

worker: install ## the worker beside it
	@$(FLASK) jobs work

lock: install-dev ## pin requirements*.txt anew, with hashes (needs uv)
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url -q requirements.in -o requirements.txt
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url -q requirements-dev.in -o requirements-dev.txt
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url -q requirements-company.in -o requirements-company.txt
