"""Outputs of a job, checked in its directory once the payload and all that it started have ended.

The rules are the same for each engine, so that a service neither waits for a pipe nor leaves out a link in silence:
a pipe, a socket or a device is an error; a link to a file of the job becomes that file; any other link in a directory
is an error; an empty directory is taken along.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from goclient.errors import Collector, EndpointError, GoclientError, TransferFailed, raise_all
from goclient.errors.conditions import PathNotFound
from goclient.errors.wording import quote
from goclient.model.endpoint import JOB
from goclient.model.plan import Phase, TransferTask

_KINDS = {
    stat.S_IFIFO: "a pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True)
class Outputs:
    """Files that leave a job's directory: for each path its phase, and its size and time of change."""

    directory: Path
    files: Mapping[Path, tuple[Phase, int, int]]

    def check_unchanged(self) -> None:
        """Check that nobody wrote to them while they were taken away; raise TransferFailed for each that changed."""
        for phase in dict.fromkeys(known[0] for known in self.files.values()):
            errors = []
            for path, (known, size, changed) in self.files.items():
                status = path.lstat() if os.path.lexists(path) else None
                if known == phase and (status is None or (status.st_size, status.st_mtime_ns) != (size, changed)):
                    errors.append(_error(path, self.directory, "changed while it was taken away: the copy may be torn"))
            _raise(phase, errors)


def check_outputs(tasks: Sequence[TransferTask], directory: Path) -> Outputs:
    """Return what tasks take from the job's directory; raise TransferFailed for all of a phase that cannot be taken."""
    top = Path(os.path.realpath(directory))
    files: dict[Path, tuple[Phase, int, int]] = {}
    for phase in dict.fromkeys(task.phase for task in tasks):
        names = [item.source for task in tasks if task.source == JOB and task.phase == phase for item in task.items]
        collector = Collector()
        for name in names:
            with collector:
                for path in _below(_real(name, top)):
                    with collector:
                        status = _check(path, top)
                        if stat.S_ISREG(status.st_mode):
                            files[path] = (phase, status.st_size, status.st_mtime_ns)
        _raise(phase, collector.errors)
    return Outputs(top, files)


def _real(name: str, top: Path) -> Path:
    """Return where an output really is; raise EndpointError if it is not there, or not in the job's directory."""
    real = Path(os.path.realpath(top / name))
    if not real.is_relative_to(top):
        raise _error(top / name, top, "leads outside the job's directory", hint="copy the file into it")
    try:
        real.stat()
    except (FileNotFoundError, NotADirectoryError):
        hint = "look at the job's output and the names of its files"
        raise PathNotFound(f"{quote(name)}: the job did not create this file", hint=hint, subject=name) from None
    except OSError as error:
        raise _error(top / name, top, f"cannot be read: {error.strerror}") from error
    return real


def _below(path: Path) -> Iterator[Path]:
    """Yield a path, and all paths below it if it is a directory; links are not followed."""
    waiting = [path]
    while waiting:
        one = waiting.pop()
        yield one
        if os.path.isdir(one) and not os.path.islink(one):
            with suppress(OSError):  # it was yielded, and is an error by now
                waiting += sorted(one.iterdir(), reverse=True)


def _check(path: Path, top: Path) -> os.stat_result:
    """Return the status of an entry of an output; raise EndpointError if it cannot be taken away.

    A link to a file of the job is made that file, under another name.
    """
    try:
        if path.is_symlink():
            _resolve(path, top)
        status = path.lstat()
    except OSError as error:
        raise _error(path, top, f"cannot be read: {error.strerror}") from error
    if stat.S_IFMT(status.st_mode) in _KINDS:
        raise _error(path, top, f"is {_KINDS[stat.S_IFMT(status.st_mode)]}, which cannot be taken away")
    if not os.access(path, os.R_OK | os.X_OK if stat.S_ISDIR(status.st_mode) else os.R_OK):
        raise _error(path, top, f"cannot be read: its mode is {stat.S_IMODE(status.st_mode):04o}")
    return status


def _resolve(link: Path, top: Path) -> None:
    target = Path(os.path.realpath(link))
    if not target.is_relative_to(top):
        raise _error(link, top, f"leads outside the job's directory, to {quote(os.readlink(link))}")
    if not target.is_file():
        raise _error(link, top, f"is a link to {quote(os.readlink(link))}, which is not a file")
    part = link.with_name(f".goclient-{secrets.token_hex(8)}")
    os.link(target, part)
    part.replace(link)


def _raise(phase: Phase, errors: Sequence[GoclientError]) -> None:
    try:
        raise_all(errors)
    except GoclientError as error:
        raise TransferFailed(phase, error) from error


def _error(path: Path, top: Path, problem: str, hint: str = "let the job put a file of its own there") -> EndpointError:
    name = path.relative_to(top)
    return EndpointError(f"{quote(name)}: it {problem}", hint=hint, code="not-a-file", subject=str(name))
