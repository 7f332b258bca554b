"""Command lines, run as a user's are: in an environment and a directory of their own, with their output kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.starter import Forked, ForkedPopen, Starter

MODULES = {
    "sendJob.py": ["-m", "goclient.cli.commands.sendjob"],
    "goclient": ["-m", "goclient"],
    "killed": ["-m", "tests.killed"],  # a command, which kills itself
    "python -I": ["-I"],  # any file, whose path has a slash
}
TIMEOUT = 240  # seconds; a command that hangs is a failure, and one on a machine that is busy is none
# What a command needs of the developer's environment; PYTHONPATH names the tree that tools/mutations.py tests.
KEPT = {"PATH", "PYTHONPATH", "LANG", "LC_ALL"}

_starters: list[Starter] = []  # one, while tests run


@dataclass(frozen=True)
class Result:
    """Result of a command line."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Result]


@contextmanager
def started_quickly(folder: Path) -> Iterator[None]:
    """Let commands run in processes that need not import first, while the body runs."""
    starter = Starter(folder, clean_environment(folder))
    _starters.append(starter)
    try:
        yield
    finally:
        _starters.remove(starter)
        starter.end()


def clean_environment(home: Path) -> dict[str, str]:
    """An environment without the developer's settings, whose HOME has nothing in it."""
    return {**{name: value for name, value in os.environ.items() if name in KEPT}, "HOME": str(home)}


def completed(
    words: Sequence[str], *, env: Mapping[str, str], cwd: Path, typed: str = "", timeout: float = TIMEOUT
) -> Result:
    """Run a command line, one of ours in a process that need not import first; ``typed`` is its standard input."""
    if words[0] in MODULES and _starters and _starters[0].can(env):
        done = _starters[0].run(_run_as(words), env=env, cwd=cwd, typed=typed, timeout=timeout)
    else:
        done = subprocess.run(
            command(words), env=env, cwd=cwd, input=typed, capture_output=True, text=True, timeout=timeout, check=False
        )
    return Result(done.returncode, done.stdout, done.stderr)


def started(words: Sequence[str], *, env: Mapping[str, str], cwd: Path, **more: Any) -> subprocess.Popen[str]:
    """Start a command line as subprocess does, one of ours in a process that need not import first."""
    if words[0] in MODULES and _starters and _starters[0].can(env):
        return ForkedPopen(_starters[0], _run_as(words), env=env, cwd=cwd, **{"text": True, **more})
    return subprocess.Popen(command(words), env=env, cwd=cwd, **{"text": True, **more})


def forked(words: Sequence[str], *, env: Mapping[str, str], cwd: Path, files: Sequence[int]) -> Forked | None:
    """Start a program of UTF-8 in a session of its own; return None if it has to be started for real."""
    if not _starters or not _starters[0].can(env) or sys.getfilesystemencoding() != "utf-8":
        return None
    return _starters[0].fork(words, env=env, cwd=cwd, files=files, in_session=True)


def programs(folder: Path) -> Path:
    """Make a folder of our programs, for a shell's PATH; they need not import first while tests run."""
    folder.mkdir()
    for name in ("goclient", "sendJob.py"):
        _starters[0].program(folder, name, MODULES[name][1])
    return folder


def _run_as(words: Sequence[str]) -> list[str]:
    """Return a command line of ours as a starter is told it."""
    return [*MODULES[words[0]][1:], *words[1:]]


def command(words: Sequence[str]) -> list[str]:
    """Return a command line with the program itself in place of its name, if it is one of ours."""
    return [sys.executable, *MODULES[words[0]], *words[1:]] if words[0] in MODULES else list(words)


def run_command(words: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float = TIMEOUT) -> Result:
    """Run a command line, which shows no traceback, whatever it does."""
    result = completed(words, env=env, cwd=cwd, timeout=timeout)
    assert "Traceback (most recent call last)" not in result.err, result.err
    return result
