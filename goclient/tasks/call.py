"""prun and pathena called from Python: ``goclient.prun(["--outDS", "user.jdoe.test", …])``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What a call came to.

    ``exit_code`` is that of the command, ``output`` all that it printed.  ``tasks`` are what ``--dumpJson`` has of each
    task: the options, and ``returnCode``, ``returnOut`` and ``jediTaskID``; they are empty if there was no task.
    """

    exit_code: int
    output: str
    tasks: tuple[Mapping[str, Any], ...] = ()

    @property
    def jediTaskID(self) -> int | None:  # noqa: N802  # as panda-client calls it
        """The id of the first task that was submitted; None if none was."""
        return next((task["jediTaskID"] for task in self.tasks if task.get("jediTaskID") is not None), None)


def prun(args: Sequence[str]) -> TaskResult:
    """What ``goclient prun`` with these arguments does; as ``panda_api.execute_prun``, but nothing of it is lost.

    It runs in a process of its own: panda-client changes the folder, ``sys.argv`` and the log of the process that it is
    in, and removes its temporary folder only when that ends.
    """
    return _called("prun", args)


def pathena(args: Sequence[str]) -> TaskResult:
    """What ``goclient pathena`` with these arguments does; see :func:`prun`."""
    return _called("pathena", args)


def _called(tool: str, args: Sequence[str]) -> TaskResult:
    path = _dumped(args)
    if path is not None:
        return _run(tool, args, path)
    with tempfile.TemporaryDirectory(prefix="goclient-") as folder:
        path = os.path.join(folder, "tasks.json")
        return _run(tool, [f"--dumpJson={path}", *args], path)


def _dumped(args: Sequence[str]) -> str | None:
    """Where the caller has the tasks dumped himself, if he does."""
    for word, following in zip(args, [*args[1:], None], strict=True):
        name, equals, value = word.partition("=")
        if name == "--dumpJson":
            return os.path.expanduser(value) if equals else following and os.path.expanduser(following)
    return None


def _run(tool: str, args: Sequence[str], dump: str) -> TaskResult:
    before = _stamp(dump)
    command = [sys.executable, "-P", "-m", "goclient", tool, *args]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    tasks = []
    if _stamp(dump) != before:
        with open(dump, encoding="utf-8") as file:
            tasks = json.load(file)
    return TaskResult(done.returncode, done.stdout.decode(errors="backslashreplace"), tuple(tasks))


def _stamp(path: str) -> tuple[int, int] | None:
    """What tells whether a file was written meanwhile; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
