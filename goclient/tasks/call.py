"""prun and pathena called from Python: ``goclient.prun(["--outDS", "user.jdoe.test", …])``."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import NamedTuple

from goclient.errors import UsageError


class SentTask(NamedTuple):
    """One task that was sent: its name, what the server said, and its id, None if it was not accepted."""

    name: str
    said: str
    jediTaskID: int | None  # noqa: N815  # as panda-client calls it


class TaskResult(NamedTuple):
    """What a call came to: the exit code of the command, all that it printed, and the tasks that were sent."""

    exit_code: int
    output: str
    tasks: tuple[SentTask, ...] = ()

    @property
    def jediTaskID(self) -> int | None:  # noqa: N802  # as panda-client calls it
        """Return the id of the first task that was accepted; None if none was."""
        return next((task.jediTaskID for task in self.tasks if task.jediTaskID is not None), None)


def prun(args: Sequence[str]) -> TaskResult:
    """Do what ``goclient prun`` with these arguments does; as ``panda_api.execute_prun``, but nothing of it is lost.

    It runs in a process of its own: panda-client changes the folder, ``sys.argv`` and the log of the process that it is
    in, and removes its temporary folder only when that ends.
    """
    return _called("prun", args)


def pathena(args: Sequence[str]) -> TaskResult:
    """Do what ``goclient pathena`` with these arguments does; see :func:`prun`."""
    return _called("pathena", args)


def _called(tool: str, args: Sequence[str]) -> TaskResult:
    if isinstance(args, str):  # which is a sequence of its letters, too
        hint = f"goclient.{tool}({shlex.split(args)!r})"
        raise UsageError(f"the arguments of {tool} are a list of words, not one text", hint=hint, code="one-text")
    # Each task is written down when it was sent, whatever becomes of the process later.
    with tempfile.TemporaryFile() as sent:
        command = [sys.executable, "-P", "-m", "goclient.cli.tasks", str(sent.fileno()), tool, *args]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, pass_fds=(sent.fileno(),)
        )
        sent.seek(0)
        tasks = tuple(SentTask(**json.loads(line)) for line in sent)
    return TaskResult(done.returncode, done.stdout.decode(errors="backslashreplace"), tasks)
