"""Engine for transfers between Globus collections: it submits a task to the service, and waits until it is done."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from goclient.errors import EndpointError, GoclientError, raise_all
from goclient.errors.conditions import PathExists, PathNotFound
from goclient.errors.wording import counted, quoted
from goclient.journal import Entry
from goclient.model.endpoint import Endpoint, GlobusEndpoint, JobDirectory
from goclient.model.plan import TransferItem, TransferTask, check_apart
from goclient.model.remote import FileInfo, TaskState, TransferRequest
from goclient.node.engines.base import JobContext, TransferEngine, Transferred, TransferService
from goclient.node.shared_filesystem import SAME, Shared, check_sees
from goclient.node.signals import uninterrupted
from goclient.services.retry import turns

POLL = (0.1, 10.0)  # seconds between looks at a task: at first, and at most


@dataclass(frozen=True)
class Patience:
    """How long a transfer may take, and how long it may show nothing but faults; in seconds."""

    deadline: float
    faults: float


class GlobusEngine(TransferEngine):
    """Carry out the tasks of one job whose ends are collections, or the job's directory.

    ``connect`` is the node's own endpoint, if the job has one; ``shared`` says how a server sees the directory.
    """

    def __init__(
        self,
        job: JobContext,
        service: TransferService,
        patience: Patience,
        *,
        connect: Endpoint | None = None,
        shared: Shared = SAME,
    ) -> None:
        self._job = job
        self._service = service
        self._patience = patience
        self._connect = connect
        self._shared = shared

    def can_run(self, task: TransferTask) -> bool:
        """Return True if both ends are collections, or the job's directory."""
        return all(isinstance(end, (GlobusEndpoint, JobDirectory)) for end in (task.source, task.destination))

    def run(self, task: TransferTask) -> Transferred:
        """Return the result of a task; raise EndpointError if it failed, or if its time is up."""
        source, destination = self._end(task, task.source), self._end(task, task.destination)
        items = [_settle(item, source, destination) for item in task.items]
        check_apart(items)
        if task.destination.is_remote and not self._job.overwrite:
            raise_all(
                PathExists(
                    f"{quoted(item.destination)} exists by now, and would be overwritten",
                    hint="submit again with another destination, or with --goOverwrite",
                    subject=item.destination,
                )
                for item in items
                if destination.find_entry(item.destination) is not None
            )
        request = TransferRequest(
            source.collection.text,
            destination.collection.text,
            tuple(
                item._replace(source=source.top + item.source, destination=destination.top + item.destination)
                for item in items
            ),
            f"goclient {self._job.panda_id} {task.phase}",
            self._service.submission_id(),
            self._patience.deadline,
        )
        state = self._carry_out(task, request)
        return Transferred(state.files, state.bytes)

    def _end(self, task: TransferTask, endpoint: Endpoint) -> _End:
        """Return one end of a task; raise EndpointError for a server that does not see the job's directory."""
        directory = self._job.directory
        if endpoint.is_remote:
            return _Remote(self._resolve(endpoint), self._service)
        if task.server is not None:
            server = self._resolve(task.server)
            seen_as = self._shared.path(directory, server.text)
            check_sees(self._service, server, directory=directory, seen_as=seen_as)
            return _InJob(server, directory, f"{seen_as}/")
        assert self._connect is not None, "a job that moves files of its own has an endpoint on the node"
        return _InJob(self._connect, directory, f"{directory}/")

    def _resolve(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint with its id, also for a name that was submitted with --noCheck."""
        if isinstance(endpoint, GlobusEndpoint) and not endpoint.is_resolved:
            return GlobusEndpoint(self._service.resolve(endpoint.text).id, endpoint.display)
        return endpoint

    def _carry_out(self, task: TransferTask, request: TransferRequest) -> TaskState:
        """Submit a request, and wait until it is done; each step is in the journal first."""
        job, label = self._job, request.label
        route = f"{request.source} -> {request.destination}"
        intent = Entry("transfer", request.submission_id, "intended", (label,), route)
        job.journal.append(intent)
        try:
            task_id = self._service.submit(request)
        except GoclientError as error:
            became = "unknown" if error.transient else "refused"  # sent again under its id it would be the same task
            job.journal.append(intent.then(became, detail=error.message))
            raise
        try:
            job.journal.append(intent.then("accepted", label, task_id))
            job.reporter.progress(f"{task.phase}: {counted(len(request.items), 'item')} in task {task_id}")
            state = self._wait(task_id)
        except BaseException as error:
            with uninterrupted():
                try:
                    self._service.cancel(task_id)
                except GoclientError as failure:
                    job.reporter.progress(f"task {task_id} could not be cancelled: {failure.message}")
                why = str(error) or type(error).__name__
                job.journal.append(intent.then("failed", label, task_id, detail=why))
            raise
        job.journal.append(intent.then("done", label, task_id))
        return state

    def _wait(self, task_id: str) -> TaskState:
        """Return the task once it has succeeded; faults are reported, and the task is given up when they persist."""
        progressed, last, told = 0.0, None, set[str]()
        for waited in turns(*POLL):
            self._job.heartbeat.send()
            silent = waited - progressed > self._patience.faults
            try:
                state = self._service.task(task_id)
            except EndpointError as error:
                if not error.transient or silent:
                    raise
                self._job.reporter.progress(f"the state of task {task_id} is not known now: {error.message}")
            else:
                if state.has_succeeded:
                    return state
                if not state.is_active:
                    raise self._failed(task_id, state)
                if last is None or (state.files, state.bytes) != (last.files, last.bytes) or not state.faults:
                    progressed, silent = waited, False
                if state.faults and (last is None or state.faults != last.faults):
                    for fault in self._faults(task_id):
                        if fault not in told:
                            told.add(fault)
                            self._job.reporter.progress(f"task {task_id} goes on, but: {fault}")
                last = state
            if silent or waited > self._patience.deadline:
                raise EndpointError(
                    f"transfer task {task_id} was given up after {waited:.0f} s: "
                    f"{'; '.join(self._faults(task_id)) or 'no progress'}",
                    hint=f"goclient status {self._job.panda_id}",
                    code="transfer-given-up",
                    subject=task_id,
                )
        raise AssertionError("unreachable")

    def _faults(self, task_id: str) -> list[str]:
        """Return what went wrong in a task, as far as the service tells it now."""
        try:
            return self._service.faults(task_id)
        except EndpointError:
            return []

    def _failed(self, task_id: str, state: TaskState) -> EndpointError:
        what = "is paused" if state.is_paused else "failed"
        return EndpointError(
            f"transfer task {task_id} {what}: {'; '.join(self._faults(task_id)) or state.reason or state.status}",
            hint=f"goclient status {self._job.panda_id}",
            code="transfer-failed",
            subject=task_id,
        )


class _End(Protocol):
    """One end of a task: a path of an item follows ``top`` on ``collection``."""

    collection: Endpoint
    top: str

    def entry(self, path: str) -> FileInfo | None:
        """Return the entry at a path, None if it is not known; raise PathNotFound if there is none."""

    def find_entry(self, path: str) -> FileInfo | None:
        """Return the entry at a path, None if it is not known, or there is none."""
        try:
            return self.entry(path)
        except PathNotFound:
            return None


class _Remote(_End):
    """An end on another collection, which is listed; not everything that can be read can be listed."""

    def __init__(self, collection: Endpoint, service: TransferService) -> None:
        self.collection = collection
        self.top = ""
        self._service = service
        self._listings: dict[str, dict[str, FileInfo]] = {}

    def entry(self, path: str) -> FileInfo | None:
        directory, _, name = path.rstrip("/").rpartition("/")
        if not name:
            return None
        try:
            if directory not in self._listings:
                self._listings[directory] = self._service.listing(self.collection, f"{directory}/")
        except EndpointError:
            return None  # the transfer will tell
        found = self._listings[directory].get(name)
        if found is None:
            raise _missing(path, "it is not there (any more)")
        return found


class _InJob(_End):
    """An end in the job's directory, which this node sees itself."""

    def __init__(self, collection: Endpoint, directory: Path, top: str) -> None:
        self.collection = collection
        self.top = top
        self._directory = directory

    def entry(self, path: str) -> FileInfo | None:
        """Return the entry at a path; raise EndpointError, too, if a link leads out of the directory."""
        if not path.strip("/"):
            return None
        real, top = Path(os.path.realpath(self._directory / path)), Path(os.path.realpath(self._directory))
        if not real.is_relative_to(top):
            raise EndpointError(
                f"{quoted(path)} leads outside the job's directory",
                hint="copy the file into it",
                code="outside",
                subject=path,
            )
        if not os.path.exists(real):  # also False for a name that is too long
            raise _missing(path, "the job did not make it")
        return FileInfo(real.name, real.is_dir(), 0)


def _settle(item: TransferItem, source: _End, destination: _End) -> TransferItem:
    """Return an item with what was left open at submission: whether it is a directory, and whether it goes into one."""
    found = source.entry(item.source)
    target = item.destination
    there = destination.find_entry(target) if item.renames else None
    if there is not None and there.is_directory:
        target = f"{target}/{item.source.rstrip('/').rsplit('/', 1)[-1]}"
    return item._replace(destination=target, recursive=item.recursive or (found is not None and found.is_directory))


def _missing(path: str, where: str) -> PathNotFound:
    return PathNotFound(
        f"{quoted(path)}: {where}", hint="look at the job's output and the names of its files", subject=path
    )
