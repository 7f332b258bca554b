"""A disk that is full: a program sees it at a directory, in a mount namespace of its own."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

_SIZE = "1m"
_MOUNT = f'mount -t tmpfs -o size={_SIZE},mode=777 none "$0" && exec "$@"'


@functools.cache
def can_mount() -> bool:
    """Return whether this user may give a program such a disk, which root may on most machines."""
    if os.getuid() or shutil.which("unshare") is None:
        return False
    done = subprocess.run(["unshare", "-m", "sh", "-c", _MOUNT, "/mnt", "true"], capture_output=True, check=False)
    return done.returncode == 0


def on_a_small_disk(directory: Path) -> list[str]:
    """Return what stands before a program that has a disk of one megabyte at a directory; nothing if that cannot be."""
    return ["unshare", "-m", "sh", "-c", _MOUNT, str(directory)] if can_mount() else []
