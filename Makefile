# Everything a person does with this repository, by name. `make` alone says what there is.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
EXTRAS := demo,grafana,bench

# Passed on: make demo ARGS="--for 60", make bench ARGS="--help", make test PYTEST_ARGS="-m 'not broker'".
ARGS        ?=
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint typecheck format schemas docs boards bench faults soak servers clean

help: ## say what there is
	@echo "oversight: make TARGET"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo '  ARGS="…" goes to the command of demo, bench, faults and soak, PYTEST_ARGS="…" to pytest.'

setup: $(STAMP) ## install everything into .venv (again only when pyproject.toml or the pins change)

$(STAMP): pyproject.toml requirements/constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
	    echo "There is no $(PYTHON) here. Install Python 3.11 or newer (Debian: apt-get install python3 python3-venv)," >&2; \
	    echo "or say which to use: make PYTHON=/path/to/python3 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is $$($(PYTHON) -V 2>&1); Python 3.11 or newer is needed." >&2; \
	    echo "Say which to use: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments. Install its venv module (Debian: apt-get install python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet -c requirements/constraints.txt -e '.[$(EXTRAS)]' --group dev
	@touch $@

demo: setup ## broker, worker, sample data, page and /metrics on this machine; ARGS="--for 60" ends it by itself
	$(BIN)/oversight demo $(ARGS)

test: lint typecheck ## lint, types and the whole suite; what needs a server that is not here is skipped
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: setup ## ruff, its formatter's check, and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

typecheck: setup ## mypy, strict
	$(BIN)/mypy

format: setup ## let ruff put the code into shape
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

schemas: setup ## write the JSON Schema of the contract anew
	$(BIN)/oversight schema --write

FAULTS := PYTHONPATH=$(CURDIR):$(CURDIR)/tests:$(CURDIR)/tests/integration $(BIN)/python tests/faults

docs: setup ## write the generated pages of docs/ anew
	$(BIN)/python -m streams.commands.documents
	$(FAULTS)/reliability.py

boards: setup ## write the Grafana boards' JSON anew
	$(BIN)/python -m grafana.build

bench: setup ## the benchmark against a real Kafka; see ARGS="--help"
	$(BIN)/oversight bench $(ARGS)

faults: setup ## break the running service in every way there is, an hour long; see ARGS="--help"
	$(FAULTS)/run_faults.py $(ARGS)

soak: setup ## an hour at a steady rate, a worker restarted every five minutes; see ARGS="--help"
	$(FAULTS)/soak.py $(ARGS)

servers: setup ## fetch Apache Kafka (Java, Maven) and a recent Prometheus (Debian) into the cache
	$(BIN)/python -m streams.local

clean: ## remove .venv and what tools left behind; the cache of servers stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find schemas streams grafana tests -name __pycache__ -type d -prune -exec rm -rf {} +
