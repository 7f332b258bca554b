# make demo, make test: each sets up what it needs, without root. make check, make figures: for developers.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVER := .venv-server
GLOBUS := .venv-globus
OLDEST := .venv-panda-client
PIP := -m pip install --quiet --disable-pip-version-check
PACKAGE := pyproject.toml setup.cfg requirements/constraints.txt

.PHONY: demo test check figures clean

demo: $(VENV)/.demo-ready
	$(BIN)/goclient sandbox demo

test: $(VENV)/.dev-ready $(SERVER)/.ready $(GLOBUS)/.ready $(OLDEST)/.ready
	GOCLIENT_TEST_SERVER_PYTHON="$(CURDIR)/$(SERVER)/bin/python" \
	GOCLIENT_TEST_OLDEST_PANDA_CLIENT="$(CURDIR)/$(OLDEST)" \
	GOCLIENT_TEST_GLOBUS="$(CURDIR)/$(GLOBUS)/bin/globus" $(BIN)/pytest

check: $(VENV)/.dev-ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	tools/check-manpages

figures: $(VENV)/.dev-ready $(SERVER)/.ready $(GLOBUS)/.ready
	PYTHONPATH=. GOCLIENT_TEST_SERVER_PYTHON="$(CURDIR)/$(SERVER)/bin/python" \
	GOCLIENT_TEST_GLOBUS="$(CURDIR)/$(GLOBUS)/bin/globus" $(BIN)/python tools/figures.py docs/figures.md

clean:
	rm -rf $(VENV) $(SERVER) $(GLOBUS) $(OLDEST) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

# The plain .pth of editable_mode=compat keeps start-up as fast as an ordinary installation's.
$(VENV)/.demo-ready: $(PACKAGE) | $(BIN)/python
	$(BIN)/python $(PIP) -c requirements/constraints.txt --config-settings editable_mode=compat -e '.[sandbox]'
	touch $@

$(VENV)/.dev-ready: $(PACKAGE) | $(BIN)/python
	$(BIN)/python $(PIP) -c requirements/constraints.txt --config-settings editable_mode=compat -e '.[dev]'
	touch $@ $(VENV)/.demo-ready

$(SERVER)/.ready: requirements/server.txt
	$(PYTHON) -m venv $(SERVER)
	$(SERVER)/bin/python $(PIP) --no-deps -r requirements/server.txt
	touch $@

$(GLOBUS)/.ready: requirements/globus-cli.txt
	$(PYTHON) -m venv $(GLOBUS)
	$(GLOBUS)/bin/python $(PIP) -r requirements/globus-cli.txt
	touch $@

# A folder of packages only: it comes before what $(VENV) has.
$(OLDEST)/.ready: requirements/oldest-panda-client.txt | $(BIN)/python
	$(BIN)/python $(PIP) --no-deps --upgrade --target $(OLDEST) -r requirements/oldest-panda-client.txt
	touch $@
