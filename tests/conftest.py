"""Fixtures that all tests share: real command lines, run in an environment of their own, against a started sandbox."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import branches
from tests.starter import MEASURED

if os.environ.get(MEASURED):
    branches.measure()  # before anything of goclient is imported

from goclient import secrets
from tests.commands import Result, Run, clean_environment, run_command, started_quickly
from tests.keys import make_quickly
from tests.processes import ended_with_us
from tests.sandboxes import Sandbox, sandbox_in
from tests.servers.gridftp import gridftp

__all__ = ["gridftp"]

if TYPE_CHECKING:
    from tests.servers.webdav import WebdavServer

gc.disable()  # until all tests are collected, of which nothing is garbage
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background; what the tests start inherits it
os.umask(0o022)  # for what is made before the first test
make_quickly()  # keys
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("here", deadline=None)
os.environ.pop("COLUMNS", None)  # of pytest-xdist's workers: a test says itself how wide a terminal is
settings.load_profile("ci" if os.environ.get("CI") else "here")  # in CI the same examples in every run


# What starts a server, or is one; and the fixtures of tests that need a program or a server which is not ours.
_MODULES = (
    *("faults", "identity_provider", "myproxy_hostile", "myproxy_servers", "processes", "recording", "sandboxes"),
    "servers.scripted_gridftp",
)
SERVERS = {
    "http.server",
    "tests.web_server",
    "tests.servers.collection",
    "tests.node.engines.benches",
    *(f"tests.{name}" for name in _MODULES),
}
GRID = {"gridftp", "webdav"}
LONGEST_TEST = 600  # seconds, with its fixtures, on a busy machine
REVERSED = "GOCLIENT_TEST_REVERSED"  # the tests from the last one to the first: what one leaves to another is found
REAL = {*GRID, "globus_program", "real"}
LONG = {
    "test_campaign.py",
    "test_carrier_kills.py",
    "test_from_2012.py",
    "test_install.py",
    "test_kills.py",
    "test_panda_pilot.py",
}  # the others run beside them


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> Iterator[None]:
    """Mark what ``make test-unit`` runs, and what ``make test`` leaves to ``make conformance``."""
    for item in items:
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        named = {*item.fixturenames, *(one for one in parameters if isinstance(one, str))}
        if "conformance" in item.path.parts or not REAL.isdisjoint(named):
            item.add_marker("conformance")
            if not GRID.isdisjoint(named):
                item.add_marker("grid")
        elif not item.get_closest_marker("conformance") and not _serves(item.module):
            item.add_marker("unit")
    yield
    if os.environ.get(REVERSED):
        items.reverse()
    _begin_with_long(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def _begin_with_long(items: list[pytest.Function], workers: int) -> None:
    """Have each worker begin with its share of the long tests; those of one fixture stay together."""
    together: dict[object, list[pytest.Function]] = {}
    others = []
    for item in items:
        if item.path.name in LONG:
            together.setdefault((item.path, getattr(item, "callspec", None) and item.callspec.id), []).append(item)
        else:
            others.append(item)
    groups = list(together.values())
    begun = 0
    items.clear()
    for worker in range(workers):  # who gets as many of all, one behind the other
        items += [item for group in groups[worker::workers] for item in group]
        end = (worker + 1) * (len(others) + sum(map(len, groups))) // workers - len(items) + begun
        items += others[begun : max(begun, end)]
        begun = max(begun, end)
    items += others[begun:]


def pytest_sessionstart() -> None:
    """Have an alarm fail the test that runs."""
    signal.signal(signal.SIGALRM, _end_test)


def pytest_collection_finish() -> None:
    """Look for garbage from now on, but not among the tests themselves."""
    gc.freeze()
    gc.enable()


@cache
def _serves(module: ModuleType) -> bool:
    """Return whether a module of tests uses a server."""
    used = {getattr(one, "__module__", getattr(one, "__name__", "")) for one in vars(module).values()}
    return not used.isdisjoint(SERVERS)


def pytest_runtest_setup() -> None:
    """Begin each test as a process does: without the credentials and the umask of those before it, and with an end."""
    signal.alarm(LONGEST_TEST)
    os.umask(0o022)  # files that others may write to are refused, whatever the developer's umask is
    secrets._needles = ()


def _end_test(*_: object) -> None:
    """Fail a test that waits for ever, as one whose assertion failed does for a process that goes on."""
    raise TimeoutError(f"the test has not ended within {LONGEST_TEST} s")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In CI a skip is a failure: what a test needs, .ci/run installs."""
    if os.environ.get("CI") and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("ERROR: tests were skipped in CI", red=True)
        session = terminalreporter._session
        assert session is not None
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """End the servers of the tests with them, whatever ends the tests."""
    with ended_with_us(tmp_path_factory.getbasetemp()), started_quickly(tmp_path_factory.getbasetemp()):
        yield


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    return clean_environment(home)


@pytest.fixture
def run(env: dict[str, str], tmp_path: Path) -> Run:
    """Runs one command line; keyword arguments are further environment variables."""

    def command(*words: str, **more: str) -> Result:
        return run_command(words, env={**env, **more}, cwd=tmp_path)

    return command


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of the test's own."""
    with sandbox_in(tmp_path) as started:
        yield started


@pytest.fixture(scope="module")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox for the tests of one module that change nothing which the others see."""
    with sandbox_in(tmp_path_factory.mktemp("shared")) as started:
        yield started


@pytest.fixture(scope="session")
def webdav() -> Iterator[WebdavServer]:
    """A real WebDAV server, which knows people by their proxies."""
    from tests.servers.webdav import webdav_server  # few tests pay for it

    with webdav_server() as server:
        yield server


@pytest.fixture(scope="session")
def globus_program() -> str:
    """The real globus command, in a virtual environment of its own; ``make test`` makes that."""
    program = os.environ.get("GOCLIENT_TEST_GLOBUS", "")
    if not program:
        pytest.skip("GOCLIENT_TEST_GLOBUS does not name the globus command: make test sets it up")
    return program
