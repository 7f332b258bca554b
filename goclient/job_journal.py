"""Journals of jobs, beside the main one: the pilot that runs a job holds its journal.

One that nobody holds has a job that nobody runs.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from goclient.errors import choose_write_error
from goclient.errors.wording import quote
from goclient.journal import KEPT, Entry, Journal, open_journal

JOBS = "jobs"  # their directory, beside the main one
_OPEN, _CLOSED = ".jsonl", ".done.jsonl"


class JobJournal(Journal):
    """A journal of one attempt of a job, which this process alone has until it is closed, or the process ends."""

    def __init__(self, state: Path, panda_id: int, attempt: int, *, make: bool = True) -> None:
        """Take the journal, which is made if need be and ``make``; ``state`` is the directory of the main one.

        Raises BlockingIOError if another process has it, or has closed it, GoclientError if it cannot be written.
        """
        super().__init__(state / JOBS / f"{panda_id}-{attempt}{_OPEN}", attempt=attempt)
        self.panda_id = panda_id
        self._descriptor = -1
        try:
            self._descriptor = open_journal(self.path, make=make)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._check_name()
        except FileNotFoundError:
            raise BlockingIOError from None
        except BlockingIOError:
            self.close()
            raise
        except OSError as error:
            self.close()
            raise choose_write_error(error)(
                f"the journal {quote(self.path)} cannot be written: {error.strerror}",
                hint="make room or set GOCLIENT_STATE to another directory",
                code="journal",
            ) from error

    def _check_name(self) -> None:
        """Check that the file still has its name; raise BlockingIOError if another process has just closed it."""
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._descriptor), os.stat(self.path)):
                return
        raise BlockingIOError

    @property
    def job(self) -> str:
        """Return the key of the entries that say whether the job is taken, or done."""
        return f"{self.panda_id}.{self.attempt}"

    @contextmanager
    def _hold_file(self) -> Iterator[int]:
        yield self._descriptor

    def close(self) -> None:
        """Let another process have the journal: not everything of the job is done."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def finish(self) -> None:
        """Close the journal of a job of which nothing is left to do; it is kept for a while under another name."""
        self.append(Entry("job", self.job, "done"))
        with suppress(OSError):  # it is done all the same: its last entry says so
            os.replace(self.path, self.path.with_name(self.path.name[: -len(_OPEN)] + _CLOSED))
        self.close()


class JobFile(NamedTuple):
    """Name of a job's journal: which job and which attempt, and whether something is left to do."""

    path: Path
    panda_id: int
    attempt: int
    is_open: bool


def job_files(state: Path) -> list[JobFile]:
    """Return the journals of jobs, the oldest jobs first; ``state`` is the directory of the main journal."""
    found = []
    for path in (state / JOBS).glob(f"*{_OPEN}"):
        is_open = not path.name.endswith(_CLOSED)
        panda_id, _, attempt = path.name[: -len(_OPEN if is_open else _CLOSED)].partition("-")
        if panda_id.isdecimal() and attempt.isdecimal():
            found.append(JobFile(path, int(panda_id), int(attempt), is_open))
    return sorted(found, key=lambda one: (one.panda_id, one.attempt))


def prune(state: Path, *, now: float) -> None:
    """Remove the journals of jobs that were closed long ago, and those that nobody has been able to close for long."""
    for file in job_files(state):
        with suppress(OSError):
            if file.path.stat().st_mtime < now - (2 * KEPT if file.is_open else KEPT):
                file.path.unlink()
