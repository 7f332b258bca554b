"""Signals that end a pilot: the first one stops the job at once, but never between a start and its clean-up.

They are raised in the main thread.  Other threads, and a main thread in which a library has caught what was raised,
ask with :func:`check`.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# What batch systems, terminals and people send.
SIGNALS = (
    signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGXCPU, signal.SIGUSR1, signal.SIGUSR2,
)  # fmt: skip

_held = 0  # how many bodies of uninterrupted() the main thread is in
_pending = False  # the signal has come, and is to be raised
_stopped = False  # the signal has come


def install() -> None:
    """Make the first of these signals raise KeyboardInterrupt, at once or at the end of :func:`uninterrupted`."""
    for number in SIGNALS:
        signal.signal(number, _arrived)


def _arrived(*_: object) -> None:
    global _pending, _stopped
    if _stopped:
        return  # the job ends already
    _stopped = True
    if _held:
        _pending = True
    else:
        raise KeyboardInterrupt


def check() -> None:
    """Raise KeyboardInterrupt if the signal has come; what cleans up does not ask."""
    if _stopped and not (_held and threading.current_thread() is threading.main_thread()):
        raise KeyboardInterrupt


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Run the body to its end; a signal that arrives meanwhile is raised afterwards, in the main thread."""
    global _held, _pending
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _held += 1
    try:
        yield
    finally:
        _held -= 1
        if _pending and not _held:
            _pending = False
            raise KeyboardInterrupt
