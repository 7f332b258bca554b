"""Copies on the node, in this process: between the job's directory and any other directory of the node."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from goclient.errors import EndpointError, raise_all
from goclient.errors.conditions import NotADirectory, PathExists, PathNotFound
from goclient.errors.wording import quote
from goclient.files.private import make_directory
from goclient.model.endpoint import JOB
from goclient.model.location import NO_FILES
from goclient.model.plan import TransferItem, TransferTask, check_apart
from goclient.node.engines.base import Heartbeat, Transferred
from goclient.node.engines.own import OwnFiles, belongs_to_pilot

PIECE = 1 << 20  # bytes between two heartbeats
OTHERS_READ = 0o775  # of directories made for a job's files: they are the job's, but not everybody's to write in
READ = os.O_RDONLY
WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_CHECK = "look at the name, and at the node"
_NODE_FILE = "name a file of the node's disks"


class Copier:
    """Carry out the copies of one job, in this process; ``own`` are the real paths of the pilot's own files.

    A file is complete under its name, or not there.
    """

    def __init__(self, directory: Path, *, overwrite: bool, own: Sequence[str], heartbeat: Heartbeat) -> None:
        self._directory = directory
        self._overwrite = overwrite
        self._own = own
        self._own_files = OwnFiles(own, directory)
        self._heartbeat = heartbeat
        self._bytes = 0

    def run(self, task: TransferTask) -> Transferred:
        """Copy the items, once all of them were checked; raise EndpointError for each that is missing or in the way."""
        self._bytes = 0
        ends = [self._ends(task, item) for item in task.items]
        check_apart([TransferItem(str(source), str(target), recursive=False) for source, target in ends])
        raise_all(
            problem
            for item, (source, target) in zip(task.items, ends)  # noqa: B905  # Python 3.9 has no strict=
            for problem in self._problems(task, item, source, target)
        )
        files = sum(self._copy(task, source, target) for source, target in ends)
        return Transferred(files, self._bytes)

    def _ends(self, task: TransferTask, item: TransferItem) -> tuple[Path, Path]:
        """Return the paths of an item and its target: in a directory that exists where a new name was typed."""
        source = self._directory / item.source if task.source == JOB else Path(item.source)
        target = self._directory / item.destination if task.destination == JOB else Path(item.destination)
        return source, target / source.name if item.renames and target.is_dir() else target

    def _problems(self, task: TransferTask, item: TransferItem, source: Path, target: Path) -> Iterator[EndpointError]:
        """Yield an error for each reason why an item cannot be copied to its target."""
        kept_out = list(self._keep_out(source, inside=task.source == JOB))
        kept_out += self._keep_out(target, inside=task.destination == JOB)
        real = os.path.realpath(source)
        below = next((top for top in (*NO_FILES, *self._own) if top != real and Path(top).is_relative_to(real)), "")
        if below and not kept_out and os.path.lexists(below) and not _is_in(source, self._directory):
            hint = "name the parts of it that the job needs"
            kept_out.append(_error(source, f"it has {quote(below)} below it, which is not copied", hint, "forbidden"))
        if kept_out:  # nothing more is asked of what must not be touched
            yield from kept_out
            return
        yield from _source_problems(task, item, source)
        if _is_in(target, source):
            yield _error(source, f"it cannot be copied into itself, to {quote(target)}", "name a part", "into-itself")
        if os.path.lexists(target) and not self._overwrite:
            yield PathExists.by_now(target)

    def _keep_out(self, path: Path, *, inside: bool) -> Iterator[EndpointError]:
        """Yield an error if a path, as it is written or where its links lead, is not a job's to read or write."""
        if inside:
            if not _is_in(path, self._directory):
                yield _error(path, "it leads outside the job's directory", "copy the file", "outside")
            return
        real = os.path.realpath(path)
        written = os.path.normpath(f"/{str(path).lstrip('/')}")  # normpath keeps two slashes at the start
        for top in NO_FILES:
            if Path(real).is_relative_to(top) or Path(written).is_relative_to(top):
                yield _error(path, f"what is below {top} is not copied", _NODE_FILE, "forbidden")
                return
        if not _is_in(path, self._directory) and any(Path(real).is_relative_to(own) for own in self._own):
            yield belongs_to_pilot(path)

    def _copy(self, task: TransferTask, source: Path, target: Path) -> int:
        """Copy a file, or a directory and all below it; return how many files were copied."""
        try:
            make_directory(target.parent, mode=OTHERS_READ)
            if not source.is_dir():
                self._copy_file(task, source, target)
                return 1
            target.mkdir(mode=OTHERS_READ, exist_ok=True)
            copied = 0
            for below in sorted(source.iterdir()):
                if not _is_plain(below):
                    raise _odd(below)
                copied += self._copy(task, below, target / below.name)
        except OSError as error:
            problem = f"it cannot be copied to {quote(target)}: {error.strerror}"
            raise _error(source, problem, "look at the path of the target, and at the node's disk", "copy") from error
        return copied

    def _copy_file(self, task: TransferTask, source: Path, target: Path) -> None:
        part = target.with_name(f".goclient-{os.urandom(8).hex()}.part")

        def open_source(path: str, _: int) -> int:
            return self._open(path, READ, inside=task.source == JOB)

        def open_part(path: str, _: int) -> int:
            return self._open(path, WRITE, inside=task.destination == JOB)

        try:
            with open(source, "rb", opener=open_source) as reader, open(part, "xb", opener=open_part) as writer:
                while piece := reader.read(PIECE):
                    self._bytes += writer.write(piece)
                    self._heartbeat.send()
                if task.destination != JOB:  # the job's directory does not outlive the node's end
                    writer.flush()
                    os.fsync(writer.fileno())
                os.fchmod(writer.fileno(), os.fstat(reader.fileno()).st_mode & 0o777)  # setuid is not for a copy
            self._place(part, target)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()

    def _open(self, path: str, flags: int, *, inside: bool) -> int:
        """Return the descriptor of a regular file that may be copied; raise EndpointError for anything else.

        What was opened is judged, not its name: another process may have put a link there since.
        """
        real = Path(os.path.realpath(path))
        descriptor = os.open(real, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o600)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _odd(real)
            raise_all(self._keep_out(Path(os.readlink(f"/proc/self/fd/{descriptor}")), inside=inside))
            if self._own_files.has(status):
                raise belongs_to_pilot(Path(path))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _place(self, part: Path, target: Path) -> None:
        """Give the complete file its name; what came in its way meanwhile is not overwritten."""
        if self._overwrite:
            os.replace(part, target)
            return
        try:
            place(part, target)
        except FileExistsError:
            raise PathExists.by_now(target) from None


