"""Files in the job's directory that an engine writes and reads itself: complete under their names, or not there.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from goclient.errors import EndpointError
from goclient.errors.conditions import PathExists
from goclient.errors.wording import quote
from goclient.files.private import make_directory
from goclient.node.engines.copier import OTHERS_READ, is_taken, place
from goclient.node.engines.own import OwnFiles

_PART = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# PyPy has no words for these two: it opens a directory as anybody does, and no file without a name.
_DIRECTORY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_UNNAMED = os.O_RDWR | getattr(os, "O_TMPFILE", 0) | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Arrivals:
    """Files that arrive in a job's directory, ``top``; an error is an EndpointError.

    A directory is opened for the first file in it and asked by that: what takes its place in the path gets no file.
    """

    def __init__(self, top: Path, *, overwrite: bool) -> None:
        self._top, self._real = str(top), os.path.realpath(top)
        self._overwrite = overwrite
        self._inside: set[str] = set()  # directories that were seen to be in the job's
        self._last: _Directory | None = None

    def check(self, target: str | Path, *, merges: bool = False) -> None:
        """Raise EndpointError for a target that is taken, or that links lead out of the job's directory.

        ``merges``: what goes into a directory that is there may do so.
        """
        if merges and os.path.isdir(target):
            self._check_inside(os.path.realpath(target), target)
            return
        above = os.path.dirname(target)
        if above not in self._inside:
            self._check_inside(os.path.realpath(above), target)
            self._inside.add(above)
        if os.path.lexists(target) and not self._overwrite:
            raise PathExists.by_now(target)

    def _check_inside(self, real: str, target: str | Path) -> None:
        if not Path(real).is_relative_to(self._real):
            name = os.path.relpath(target, self._top)
            raise EndpointError(
                f"{quote(name)} leads outside the job's directory",
                hint="name a path without links", code="outside", subject=name,
            )  # fmt: skip

    def make(self, directory: str | Path) -> None:
        """Make a directory of the job's, and those above it that are missing."""
        if self._last is not None and self._last.path == directory:
            return
        try:
            if not os.path.isdir(directory):  # as it is for the first file
                make_directory(Path(directory), mode=OTHERS_READ)
        except OSError as error:
            raise _unusable(directory, error) from error

    @contextmanager
    def arriving(self, target: str | Path) -> Iterator[BinaryIO]:
        """Run the body with a new file, which gets its name if the body does not raise.

        Until then it has no name, so that nothing is left of it whatever ends this process; or that of a part, where
        the disk has no such files.
        """
        part, is_there = f".goclient-{os.urandom(8).hex()}.part", False
        try:
            directory, name = os.path.split(target)
            at = self._directory(directory, target)
            if not self._overwrite and is_taken(name, at=at.descriptor):
                raise PathExists.by_now(target)
            descriptor = at.open_unnamed()
            is_there = descriptor is None
            if descriptor is None:
                descriptor = os.open(part, _PART, 0o666, dir_fd=at.descriptor)
            with open(descriptor, "wb+") as file:
                yield file
                if not is_there:
                    file.flush()
                    at.name(descriptor, part if self._overwrite else name)
                    is_there = self._overwrite
            if self._overwrite:
                os.replace(part, name, src_dir_fd=at.descriptor, dst_dir_fd=at.descriptor)
            elif is_there:
                place(part, name, at=at.descriptor)
            is_there = False
        except FileExistsError:
            raise PathExists.by_now(target) from None
        except OSError as error:
            raise _unusable(target, error) from error
        finally:
            if is_there:
                with suppress(FileNotFoundError):
                    os.unlink(part, dir_fd=at.descriptor)

    def _directory(self, path: str, target: str | Path) -> _Directory:
        """Return the directory of a file, which is open."""
        if self._last is None or self._last.path != path:
            self._last = None
            opened = _Directory(path)
            self._check_inside(os.readlink(f"/proc/self/fd/{opened.descriptor}"), target)
            self._last = opened
        return self._last


class _Directory:
    """A directory that is open as long as anybody has this."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.descriptor = os.open(path, _DIRECTORY)

    def open_unnamed(self) -> int | None:
        """Return a new file that has no name yet; None where the disk has no such files."""
        try:
            return os.open(".", _UNNAMED, 0o666, dir_fd=self.descriptor)
        except OSError:
            return None

    def name(self, unnamed: int, name: str) -> None:
        """Give such a file a name that is free; raise OSError."""
        os.link(f"/proc/self/fd/{unnamed}", name, dst_dir_fd=self.descriptor)

    def __del__(self) -> None:
        if "descriptor" in self.__dict__:
            os.close(self.descriptor)


def open_of_job(path: Path, own: OwnFiles) -> BinaryIO:
    """Return a regular file of the job's directory, opened for reading; raise EndpointError for any other one.

    What was opened is judged, not its name: a link, or a device, may have been put there since.
    """

    def open_own(name: str, _: int) -> int:
        descriptor = os.open(name, _READ)
        try:
            own.check_opened(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    try:
        return open(path, "rb", opener=open_own)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: str | Path, error: OSError) -> EndpointError:
    message = f"{quote(path)}: it cannot be used: {error.strerror or error}"
    return EndpointError(message, hint="look at the node's disk", code="node-disk", subject=str(path))
