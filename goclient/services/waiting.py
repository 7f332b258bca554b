"""Who is waited for: said once for each service and command, if an answer takes long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

SAY_AFTER = 2.0  # seconds


class _Reporter:
    """Tells of waits: ``say`` is called from another thread; without one, as in others' programs, nothing is said."""

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self.say = say
        self._told: set[str] = set()

    def tell(self, service: str, seconds: float) -> None:
        """Say that a service is waited for, unless that was said before."""
        if self.say is not None and service not in self._told:
            self._told.add(service)
            self.say(f"waiting for {service} ({seconds:.0f} s at most)")


_reporter = _Reporter()


def report_to(say: Callable[[str], None]) -> None:
    """Let a command be told of its waits, each service's once."""
    global _reporter
    _reporter = _Reporter(say)


@contextmanager
def waiting_for(service: str, seconds: float) -> Iterator[None]:
    """Run the body, which may take so many seconds; say who is waited for if it takes longer than SAY_AFTER."""
    if _reporter.say is None or seconds <= SAY_AFTER:
        yield
        return
    import threading  # only what waits pays for it

    timer = threading.Timer(SAY_AFTER, _reporter.tell, (service, seconds))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
