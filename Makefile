# The doors for people: `make run` and `make test` work on a machine with Python >= 3.11 and nothing else.
PYTHON ?= python3
PY := .venv/bin/python
LITELLM := .venv-litellm/bin/litellm
LITELLM_VERSION := 1.106.2
CHROMIUM ?= $(shell for name in chromium-headless-shell chromium chromium-browser google-chrome; do command -v $$name && break; done)

# Tests and checks keep their files away from the data of `make run`.
SCRATCH := $(CURDIR)/var/test
TEST_ENV := PYTHONDONTWRITEBYTECODE= ROUTING_CONSOLE_DATA="$(SCRATCH)" ROUTING_CONSOLE_DEMO=0
SQLITE_ENV := $(TEST_ENV) DATABASE_URL="sqlite:///$(SCRATCH)/test.sqlite3" REDIS_URL=

# As many tests at once as there are cores; those that share a server stay together.
WORKERS ?= logical
PYTEST := $(PY) -m pytest --numprocesses=$(WORKERS) --maxprocesses=8 --dist=loadgroup

.PHONY: help run test quick check .types .lint lock bench-gateway bench-rehearsal bench-live bench-pages bench-usage bench-complexity fidelity screenshots

help:  ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: .venv/.stamp  ## set up and start the console (HOST, PORT and the README's settings apply)
	@exec $(PY) -m routing_console

test: .venv/.stamp-dev .venv-litellm/.stamp  ## set up and test: SQLite, PostgreSQL and Valkey, LiteLLM's proxy, a browser
	$(SQLITE_ENV) $(PYTEST)
	$(TEST_ENV) $(PY) -m tests.services -- $(PYTEST)
	$(SQLITE_ENV) $(PYTEST) tests/proxy
ifneq ($(CHROMIUM),)
	$(SQLITE_ENV) CHROMIUM="$(CHROMIUM)" $(PYTEST) tests/e2e
else
	@echo "NOT RUN: tests/e2e, the tests in a real browser. Install Chromium, or name it: make test CHROMIUM=/path"
endif

quick: check  ## check, and every test that needs no server and is not slow, on SQLite: for in between
	$(SQLITE_ENV) $(PYTEST) -m "not server and not slow"

check: .venv/.stamp-dev  ## format, lint, types, import contracts, migrations, API schema
	@$(MAKE) --no-print-directory --jobs=2 .types .lint

.types:
	$(TEST_ENV) $(PY) -m mypy

.lint:
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"
	$(SQLITE_ENV) $(PY) manage.py check
	$(SQLITE_ENV) $(PY) manage.py makemigrations --check --dry-run
	$(SQLITE_ENV) $(PY) manage.py spectacular --validate --fail-on-warn --file /dev/null

COMPILE := $(PY) -m uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-find-links

lock: .venv/.stamp-dev  ## compile requirements*.txt, with hashes, from requirements*.in
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -o requirements-dev.txt

bench-gateway: .venv/.stamp .venv-litellm/.stamp  ## CPU per request: ours, LiteLLM's proxy, a bare pass-through
	$(PY) -m bench.gateway --litellm $(LITELLM)

bench-rehearsal: .venv/.stamp  ## requests per CPU second of a rehearsal, beside the first recipe
	$(PY) -m bench.rehearsal

bench-live: .venv/.stamp-dev  ## 50 viewers of one run: bytes, CPU and frames per second
	$(TEST_ENV) $(PY) -m bench.live

bench-pages: .venv/.stamp  ## server time and queries of each page, from 100 to 10,000 groups
	$(PY) -m bench.pages

bench-usage: .venv/.stamp-dev  ## usage page, API and request log at 1,000,000 requests, and what logging costs
	$(PY) -m bench.usage

bench-complexity: .venv/.stamp  ## time to score a message, beside LiteLLM's own complexity router
	$(PY) -m bench.complexity

fidelity: .venv/.stamp-dev  ## the same faults rehearsed and live: is what you rehearse what you get?
	$(TEST_ENV) $(PY) -m bench.fidelity

screenshots: .venv/.stamp-dev  ## pictures of every page and of the live diagram into screenshots/: both themes, three widths
	$(TEST_ENV) CHROMIUM="$(CHROMIUM)" $(PY) -m tests.e2e.scene_screenshots
	$(TEST_ENV) CHROMIUM="$(CHROMIUM)" $(PY) -m tests.e2e.screenshots

# uv takes a quarter of pip's time; where it can't be had, or finds no packages, pip does the same.
PIP := $(PY) -m pip install -qq --disable-pip-version-check
UV := $(PY) -m uv pip install --quiet --compile-bytecode
install = @$(UV) --python $(PY) --require-hashes -r $(1) 2>/dev/null || $(PIP) --require-hashes -r $(1)

.venv/.stamp: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Routing Console needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv (the first time takes a minute or two) …"
	@$(PYTHON) -m venv .venv || { echo "On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@sed -n '/^uv==/,/^ *#/p' requirements-dev.txt >.venv/uv.txt && $(PIP) --require-hashes -r .venv/uv.txt || true
	$(call install,requirements.txt)
	@touch $@

.venv/.stamp-dev: .venv/.stamp requirements-dev.txt
	$(call install,requirements-dev.txt)
	@touch $@

.venv-litellm/.stamp: Makefile .venv/.stamp
	@$(PYTHON) -m venv .venv-litellm
	@$(UV) --python .venv-litellm/bin/python 'litellm[proxy]==$(LITELLM_VERSION)' 2>/dev/null || \
	  .venv-litellm/bin/python -m pip install -qq --disable-pip-version-check 'litellm[proxy]==$(LITELLM_VERSION)'
	@touch $@
