"""A lock that a process holds while it lives, whatever ends it, with the process's number in it."""

from __future__ import annotations

import fcntl
import os
import time

from goclient.files.private import private

TYPE_CHECKING = False  # as type checkers have it
if TYPE_CHECKING:
    from pathlib import Path


def take(path: Path) -> bool:
    """Take the lock until this process ends; return False if another one holds it."""
    descriptor = private(path, os.O_RDWR | os.O_CREAT)
    for _ in range(20):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.01)  # another process may be in is_held
        else:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
            return True
    os.close(descriptor)
    return False


def is_held(path: str | Path) -> bool:
    """Return True if a living process holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def holder(path: Path) -> int:
    """Return the process that holds the lock, or 0 if none does."""
    if not is_held(path):
        return 0
    end = time.monotonic() + 1
    while not (number := path.read_text()) and time.monotonic() < end:
        time.sleep(0.001)  # the process has the lock, and is about to write its number
    return int(number or 0)
