# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

# Everything a newcomer types. The first target that needs it makes the virtual environment; the next ones start at once.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
# Two more than there are cores, as tests wait for disks, servers and browsers.
TESTERS ?= $(shell $(PYTHON) -c 'import os; print(min(os.cpu_count() + 2, 8))')
# An interpreter that has the programs we are measured against; each benchmark says which.
PEERS ?= $(BIN)/python
INSTALLED := $(VENV)/installed
READY := $(VENV)/ready
# Many containers set this. Every process would then compile what it imports again: 11 s of a core for Dagster and us, not 4.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo setup test check bench bench-scale faults ui clean

demo: $(READY) ## real packages through all five stages, and a report
	@$(BIN)/python -m codecommons_dagster.demo

setup: $(READY) ## what everything but the checks needs, done by the first target that needs it

test: $(READY) ## the tests, a file per process at a time, in the order that tests/conftest.py gives them
	@$(BIN)/python -m pytest --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder

check: $(INSTALLED) ## style, types, the direction of imports, licences
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/reuse lint --quiet || $(BIN)/reuse lint

bench: $(READY) ## the main job per stage, and our parts beside those of others
	@$(BIN)/python -m benchmarks --peers $(PEERS)
	@$(BIN)/python -m benchmarks.annotators
	@$(BIN)/python -m benchmarks.second_slice
	@$(BIN)/python -m benchmarks.memory
	@$(BIN)/python -m benchmarks.decisions
	@$(BIN)/python -m benchmarks.duplicates --peers $(PEERS)
	@$(BIN)/python -m benchmarks.builds --peers $(PEERS)
	@$(BIN)/python -m benchmarks.planning
	@$(BIN)/python -m benchmarks.orchestration
	@[ ! -d ../shared/data ] || $(BIN)/python -m benchmarks.accuracy

bench-scale: $(READY) ## five stages over 500 packages and four git histories, and over a half and a quarter of them
	@$(BIN)/python -m benchmarks.scale
	@$(BIN)/python -m benchmarks.export

faults: $(READY) ## kills, failing storage, rotten files and wrong clocks, tried for real; writes docs/faults.md
	@$(BIN)/python -m benchmarks.faults

ui: $(READY) ## Dagster's web interface over your lake
	@$(BIN)/python -m codecommons_dagster.ui

clean: ## everything that set-up and tools made; .codecommons, your lake, stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dbt/target dbt/logs dist

$(INSTALLED): requirements.lock pyproject.toml
	@echo "Setting up $(VENV), once ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(READY): $(INSTALLED)
	@$(BIN)/python -m codecommons_dagster.setup
	@touch $@
