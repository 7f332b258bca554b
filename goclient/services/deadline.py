"""Run calls that may never come back with an end.

Standard library only, of Python 3.9: the code that runs on a node uses it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")
LONGEST_WAIT = 366 * 86_400  # seconds; also what "no end" means, where a number of seconds is needed


class Deadline:
    """An end, in seconds from now, for all that is done until then."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Return the seconds left, which are not positive once there are none."""
        return self._end - time.monotonic()

    def remaining(self) -> float:
        """Return the seconds left; raise TimeoutError if there are none."""
        if (left := self.left) <= 0:
            raise TimeoutError
        return left

    def share(self, parts: int) -> Deadline:
        """Return an earlier end: the first of so many equal parts of the time that is left."""
        return Deadline(max(self.left, 0.001) / parts)


class Background(Generic[T]):
    """A call that runs beside others, in a thread that ends with the process; what it gives is asked for later."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._is_over = threading.Event()
        self._error: BaseException | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as error:
            self._error = error
        self._is_over.set()

    def result(self, seconds: float) -> T:
        """Return what the call gave, or raise what it raised, or TimeoutError after ``seconds``."""
        if not self._is_over.wait(max(seconds, 0.001)):
            raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._result


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return what ``call`` gives; raise TimeoutError after ``seconds``, whatever the call still waits for.

    Time-outs of sockets count from byte to byte, so that a server that drips could hold a command for ever.
    """
    return Background(call).result(seconds)


# --- one end for several calls ------------------------------------------------------------------------------------

_here = threading.local()


def current() -> Deadline | None:
    """Return the end that the calls of this thread have now, if they have one."""
    found: Deadline | None = getattr(_here, "deadline", None)
    return found


def get_left() -> float:
    """Return the seconds that the calls of this thread have left; LONGEST_WAIT if they have no end."""
    end = current()
    return LONGEST_WAIT if end is None else end.left


@contextmanager
def one_end(seconds: float) -> Iterator[Deadline]:
    """Run the body, whose calls in this thread have one end for all of them, and never a later one than before."""
    outer = current()
    mine = outer if outer is not None and outer.left < seconds else Deadline(seconds)
    _here.deadline = mine
    try:
        yield mine
    finally:
        _here.deadline = outer
