"""Interface through which everything is said that is not a result: progress, warnings, and waiting.

Results are returned, and errors are raised.  Standard library only, of Python 3.9: the code that runs on a node uses
it.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from typing import Protocol


class Kind(Enum):
    """Tell the messages of a reporter apart."""

    PROGRESS = "progress"
    DETAIL = "detail"  # progress that only those read who ask for more
    WARNING = "warning"
    ERROR = "error"

    @property
    def prefix(self) -> str:
        """Return what a person reads in front of such a message."""
        return f"{self.value}: " if self in (Kind.WARNING, Kind.ERROR) else ""


class Reporter(Protocol):
    """Tell the user what goclient does; an implementation says how.

    ``hints`` are what to do about it: a line each, and empty ones are left out.
    """

    @abstractmethod
    def report(self, kind: Kind, text: str, *hints: str) -> None:
        """Report one message."""

    @abstractmethod
    def waiting(self, service: str, seconds: float) -> AbstractContextManager[None]:
        """Wrap a wait for a service, at most so many seconds; a person is told if it takes long."""

    def progress(self, text: str, *hints: str) -> None:
        """Report what was done."""
        self.report(Kind.PROGRESS, text, *hints)

    def detail(self, text: str, *hints: str) -> None:
        """Report what only those want to know who ask for more (-v)."""
        self.report(Kind.DETAIL, text, *hints)

    def warning(self, text: str, *hints: str) -> None:
        """Report what may not be as the user wants it."""
        self.report(Kind.WARNING, text, *hints)

    def error(self, text: str, *hints: str) -> None:
        """Report what went wrong, where no exception says it."""
        self.report(Kind.ERROR, text, *hints)


class SilentReporter(Reporter):
    """Say nothing, as for a program that uses goclient."""

    def report(self, kind: Kind, text: str, *hints: str) -> None:
        """Report nothing."""

    def waiting(self, service: str, seconds: float) -> AbstractContextManager[None]:  # noqa: ARG002
        """Say nothing of a wait."""
        return nullcontext()


SILENT = SilentReporter()
