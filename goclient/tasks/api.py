"""prun and pathena called from Python: ``goclient.prun(["--outDS", "user.jdoe.test", …])``."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from goclient.errors import UsageError
from goclient.errors.wording import quote
from goclient.files.temporary import temporary_directory


class SentTask(NamedTuple):
    """Hold one task that was sent: its name, what the server said, and its id, None if it was not accepted."""

    name: str
    said: str
    jediTaskID: int | None  # noqa: N815  # as panda-client calls it


class TaskResult(NamedTuple):
    """Hold what a call came to: the exit code of the command, all that it printed, and the tasks that were sent."""

    exit_code: int
    output: str
    tasks: tuple[SentTask, ...] = ()

    @property
    def jediTaskID(self) -> int | None:  # noqa: N802  # as panda-client calls it
        """Return the id of the first task that was accepted; None if none was."""
        return next((task.jediTaskID for task in self.tasks if task.jediTaskID is not None), None)


def prun(args: Sequence[str]) -> TaskResult:
    """Do what ``goclient prun`` with these arguments does; as ``panda_api.execute_prun``, but nothing of it is lost.

    It runs in a process of its own: panda-client changes the directory, ``sys.argv`` and the log of the process that it
    is in, and removes its temporary directory only when that ends.  Raises UsageError for one text.
    """
    return _run("prun", args)


def pathena(args: Sequence[str]) -> TaskResult:
    """Do what ``goclient pathena`` with these arguments does; see :func:`prun`."""
    return _run("pathena", args)


def _run(tool: str, args: object) -> TaskResult:
    if isinstance(args, str | bytes):
        message = f"goclient.{tool} takes a list of arguments, not one text: {quote(args)}"
        raise UsageError(message, hint=f"goclient.{tool}(shlex.split(text))", code="arguments", subject="args")
    if not isinstance(args, Iterable):
        message = f"goclient.{tool} takes a list of arguments, not {quote(repr(args))}"
        raise UsageError(message, hint=f'goclient.{tool}(["--outDS", "…"])', code="arguments", subject="args")
    args = list(args)
    for wrong in (one for one in args if not isinstance(one, str) or "\0" in one):
        message = f"goclient.{tool} takes a list of texts: {quote(repr(wrong))} in it is not a text"
        raise UsageError(
            message, hint="write it in quotes, or str(…), without a null byte", code="arguments", subject="args"
        )
    with tempfile.TemporaryFile(dir=temporary_directory()) as sent:  # a task is written down when it was sent
        command = [sys.executable, "-P", "-m", "goclient.cli.tasks", str(sent.fileno()), tool, *args]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, pass_fds=(sent.fileno(),)
        )
        sent.seek(0)
        tasks = tuple(SentTask(**json.loads(line)) for line in sent)
    return TaskResult(done.returncode, done.stdout.decode(errors="backslashreplace"), tasks)
