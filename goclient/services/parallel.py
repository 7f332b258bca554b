"""Many calls at once, with one time-out for all of them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from goclient.errors import GoclientError
from goclient.errors.conditions import GlobusTimeout
from goclient.reporter.base import SILENT, Reporter
from goclient.reporter.waiting import GLOBUS
from goclient.services.deadline import Deadline

T = TypeVar("T")
R = TypeVar("R")
PARALLEL = 16  # requests at once; the service allows 20 a second


class Parallel:
    """Make calls in parallel until a time is up, which all of them share.

    Threads that are still waiting when the time is up are left behind: they end with the process.
    """

    def __init__(self, deadline: Deadline, reporter: Reporter = SILENT) -> None:
        self._deadline = deadline
        self._reporter = reporter

    def map(self, call: Callable[[T], R], subjects: Sequence[T]) -> dict[T, R | GoclientError]:
        """Return what the call gives, or the GoclientError that it raises, for each subject, in their order."""
        left = self._deadline.left
        waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
        answers: queue.SimpleQueue[tuple[T, R | Exception]] = queue.SimpleQueue()
        for subject in subjects:
            waiting.put(subject)

        def work() -> None:
            while self._deadline.left > 0:
                try:
                    subject = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    answers.put((subject, call(subject)))
                except Exception as error:
                    answers.put((subject, error))

        found: dict[T, R | GoclientError] = {}
        if left > 0:
            with self._reporter.waiting(GLOBUS, self._deadline.seconds):  # before another one waits: its end counts
                for _ in range(min(PARALLEL, len(subjects))):
                    threading.Thread(target=work, daemon=True).start()
                while len(found) < len(subjects):
                    try:
                        subject, answer = answers.get(timeout=max(self._deadline.left, 0.001))
                    except queue.Empty:
                        break
                    if isinstance(answer, Exception) and not isinstance(answer, GoclientError):
                        raise answer
                    found[subject] = answer
        late = GlobusTimeout(
            f"Globus has not answered within {self._deadline.seconds:.0f} s: not everything could be checked",
            hint="status.globus.org tells if it is Globus; type the command again, with a longer --goTimeout",
            transient=True,
        )
        return {subject: found.get(subject, late) for subject in subjects}
