"""Removal of directories, with all that a program may have put into them.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

_ROUNDS, _PAUSE = 50, 0.05  # rounds in which no directory is removed, and seconds after each that fails
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(path: Path) -> None:
    """Remove a directory and all below it, whatever its modes, names and depth; raise OSError if something stays.

    A link is removed, not followed.  What is mounted below it belongs to somebody else, and stays.  Each directory is
    moved up before it is emptied, so that no path is too long, and no more than two descriptors are open.
    """
    with suppress(FileNotFoundError):
        os.chmod(path, 0o700)
        top = os.open(path, _DIRECTORY)
        try:
            _empty(top)
        finally:
            os.close(top)
        os.rmdir(path)


def _empty(top: int) -> None:
    """Remove all that is in a directory, also what others put there meanwhile, unless they do not stop."""
    device, idle = os.fstat(top).st_dev, 0
    while names := os.listdir(top):
        failure, removed = None, 0
        for name in names:
            try:
                removed += _remove(name, top, device)
            except OSError as error:
                failure = error
        idle = 0 if removed else idle + 1
        if idle > _ROUNDS:
            raise failure or OSError(errno.ENOTEMPTY, "files are still being written into it")
        if failure is not None:
            time.sleep(_PAUSE)


def _remove(name: str, top: int, device: int) -> bool:
    """Remove an entry of a directory; return True if it was a directory, whose own directories have moved up."""
    if _unlink(name, top):
        return False
    below = os.open(name, _DIRECTORY, dir_fd=top)
    try:
        if os.fstat(below).st_dev != device:
            raise OSError(errno.EBUSY, "another file system is mounted there", name)
        for inner in os.listdir(below):
            if not _unlink(inner, below):
                os.rename(inner, f".goclient-{secrets.token_hex(8)}", src_dir_fd=below, dst_dir_fd=top)
    finally:
        os.close(below)
    os.rmdir(name, dir_fd=top)
    return True


def _unlink(name: str, directory: int) -> bool:
    """Remove an entry that is not a directory; return False for a directory, which may be entered and moved then."""
    try:
        os.unlink(name, dir_fd=directory)
    except IsADirectoryError:
        with suppress(OSError):  # of another owner: it is seen at the next step whether it can go
            os.chmod(name, 0o700, dir_fd=directory)
        return False
    except FileNotFoundError:
        pass
    return True
