"""Asking many things at once, with one end for all of them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from goclient.errors import EndpointError, GoclientError

T = TypeVar("T")
R = TypeVar("R")
PARALLEL = 16  # requests at once; the service allows 20 a second
SAY_AFTER = 2.0  # seconds


class Asker:
    """Asks in parallel until a time is up, which all its questions share.

    ``say`` is told once if an answer takes more than SAY_AFTER.  Threads that are still waiting when the time is up
    are left behind: they end with the process.
    """

    def __init__(self, seconds: float, say: Callable[[str], None]) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._say_at = time.monotonic() + SAY_AFTER
        self._say = say
        self._said = False

    def ask(self, question: Callable[[T], R], subjects: Sequence[T]) -> dict[T, R | GoclientError]:
        """What ``question`` gives, or the GoclientError that it raises, for each subject."""
        if self.seconds_left() <= 0:
            return dict.fromkeys(subjects, self._late())
        waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
        answers: queue.SimpleQueue[tuple[T, R | GoclientError | Exception]] = queue.SimpleQueue()
        for subject in subjects:
            waiting.put(subject)

        def work() -> None:
            while self.seconds_left() > 0:
                try:
                    subject = waiting.get_nowait()
                except queue.Empty:
                    return
                answers.put((subject, _answer(question, subject)))

        for _ in range(min(PARALLEL, len(subjects))):
            threading.Thread(target=work, daemon=True).start()
        return self._collect(subjects, answers)

    def seconds_left(self) -> float:
        """The seconds until the time is up; not positive once it is."""
        return self._end - time.monotonic()

    def _collect(
        self, subjects: Sequence[T], answers: queue.SimpleQueue[tuple[T, R | GoclientError | Exception]]
    ) -> dict[T, R | GoclientError]:
        found: dict[T, R | GoclientError] = {}
        while len(found) < len(subjects):
            try:
                subject, answer = answers.get(timeout=self._pause())
            except queue.Empty:
                if time.monotonic() >= self._end:
                    break
                self._say_once()
                continue
            if isinstance(answer, Exception) and not isinstance(answer, GoclientError):
                raise answer
            found[subject] = answer
        late = self._late()
        return {subject: found.get(subject, late) for subject in subjects}

    def _pause(self) -> float:
        """Seconds until there is something to say, or the time is up."""
        until = self._end if self._said else min(self._say_at, self._end)
        return max(until - time.monotonic(), 0.001)

    def _say_once(self) -> None:
        if not self._said:
            self._said = True
            self._say(f"waiting for Globus ({self._seconds:.0f} s at most)")

    def _late(self) -> EndpointError:
        return EndpointError(
            f"Globus has not answered within {self._seconds:.0f} s: not everything could be checked",
            hint="status.globus.org tells if it is Globus; type the command again, with a longer --goTimeout",
            code="globus-timeout",
            transient=True,
        )


def _answer(question: Callable[[T], R], subject: T) -> R | GoclientError | Exception:
    try:
        return question(subject)
    except Exception as error:
        return error
