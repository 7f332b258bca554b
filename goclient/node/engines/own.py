"""Files of the pilot, which no job copies, whatever name it has given them.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from goclient.errors import EndpointError
from goclient.errors.wording import quote


class OwnFiles:
    """Files and directories of the pilot, by their real ``paths``; all below those is its own but the job's."""

    def __init__(self, paths: Sequence[str], job: Path) -> None:
        self._paths = paths
        self._job = os.path.realpath(job)
        self._below: set[tuple[int, int]] | None = None

    def has(self, status: os.stat_result) -> bool:
        """Return True if a file is one of them, under whatever name."""
        for path in self._paths:
            with suppress(OSError):
                if os.path.samestat(status, os.stat(path)):
                    return True
        if status.st_nlink < 2 or not stat.S_ISREG(status.st_mode):
            return False
        if self._below is None:
            self._below = set(self._files())
        return (status.st_dev, status.st_ino) in self._below

    def _files(self) -> Iterator[tuple[int, int]]:
        """Yield what tells each file below the directories from all others."""
        for path in self._paths:
            for top, directories, files in os.walk(path):
                directories[:] = [one for one in directories if os.path.join(top, one) != self._job]
                for name in files:
                    with suppress(OSError):
                        found = os.stat(os.path.join(top, name))
                        yield found.st_dev, found.st_ino

    def check_opened(self, descriptor: int, path: Path) -> None:
        """Raise EndpointError unless an open file is a regular one in the job's directory, and not one of them."""
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            message = f"{quote(path)}: it is not a file, and not taken along"
            raise EndpointError(message, hint="put the file itself there", code="not-a-file", subject=str(path))
        if not Path(os.readlink(f"/proc/self/fd/{descriptor}")).is_relative_to(self._job):
            message = f"{quote(path)} leads outside the job's directory"
            raise EndpointError(message, hint="copy the file into it", code="outside", subject=str(path))
        if self.has(status) or self._holds(os.readlink(f"/proc/self/fd/{descriptor}")):
            raise belongs_to_pilot(path)

    def check_tree(self, path: Path) -> None:
        """Raise EndpointError if a path, or anything below it, is one of them or a link to where they are."""
        below = (os.path.join(top, one) for top, directories, files in os.walk(path) for one in (*directories, *files))
        for one in (str(path), *below):
            with suppress(OSError):  # such as a link that leads nowhere
                if self.has(os.stat(one)) or (os.path.islink(one) and self._holds(os.path.realpath(one))):
                    raise belongs_to_pilot(Path(one))

    def _holds(self, real: str) -> bool:
        """Return True if a real path is one of them, below one, or has one below it."""
        path = Path(real)
        for own in self._paths:
            job_is_below = Path(self._job).is_relative_to(own) and path.is_relative_to(self._job)
            if Path(own).is_relative_to(path) or (path.is_relative_to(own) and not job_is_below):
                return True
        return False


def belongs_to_pilot(path: Path) -> EndpointError:
    """Return the error of a file that is the pilot's own."""
    return EndpointError(
        f"{quote(path)}: it belongs to the pilot, not to its jobs",
        hint="name a file of the node's disks", code="forbidden", subject=str(path),
    )  # fmt: skip
