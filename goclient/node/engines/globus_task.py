"""A task of Globus: it is submitted once, whatever happens, and watched until it is done."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass

from goclient.errors import EndpointError, GoclientError
from goclient.errors.conditions import TooManyTasks
from goclient.errors.wording import pluralize
from goclient.journal import Entry
from goclient.model.remote import TaskState, TransferRequest
from goclient.node.engines.base import JobContext, Steps, Transferred, TransferService
from goclient.node.signals import defer_signals
from goclient.services.retry import pauses

POLL = (0.1, 10.0)  # seconds between looks at a task: at first, and at most


@dataclass(frozen=True)
class Patience:
    """Limits of a transfer: the time it may take, and how long it may show nothing but faults; in seconds."""

    deadline: float
    faults: float


class Watch:
    """Look at all tasks of a job in one call; what it tells of one of them is given once."""

    def __init__(self, service: TransferService) -> None:
        self._service = service
        self._watched: set[str] = set()
        self._told: dict[str, TaskState] = {}

    def add(self, task_id: str) -> None:
        """Look at a task from now on."""
        self._watched.add(task_id)

    def drop(self, task_id: str) -> None:
        """Look at a task no more."""
        self._watched.discard(task_id)

    def state(self, task_id: str) -> TaskState:
        """Return the state of a task; raise EndpointError if the service does not know it now."""
        if task_id not in self._told:
            self._told = self._service.tasks(sorted(self._watched))
        if task_id not in self._told:
            hint = f"type: globus task show {task_id}; globus is a program of the Python package globus-cli"
            raise EndpointError(f"Globus does not know the task {task_id}", hint=hint, code="no-task", transient=True)
        return self._told.pop(task_id)


class GlobusTask:
    """A request to Globus: submitted under an id that is in the journal first, so that it is carried out once."""

    def __init__(self, job: JobContext, service: TransferService, watch: Watch, *, label: str, phase: str) -> None:
        self._job = job
        self._service = service
        self._watch = watch
        self._label = label
        self._phase = phase
        self._task_id = ""
        self.last = job.journal.last("transfer", label)

    @property
    def may_be_submitted(self) -> bool:
        """Return True if it was submitted before, or may have been, and what became of it is not known."""
        return self.last is not None and self.last.state in ("intended", "unknown", "accepted")

    @property
    def submission_id(self) -> str:
        """Return the id under which it was submitted, if what became of it is not known; else a new one."""
        if self.last is not None and self.may_be_submitted:
            return self.last.subjects[0]
        return self._service.submission_id()

    def carry_out(self, request: TransferRequest, patience: Patience) -> Steps:
        """Submit a request, and wait until it is done; each step is in the journal first.

        Whatever ends the wait cancels the task.
        """
        job, last = self._job, self.last
        ends = f"{request.source} -> {request.destination}"
        intent = Entry("transfer", self._label, "intended", (request.submission_id,), ends)
        try:
            if last is not None and last.state == "accepted":
                self._task_id = last.subjects[1]
                job.reporter.progress(f"{self._phase}: task {self._task_id} was submitted before")
            else:
                yield from self._submit(request, intent, patience)
            self._watch.add(self._task_id)
            state = yield from self._wait(self._task_id, patience)
        except BaseException as error:
            if self._task_id:
                with defer_signals():
                    self._cancel(intent, str(error) or type(error).__name__)
            raise
        finally:
            self._watch.drop(self._task_id)
        done = Transferred(state.files, state.bytes)
        job.journal.append(done.note(intent, request.submission_id, self._task_id))
        return done

    def _cancel(self, intent: Entry, why: str) -> None:
        try:
            self._service.cancel(self._task_id)
        except GoclientError as failure:
            self._job.reporter.progress(f"task {self._task_id} could not be cancelled: {failure.message}")
        self._job.journal.append(intent.then("failed", *intent.subjects, self._task_id, detail=why))

    def _submit(self, request: TransferRequest, intent: Entry, patience: Patience) -> Generator[float, None, None]:
        """Submit a request, again and under the same id while the service has no answer or no room for it."""
        job, told, started = self._job, False, time.monotonic()
        job.journal.append(intent)
        for pause in pauses(*POLL):
            try:
                with defer_signals():
                    self._task_id = self._service.submit(request)
                    job.journal.append(intent.then("accepted", request.submission_id, self._task_id))
            except TooManyTasks as error:
                if not told:
                    job.reporter.progress(f"{self._phase}: waiting for a turn: {error.message}")
                told, started = True, time.monotonic()  # it is not a fault
            except EndpointError as error:
                if not error.transient or time.monotonic() - started > patience.faults:
                    became = "unknown" if error.transient else "refused"
                    job.journal.append(intent.then(became, detail=error.message))
                    raise
                job.reporter.progress(f"{self._phase}: not submitted yet: {error.message}")
            else:
                job.reporter.progress(f"{self._phase}: {pluralize(len(request.items), 'item')} in task {self._task_id}")
                return
            yield pause

    def _wait(self, task_id: str, patience: Patience) -> Generator[float, None, TaskState]:
        """Return the task once it has succeeded; faults are reported, and the task is given up when they persist."""
        started, progressed, last, told = time.monotonic(), 0.0, None, set[str]()
        for pause in pauses(*POLL):
            waited = time.monotonic() - started
            silent = waited - progressed > patience.faults
            try:
                state = self._watch.state(task_id)
            except EndpointError as error:
                if not error.transient or silent:
                    raise
                self._job.reporter.progress(f"the state of task {task_id} is not known now: {error.message}")
            else:
                if state.has_succeeded:
                    return state
                if not state.is_active:
                    raise self._failure(task_id, state)
                if state.is_queued and (last is None or not last.is_queued):
                    self._job.reporter.progress(f"{self._phase}: task {task_id} is queued behind others")
                if last is None or (state.files, state.bytes) != (last.files, last.bytes) or not state.faults:
                    progressed, silent = waited, False
                if state.faults and (last is None or state.faults != last.faults):
                    self._tell(task_id, told)
                last = state
            if silent or waited > patience.deadline:
                raise EndpointError(
                    f"transfer task {task_id} was given up after {waited:.0f} s: "
                    f"{'; '.join(self._faults(task_id)) or 'no progress'}",
                    hint=f"goclient status {self._job.panda_id}",
                    code="transfer-given-up",
                    subject=task_id,
                )
            yield pause
        raise AssertionError("unreachable")

    def _tell(self, task_id: str, told: set[str]) -> None:
        """Report the faults of a task that were not reported yet."""
        for fault in self._faults(task_id):
            if fault not in told:
                told.add(fault)
                self._job.reporter.progress(f"task {task_id} goes on, but: {fault}")

    def _faults(self, task_id: str) -> list[str]:
        """Return what went wrong in a task, as far as the service tells it now."""
        try:
            return self._service.faults(task_id)
        except EndpointError:
            return []

    def _failure(self, task_id: str, state: TaskState) -> EndpointError:
        what = "is paused" if state.is_paused else "failed"
        return EndpointError(
            f"transfer task {task_id} {what}: {'; '.join(self._faults(task_id)) or state.reason or state.status}",
            hint=f"goclient status {self._job.panda_id}",
            code="transfer-failed",
            subject=task_id,
        )
