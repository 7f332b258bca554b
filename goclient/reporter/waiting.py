"""Waits for services, side by side in several threads: reported once for each service if its answers take long."""

from __future__ import annotations

import time
from _thread import allocate_lock
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

SAY_AFTER = 2.0  # seconds
GLOBUS = "Globus"  # its two services are one for a user
PAUSE = 0.5  # seconds between two waits that are one for a user at the terminal


class _Wait:
    """Waits for one service, which may overlap: when they began, and the timer that reports them."""

    def __init__(self) -> None:
        self.open = 0
        self.started = self.ended = -PAUSE
        self.timer: threading.Timer | None = None


class Waits:
    """All waits of one command; ``progress`` is called from another thread, once for each service."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress = progress
        self._lock = allocate_lock()
        self._waits: dict[str, _Wait] = {}
        self._reported: set[str] = set()

    @contextmanager
    def waiting(self, service: str, seconds: float) -> Iterator[None]:
        """Run the body, which waits for a service, at most so many seconds."""
        self._begin(service, seconds)
        try:
            yield
        finally:
            with self._lock:
                wait = self._waits[service]
                wait.open -= 1
                wait.ended = time.monotonic()
                if not wait.open and wait.timer is not None:
                    wait.timer.cancel()

    def _begin(self, service: str, seconds: float) -> None:
        with self._lock:
            wait = self._waits.setdefault(service, _Wait())
            wait.open += 1
            if wait.open > 1 or service in self._reported:
                return
            now = time.monotonic()
            if now - wait.ended >= PAUSE:
                wait.started = now
            if seconds > SAY_AFTER:
                import threading  # a thirtieth of the time of --help, which waits for nobody

                later = max(wait.started + SAY_AFTER - now, 0.0)
                wait.timer = threading.Timer(later, self._report, (service, seconds))
                wait.timer.daemon = True
                wait.timer.start()

    def _report(self, service: str, seconds: float) -> None:
        with self._lock:
            if not self._waits[service].open or service in self._reported:
                return
            self._reported.add(service)
        self._progress(f"waiting for {service} ({seconds:.0f} s at most)")
