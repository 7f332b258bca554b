"""A reporter that keeps what it is told: the log of a pilot's job, or what a Python program looks at afterwards."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import IO

from goclient.reporter.base import SILENT, Kind, Reporter
from goclient.secrets import hide


@dataclass(frozen=True)
class Message:
    """One message, and when it was reported: in seconds since 1970."""

    time: float
    kind: Kind
    text: str
    hints: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """Return it as a line of a log, without its hints; the time is in UTC."""
        return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(self.time))} {self.kind.prefix}{self.text}"


class SteadyReporter(Reporter):
    """Pass all messages on, as long as somebody listens: a terminal that is gone stops no job."""

    def __init__(self, beneath: Reporter = SILENT) -> None:
        self._beneath = beneath

    def report(self, kind: Kind, text: str, *hints: str) -> None:
        """Pass a message on."""
        with suppress(OSError, ValueError):
            self._beneath.report(kind, text, *hints)

    def waiting(self, service: str, seconds: float) -> AbstractContextManager[None]:
        """Let the reporter beneath say it: it is of interest only while it lasts."""
        return self._beneath.waiting(service, seconds)


class RecordingReporter(SteadyReporter):
    """Keep all messages, in order, and pass them on."""

    def __init__(self, beneath: Reporter = SILENT) -> None:
        super().__init__(beneath)
        self.messages: list[Message] = []
        self._copies: list[IO[bytes]] = []

    def copy_to(self, file: IO[bytes]) -> None:
        """Write the messages so far to a file, without any credential, and all that come as soon as they do."""
        self._copies.append(file)
        for message in self.messages:
            _write(file, message)

    def report(self, kind: Kind, text: str, *hints: str) -> None:
        """Keep a message, and pass it on."""
        message = Message(time.time(), kind, text, tuple(hint for hint in hints if hint))
        self.messages.append(message)
        for file in self._copies:
            _write(file, message)
        super().report(kind, text, *hints)


def _write(file: IO[bytes], message: Message) -> None:
    with suppress(OSError, ValueError):  # a full disk stops no job, and what is told of a job after its log is closed
        file.write(f"{hide(message.line)}\n".encode(errors="backslashreplace"))
