"""Files in the job's directory that an engine writes and reads itself: complete under their names, or not there.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from goclient.errors import EndpointError
from goclient.errors.conditions import PathExists
from goclient.errors.wording import quoted
from goclient.files.private import make_directory
from goclient.node.engines.copier import OTHERS_READ, place
from goclient.node.engines.own import OwnFiles

_PART = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def check_target(top: Path, target: Path, *, overwrite: bool) -> None:
    """Raise EndpointError for a target that is taken, or that links lead out of the job's directory ``top``."""
    if not Path(os.path.realpath(target.parent)).is_relative_to(os.path.realpath(top)):
        name = str(target.relative_to(top))
        raise EndpointError(
            f"{quoted(name)} leads outside the job's directory",
            hint="name a path without links", code="outside", subject=name,
        )  # fmt: skip
    if os.path.lexists(target) and not overwrite:
        raise _exists(target)


def make_place(directory: Path) -> None:
    """Make a directory of the job's, and those above it that are missing; raise EndpointError."""
    try:
        if not directory.is_dir():  # as it is for the first file
            make_directory(directory, mode=OTHERS_READ)
    except OSError as error:
        raise _unusable(directory, error) from error


@contextmanager
def arriving(top: Path, target: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Run the body with a new file, which gets its name if the body does not raise; raise EndpointError."""
    check_target(top, target, overwrite=overwrite)
    part = target.with_name(f".goclient-{secrets.token_hex(8)}.part")
    try:
        with open(os.open(part, _PART, 0o666), "wb+") as file:
            yield file
        if overwrite:
            part.replace(target)
        else:
            place(part, target)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        raise _unusable(target, error) from error
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def open_of_job(path: Path, own: OwnFiles) -> BinaryIO:
    """Return a regular file of the job's directory, opened for reading; raise EndpointError for any other one.

    What was opened is judged, not its name: a link, or a device, may have been put there since.
    """

    def opened(name: str, _: int) -> int:
        descriptor = os.open(name, _READ)
        try:
            own.check_opened(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    try:
        return open(path, "rb", opener=opened)
    except OSError as error:
        raise _unusable(path, error) from error


def _exists(target: Path) -> PathExists:
    message = f"{quoted(target)}: it exists by now, and would be overwritten"
    return PathExists(message, hint="submit again with another name, or with --goOverwrite", subject=str(target))


def _unusable(path: Path, error: OSError) -> EndpointError:
    message = f"{quoted(path)}: it cannot be used: {error.strerror or error}"
    return EndpointError(message, hint="look at the node's disk", code="node-disk", subject=str(path))
