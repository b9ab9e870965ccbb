# Everything that a developer does here, by one word. Choices go behind it: make up LOG=postgres PORT_BASE=21000

.DEFAULT_GOAL := help
.PHONY: help up demo down install test faults mutants lint bench

BIN := .venv/bin
# One worker a core: tests wait for real servers, and each worker has servers of its own.
WORKERS ?= 2
# Whole stacks at once, each with a worker to itself.
STACKS ?= 3
export PYTHON

help:
	@echo 'make up        start everything on this machine; Ctrl-C ends it, the data stay in var/'
	@echo 'make demo      the same, with the history of a demo company'
	@echo 'make down      end it from another terminal'
	@echo 'make test      all tests, on real PostgreSQL and Kafka, beside a running make up'
	@echo 'make faults    break every part under load; ROW=<test> SEED=<number> REPEAT=20 MODE=long OUTAGE=<seconds> STACKS=<at once>'
	@echo 'make mutants   take out one guard after the other; a test must fail for each; ONLY=<words>'
	@echo 'make lint      ruff, mypy, import rules, generated schemas'
	@echo 'make bench     measure everything beside its rivals; twenty minutes at most'
	@echo 'make install   only make .venv'
	@echo
	@echo 'Choices: LOG=kafka|postgres  VAR=<folder>  PORT_BASE=<number>  GATEWAY_PORT=<number>'
	@echo '         POSTGRES_PORT KAFKA_PORT CUSTOMER_PORT ...  PYTHON=<path>'

up:
	@deploy/local/bootstrap.sh run && exec $(BIN)/tandem up

demo:
	@deploy/local/bootstrap.sh run && exec $(BIN)/tandem up --demo

down:
	@if [ -x $(BIN)/tandem ]; then exec $(BIN)/tandem down; else echo 'Nothing runs here.'; fi

install:
	@deploy/local/bootstrap.sh dev

test: install
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m 'not e2e and not faults'
	$(BIN)/pytest -n $(STACKS) --dist loadgroup -m 'e2e or faults' deploy/local tests/e2e tests/faults

# Many seeds are for the report; one row or one seed is to look into a failure.
faults: export SEED := $(SEED)
faults: export REPEAT := $(REPEAT)
faults: export MODE := $(MODE)
faults: export OUTAGE := $(OUTAGE)
faults: export REPORT := $(if $(REPEAT),docs/faults.md)
faults: install
	$(BIN)/pytest -n $(STACKS) --dist loadgroup -m faults '$(or $(ROW),tests/faults)'

mutants: export ONLY := $(ONLY)
mutants: install
	PYTHONPATH=tests $(BIN)/python -m mutants

bench: install
	$(BIN)/python -m bench

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy libs services cli deploy bench tests conftest.py
	$(BIN)/lint-imports
	$(BIN)/python -m events.schemas check
	$(BIN)/python -m events.asyncapi check
	$(BIN)/python -m metrics.data_guide check
	$(BIN)/python -m metrics.catalogue_page check
