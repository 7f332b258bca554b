"""Asking many things at once, with one end for all of them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from goclient.errors import GlobusTimeout, GoclientError
from goclient.reporter.base import SILENT, Reporter
from goclient.reporter.waiting import GLOBUS

T = TypeVar("T")
R = TypeVar("R")
PARALLEL = 16  # requests at once; the service allows 20 a second


class Parallel:
    """Asks in parallel until a time is up, which all its questions share.

    Threads that are still waiting when the time is up are left behind: they end with the process.
    """

    def __init__(self, seconds: float, reporter: Reporter = SILENT) -> None:
        self._seconds = seconds
        self._reporter = reporter
        self._end = time.monotonic() + seconds

    def map(self, question: Callable[[T], R], subjects: Sequence[T]) -> dict[T, R | GoclientError]:
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

        with self._reporter.waiting(GLOBUS, self._seconds):  # before anybody else waits: it is the end that counts
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
                subject, answer = answers.get(timeout=max(self.seconds_left(), 0.001))
            except queue.Empty:
                break
            if isinstance(answer, Exception) and not isinstance(answer, GoclientError):
                raise answer
            found[subject] = answer
        late = self._late()
        return {subject: found.get(subject, late) for subject in subjects}

    def _late(self) -> GlobusTimeout:
        return GlobusTimeout(
            f"Globus has not answered within {self._seconds:.0f} s: not everything could be checked",
            hint="status.globus.org tells if it is Globus; type the command again, with a longer --goTimeout",
            transient=True,
        )


def _answer(question: Callable[[T], R], subject: T) -> R | GoclientError | Exception:
    try:
        return question(subject)
    except Exception as error:
        return error
