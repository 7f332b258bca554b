"""Payload of a job: run as an argument list, and judged by its exit code and what it says of itself."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from goclient.errors import GoclientError
from goclient.errors.wording import quoted
from goclient.node.engines.base import Heartbeat
from goclient.node.signals import uninterrupted

OUTPUT = "job.out"
HEARTBEAT_EVERY = 1.0  # seconds between two heartbeats of a process that runs

# What a payload of 2012 says of itself in its output.
_FAILED = re.compile(r"!!FAILED!!([0-9]{1,9})[0-9]*!!(.*)")
_PIECE = 1 << 16  # characters of a line of output that are read at once


class PayloadError(GoclientError):
    """A payload could not be fetched or run, or it failed; ``status`` is its exit code, if it has one."""

    code = "payload"

    def __init__(self, message: str, *, status: int | None = None, hint: str = "see job.out in the job's log") -> None:
        super().__init__(message, hint=hint)
        self.status = status


def of_job(path: str, flags: int) -> int:
    """Open a file that may leave with the job's output: the umask says who may read it, as of the payload's own."""
    return os.open(path, flags | os.O_CLOEXEC, 0o644)


def run(program: Path, words: Sequence[str], *, directory: Path, env: Mapping[str, str], heartbeat: Heartbeat) -> float:
    """Run the payload, whose output is ``job.out`` in the directory; return the seconds that it took.

    The words are its arguments as they are: nothing is expanded.  What the heartbeat raises ends the payload.  Raises
    PayloadError if it fails.
    """
    started = time.monotonic()
    try:
        output = open(directory / OUTPUT, "x+b", opener=of_job)  # noqa: SIM115  # closed below; only opening may fail so
    except OSError as error:
        raise PayloadError(
            f"{OUTPUT} cannot be written in the job's directory: {error.strerror}",
            hint=f"no input may be called {OUTPUT}: the payload's output has that name",
        ) from error
    with output:
        process = None
        try:
            with uninterrupted():
                process = _start([str(program), *words], directory, env, output.fileno())
            while process.poll() is None:
                try:
                    process.wait(HEARTBEAT_EVERY)
                except subprocess.TimeoutExpired:
                    heartbeat.send()
            status = process.returncode
        finally:
            if process is not None:
                with uninterrupted():
                    end(process)
        failed, last = _read_output(output)
    if status != 0:
        how = f"was killed by signal {-status}" if status < 0 else f"ended with exit code {status}"
        raise PayloadError(
            f"the payload {how}: {quoted(last) if last else 'it said nothing'}",
            status=status if status > 0 else 128 - status,
        )
    if failed:
        raise PayloadError(f"the payload says that it failed: {failed[1]}: {failed[2].strip()}", status=int(failed[1]))
    return time.monotonic() - started


def _start(command: list[str], directory: Path, env: Mapping[str, str], output: int) -> subprocess.Popen[bytes]:
    """Start the program, in a session of its own; a script without ``#!`` is run by /bin/sh, as execvp does."""
    encoded = [word.encode("utf-8", "surrogateescape") for word in command]  # as they are, whatever the node's locale
    for prefix in ([], [b"/bin/sh"]):
        try:
            return subprocess.Popen(
                [*prefix, *encoded],
                cwd=directory,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            if error.errno != errno.ENOEXEC or prefix:
                raise PayloadError(f"{quoted(command[0])} cannot be run: {error.strerror}") from error
        except ValueError as error:  # a NUL in a word
            raise PayloadError(f"the payload's words cannot be passed: {error}") from error
    raise AssertionError("unreachable")


def end(process: subprocess.Popen[bytes], *, within: float = 5.0) -> None:
    """End a process that leads a session, and everything else in that session; it has so many seconds to end itself."""
    for number, patience in ((signal.SIGTERM, within), (signal.SIGKILL, None)):
        if process.poll() is None:
            try:
                os.killpg(process.pid, number)
                process.wait(patience)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _read_output(output: IO[bytes]) -> tuple[re.Match[str] | None, str]:
    """Return the first word of failure in the payload's output, and its last line that is not blank.

    The file is the one that was made for it: the payload may have put a pipe or a link in its place.
    """
    failed, last = None, ""
    output.seek(0)
    file = io.TextIOWrapper(output, encoding="utf-8", errors="replace")
    for line in iter(lambda: file.readline(_PIECE), ""):
        failed = failed or _FAILED.match(line)
        last = line.strip() or last
    return failed, last
