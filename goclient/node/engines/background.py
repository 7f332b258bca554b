"""Work that waits for a network, in a thread of its own: its engine goes on with its steps, and can end it.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from goclient.journal import Entry
from goclient.model.endpoint import JOB
from goclient.model.plan import TransferTask
from goclient.node.engines.base import JobContext, Steps, Transferred, Transport
from goclient.node.engines.far_end import Delivering
from goclient.node.signals import defer_signals
from goclient.services import retry
from goclient.services.contents import Moved
from goclient.services.deadline import Background, Deadline
from goclient.services.retry import pauses

T = TypeVar("T")
POLL = (0.005, 1.0)  # seconds between two looks at the work: at first, and at most
LATE = 1.02  # times the pause before: its end is seen a fiftieth of its time later at most
ENDED_WITHIN = 10.0  # seconds: its connections are closed, so that it waits for nothing


def note_steps(job: JobContext, label: str, steps: Steps, *, way: str) -> Steps:
    """Return the steps of a task, which the job's journal has before them; and after them what came of it."""
    intent = Entry("transfer", label, "intended", detail=way)
    job.journal.append(intent)
    try:
        done = yield from steps
    except BaseException as error:
        job.journal.append(intent.then("failed", detail=str(error) or type(error).__name__))
        raise
    job.journal.append(done.note(intent))
    return done


class BackgroundTransport(Transport):
    """A task on its way whose items a thread transfers.

    What may pass is tried again for ``patience`` seconds when files get their names.
    """

    def __init__(self, job: JobContext, task: TransferTask, label: str, *, patience: float) -> None:
        self._job, self._task, self._label = job, task, label
        self._patience = patience
        self._known: Delivering | None = None

    @abstractmethod
    def _new_delivery(self) -> Delivering:
        """Return how the items are delivered, if they are not for the job's directory."""

    @abstractmethod
    def _ready(self) -> tuple[Callable[[Moved], Transferred], str]:
        """Check all items; return the work of the thread, and what the journal says of its way."""

    @abstractmethod
    def _rest(self) -> None:
        """Hang up: nothing is connected until files get their names, maybe in hours."""

    @abstractmethod
    def _cancel(self) -> None:
        """End what the work waits for."""

    @property
    def _delivery(self) -> Delivering:
        if self._known is None:
            self._known = self._new_delivery()
        return self._known

    @contextmanager
    def _rest_after(self) -> Iterator[None]:
        """Run the body; nothing is connected for long afterwards."""
        try:
            yield
        finally:
            self._rest()

    def check_ahead(self) -> None:
        """Look at the destinations of the items, if they are not in the job's directory."""
        if self._task.destination != JOB:
            with self._rest_after():
                self._delivery.check()

    def steps(self) -> Steps:
        """Transfer the items in a thread; those that are done, says the journal, are not done again."""
        with self._rest_after():
            if (done := Transferred.find(self._job.journal, self._label)) is not None:
                return done
            work, way = self._ready()
            yield 0.0  # nothing is sent until all tasks of the phase are checked
            return (yield from note_steps(self._job, self._label, in_background(work, self._cancel), way=way))

    def deliver(self) -> None:
        """Give the files their names, if they are not in the job's directory."""
        if self._task.destination != JOB:
            with self._rest_after():
                self._delivery.place(patience=self._patience)


class Cancelled(Exception):
    """End of work that nobody waits for any more."""


def in_background(work: Callable[[Moved], Transferred], cancel: Callable[[], object]) -> Steps:
    """Return the steps of work that is done in a thread; they raise what it raises.

    If they end before it does, ``cancel`` is called, which ends what it waits for, and ``moved`` raises in it.
    """
    is_ended = threading.Event()

    def raise_if_ended(_: int) -> None:
        if is_ended.is_set():
            raise Cancelled

    running, is_done = Background(lambda: work(raise_if_ended)), False
    try:
        for pause in pauses(*POLL, factor=LATE):
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
            with defer_signals():
                cancel()
                with suppress(BaseException):
                    running.result(ENDED_WITHIN)


def insist(attempt: Callable[[Moved], T], moved: Moved, *, patience: float) -> T:
    """Return what an attempt gives; what may pass is tried again for ``patience`` seconds without a byte.

    The attempt gets what it tells of bytes; what ``moved`` raises ends it all.
    """
    told = 0

    def tell(count: int) -> None:
        nonlocal told
        told += count
        moved(count)

    def wait(pause: float) -> None:
        end = Deadline(pause)
        while end.left > 0:
            moved(0)
            time.sleep(max(min(end.left, POLL[1]), 0))

    return retry.insist(lambda: attempt(tell), patience, wait=wait, progress=lambda: told)
