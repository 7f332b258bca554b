"""Output of a carrier: what it says, and the payload's own output as it comes; a pilot keeps both.

All of it is UTF-8: runGen dies of anything else.
Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import IO

from goclient.errors.wording import printable
from goclient.node.engines.base import Heartbeat
from goclient.node.job import Log
from goclient.node.payload import open_output
from goclient.reporter.base import Kind, Reporter
from goclient.secrets import hide

QUIET = 600.0  # seconds without a word after which the job says that it lives: a pilot kills a silent one after hours
MOST = 256 << 20  # bytes of the payload's output that are passed on: a pilot kills a job whose output has 2 GiB
_PIECE = 1 << 16


class Output(Reporter, Heartbeat, Log):
    """Write to stdout at once, whole lines; its reader may be gone, which ``watch.py`` notices."""

    can_confirm = False  # a carried job has no word with the PanDA server

    def __init__(self, directory: Path, *, stdout: int = 1) -> None:
        self._directory, self._stdout = directory, stdout
        self._state, self._started = "is prepared", time.monotonic()
        self._written = self._started
        self._payload: IO[bytes] | None = None
        self._passed = 0
        self._decoder = getincrementaldecoder("utf-8")("backslashreplace")
        self._in_line = False
        self._lock = threading.RLock()

    # --- what the carrier says ----------------------------------------------------------------------------------

    def report(self, kind: Kind, text: str, *hints: str) -> None:
        """Say one message, and what to do about it."""
        if kind is not Kind.DETAIL:
            self.say(*(f"goclient: {line}" for line in (f"{kind.prefix}{text}", *filter(None, hints))))

    def say(self, *lines: str) -> None:
        """Write lines, without any credential."""
        with self._lock:
            self._pass_on()
            text = "".join(f"{printable(hide(line))}\n" for line in lines)
            self._write(("\n" * self._in_line + text).encode(errors="backslashreplace"))

    def waiting(self, service: str, seconds: float) -> AbstractContextManager[None]:  # noqa: ARG002
        """Say nothing of a wait."""
        return nullcontext()

    # --- that the job lives -------------------------------------------------------------------------------------

    def change(self, state: str) -> None:
        """Remember what the job does."""
        self._state = state

    def send(self) -> None:
        """Pass on what the payload has written; after ten minutes without a word, say that the job lives."""
        if self._lock.acquire(blocking=False):
            try:
                self._pass_on()
                if time.monotonic() - self._written >= QUIET:
                    minutes = (time.monotonic() - self._started) / 60
                    self.say(f"goclient: the job is {self._state}, after {minutes:.0f} min")
            finally:
                self._lock.release()

    # --- the payload's output -----------------------------------------------------------------------------------

    def open_output(self) -> IO[bytes]:
        """Return the file of the payload's output, which is made; raise PayloadError if something has its name."""
        self._payload = open_output(self._directory)
        return self._payload

    def write(self, archive: Path, *, opener: Callable[[str, int], int], heartbeat: Heartbeat) -> None:
        """Write nothing: the pilot makes the job's log."""

    def _pass_on(self) -> None:
        """Pass on what is new in the payload's output."""
        while self._payload is not None and self._passed < MOST:
            piece = os.pread(self._payload.fileno(), _PIECE, self._passed)
            if not piece:
                return
            self._passed += len(piece)
            self._write(self._decoder.decode(piece).encode())
            if self._passed >= MOST:
                self.say(f"goclient: no more of the output is shown: it has more than {MOST >> 20} MiB")

    def _write(self, data: bytes) -> None:
        self._written = time.monotonic()
        with suppress(OSError):  # nobody reads it
            while data:
                written = os.write(self._stdout, data)
                self._in_line = data[written - 1] != 0x0A
                data = data[written:]
