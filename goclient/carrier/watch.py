"""Watch for the death of those above a job: a pilot that is told to kill a job ends its first process, and no other.

The carrier is below that process, and gets no signal.  What it sees is that the leader of its session is gone, and that
nobody reads its output.
Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from goclient.node.keeper_program import began

EVERY = 1.0  # seconds between two looks
_GONE = select.POLLERR | select.POLLHUP


class Above:
    """Processes above this one, as they are when it is made."""

    def __init__(self) -> None:
        self._leader = os.getsid(0)  # 0: it is in another namespace, and cannot be seen
        self._began = None if self._leader in (0, os.getpid()) else self._beginning()
        self._output = select.poll()
        self._output.register(1, 0)

    def _beginning(self) -> int | None:
        """Return when the leader began, None if it is not there."""
        with suppress(OSError, ValueError, IndexError):
            if _state(self._leader) not in (b"Z", b"X"):
                return began(self._leader)
        return None

    def fault(self) -> str:
        """Return who is gone; the empty string while all are there."""
        if self._began is not None and self._beginning() != self._began:
            return "the program that the site had started ended before the job"
        if any(event & _GONE and not event & select.POLLNVAL for _, event in self._output.poll(0)):
            return "nobody reads the job's output any more"
        return ""


def _state(pid: int) -> bytes:
    """Return the letter for the state of a process; Z and X are those of a dead one (proc(5))."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b") ")[2][:1]


@contextmanager
def watching(above: Above) -> Iterator[None]:
    """Run the body, in whose thread SIGTERM is raised once somebody above is gone."""
    ended, body = threading.Event(), threading.get_ident()

    def watch() -> None:
        while not ended.wait(EVERY):
            if above.fault():
                signal.pthread_kill(body, signal.SIGTERM)
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
