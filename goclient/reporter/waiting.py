"""Who is waited for: said once for each service and command, if its answers take long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SAY_AFTER = 2.0  # seconds
GLOBUS = "Globus"  # its two services are one for whoever waits
PAUSE = 0.5  # seconds between two waits that are one for whoever looks at the terminal


class _Wait:
    """The waits for one service, which may overlap: when they began, and what will tell of them."""

    def __init__(self) -> None:
        self.open = 0
        self.begun = self.ended = -PAUSE
        self.timer: threading.Timer | None = None


class _Reporter:
    """Tells of waits: ``say`` is called from another thread, once for each service."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._waits: dict[str, _Wait] = {}
        self._told: set[str] = set()

    def begin(self, service: str, seconds: float) -> None:
        """Note that a service is waited for, at most so many seconds."""
        with self._lock:
            wait = self._waits.setdefault(service, _Wait())
            wait.open += 1
            if wait.open > 1 or service in self._told:
                return
            now = time.monotonic()
            if now - wait.ended >= PAUSE:
                wait.begun = now
            if seconds > SAY_AFTER:
                later = max(wait.begun + SAY_AFTER - now, 0.0)
                wait.timer = threading.Timer(later, self._tell, (service, seconds))
                wait.timer.daemon = True
                wait.timer.start()

    def end(self, service: str) -> None:
        """Note that an answer is there."""
        with self._lock:
            wait = self._waits[service]
            wait.open -= 1
            wait.ended = time.monotonic()
            if not wait.open and wait.timer is not None:
                wait.timer.cancel()

    def _tell(self, service: str, seconds: float) -> None:
        with self._lock:
            if not self._waits[service].open or service in self._told:
                return
            self._told.add(service)
        self._say(f"waiting for {service} ({seconds:.0f} s at most)")


_reporter: _Reporter | None = None  # a program that uses goclient is told nothing


def report_to(say: Callable[[str], None]) -> None:
    """Let a command be told of its waits."""
    global _reporter
    _reporter = _Reporter(say)


@contextmanager
def waiting_for(service: str, seconds: float) -> Iterator[None]:
    """Run the body, which waits for a service, at most so many seconds."""
    reporter = _reporter
    if reporter is None:
        yield
        return
    reporter.begin(service, seconds)
    try:
        yield
    finally:
        reporter.end(service)
