"""A reporter that keeps what it is told: the log of a pilot's job, or what a Python program looks at afterwards."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import IO

from goclient.reporter.base import SILENT, Kind, Reporter
from goclient.secrets import hidden


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


class RecordingReporter(Reporter):
    """Keep all messages, in order, and pass them on; nothing is lost if nobody listens any more."""

    def __init__(self, beneath: Reporter = SILENT) -> None:
        self.messages: list[Message] = []
        self._beneath = beneath
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
        with suppress(OSError, ValueError):  # a terminal that is gone stops no job
            self._beneath.report(kind, text, *hints)

    def waiting(self, service: str, seconds: float) -> AbstractContextManager[None]:
        """Let the reporter beneath say it: it is of interest only while it lasts."""
        return self._beneath.waiting(service, seconds)


def _write(file: IO[bytes], message: Message) -> None:
    with suppress(OSError):  # a full disk stops no job
        file.write(f"{hidden(message.line)}\n".encode(errors="backslashreplace"))
