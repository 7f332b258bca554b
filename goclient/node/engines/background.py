"""Work that waits for a network, in a thread of its own: its engine goes on with its steps, and can end it.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from goclient.node.engines.base import Steps, Transferred
from goclient.node.signals import uninterrupted
from goclient.services.deadline import Background
from goclient.services.retry import pauses

Moved = Callable[[int], object]  # is told of bytes now and then; what it raises ends the work
POLL = (0.01, 1.0)  # seconds between two looks at the work: at first, and at most
ENDED_WITHIN = 10.0  # seconds: its connections are closed, so that it waits for nothing


class Cancelled(Exception):
    """End of work that nobody waits for any more."""


def in_background(work: Callable[[Moved], Transferred], cancel: Callable[[], object]) -> Steps:
    """Return the steps of work that is done in a thread; they raise what it raises.

    If they end before it does, ``cancel`` is called, which ends what it waits for, and ``moved`` raises in it.
    """
    is_ended = threading.Event()

    def moved(_: int) -> None:
        if is_ended.is_set():
            raise Cancelled

    running, is_done = Background(lambda: work(moved)), False
    try:
        for pause in pauses(*POLL):
            try:
                with suppress(TimeoutError):
                    done = running.result(0.0)
                    is_done = True
                    return done
            except BaseException:
                is_done = True
                raise
            yield pause
        raise AssertionError("pauses have no end")
    finally:
        if not is_done:
            is_ended.set()
            with uninterrupted():
                cancel()
                with suppress(BaseException):
                    running.result(ENDED_WITHIN)
