# Everything from a fresh clone: Python 3.11 and a package network are enough.
#   make demo    a phantom study to look at         make test   all tests
#   make bench   side-by-side measurements          make lint   ruff, mypy, eslint, tsc
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
PY := $(VENV)/bin/python
PORT ?= 8000
DEMO_PATIENTS ?= 60
# Node from the PATH when it is new enough for Vite, else the one in the Python wheel.
NODE_BIN = $(shell $(PY) frontend/find_node.py)
NPM = PATH="$(NODE_BIN):$$PATH" npm --prefix frontend

.PHONY: help demo serve test test-python test-frontend lint bench build types browser examples screenshots clean

help:
	@sed -n 's/^#   //p' Makefile

# Stamps are named for the content of the files that list the packages, so that a second run
# installs nothing and a changed pin installs again.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else "Python 3.11 is needed, this is " + sys.version.split()[0] + "; name it with make PYTHON=/path/to/python3.11")'
	@echo "== Making the Python environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	@echo "== Installing Python packages (first time: a few minutes)"
	@$(PY) -m pip install --disable-pip-version-check -q -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@echo "== Installing test packages"
	@$(PY) -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	@touch $@

frontend/node_modules/.installed: frontend/package.json frontend/package-lock.json | $(VENV)/.runtime
	@echo "== Installing front-end packages"
	@$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

frontend/dist/index.html: frontend/node_modules/.installed frontend/index.html frontend/vite.config.ts $(shell find frontend/src frontend/public -type f 2>/dev/null)
	@echo "== Building the front end"
	@$(NPM) run --silent build -- --logLevel error
	@touch $@

build: frontend/dist/index.html

# Its own data directory: phantoms and patients never meet. The recipe is the paper's, on a smaller
# grid with a shallower network, so that a processor trains it in about two minutes.
demo: export ODONTOID_DATA_DIR ?= $(CURDIR)/var/demo
demo: export ODONTOID_DEFAULT_OVERRIDES ?= depth=18,grid=fit,size=128,epochs=12
demo: build
	@$(PY) manage.py demo --patients $(DEMO_PATIENTS) --port $(PORT)

serve: build
	@$(PY) manage.py serve --port $(PORT)

types: frontend/node_modules/.installed
	@PYTHON="$(abspath $(PY))" $(NPM) run --silent types

browser: $(VENV)/.dev
	@$(PY) -m tests.e2e.chromium

lint: $(VENV)/.dev frontend/node_modules/.installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy .
	$(NPM) run --silent lint
	$(NPM) run --silent typecheck

test-frontend: frontend/node_modules/.installed
	$(NPM) run --silent test

# The pytest summary stands last, whatever ran before it. Four for two cores: the browser's tests, three groups, wait
# more than they work.
test: $(VENV)/.dev build browser test-frontend
	$(PY) -m pytest -n 4 --dist loadgroup $(PYTEST_ARGS)

test-python: $(VENV)/.dev
	$(PY) -m pytest -n 4 --dist loadgroup -m "not browser" $(PYTEST_ARGS)

bench: $(VENV)/.dev build browser
	$(PY) -m tests.benchmarks $(BENCH_ARGS)

# Pictures of the rubric's grades for the score panel; kept in the repository.
examples: $(VENV)/.runtime
	@$(PY) -m cohort.phantom.examples frontend/src/components/scoring/examples

screenshots: $(VENV)/.dev build browser
	$(PY) -m tests.e2e.screenshots

clean:
	rm -rf $(VENV) frontend/node_modules frontend/dist var
