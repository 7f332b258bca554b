"""A started sandbox, and a user in front of it."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import requests

from goclient.files.private import private
from goclient.sandbox.daemon import running
from goclient.sandbox.directory import Directory
from goclient.sandbox.myproxy.authority import make_grid
from goclient.sandbox.myproxy.grid import Grid
from tests.commands import TIMEOUT, Result, clean_environment, forked, run_command
from tests.starter import Forked

_ask = requests.api.request
_secrets: dict[str, str] = {}  # of the sandboxes that were started, by their URLs


def _with_secret(method: str, url: str, **more: Any) -> requests.Response:
    """Ask as somebody who has read ``env.sh``: what is a sandbox's own, and a login in it, take its secret."""
    for base, secret in _secrets.items():
        if url.startswith((f"{base}/sandbox/", f"{base}/connect/", f"{base}/v2/oauth2/authorize")):
            more["headers"] = {"Authorization": f"Bearer {secret}", **(more.get("headers") or {})}
    return _ask(method, url, **more)


# What requests.get and its like call; a Session of a test's own asks as anybody.
requests.api.request = _with_secret  # type: ignore[assignment]


_made_once = threading.Lock()  # threads that start sandboxes would each make one, and the last be kept


@cache
def _certificates() -> tempfile.TemporaryDirectory[str]:
    """Return the directory of a grid that is made once: to make its keys takes longer than all else of a start."""
    made = tempfile.TemporaryDirectory()
    make_grid(Grid(Path(made.name) / "grid"))
    return made


class Sandbox:
    """A started sandbox, and a user in front of it."""

    def __init__(self, root: Path, home: Path, *, forks: bool = True) -> None:
        self.root = root
        self.cwd = home
        self.env = clean_environment(home)
        self._process = self._forked() if forks else None
        if self._process is None:  # as a user does
            started = run_command(("goclient", "sandbox", "start", "--dir", str(root)), env=self.env, cwd=home)
            assert started.code == 0, started.err
        exports = subprocess.run(
            ["sh", "-c", '. "$1" && env -0', "sh", str(root / "env.sh")], env=self.env, capture_output=True, check=True
        ).stdout.decode()
        self.env = dict(line.split("=", 1) for line in exports.split("\0") if line)
        self.url = self.env["SANDBOX_URL"]
        _secrets[self.url] = self.env["SANDBOX_SECRET"]

    def _forked(self) -> Forked | None:
        """Start the server in a process that need not import first, with certificates that were made before."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory = Directory(self.root)
        if not directory.grid.exists():
            with _made_once:
                certificates = _certificates()
            shutil.copytree(Path(certificates.name) / "grid", directory.grid)
        reader, writer = os.pipe()
        with open(directory.log, "ab", opener=private) as log, open(os.devnull, "rb") as nothing:
            files = (nothing.fileno(), log.fileno(), log.fileno(), writer)
            words = ("goclient.sandbox.daemon", str(self.root), str(files.index(writer)))
            process = forked(words, env=self.env, cwd=self.cwd, files=files)
        os.close(writer)
        with open(reader, "rb", buffering=0) as pipe:
            if process is None:
                return None
            heard, _, _ = select.select([pipe], [], [], TIMEOUT)
            assert heard and pipe.read(1), directory.log.read_text()  # noqa: PT018
        return process

    def run(self, *words: str, **more: str) -> Result:
        """Run one command line as the sandbox's user."""
        return run_command(words, env={**self.env, **more}, cwd=self.cwd)

    def submit(self, *words: str, **more: str) -> Result:
        """Run sendJob.py with what every job needs, and these words."""
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

    def set(self, **settings: float) -> None:
        """Change settings of the sandbox, such as a limit of Transfer; without any, set all back."""
        method = requests.put if settings else requests.delete
        answer = method(f"{self.url}/sandbox/settings", json=settings, timeout=60)
        assert answer.ok, answer.text

    def trouble(self, route: str, kind: str, **more: Any) -> None:
        """Inject a fault by the name of its kind; without a route it would be everybody's."""
        given = {"route": route, "kind": kind, **more}
        answer = requests.post(f"{self.url}/sandbox/trouble", json=given, timeout=60)
        assert answer.ok, answer.text

    def clear_trouble(self) -> None:
        """End all faults."""
        assert requests.delete(f"{self.url}/sandbox/trouble", timeout=60).ok

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the sandbox's database."""
        with closing(sqlite3.connect(self.root / "sandbox.sqlite")) as connection, connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and running(self.root) == process.pid:
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(TIMEOUT) == 0, Directory(self.root).log.read_text()
            return
        stopped = run_command(("goclient", "sandbox", "stop", "--dir", str(self.root)), env=self.env, cwd=self.cwd)
        assert stopped.code == 0, stopped.err
        if process is not None:  # a test has ended it, and may have started another one
            process.wait(TIMEOUT)


@contextmanager
def sandbox_in(base: Path) -> Iterator[Sandbox]:
    """A sandbox below a directory that runs while the body does."""
    home = base / "home"
    home.mkdir(exist_ok=True)
    sandbox = Sandbox(base / "sandbox", home)
    yield sandbox
    sandbox.stop()
