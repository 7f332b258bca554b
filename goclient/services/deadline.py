"""An end for a call that may never come back."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Aside(Generic[T]):
    """A call that runs beside others, in a thread that ends with the process; what it gives is asked for later."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()
        self._call = call
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._answers.put((self._call(), None))
        except BaseException as error:
            self._answers.put((None, error))

    def result(self, seconds: float) -> T:
        """What the call gave, or raises; raises TimeoutError after ``seconds``.  It can be asked for once."""
        try:
            result, error = self._answers.get(timeout=max(seconds, 0.001))
        except queue.Empty:
            raise TimeoutError from None
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # None is a T if the call gives it


def within(seconds: float, call: Callable[[], T]) -> T:
    """What ``call`` gives, or raises; raises TimeoutError after ``seconds``, whatever the call still waits for.

    Time-outs of sockets count from byte to byte, so that a server that drips could hold a command for ever.
    """
    return Aside(call).result(seconds)
