"""Transfers of a job: those of a phase side by side, each carried out by the engine that knows its ends."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from goclient.errors import Collector, GoclientError, TransferFailed, raise_all
from goclient.errors.wording import pluralize
from goclient.model.plan import Phase, TransferTask
from goclient.node.engines.base import JobContext, Steps, TransferEngine, Transport, choose
from goclient.node.signals import check

_AFTER: tuple[Phase, ...] = ("stage-out", "output")  # the payload
TURN = 1.0  # seconds at most between two heartbeats


@dataclass(frozen=True)
class _Running:
    """A task that an engine carries out; ``label`` is its key in the journal."""

    label: str
    task: TransferTask
    transport: Transport


class Transfers:
    """Carry out the transfers of one job; one that the journal calls done is not done again."""

    def __init__(self, tasks: Sequence[TransferTask], context: JobContext, engines: Sequence[TransferEngine]) -> None:
        """Choose the engines; raise TransferFailed for tasks that none of them can run."""
        self._context = context
        self._running: list[_Running] = []
        numbers: dict[Phase, int] = {}
        for task in tasks:
            number = numbers[task.phase] = numbers.get(task.phase, 0) + 1
            label = f"{task.phase}.{number}"
            with _in_phase(task.phase):
                self._running.append(_Running(label, task, choose(engines, task).start(task, label)))

    def check_ahead(self) -> None:
        """Check, before anything is sent, that nothing is in the way of what the job delivers; raise all that is.

        What cannot be known now is known when files are delivered.
        """
        errors = []
        for one in self._running:
            try:
                with _in_phase(one.task.phase):
                    one.transport.check_ahead()
            except TransferFailed as error:
                if error.error.transient:
                    self._context.reporter.progress(f"not checked ahead: {error.message}")
                else:
                    errors.append(error)
        raise_all(errors)

    def bring(self) -> None:
        """Carry out the stage-in; raise TransferFailed."""
        self._transfer("stage-in")
        self._deliver("stage-in")

    def take(self) -> None:
        """Carry out stage-out and output, without the names that their files are to have; raise TransferFailed."""
        for phase in _AFTER:
            self._transfer(phase)

    def deliver(self) -> None:
        """Give the files of stage-out and output their names, now that all have arrived; raise TransferFailed."""
        for phase in _AFTER:
            self._deliver(phase)

    def _transfer(self, phase: Phase) -> None:
        """Carry out the tasks of a phase side by side; raise TransferFailed with all that was found by then."""
        running = [one for one in self._running if one.task.phase == phase]
        steps = {one.label: one.transport.steps() for one in running}
        try:
            with _in_phase(phase):
                self._take_steps(phase, steps)
        finally:
            for one in steps.values():
                one.close()

    def _take_steps(self, phase: Phase, steps: dict[str, Steps]) -> None:
        due = dict.fromkeys(steps, 0.0)
        while due:
            collector = Collector()
            for label in [label for label, when in due.items() if when <= time.monotonic()]:
                with collector:
                    try:
                        due[label] = time.monotonic() + next(steps[label])
                    except StopIteration as end:
                        del due[label]
                        files, size = pluralize(end.value.files, "file"), pluralize(end.value.bytes, "byte")
                        self._context.reporter.progress(f"{phase}: {files}, {size}")
            raise_all(collector.errors)
            if due:
                check()
                self._context.heartbeat.send()
                time.sleep(max(0.0, min(min(due.values()) - time.monotonic(), TURN)))

    def _deliver(self, phase: Phase) -> None:
        for one in self._running:
            if one.task.phase == phase:
                with _in_phase(phase):
                    one.transport.deliver()


@contextmanager
def _in_phase(phase: Phase) -> Iterator[None]:
    try:
        yield
    except GoclientError as error:
        raise TransferFailed(phase, error) from error
