"""Signals that end a pilot: they stop the job at once, but never between a start and its clean-up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

# What batch systems, terminals and people send.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_held = 0
_pending = False


def install() -> None:
    """Make each of the signals raise KeyboardInterrupt, at once or at the end of :func:`uninterrupted`."""
    for number in SIGNALS:
        signal.signal(number, _arrived)


def _arrived(*_: object) -> None:
    global _pending
    if _held:
        _pending = True
    else:
        raise KeyboardInterrupt


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Run the body to its end; a signal that arrives meanwhile is raised afterwards."""
    global _held, _pending
    _held += 1
    try:
        yield
    finally:
        _held -= 1
        if _pending and not _held:
            _pending = False
            raise KeyboardInterrupt
