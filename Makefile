# Gradtide's verbs. `make run` and `make test` need Python >= 3.11, make and git; the rest comes by itself.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

# Two cores do more as two processes than as one that waits for its own threads;
# and sums of floats depend on how many threads made them.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
# debootstrap lives where only root's PATH leads.
export PATH := $(PATH):/usr/sbin:/sbin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev browser image-tools run test check test-long torch bench bench-full format constraints clean

help:
	@echo 'make run         set up and start the dashboard on http://127.0.0.1:8000'
	@echo 'make test        set up and check everything, in a real browser too'
	@echo 'make test-long   the tests that take minutes, or measure time'
	@echo 'make bench       how fast a training step is, beside PyTorch; make bench-full: other sizes, too'
	@echo 'make format      what the format check asks for'
	@echo 'make constraints resolve the versions again (needs uv)'

# --- setting up ---------------------------------------------------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'Gradtide needs Python 3.11 or newer; none found (make PYTHON=/path/to/python3).' >&2; exit 1; }
	@# Debian keeps venv in a package of its own.
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null; \
	  else echo "$(PYTHON) has no venv module: install it (Debian: apt-get install python3-venv)." >&2; exit 1; fi; }
	"$(PYTHON)" -m venv $(VENV)

# Hashes and a local project do not go into one call of pip.
$(VENV)/.runtime: $(BIN)/python constraints.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@# Once for this user: else the first run of each cell waits for it.
	@cd / && $(abspath $(BIN))/python -c 'import engine; engine.compile_loops()'
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime constraints-dev.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r constraints-dev.txt
	@touch $@

setup: $(VENV)/.runtime
setup-dev: $(VENV)/.dev

browser: $(VENV)/.dev
	@$(BIN)/python tests/browser/install.py

# --- the verbs ----------------------------------------------------------------------------------

run: setup
	@exec $(BIN)/gradtide serve --starter

# What needs no test runner, then one pytest for all the rest: its last line closes the log.
check: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

image-tools: $(VENV)/.dev
	@$(BIN)/python tests/image/install.py

# A process per core, at most four; a file's tests stay together, and the browser's come last.
test: check browser image-tools
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-long: torch browser
	$(BIN)/python -m pytest -q -m 'long or benchmark'

# PyTorch stands in no constraints file: which build fits is the machine's affair, and torchrecurrent
# needs it. Nothing that is pinned may move for their sake.
torch: $(VENV)/.dev
	@$(BIN)/python -m pip freeze --exclude-editable > $(VENV)/pinned.txt
	$(BIN)/python -m pip install --quiet --constraint $(VENV)/pinned.txt torch==2.13.0 torchrecurrent==0.2.5 tensorboard==2.21.0 keras==3.15.1

bench: torch
	$(BIN)/python -m benchmarks

# JAX, where it is installed, is measured too.
bench-full: torch
	$(BIN)/python -m benchmarks --full
	$(BIN)/python -m benchmarks --peers
	GRADTIDE_COMPILED=0 $(BIN)/python -m benchmarks --peers
	$(BIN)/python -m benchmarks matrix jacobians growth cheap long_sequences log_scaling start_up memory two_at_once stored_runs threads
	$(BIN)/python -m benchmarks.many

format: setup-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

COMPILE := uv pip compile --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --no-header --no-annotate --upgrade --extra fast pyproject.toml

constraints:
	$(COMPILE) --group build --output-file constraints.txt
	$(COMPILE) --group build --extra dask --extra objects --extra postgres --constraints constraints.txt \
	  --output-file constraints-cluster.txt
	$(COMPILE) --group build --group dev --constraints constraints.txt --output-file constraints-dev.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
