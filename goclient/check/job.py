"""What is looked at of a job beside its transfers, and at the same time: its queue and its payload."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from goclient.check.parallel import SAY_AFTER
from goclient.errors import GoclientError, ServerError
from goclient.model.finding import Finding
from goclient.services.deadline import Aside

if TYPE_CHECKING:
    from goclient.check.queue import Queues
    from goclient.model.access import QueueSource

R = TypeVar("R")
SHARE = 0.9  # of the time, for the server: the queues that were told before are read in the rest


@dataclass(frozen=True, slots=True)
class Job:
    """What a job is beside its transfers: the queues that it names, its payload and its prodSourceLabel."""

    queues: Sequence[str] = ()
    payload: str = ""
    label: str = "user"


class JobLook:
    """The look at one job, which begins when this is made, and has so many seconds; ``say`` is told if it is long."""

    def __init__(self, job: Job, source: Callable[[], QueueSource], seconds: float, say: Callable[[str], None]) -> None:
        self._job = job
        self._say = say
        self._end = time.monotonic() + seconds
        self._queues = Aside(partial(_queues, job, source, seconds)) if job.queues else None
        self._payload = Aside(partial(_payload, job, seconds)) if job.payload else None

    def findings(self, largest: int) -> list[Finding]:
        """Return what is found of the queue and the payload; ``largest``: the bytes that one job brings."""
        return [*self._of_queues(largest), *self._of_payload()]

    def _of_queues(self, largest: int) -> list[Finding]:
        if self._queues is None:
            return []
        from goclient.check.queue import judged, unchecked

        try:
            found = self._waited(self._queues, "the queues of the PanDA server")
        except TimeoutError:
            return unchecked(self._job.queues, "the PanDA server has not answered in time")
        except ServerError as error:
            return unchecked(self._job.queues, error.message)
        except GoclientError as error:
            return [*map(Finding.failed, error.parts)]
        return judged(found, self._job.queues, label=self._job.label, largest=largest)

    def _of_payload(self) -> list[Finding]:
        if self._payload is None:
            return []
        try:
            return self._waited(self._payload, "the server of the payload")
        except TimeoutError:
            from goclient.check.payload import late

            return late(self._job.payload)

    def _waited(self, aside: Aside[R], whom: str) -> R:
        """What a call beside others gives, in the time that is left; says who is waited for if that is long."""
        left = self._end - time.monotonic()
        try:
            return aside.result(min(left, SAY_AFTER))
        except TimeoutError:
            left = self._end - time.monotonic()
            if left <= 0:
                raise
            self._say(f"waiting for {whom} ({left:.0f} s at most)")
            return aside.result(left)


def _queues(job: Job, source: Callable[[], QueueSource], seconds: float) -> Queues:
    from goclient.check.queue import queues

    return queues(source(), job.queues, seconds * SHARE)


def _payload(job: Job, seconds: float) -> list[Finding]:
    from goclient.check.payload import look

    return look(job.payload, seconds)
