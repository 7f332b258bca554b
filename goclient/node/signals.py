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

_held = 0  # how many bodies of defer_signals() the main thread is in
_pending = False  # the signal has come, and is to be raised
_stopped = False  # the signal has come


def install() -> None:
    """Make the first of these signals raise KeyboardInterrupt, at once or at the end of :func:`defer_signals`."""
    for number in SIGNALS:
        signal.signal(number, _receive)


def _receive(*_: object) -> None:
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
    global _pending
    is_main = threading.current_thread() is threading.main_thread()
    if _stopped and not (_held and is_main):
        _pending = _pending and not is_main  # it is raised once
        raise KeyboardInterrupt


def hold() -> None:
    """Let a signal raise nothing more in the body of :func:`interruptible`: its work is done, and only tidied up."""
    global _held
    if threading.current_thread() is threading.main_thread():
        _held += 1


def has_come() -> bool:
    """Return True if the signal has come."""
    return _stopped


@contextmanager
def finishing() -> Iterator[None]:
    """Run the body to its end; a signal that arrives meanwhile is raised by the next :func:`check`."""
    global _held
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held = _held
    _held = held + 1
    try:
        yield
    finally:
        _held = held


@contextmanager
def interruptible() -> Iterator[None]:
    """Let the signal end the body, within :func:`finishing`; one that came before is raised at once."""
    global _held, _pending
    held = _held
    try:
        _held = 0
        if _pending:
            _pending = False
            raise KeyboardInterrupt
        yield
    finally:
        _held = held


@contextmanager
def defer_signals() -> Iterator[None]:
    """Run the body to its end; a signal that arrives meanwhile is raised afterwards, in the main thread."""
    global _pending
    try:
        with finishing():
            yield
    finally:
        if _pending and not _held and threading.current_thread() is threading.main_thread():
            _pending = False
            raise KeyboardInterrupt
