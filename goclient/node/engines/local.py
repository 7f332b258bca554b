"""Copies on the node, for the mode ``local``: between the job's directory and any other directory of the node."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from goclient.errors import EndpointError, quoted, raise_all
from goclient.files.private import make_folder
from goclient.model.endpoint import JOB
from goclient.model.location import NO_FILES
from goclient.model.plan import TransferItem, TransferTask, check_apart

PIECE = 1 << 20  # bytes between two heartbeats
OTHERS_READ = 0o775  # of folders made for a job's files: they are the job's, but not everybody's to write in
READ = os.O_RDONLY
WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL


class Copier:
    """Carries out the copies of one job, in this process.

    ``folder`` is the job's directory, ``own`` the real paths of the pilot's own files and folders.
    """

    def __init__(self, folder: Path, *, overwrite: bool, own: Sequence[str], beat: Callable[[], None]) -> None:
        self._folder = folder
        self._overwrite = overwrite
        self._own = own
        self._beat = beat

    def carry(self, task: TransferTask) -> int:
        """Return how many files were copied; raise EndpointError for what is missing, in the way, or not copied.

        Nothing is copied before everything was looked at.  A file is complete under its name, or not there.
        """
        ends = [self._ends(task, item) for item in task.items]
        check_apart([TransferItem(str(source), str(target), recursive=False) for source, target in ends])
        raise_all(
            problem
            for item, (source, target) in zip(task.items, ends, strict=True)
            for problem in self._problems(task, item, source, target)
        )
        return sum(self._copy(task, source, target) for source, target in ends)

    def _ends(self, task: TransferTask, item: TransferItem) -> tuple[Path, Path]:
        """Where an item is, and where it goes: into a directory that exists where a new name was typed."""
        source = self._folder / item.source if task.source == JOB else Path(item.source)
        target = self._folder / item.destination if task.destination == JOB else Path(item.destination)
        if item.renames and target.is_dir():
            target /= source.name
        return source, target

    def _problems(self, task: TransferTask, item: TransferItem, source: Path, target: Path) -> Iterator[EndpointError]:
        """Yield an error for each reason why an item cannot go from where it is to where it shall be."""
        kept_out = list(self._kept_out(source, inside=task.source == JOB))
        kept_out += self._kept_out(target, inside=task.destination == JOB)
        kept_out = kept_out or list(self._own_below(source))
        if kept_out:  # nothing more is asked of what must not be touched
            yield from kept_out
            return
        yield from _source_problems(task, item, source)
        if _is_in(target, source):
            yield _error(source, f"it cannot be copied into itself, to {quoted(target)}", "name a part", "into-itself")
        if os.path.lexists(target) and not self._overwrite:
            hint = "submit again with another destination, or with --goOverwrite"
            yield _error(target, "it exists by now, and would be overwritten", hint, "exists")

    def _kept_out(self, path: Path, *, inside: bool) -> Iterator[EndpointError]:
        """Yield an error if a path, as it is written or where its links lead, is not a job's to read or write."""
        if inside:
            if not _is_in(path, self._folder):
                yield _error(path, "it leads outside the job's directory", "copy the file", "outside")
            return
        real = os.path.realpath(path)
        written = os.path.normpath(f"/{str(path).lstrip('/')}")  # normpath keeps two slashes at the start
        for top in NO_FILES:
            if Path(real).is_relative_to(top) or Path(written).is_relative_to(top):
                yield _error(path, f"what is below {top} is not copied", "name a file of the node's disks", "forbidden")
                return
        if not _is_in(path, self._folder) and any(Path(real).is_relative_to(own) for own in self._own):
            yield self._is_own(path)

    def _own_below(self, source: Path) -> Iterator[EndpointError]:
        """Yield an error if a directory has something below it that is not a job's to read."""
        real = os.path.realpath(source)
        below = next((top for top in (*NO_FILES, *self._own) if top != real and Path(top).is_relative_to(real)), None)
        if below is not None and os.path.lexists(below) and not _is_in(source, self._folder):
            hint = "name the parts of it that the job needs"
            yield _error(source, f"it has {quoted(below)} below it, which is not copied", hint, "forbidden")

    def _is_own(self, path: Path) -> EndpointError:
        return _error(path, "it belongs to the pilot, not to its jobs", "name a file of the node's disks", "forbidden")

    def _copy(self, task: TransferTask, source: Path, target: Path) -> int:
        """Return how many files were copied: of a directory, all below it."""
        try:
            make_folder(target.parent, mode=OTHERS_READ)
            if not source.is_dir():
                self._copy_file(task, source, target)
                return 1
            target.mkdir(mode=OTHERS_READ, exist_ok=True)
            return sum(self._copy(task, _plain(below), target / below.name) for below in sorted(source.iterdir()))
        except OSError as error:
            raise _error(source, f"it cannot be copied to {quoted(target)}: {error.strerror}", "", "copy") from error

    def _copy_file(self, task: TransferTask, source: Path, target: Path) -> None:
        part = target.with_name(f".goclient-{secrets.token_hex(8)}.part")

        def opened(path: str, _: int) -> int:
            return self._opened(path, READ, inside=task.source == JOB)

        def made(path: str, _: int) -> int:
            return self._opened(path, WRITE, inside=task.destination == JOB)

        try:
            with open(source, "rb", opener=opened) as reader, open(part, "xb", opener=made) as writer:
                while piece := reader.read(PIECE):
                    writer.write(piece)
                    self._beat()
                writer.flush()
                os.fsync(writer.fileno())
                os.fchmod(writer.fileno(), os.fstat(reader.fileno()).st_mode & 0o777)  # setuid is not for a copy
            self._place(part, target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                part.unlink()

    def _opened(self, path: str, flags: int, *, inside: bool) -> int:
        """Return the descriptor of a regular file that may be copied; raise EndpointError for anything else.

        What was opened is judged, not its name: another process may have put a link there since.
        """
        real = Path(os.path.realpath(path))
        descriptor = os.open(real, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o600)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _odd(real)
            raise_all(self._kept_out(Path(os.readlink(f"/proc/self/fd/{descriptor}")), inside=inside))
            if any(os.path.samestat(status, own) for own in _statuses(self._own)):  # under another name
                raise self._is_own(Path(path))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _place(self, part: Path, target: Path) -> None:
        """None, once the complete file has its name; what came in its way meanwhile is not overwritten."""
        if self._overwrite:
            part.replace(target)
            return
        try:
            os.link(part, target)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links: the name is taken first
            target.touch(exist_ok=False)
            part.replace(target)


def _source_problems(task: TransferTask, item: TransferItem, source: Path) -> Iterator[EndpointError]:
    """An error if there is nothing to copy where an item should be, or something that is not copied."""
    try:
        mode = source.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        where = "the job did not make it" if task.source == JOB else "it is not on this node"
        yield _error(source, where, "look at the name, and at the node", "path-not-found")
        return
    except OSError as error:
        yield _error(source, f"it cannot be read: {error.strerror}", "look at the name, and at the node", "copy")
        return
    if stat.S_ISDIR(mode):
        yield from _odd_below(source)
    elif not stat.S_ISREG(mode):
        yield _error(source, "it is neither a file nor a directory", "name a file", "not-a-file")
    elif item.recursive:
        yield _error(source, "it is a file, not a directory", "leave out the final /", "not-a-directory")


def _odd_below(folder: Path) -> Iterator[EndpointError]:
    """One error if a directory has links or devices below it."""
    below = (Path(top, name) for top, folders, files in os.walk(folder) for name in (*folders, *files))
    odd = sorted(path for path in below if not _is_plain(path))
    if odd:
        yield _odd(odd[0], f", as {len(odd) - 1} more are not" if len(odd) > 1 else "")


def _is_plain(path: Path) -> bool:
    """True for what a directory's copy takes along: a file or a directory itself, no link to one."""
    return not path.is_symlink() and (path.is_file() or path.is_dir())


def _plain(path: Path) -> Path:
    """The path of what a directory's copy takes along; raises EndpointError for links and devices."""
    if not _is_plain(path):
        raise _odd(path)
    return path


def _is_in(path: Path, folder: Path) -> bool:
    """True if a path is a folder or below it, once links are followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _statuses(paths: Sequence[str]) -> Iterator[os.stat_result]:
    for path in paths:
        with contextlib.suppress(OSError):
            yield os.stat(path)


def _odd(path: Path, more: str = "") -> EndpointError:
    return _error(path, f"a link or a device is not copied along{more}", "put the file itself there", "not-a-file")


def _error(path: Path, problem: str, hint: str, code: str) -> EndpointError:
    return EndpointError(f"{quoted(path)}: {problem}", hint=hint, code=code, subject=str(path))
