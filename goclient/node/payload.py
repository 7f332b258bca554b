"""Payload of a job: run as an argument list, and judged by its exit code and what it says of itself."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO

from goclient.errors import GoclientError
from goclient.errors.wording import quote
from goclient.journal import Entry, Journal
from goclient.model.location import JOB_OUT
from goclient.node.engines.base import Heartbeat, JobContext
from goclient.node.keeper import Command, keep
from goclient.node.signals import check

HEARTBEAT_EVERY = 1.0  # seconds between two heartbeats of a process that runs
PAYLOAD = Entry("payload", "payload", "intended")  # as the journal has it; what it becomes follows from it

# What a payload of 2012 says of itself in its output.
_FAILED = re.compile(rb"^!!FAILED!!([0-9]{1,9})[0-9]*!!(.*)", re.MULTILINE)
_PIECE = 1 << 20  # bytes of output that are read at once
_LINE = 1 << 16  # bytes of a line that are kept


class PayloadError(GoclientError):
    """A payload could not be fetched or run, or it failed; ``status`` is its exit code, if it has one."""

    code = "payload"

    def __init__(self, message: str, *, status: int | None = None, hint: str = "see job.out in the job's log") -> None:
        super().__init__(message, hint=hint)
        self.status = status


def has_ended_well(journal: Journal) -> bool:
    """Return True if the payload has; raise PayloadError if it was started and has not: no payload runs twice."""
    last = journal.last(PAYLOAD.what, PAYLOAD.key)
    if last is not None and last.state != "done":
        raise PayloadError("the payload was started by a pilot that died before its end", hint="submit the job again")
    return last is not None


def of_job(path: str, flags: int) -> int:
    """Open a file that may leave with the job's output: the umask says who may read it, as of the payload's own."""
    return os.open(path, flags | os.O_CLOEXEC, 0o644)


def open_output(directory: Path) -> IO[bytes]:
    """Return the file of the payload's output, which is made; raise PayloadError if something has its name."""
    try:
        return open(directory / JOB_OUT, "x+b", opener=of_job)
    except OSError as error:
        raise PayloadError(
            f"{JOB_OUT} cannot be written in the job's directory: {error.strerror}",
            hint=f"no input may be called {JOB_OUT}: the payload's output has that name",
        ) from error


def run(program: Path, words: Sequence[str], context: JobContext, *, env: Mapping[str, str], output: IO[bytes]) -> None:
    """Run the payload in the job's directory, with its output in a file; the journal has its end.

    A relative path of a program is one in the job's directory.

    The words are its arguments as they are: nothing is expanded.  What the heartbeat raises ends the payload, and all
    that it has started.  Raises PayloadError if it fails.
    """
    started = time.monotonic()
    entry = PAYLOAD.then("intended")
    context.journal.append(entry)
    try:
        code = _exit_code(
            Command([os.path.join(os.curdir, program), *words], context.directory, env, output.fileno()), context
        )
        failed, last = _read_output(output, context.heartbeat)
        if code != 0:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise PayloadError(
                f"the payload {how}: {quote(last) if last else 'it said nothing'}",
                status=code if code > 0 else 128 - code,
            )
        if failed is not None:
            said, why = (group.decode(errors="replace") for group in failed.groups())
            raise PayloadError(f"the payload says that it failed: {said}: {why.strip()}", status=int(said))
    except GoclientError as error:
        status = error.status if isinstance(error, PayloadError) else None
        context.journal.append(entry.then("failed", *([] if status is None else [str(status)]), detail=error.message))
        raise
    seconds = time.monotonic() - started
    context.journal.append(entry.then("done", detail=f"{seconds:.1f} s"))
    context.reporter.progress(f"the payload ended well after {seconds:.1f} s")


def _exit_code(command: Command, context: JobContext) -> int:
    with ExitStack() as stack:
        try:
            process = stack.enter_context(keep(command, PAYLOAD.key, context.journal))
        except OSError as error:
            raise PayloadError(f"{quote(command.words[0])} cannot be run: {error.strerror}") from error
        except ValueError as error:  # a NUL in a word
            raise PayloadError(f"the payload's words cannot be passed: {error}") from error
        while (status := process.wait(HEARTBEAT_EVERY)) is None:
            check()
            context.heartbeat.send()
        return status


def _read_output(output: IO[bytes], heartbeat: Heartbeat) -> tuple[re.Match[bytes] | None, str]:
    """Return the first word of failure in the payload's output, and its last line that is not blank.

    The file is the one that was made for it: the payload may have put a pipe or a link in its place.
    """
    failed, last, cut = None, b"", b""
    output.seek(0)
    for piece in iter(partial(output.read, _PIECE), b""):
        heartbeat.send()
        lines, newline, rest = (cut + piece).replace(b"\r", b"\n").rpartition(b"\n")
        failed = failed or _FAILED.search(lines)
        last = lines.rstrip().rpartition(b"\n")[2][:_LINE] or last
        cut = rest if newline else rest[:_LINE]  # a line without an end is cut
    failed = failed or _FAILED.search(cut)
    return failed, (cut.strip() or last).decode(errors="replace").strip()
