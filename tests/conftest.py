"""What the tests share: real command lines, run in an environment of their own, against a started sandbox."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import settings

from goclient import secrets
from goclient.reporter import waiting
from tests.processes import ended_with_us, running_in
from tests.starter import Starter

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background; what the tests start inherits it
os.umask(0o022)  # for what is made before the first test
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")  # in CI the same examples in every run

MODULES = {"sendJob.py": ["-m", "goclient.cli.commands.sendjob"], "goclient": ["-m", "goclient"]}
TIMEOUT = 60  # seconds; a command that hangs is a failure


@dataclass(frozen=True)
class Result:
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def pytest_runtest_setup() -> None:
    """Begin each test as a process does: without the credentials, the umask and the waits of those before it."""
    os.umask(0o022)  # files that others may write to are refused, whatever the developer's umask is
    secrets._needles = ()
    waiting._reporter = None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In CI a skip is a failure: what a test needs, .ci/run installs."""
    if os.environ.get("CI") and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("ERROR: tests were skipped in CI", red=True)
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED


Run = Callable[..., Result]
_ask = requests.api.request
_starter: Starter | None = None  # while tests run
_secrets: dict[str, str] = {}  # of the sandboxes that were started, by their URLs


def _with_secret(method: str, url: str, **more: Any) -> requests.Response:
    """Ask as somebody who has read ``env.sh``: what is a sandbox's own, and a login in it, take its secret."""
    for base, secret in _secrets.items():
        if url.startswith((f"{base}/sandbox/", f"{base}/connect/", f"{base}/v2/oauth2/authorize")):
            more["headers"] = {"Authorization": f"Bearer {secret}", **(more.get("headers") or {})}
    return _ask(method, url, **more)


requests.api.request = _with_secret  # what requests.get and its like call; a Session of a test's own asks as anybody


def clean_environment(home: Path) -> dict[str, str]:
    """An environment without the developer's settings, whose HOME has nothing in it."""
    keep = {"PATH", "LANG", "LC_ALL", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"}
    return {**{name: value for name, value in os.environ.items() if name in keep}, "HOME": str(home)}


def run_command(words: tuple[str, ...], *, env: dict[str, str], cwd: Path, timeout: float = TIMEOUT) -> Result:
    """Run a command line, one of ours in a process that need not start first."""
    if words[0] in MODULES and _starter and _starter.can(env):
        done = _starter.run([*MODULES[words[0]][1:], *words[1:]], env=env, cwd=cwd, timeout=timeout)
    else:
        command = [sys.executable, *MODULES[words[0]], *words[1:]] if words[0] in MODULES else list(words)
        done = subprocess.run(
            command, env=env, cwd=cwd, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
        )
    assert "Traceback (most recent call last)" not in done.stderr, done.stderr
    return Result(done.returncode, done.stdout, done.stderr)


def running_below(folder: Path) -> list[str]:
    """Return the command lines of processes that name a folder of goclient below another one, or work in it."""
    return list(running_in(f"{folder}/goclient-").values())


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """End the servers of the tests with them, whatever ends the tests."""
    global _starter
    with ended_with_us(tmp_path_factory.getbasetemp()):
        _starter = Starter(tmp_path_factory.getbasetemp())
        yield
        _starter.end()
        _starter = None


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


class Sandbox:
    """A started sandbox, and a user in front of it."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.cwd = home
        self.env = clean_environment(home)
        started = run_command(("goclient", "sandbox", "start", "--dir", str(root)), env=self.env, cwd=home)
        assert started.code == 0, started.err
        exports = subprocess.run(
            ["sh", "-c", '. "$1" && env -0', "sh", str(root / "env.sh")], env=self.env, capture_output=True, check=True
        ).stdout.decode()
        self.env = dict(line.split("=", 1) for line in exports.split("\0") if line)
        self.url = self.env["SANDBOX_URL"]
        _secrets[self.url] = self.env["SANDBOX_SECRET"]

    def run(self, *words: str, **more: str) -> Result:
        """Runs one command line as the sandbox's user."""
        return run_command(words, env={**self.env, **more}, cwd=self.cwd)

    def submit(self, *words: str, **more: str) -> Result:
        """Runs sendJob.py with what every job needs, and these words."""
        transformation = f"{self.url}/transformations/datatransfer.sh"
        return self.run("sendJob.py", "--computingSite=TEST1", f"--transformation={transformation}", *words, **more)

    def pilot(self, *words: str, **more: str) -> Result:
        return self.run("goclient", "pilot", "--site", "TEST1", "--once", *words, **more)

    def path(self, collection: str, path: str = "") -> Path:
        """Where a path of a collection really is."""
        return self.root / "collections" / collection / path.lstrip("/")

    def payload(self, name: str, script: str) -> str:
        """The URL of a new transformation."""
        (self.root / "transformations" / name).write_text(script)
        return f"{self.url}/transformations/{name}"

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the sandbox's database."""
        with sqlite3.connect(self.root / "sandbox.sqlite") as connection:
            connection.row_factory = sqlite3.Row
            rows = [dict(row) for row in connection.execute(query, values)]
        connection.close()
        return rows

    def stop(self) -> None:
        stopped = run_command(("goclient", "sandbox", "stop", "--dir", str(self.root)), env=self.env, cwd=self.cwd)
        assert stopped.code == 0, stopped.err


def _started(base: Path) -> Iterator[Sandbox]:
    home = base / "home"
    home.mkdir(exist_ok=True)
    sandbox = Sandbox(base / "sandbox", home)
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of the test's own."""
    yield from _started(tmp_path)


@pytest.fixture(scope="module")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox for the tests of one module that change nothing which the others see."""
    yield from _started(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="session")
def globus_program() -> str:
    """The real globus command, in a virtual environment of its own; ``make test`` makes that."""
    program = os.environ.get("GOCLIENT_TEST_GLOBUS", "")
    if not program:
        pytest.skip("GOCLIENT_TEST_GLOBUS does not name the globus command: make test sets it up")
    return program
