"""The payload: fetched, run as an argument list, and judged by its exit code and what it says of itself."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import requests

from goclient.errors import GoclientError, quoted, said
from goclient.files.private import private
from goclient.model.payload import shown
from goclient.node.signals import uninterrupted
from goclient.secrets import register_url
from goclient.services.exchange import download, unfetched

FETCH_WITHIN = 120.0  # seconds
MAX_SIZE = 1 << 30  # bytes of a transformation
SCRIPT = "run.sh"  # its name, as in 2012
OUTPUT = "job.out"
LOOK_EVERY = 1.0  # seconds between looks at a running payload for the server's commands

# What a payload of 2012 says of itself in its output.
_FAILED = re.compile(r"!!FAILED!!([0-9]{1,9})[0-9]*!!(.*)")
_PIECE = 1 << 16  # characters of a line of output that are looked at at once


class PayloadError(GoclientError):
    """The payload could not be had or run, or it failed; ``status`` is its exit code, if it has one."""

    code = "payload"

    def __init__(self, message: str, *, status: int | None = None, hint: str = "see job.out in the job's log") -> None:
        super().__init__(message, hint=hint)
        self.status = status


def of_job(path: str, flags: int) -> int:
    """Open a file that may leave with the job's output: the umask says who may read it, as of the payload's own."""
    return os.open(path, flags | os.O_CLOEXEC, 0o644)


@dataclass(frozen=True, slots=True)
class Finished:
    """A payload that has ended well."""

    seconds: float


def fetch(transformation: str, folder: Path) -> Path:
    """The file to run: downloaded into the folder if it is a URL, else the path itself; raises PayloadError."""
    if not transformation.startswith(("http://", "https://")):
        path = Path(transformation)
        if not path.is_absolute() or not os.access(path, os.X_OK) or path.is_dir():
            raise PayloadError(
                f"the transformation {quoted(transformation)} is neither a URL nor an absolute path of a program here",
                hint="give its URL, or its path on the worker node",
            )
        return path
    register_url(transformation)
    target = folder / SCRIPT
    try:
        with open(target, "wb", opener=private) as file:
            download(transformation, file, seconds=FETCH_WITHIN, size=MAX_SIZE)
    except (requests.exceptions.RequestException, OSError) as error:
        raise PayloadError(
            f"the transformation {quoted(shown(transformation))} could not be fetched: {said(unfetched(error))}",
            hint="look at the URL, and whether the node can reach it",
        ) from error
    target.chmod(0o700)
    return target


def run(
    program: Path, words: Sequence[str], *, folder: Path, env: Mapping[str, str], beat: Callable[[], None]
) -> Finished:
    """The payload's good end; its output is in ``job.out`` in the folder.

    The words are its arguments as they are: nothing is expanded.  ``beat`` is called now and then while it runs;
    what it raises ends the payload.  Raises PayloadError for a bad end.
    """
    started = time.monotonic()
    try:
        output = open(folder / OUTPUT, "x+b", opener=of_job)  # noqa: SIM115  # it is closed below; only opening it may fail so
    except OSError as error:
        raise PayloadError(
            f"{OUTPUT} cannot be written in the job's directory: {error.strerror}",
            hint=f"no input may be called {OUTPUT}: the payload's output has that name",
        ) from error
    with output:
        process = None
        try:
            with uninterrupted():
                process = _start([str(program), *words], folder, env, output.fileno())
            status = _wait(process, beat)
        finally:
            if process is not None:
                with uninterrupted():
                    end(process)
        failed, last = _said(output)
    if status != 0:
        how = f"was killed by signal {-status}" if status < 0 else f"ended with exit code {status}"
        raise PayloadError(
            f"the payload {how}: {quoted(last) if last else 'it said nothing'}",
            status=status if status > 0 else 128 - status,
        )
    if failed:
        raise PayloadError(f"the payload says that it failed: {failed[1]}: {failed[2].strip()}", status=int(failed[1]))
    return Finished(time.monotonic() - started)


def _wait(process: subprocess.Popen[bytes], beat: Callable[[], None]) -> int:
    while True:
        try:
            return process.wait(LOOK_EVERY)
        except subprocess.TimeoutExpired:
            beat()


def _start(command: list[str], folder: Path, env: Mapping[str, str], output: int) -> subprocess.Popen[bytes]:
    """The running program, in a session of its own; a script without ``#!`` is run by /bin/sh, as execvp does."""
    encoded = [word.encode("utf-8", "surrogateescape") for word in command]  # as they are, whatever the node's locale
    for prefix in ([], [b"/bin/sh"]):
        try:
            return subprocess.Popen(
                [*prefix, *encoded],
                cwd=folder,
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


def _said(output: IO[bytes]) -> tuple[re.Match[str] | None, str]:
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