def place(path: str | Path, target: str | Path, *, at: int | None = None) -> None:
    """Give a file or a directory another path; raise FileExistsError if that is not free, or another OSError.

    Paths are relative to the open directory ``at``, if there is one.
    """
    if not stat.S_ISREG(os.stat(path, dir_fd=at, follow_symlinks=False).st_mode):
        if is_taken(target, at=at):  # rename would replace a file, or an empty directory
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        os.rename(path, target, src_dir_fd=at, dst_dir_fd=at)
        return
    try:
        os.link(path, target, src_dir_fd=at, dst_dir_fd=at)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:  # a file system without hard links: the name is taken first
        os.close(os.open(target, WRITE, 0o600, dir_fd=at))
        os.replace(path, target, src_dir_fd=at, dst_dir_fd=at)
    else:
        os.unlink(path, dir_fd=at)


def is_taken(path: str | Path, *, at: int | None = None) -> bool:
    """Return True if anything has a path, be it a link that leads nowhere; raise OSError if that cannot be known."""
    try:
        os.stat(path, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _source_problems(task: TransferTask, item: TransferItem, source: Path) -> Iterator[EndpointError]:
    """Yield an error if there is nothing to copy at an item's source, or something that is not copied."""
    try:
        mode = source.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        where = "the job did not create this file" if task.source == JOB else "it is not on this node"
        yield PathNotFound(f"{quote(source)}: {where}", hint=_CHECK, subject=str(source))
        return
    except OSError as error:
        yield _error(source, f"it cannot be read: {error.strerror}", _CHECK, "copy")
        return
    if stat.S_ISDIR(mode):
        below = (Path(top, name) for top, directories, files in os.walk(source) for name in (*directories, *files))
        odd = sorted(path for path in below if not _is_plain(path))
        if odd:
            yield _odd(odd[0], f", as {len(odd) - 1} more are not" if len(odd) > 1 else "")
    elif not stat.S_ISREG(mode):
        yield _error(source, "it is neither a file nor a directory", "name a file", "not-a-file")
    elif item.recursive:
        yield NotADirectory.from_path(source)


def _is_plain(path: Path) -> bool:
    """Return True if a directory's copy takes it along: a file or a directory itself, not a link to one."""
    return not path.is_symlink() and (path.is_file() or path.is_dir())


def _is_in(path: Path, directory: Path) -> bool:
    """Return True if a path is a directory or below it, once links are followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory))


def _odd(path: Path, more: str = "") -> EndpointError:
    return _error(path, f"a link or a device is not copied along{more}", "put the file itself there", "not-a-file")


def _error(path: Path, problem: str, hint: str, code: str) -> EndpointError:
    return EndpointError(f"{quote(path)}: {problem}", hint=hint, code=code, subject=str(path))
