"""Files and directories that only their owner can read, whatever the umask is."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

TYPE_CHECKING = False  # as type checkers have it
if TYPE_CHECKING:
    from pathlib import Path  # it takes as long to load as all that MyProxy's INFO needs beside TLS
    from typing import IO

DIRECTORY, FILE = 0o700, 0o600


def private(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file, which is made for its owner only: the ``opener`` of :func:`open`."""
    return os.open(path, flags | os.O_CLOEXEC, FILE)


def regular(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file as :func:`private` does; raise OSError for a link, a pipe or a device in its place."""
    try:
        descriptor = private(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        if error.errno == errno.ELOOP and os.path.islink(path):
            raise OSError(error.errno, "it is a link", os.fspath(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a file", os.fspath(path))
    return descriptor


def make_directory(path: Path, *, mode: int = DIRECTORY) -> None:
    """Make a directory, and each one above it that is missing, with this mode; what is there stays as it is."""
    for one in (*reversed(path.parents), path):
        try:
            one.mkdir(mode=mode)
        except OSError:
            if not one.is_dir():
                raise
        else:
            one.chmod(stat.S_IMODE(one.stat().st_mode) | DIRECTORY)  # a umask may take the owner's rights, too


def replace(path: str | os.PathLike[str], data: bytes, *, mode: int = FILE, group: int = -1) -> None:
    """Put a file with this data in place of a former one, as :func:`replacing` does."""
    with replacing(path, mode=mode, group=group) as file:
        file.write(data)


@contextmanager
def replacing(path: str | os.PathLike[str], *, mode: int = FILE, group: int = -1) -> Iterator[IO[bytes]]:
    """Run the body, which writes the file that takes the place of a former one, if there is one; raise OSError.

    Readers see the old file or the new one, whole, also after a crash.  A link is replaced, not followed.  If the body
    raises, the old file stays.
    """
    directory, name = os.path.split(os.fspath(path))
    part = os.path.join(directory, f".{name[:200]}.{os.urandom(8).hex()}.part")
    descriptor = private(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW)
    try:
        with open(descriptor, "wb") as file:
            yield file
            if group != -1:
                with suppress(OSError):  # a group that one is not in cannot be given
                    os.fchown(descriptor, -1, group)
            os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(descriptor)
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise
    descriptor = os.open(directory or ".", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def hold_lock(lock: Path) -> Iterator[None]:
    """Run the body while no other process of this user holds the lock, a file which is made."""
    import fcntl  # few commands change what is shared

    make_directory(lock.parent)
    with open(lock, "ab", opener=private) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
