"""Run a command in this process, and kill it at one of its steps: ``python -m tests.killed POINT FILE COMMAND...``.

A step is a call of the operating system by what is sent: of the journal's file, of the socket, of standard output;
it has a point before it and one after it, numbered from 1.  ``POINT`` 0 kills nothing, and writes into ``FILE`` the
name of each point.
"""

from __future__ import annotations

import os
import random
import runpy
import signal
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from goclient.carrier.sending import SECRET, UPLOAD
from goclient.jobs.open import open_items
from goclient.journal import Journal
from tests.commands import Result, completed
from tests.faults import FaultyServer

JOB = ("--noCheck", "--computingSite=TEST1", "--transformation=/bin/true")
COLLECTION = "8b5eb87a-10b2-4626-96dc-d9ab00c6942a"
CARRIED = ("--goCarry", "--Data=a", f"--OutputGO={COLLECTION}:/out/")  # beside them
SERVICE = {
    "GOCLIENT_CARRY_CLIENT_ID": "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f",
    "GOCLIENT_CARRY_CLIENT_SECRET": "a-secret-of-the-service",
    **{f"GLOBUS_SDK_SERVICE_URL_{name}": "http://127.0.0.1:9/" for name in ("AUTH", "TRANSFER")},
}
FILES = {"open", "write", "fsync", "flock", "fstat", "pread", "close"}
SOCKETS = {"connect", "connect_ex", "send", "sendall", "recv", "recv_into", "shutdown"}
BEGINS = {"new_request", "turn", "kill_jobs"}  # of sendJob, retry and kill: what they read before changes nothing
PROGRAMS = {"sendJob.py": "goclient.cli.commands.sendjob", "goclient": "goclient"}
OUTPUT = {"TextIOWrapper.write", "TextIOWrapper.flush"}


class Steps:
    """The points that the process has passed since its journal was first opened, and the one at which it is killed."""

    def __init__(self, fatal: int) -> None:
        self.passed: list[str] = []
        self._fatal = fatal
        self._begun = False

    def watch(self, frame: FrameType, event: str, function: Any) -> None:
        """Count a point, and end the process if it is the fatal one; as sys.setprofile calls it."""
        self._begun = self._begun or frame.f_code.co_name in BEGINS
        if not self._begun or event not in ("c_call", "c_return", "c_exception"):
            return
        module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
        last = name.rpartition(".")[2]
        is_step = name in OUTPUT or (module in ("posix", "fcntl") and last in FILES)
        if is_step or (name.startswith("socket.") and last in SOCKETS):
            self.passed.append(f"{'before' if event == 'c_call' else 'after'} {name}")
            if len(self.passed) == self._fatal:
                os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    point, file, *words = sys.argv[1:]
    steps = Steps(int(point))
    sys.argv = words
    threading.setprofile(steps.watch)
    sys.setprofile(steps.watch)
    try:
        runpy.run_module(PROGRAMS[words[0]], run_name="__main__", alter_sys=True)
    finally:
        sys.setprofile(None)
        Path(file).write_text("\n".join(steps.passed))


# --- as a test, or a measurement, uses it -------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """Outcome of a submission that was killed at a point, and of the same command typed again."""

    point: int
    is_killed: bool
    is_told: bool  # the user had been told of the jobs before
    again: int  # the exit code of the second command
    requests: tuple[str, ...]  # those that the server got jobs of, each by the jobs' common name
    open_requests: tuple[str, ...]  # those that the journal had as open, and perhaps sent, before the second command
    error: str  # of the second command
    sent: tuple[str, ...] = ()  # the archives and secrets that the server has after both
    noted: tuple[str, ...] = ()  # those that the journal knows of then

    @property
    def is_twice(self) -> bool:
        """True if the server got the jobs twice, though the user was not told of the first ones."""
        return len(self.requests) > 1 and not self.is_told

    @property
    def is_unknown(self) -> bool:
        """True if the journal lacks what the server has, and, of jobs, the user was not told of them."""
        if not set(self.sent) <= set(self.noted):
            return True
        return not self.is_told and self.again != 0 and not set(self.requests) <= set(self.open_requests)


def environment(folder: Path, url: str, env: Mapping[str, str]) -> dict[str, str]:
    return {**env, "PANDA_AUTH": "oidc", "PANDA_AUTH_VO": "x", "PANDA_AUTH_ID_TOKEN": "a.b.c", "PANDA_URL_SSL": url,
            "GOCLIENT_STATE": str(folder / "state"), **SERVICE}  # fmt: skip


def points(folder: Path, env: Mapping[str, str], *more: str) -> list[str]:
    """The name of each point of a submission; ``more`` are words of its command line."""
    with FaultyServer() as server:
        done = _run(0, folder, environment(folder, server.url, env), more)
    assert done.code == 0, done.err
    return (folder / "points").read_text().splitlines()


def kill_at(point: int, folder: Path, env: Mapping[str, str], *more: str) -> Outcome:
    """Kill a submission at a point, type it again, and say what came of it; the folder is new."""
    folder.mkdir()
    with FaultyServer() as server:
        whole = environment(folder, server.url, env)
        first = _run(point, folder, whole, more)
        state = folder / "state" / "journal.jsonl"
        opened = [one for one in open_items(Journal(state)) if not one.detail.endswith(" not sent")]
        again = completed(("sendJob.py", *JOB, *more), env=whole, cwd=folder)
    noted = entries_of(Journal(folder / "state" / "journal.jsonl"))
    arrived = _common(row[19] for request in server.submissions for row in request.rows)  # 19 is jobName
    known = _common(name for one in opened for name in one.names)
    is_killed, is_told = first.code == -signal.SIGKILL, "PandaID=" in first.out
    sent = (*server.uploads, *server.secrets)
    return Outcome(point, is_killed, is_told, again.code, arrived, known, again.err, sent, noted)


def entries_of(journal: Journal) -> tuple[str, ...]:
    """The archives and the secrets that a journal names."""
    return tuple(name for one in journal.entries() if one.what in (UPLOAD, SECRET) for name in one.subjects)


def _common(names: Iterable[str]) -> tuple[str, ...]:
    """Return what the names of one request's jobs have in common, for each request."""
    return tuple(dict.fromkeys(name.partition("_")[0] for name in names))


def sample(total: int, count: int, seed: int) -> list[int]:
    """So many of the points of a submission, the first and the last among them."""
    inner = range(2, total)
    return sorted({1, total, *random.Random(seed).sample(inner, min(count - 2, len(inner)))})


def _run(point: int, folder: Path, env: Mapping[str, str], more: tuple[str, ...]) -> Result:
    return run_to(point, folder, ("sendJob.py", *JOB, *more), env=env)


def run_to(point: int, folder: Path, words: Sequence[str], *, env: Mapping[str, str]) -> Result:
    """Run a command line to one of its points; without one, the file ``points`` of the folder has their names."""
    return completed(("killed", str(point), str(folder / "points"), *words), env=env, cwd=folder)


if __name__ == "__main__":
    main()
