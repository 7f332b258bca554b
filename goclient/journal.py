"""Journal: append-only JSON lines, each on disk before the next step is taken.

An entry says what is intended, before a call that must not happen twice, and what came of it, after.
Many processes may append to one journal; a line torn by a crash is passed over by readers.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from goclient.errors import GoclientError
from goclient.errors.wording import quoted
from goclient.files.private import make_directory, private
from goclient.secrets import hidden


@dataclass(frozen=True)
class Entry:
    """One fact: ``what`` (submission, transfer, endpoint) with the key ``key`` came into ``state``.

    States: intended, accepted, refused, unknown, done, failed.  ``subjects`` are the names or ids that the fact
    is about; ``time`` is in seconds since 1970, set when the entry is made.  The journal hides credentials in them.
    """

    what: str
    key: str
    state: str
    subjects: tuple[str, ...] = ()
    detail: str = ""
    time: float = field(default_factory=lambda: round(time.time(), 3))

    def then(self, state: str, *subjects: str, detail: str = "") -> Entry:
        """Return the entry of what came of this one, now; without subjects or detail it keeps this one's."""
        return Entry(self.what, self.key, state, subjects or self.subjects, detail or self.detail)


class Journal:
    """A journal in one file, made when first written to, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, entry: Entry) -> None:
        """Put the entry on disk, without any credential; raises GoclientError if it cannot be written."""
        entry = replace(entry, subjects=tuple(map(hidden, entry.subjects)), detail=hidden(entry.detail))
        line = json.dumps(asdict(entry), separators=(",", ":")).encode() + b"\n"
        try:
            make_directory(self.path.parent)
            descriptor = private(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    line = b"\n" + line  # a crash tore the line before
                while line:
                    line = line[os.write(descriptor, line) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise GoclientError(
                f"the journal {quoted(self.path)} cannot be written: {error.strerror}",
                hint="make room or set GOCLIENT_STATE to another directory, then type the command again",
                code="journal",
            ) from error

    def entries(self) -> Iterator[Entry]:
        """Yield every entry in order, without lines that are not entries; nothing if there is no journal.

        Raises GoclientError if the journal cannot be read.
        """
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            message = f"the journal {quoted(self.path)} cannot be read: {error.strerror}"
            raise GoclientError(message, hint="look at GOCLIENT_STATE", code="journal") from error
        for line in text.splitlines():
            try:
                fields = json.loads(line)
                yield Entry(**{**fields, "subjects": tuple(fields["subjects"])})
            except (ValueError, TypeError, KeyError):
                continue
