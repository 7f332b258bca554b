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

    def __init__(self, deadline: Deadline, reporter: Reporter = SILENT, *, service: str = GLOBUS) -> None:
        self._deadline = deadline
        self._reporter = reporter
        self._service = service  # which a user waits for

    def map(
        self,
        call: Callable[[T], R],
        subjects: Sequence[T],
        *,
        late: Callable[[T, float], GoclientError] | None = None,
    ) -> dict[T, R | GoclientError]:
        """Return what the call gives, or the GoclientError that it raises, for each subject, in their order.

        ``late`` makes the error of a subject without an answer, from it and the seconds, if Globus is not to blame.
        """
        deadline = self._deadline
        left = deadline.left
        waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
        answers: queue.SimpleQueue[tuple[T, R | Exception]] = queue.SimpleQueue()
        for subject in subjects:
            waiting.put(subject)

        def work() -> None:
            while deadline.left > 0:
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
            with self._reporter.waiting(self._service, deadline.seconds):  # before another one waits: its end counts
                for _ in range(min(PARALLEL, len(subjects))):
                    threading.Thread(target=work, daemon=True).start()
                while len(found) < len(subjects):
                    try:
                        subject, answer = answers.get(timeout=max(deadline.left, 0.001))
                    except queue.Empty:
                        break
                    if isinstance(answer, Exception) and not isinstance(answer, GoclientError):
                        raise answer
                    found[subject] = answer
        late = late or globus_is_late
        return {one: found[one] if one in found else late(one, deadline.seconds) for one in subjects}


def globus_is_late(_: object, seconds: float) -> GlobusTimeout:
    """Return the error of Globus that has not answered after so many seconds."""
    return GlobusTimeout(
        f"Globus has not answered within {seconds:.0f} s: not everything could be checked",
        hint="status.globus.org tells if it is Globus; type the command again, with a longer --goTimeout",
        transient=True,
    )
