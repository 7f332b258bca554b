"""What is looked at of a job beside its transfers, and at the same time: its queue and its payload."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from goclient.errors import Finding, GoclientError, ServerError
from goclient.model.request import Job
from goclient.reporter.base import SILENT, Reporter
from goclient.services.deadline import Background

if TYPE_CHECKING:
    from goclient.preflight.queue import Queues
    from goclient.services.panda.access import QueueSource

SHARE = 0.9  # of the time, for the server: the queues that were told before are read in the rest


class JobLook:
    """The look at one job, which begins when this is made, and has so many seconds."""

    def __init__(
        self, job: Job, source: Callable[[], QueueSource], seconds: float, reporter: Reporter = SILENT
    ) -> None:
        self._job = job
        self._end = time.monotonic() + seconds
        self._queues = Background(partial(_queues, job, source, seconds, reporter)) if job.queues else None
        self._payload = Background(partial(_payload, job, seconds, reporter)) if job.payload else None

    def findings(self, largest: int) -> list[Finding]:
        """Return what is found of the queue and the payload; ``largest``: the bytes that one job brings."""
        return [*self._of_queues(largest), *self._of_payload()]

    def _of_queues(self, largest: int) -> list[Finding]:
        if self._queues is None:
            return []
        from goclient.preflight.queue import judged, unchecked

        try:
            found = self._queues.result(self._end - time.monotonic())
        except TimeoutError:
            return unchecked(self._job.queues, "the PanDA server has not answered in time")
        except ServerError as error:
            return unchecked(self._job.queues, error.message)
        except GoclientError as error:
            return [*error.findings]
        return judged(found, self._job.queues, label=self._job.label, largest=largest)

    def _of_payload(self) -> list[Finding]:
        if self._payload is None:
            return []
        try:
            return self._payload.result(self._end - time.monotonic())
        except TimeoutError:
            from goclient.preflight.payload import late

            return late(self._job.payload)


def _queues(job: Job, source: Callable[[], QueueSource], seconds: float, reporter: Reporter) -> Queues:
    from goclient.preflight.queue import queues

    where = source()
    with reporter.waiting(f"the PanDA server {where.access.url}", seconds):
        return queues(where, job.queues, seconds * SHARE)


def _payload(job: Job, seconds: float, reporter: Reporter) -> list[Finding]:
    from goclient.preflight.payload import look

    with reporter.waiting("the server of the payload", seconds):
        return look(job.payload, seconds)
