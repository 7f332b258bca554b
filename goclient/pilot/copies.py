"""Copies on the node, for the mode ``local``: between the job's directory and any other directory of the node."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from goclient.errors import EndpointError, GoclientError, quoted, raise_all
from goclient.model.plan import Item, Task

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
        raise_all(problem for source, target in ends for problem in self._problems(task, source, target))
        return sum(self._copy(source, target) for source, target in ends)

    def _ends(self, task: Task, item: Item) -> tuple[Path, Path]:
        """Where an item is, and where it goes: into a directory that exists where a new name was typed."""
        source = self._folder / item.source if task.source is None else Path(item.source)
        target = self._folder / item.destination if task.destination is None else Path(item.destination)
        if item.renames and target.is_dir():
            target /= source.name
        return source, target

    def _problems(self, task: Task, source: Path, target: Path) -> list[GoclientError]:
        problems: list[GoclientError] = []
        if not source.exists():
            where = "the job did not make it" if task.source is None else "it is not on this node"
            problems.append(_error(source, where, "look at the name, and at the node", "path-not-found"))
        elif not source.is_dir() and not source.is_file():
            problems.append(_error(source, "it is neither a file nor a directory", "name a file", "not-a-file"))
        for path, inside in ((source, task.source is None), (target, task.destination is None)):
            if inside and not path.resolve().is_relative_to(self._folder.resolve()):
                problems.append(_error(path, "it leads outside the job's directory", "copy the file", "outside"))
        if os.path.lexists(target) and not self._overwrite:
            hint = "submit again with another destination, or with --goOverwrite"
            problems.append(_error(target, "it exists by now, and would be overwritten", hint, "exists"))
        return problems

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
            with open(source, "rb") as reader, open(part, "xb") as writer:
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
        else:
            os.link(part, target)


def _plain(path: Path) -> Path:
    """The path of what a directory's copy takes along; raises EndpointError for links and devices."""
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        raise _error(path, "a link or a device is not copied along", "put the file itself there", "not-a-file")
    return path


def _error(path: Path, problem: str, hint: str, code: str) -> EndpointError:
    return EndpointError(f"{quoted(path)}: {problem}", hint=hint, code=code, subject=str(path))
