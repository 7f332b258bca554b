# make demo, make test: each sets up what it needs, without root. make check, make figures: for developers.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVER := .venv-server
GLOBUS := .venv-globus
OLDEST := .venv-panda-client
XGFAL := .venv-xgfalclient
PILOT := .venv-panda-pilot
PIP := -m pip install --quiet --disable-pip-version-check
UNIT = .venv-unit-$(shell $(PYTHON) -c 'import platform; print(platform.python_version())')
PACKAGE := pyproject.toml setup.cfg

# What the tests compare goclient with, and how they are told where that is.
PEERS := $(SERVER)/.ready $(GLOBUS)/.ready $(OLDEST)/.ready
# What pytest makes of the tests' asserts is kept: each worker would make it again.
TOLD := PYTHONDONTWRITEBYTECODE= GOCLIENT_TEST_SERVER_PYTHON="$(CURDIR)/$(SERVER)/bin/python" \
	GOCLIENT_TEST_OLDEST_PANDA_CLIENT="$(CURDIR)/$(OLDEST)" GOCLIENT_TEST_GLOBUS="$(CURDIR)/$(GLOBUS)/bin/globus"

# The branches that tests take are measured with COVERAGE=1: make test conformance coverage COVERAGE=1.
TOLD += $(if $(COVERAGE),GOCLIENT_TEST_BRANCHES=yes)

# With AGAIN=1, as CI has it, what fails is tried once more, alone, when the others are done: both results are printed.
pytest = $(TOLD) $(BIN)/pytest $(1)$(if $(AGAIN), || $(TOLD) $(BIN)/pytest $(1) -n 0 --last-failed --last-failed-no-failures=none)

.PHONY: demo test test-unit peers conformance properties mutations coverage check figures clean

demo: $(VENV)/.demo-ready
	$(BIN)/goclient sandbox demo

# Unit and functional tests: what needs no program and no server but ours, and less than half a second of a core.
test: $(VENV)/.dev-ready $(PEERS)
	$(if $(COVERAGE),$(BIN)/python -m tests.branches prepare)
	$(call pytest,-m "not conformance" --ignore=tests/conformance)

# The tests that need no server at all: make test-unit PYTHON=python3.12, each Python in a folder of its own. None waits.
test-unit: $(PEERS)
	$(MAKE) $(UNIT)/.ready
	$(TOLD) $(UNIT)/bin/pytest -n 2 -m unit

# All that tests and conformance install beside what is developed with.
peers: $(PEERS) $(XGFAL)/.ready $(PILOT)/.ready

# Real servers of files, of which the WebDAV server answers late or wrongly when more tests than cores ask it (xrootd
# 5.5.3); other real programs, and the code of real servers; then the properties with many examples. What is measured are
# the tests of real servers: nothing else tries the clients of files.
conformance: export GOCLIENT_TEST_XGFALCLIENT = $(CURDIR)/$(XGFAL)/bin
conformance: export GOCLIENT_TEST_PANDA_PILOT = $(CURDIR)/$(PILOT)/source
conformance: $(VENV)/.dev-ready $(PEERS) $(XGFAL)/.ready $(PILOT)/.ready
	$(call pytest,-n 2 -m conformance -k "grid or webdav")
	$(call pytest,-m conformance -k "not grid and not webdav")
	$(MAKE) properties

properties: export GOCLIENT_TEST_LONG = yes
properties: $(VENV)/.dev-ready $(PEERS)
	$(call pytest,-n 2 -m "hypothesis and not conformance")

# Each change of tests/conformance/mutations.toml to the code is found by the tests that it names.
mutations: $(VENV)/.dev-ready
	$(BIN)/python tools/mutations.py

coverage: $(VENV)/.dev-ready
	$(BIN)/python -m tests.branches report 95

check: $(VENV)/.dev-ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/plain_english.py
	tools/check-manpages

figures: $(VENV)/.dev-ready $(SERVER)/.ready $(GLOBUS)/.ready
	PYTHONPATH=. GOCLIENT_TEST_SERVER_PYTHON="$(CURDIR)/$(SERVER)/bin/python" \
	GOCLIENT_TEST_GLOBUS="$(CURDIR)/$(GLOBUS)/bin/globus" $(BIN)/python tools/figures.py docs/figures.md $(CHAPTERS)

clean:
	rm -rf $(VENV) $(SERVER) $(GLOBUS) $(OLDEST) $(XGFAL) $(PILOT) .venv-unit-* build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .figures

$(BIN)/python:
	$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

# In two steps, because pip has no hash of the package itself: the locked versions, then the package.
# The plain .pth of editable_mode=compat keeps start-up as fast as an ordinary installation's.
define install
	$(1)/bin/python $(PIP) --require-hashes -r requirements/$(2).txt
	$(1)/bin/python $(PIP) --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
endef

$(VENV)/.demo-ready: $(PACKAGE) requirements/sandbox.txt | $(BIN)/python
	$(call install,$(VENV),sandbox)
	touch $@

$(VENV)/.dev-ready: $(PACKAGE) requirements/dev.txt | $(BIN)/python
	$(call install,$(VENV),dev)
	touch $@ $(VENV)/.demo-ready

.venv-unit-%/.ready: $(PACKAGE) requirements/test.txt
	$(PYTHON) -m venv --clear $(@D)
	$(call install,$(@D),test)
	touch $@

$(SERVER)/.ready: requirements/server.txt
	$(PYTHON) -m venv $(SERVER)
	$(SERVER)/bin/python $(PIP) --no-deps --require-hashes -r requirements/server.txt
	touch $@

$(GLOBUS)/.ready: requirements/globus-cli.txt
	$(PYTHON) -m venv $(GLOBUS)
	$(GLOBUS)/bin/python $(PIP) --require-hashes -r requirements/globus-cli.txt
	touch $@

$(XGFAL)/.ready: requirements/xgfalclient.txt
	$(PYTHON) -m venv $(XGFAL)
	$(XGFAL)/bin/python $(PIP) --require-hashes -r requirements/xgfalclient.txt
	touch $@

# As a site unpacks it: pip would leave its program out.
$(PILOT)/.ready: requirements/panda-pilot.txt | $(VENV)/.dev-ready
	rm -rf $(PILOT)
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-binary :all: \
		--require-hashes --dest $(PILOT) -r requirements/panda-pilot.txt
	mkdir $(PILOT)/source
	tar -xzf $(PILOT)/panda?pilot-*.tar.gz -C $(PILOT)/source --strip-components=1
	touch $@

# A folder of packages only: it comes before what $(VENV) has.
$(OLDEST)/.ready: requirements/oldest-panda-client.txt | $(BIN)/python
	$(BIN)/python $(PIP) --no-deps --require-hashes --upgrade --target $(OLDEST) -r requirements/oldest-panda-client.txt
	touch $@
