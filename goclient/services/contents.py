"""Contents of files on their way: what all clients that copy them agree on.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from goclient.errors.conditions import SourceChanged
from goclient.errors.wording import quote

Moved = Callable[[int], object]  # is told of bytes that have moved, now and then; what it raises ends the copy
MOST_BYTES = 1 << 40  # bytes that are taken of a file whose size its server does not tell
_HINT = "copy it once nobody writes to it"


class FarFile(NamedTuple):
    """A file of the far end, and the local one into which it goes; ``size`` is what was listed, 0 if not known."""

    path: str
    file: BinaryIO
    size: int = 0


class Source:
    """A local file that is sent, which nobody may write to meanwhile; bytes in memory have no ``size``."""

    def __init__(self, file: BinaryIO, shown: str) -> None:
        self._file, self._shown = file, shown
        self._before = self._state()
        self.size = None if self._before is None else self._before[0]

    def _state(self) -> tuple[int, int] | None:
        try:
            status = os.fstat(self._file.fileno())
        except OSError:
            return None
        return status.st_size, status.st_mtime_ns

    def check(self) -> None:
        """Raise SourceChanged unless the file is as it was."""
        if self._state() != self._before:
            raise explain_change(self._shown)


def explain_change(shown: str) -> SourceChanged:
    """Return the error of a file that was changed while it was copied."""
    return SourceChanged(f"{quote(shown)}: it was changed while it was copied", hint=_HINT, subject=shown)


def grown(shown: str, size: int) -> SourceChanged:
    """Return the error of a file that has more bytes than its server has said before."""
    message = f"{quote(shown)}: more than the {size} bytes came that it has: it was changed while it was copied"
    return SourceChanged(message, hint=_HINT, subject=shown)
