"""Copies on the node, for the mode ``local``: between the job's directory and any other directory of the node."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from goclient.errors import EndpointError, quoted, raise_all
from goclient.model.plan import Item, Task, check_apart

PIECE = 1 << 20  # bytes between two heartbeats


class Copier:
    """Carries out the copies of one job; ``folder`` is the job's directory."""

    def __init__(self, folder: Path, *, overwrite: bool, beat: Callable[[], None]) -> None:
        self._folder = folder
        self._overwrite = overwrite
        self._beat = beat

    def carry(self, task: Task) -> int:
        """How many files were copied; raises EndpointError for what is missing, in the way, or cannot be copied.

        Nothing is copied before everything was looked at.  A file is complete under its name, or not there.
        """
        ends = [self._ends(task, item) for item in task.items]
        check_apart([Item(str(source), str(target), recursive=False) for source, target in ends])
        raise_all(
            problem
            for item, (source, target) in zip(task.items, ends, strict=True)
            for problem in (*_source_problems(task, item, source), *self._problems(task, source, target))
        )
        return sum(self._copy(source, target) for source, target in ends)

    def _ends(self, task: Task, item: Item) -> tuple[Path, Path]:
        """Where an item is, and where it goes: into a directory that exists where a new name was typed."""
        source = self._folder / item.source if task.source is None else Path(item.source)
        target = self._folder / item.destination if task.destination is None else Path(item.destination)
        if item.renames and target.is_dir():
            target /= source.name
        return source, target

    def _problems(self, task: Task, source: Path, target: Path) -> Iterator[EndpointError]:
        """An error for each reason why an item cannot go from where it is to where it shall be."""
        for path, inside in ((source, task.source is None), (target, task.destination is None)):
            if inside and not _is_in(path, self._folder):
                yield _error(path, "it leads outside the job's directory", "copy the file", "outside")
        if _is_in(target, source):
            yield _error(source, f"it cannot be copied into itself, to {quoted(target)}", "name a part", "into-itself")
        if os.path.lexists(target) and not self._overwrite:
            hint = "submit again with another destination, or with --goOverwrite"
            yield _error(target, "it exists by now, and would be overwritten", hint, "exists")

    def _copy(self, source: Path, target: Path) -> int:
        """How many files were copied: of a directory, all below it."""
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not source.is_dir():
                self._copy_file(source, target)
                return 1
            target.mkdir(exist_ok=True)
            return sum(self._copy(_plain(below), target / below.name) for below in sorted(source.iterdir()))
        except OSError as error:
            raise _error(source, f"it cannot be copied to {quoted(target)}: {error.strerror}", "", "copy") from error

    def _copy_file(self, source: Path, target: Path) -> None:
        part = target.with_name(f".goclient-{secrets.token_hex(8)}.part")
        try:
            with open(source, "rb") as reader, open(part, "xb", opener=_private) as writer:
                while piece := reader.read(PIECE):
                    writer.write(piece)
                    self._beat()
                writer.flush()
                os.fsync(writer.fileno())
            shutil.copymode(source, part)
            self._place(part, target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                part.unlink()

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


def _source_problems(task: Task, item: Item, source: Path) -> Iterator[EndpointError]:
    """An error if there is nothing to copy where an item should be, or something that is not copied."""
    try:
        mode = source.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        where = "the job did not make it" if task.source is None else "it is not on this node"
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


def _private(path: str, flags: int) -> int:
    """The descriptor of a new file that nobody else can read."""
    return os.open(path, flags, 0o600)


def _odd(path: Path, more: str = "") -> EndpointError:
    return _error(path, f"a link or a device is not copied along{more}", "put the file itself there", "not-a-file")


def _error(path: Path, problem: str, hint: str, code: str) -> EndpointError:
    return EndpointError(f"{quoted(path)}: {problem}", hint=hint, code=code, subject=str(path))
