"""Carries out one transfer task: settles what only the pilot can see, submits it, and waits until it is done."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from goclient.errors import EndpointError, GoclientError, PathExists, PathNotFound, quoted, raise_all
from goclient.journal import Entry, Journal
from goclient.model.endpoint import JOB, Endpoint, UrlEndpoint, is_uuid
from goclient.model.plan import TransferItem, TransferTask, check_apart
from goclient.node.shared_filesystem import check_sees
from goclient.node.signals import uninterrupted
from goclient.services.globus.sdk import FileInfo, Globus, TaskState

POLL = (0.1, 10.0)  # seconds between looks at a task: at first, and at most


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a transfer may take, and how long it may show nothing but faults; in seconds."""

    deadline: float
    faults: float


class Carrier:
    """Carries out the tasks of one job.

    ``node`` is the id of the node's own endpoint, if it has one; ``seen_as`` is the path that the job's directory
    has on a server that sees it.
    """

    def __init__(
        self,
        globus: Globus,
        journal: Journal,
        *,
        panda_id: int,
        folder: Path,
        node: str | None,
        seen_as: str,
        overwrite: bool,
        patience: Patience,
        say: Callable[[str], None],
        beat: Callable[[], None],
    ) -> None:
        self._globus = globus
        self._journal = journal
        self._panda_id = panda_id
        self._folder = folder
        self._node = node
        self._seen_as = seen_as
        self._overwrite = overwrite
        self._patience = patience
        self._say = say
        self._beat = beat
        self._listings: dict[tuple[str, str], dict[str, FileInfo]] = {}
        self._ids: dict[str, str] = {}

    def carry(self, task: TransferTask) -> TaskState:
        """The finished task; raises EndpointError if it failed, or if its time is up."""
        source, destination = self._id(task, task.source), self._id(task, task.destination)
        items = [self._settled(task, source, destination, item) for item in task.items]
        check_apart(items)
        if task.destination != JOB and not self._overwrite:
            self._keep(task, destination, items)
        items = [self._full(task, item) for item in items]
        label = f"goclient {self._panda_id} {task.phase}"
        submission_id = self._globus.submission_id()
        intent = Entry("transfer", submission_id, "intended", (label,), f"{source} -> {destination}")
        self._journal.append(intent)
        seconds = self._patience.deadline
        try:
            task_id = self._globus.submit(
                source, destination, items=items, label=label, submission_id=submission_id, seconds=seconds
            )
        except GoclientError as error:
            became = "unknown" if error.transient else "refused"  # sent again under its id it would be the same task
            self._journal.append(intent.then(became, detail=error.message))
            raise
        self._journal.append(intent.then("accepted", label, task_id))
        self._say(f"{task.phase}: {len(items)} item(s) in task {task_id}")
        try:
            state = self._wait(task_id)
        except BaseException as error:
            with uninterrupted():
                self._cancel(task_id)
                self._journal.append(intent.then("failed", label, task_id, detail=str(error) or type(error).__name__))
            raise
        self._journal.append(intent.then("done", label, task_id))
        self._say(f"{task.phase}: {state.files} file(s), {state.bytes} bytes moved")
        return state

    # --- what only the pilot can see ---

    def _id(self, task: TransferTask, endpoint: Endpoint) -> str:
        """The id of the collection of one end of a task."""
        if endpoint == JOB and task.server is not None:
            server = self._id(task, task.server)
            check_sees(self._globus, server, called=task.server.text, folder=self._folder, seen_as=self._seen_as)
            return server
        if endpoint == JOB:
            assert self._node is not None, "a job that moves files of its own has an endpoint on the node"
            return self._node
        if isinstance(endpoint, UrlEndpoint):
            raise EndpointError(
                f"{quoted(endpoint)} is a GridFTP server: this pilot moves files with Globus only",
                hint="name a Globus collection of that storage",
                code="gridftp",
                subject=endpoint.text,
            )
        name = endpoint.text
        if name not in self._ids:  # a name that was submitted with --noCheck
            self._ids[name] = name if is_uuid(name) else self._globus.resolve(name).id
        return self._ids[name]

    def _settled(self, task: TransferTask, source: str, destination: str, item: TransferItem) -> TransferItem:
        """The item with what was left open at submission: whether it is a directory, and whether it goes into one."""
        found = self._look(task.source, source, item.source)
        recursive = item.recursive or (found is not None and found.is_directory)
        target = item.destination
        if item.renames:
            there = self._look(task.destination, destination, target, must=False)
            if there is not None and there.is_directory:
                target = f"{target}/{item.source.rstrip('/').rsplit('/', 1)[-1]}"
        return item._replace(destination=target, recursive=recursive)

    def _keep(self, task: TransferTask, destination: str, items: list[TransferItem]) -> None:
        """None; raises EndpointError for each thing that has come in the way since the job was submitted."""
        raise_all(
            PathExists(
                f"{quoted(item.destination)} exists by now, and would be overwritten",
                hint="submit again with another destination, or with --goOverwrite",
                subject=item.destination,
            )
            for item in items
            if self._look(task.destination, destination, item.destination, must=False) is not None
        )

    def _look(self, endpoint: Endpoint, collection_id: str, path: str, *, must: bool = True) -> FileInfo | None:
        """What is at a path; None if that is not known, or nothing is there and it need not be."""
        name = path.rstrip("/").rpartition("/")[2]
        if not name:
            return None
        if endpoint == JOB:
            found = self._look_here(path)
        else:
            try:
                found = self._listing(collection_id, path.rstrip("/").rpartition("/")[0] + "/").get(name)
            except EndpointError:
                return None  # not everything that can be read can be listed: the transfer will tell
        if found is None and must:
            where = "the job did not make it" if endpoint == JOB else "it is not there (any more)"
            raise PathNotFound(
                f"{quoted(path)}: {where}",
                hint="look at the job's output and the names of its files",
                subject=path,
            )
        return found

    def _listing(self, collection_id: str, folder: str) -> dict[str, FileInfo]:
        key = (collection_id, folder)
        if key not in self._listings:
            self._listings[key] = self._globus.listing(collection_id, folder)
        return self._listings[key]

    def _look_here(self, path: str) -> FileInfo | None:
        real = self._inside(path)
        return FileInfo(real.name, real.is_dir(), 0) if os.path.exists(real) else None  # False for a name too long

    def _inside(self, path: str) -> Path:
        """The real path of a name in the job's directory; raises EndpointError if a link leads out of it."""
        real = Path(os.path.realpath(self._folder / path))
        top = Path(os.path.realpath(self._folder))
        if real != top and top not in real.parents:
            raise EndpointError(
                f"{quoted(path)} leads outside the job's directory",
                hint="copy the file into it",
                code="outside",
                subject=path,
            )
        return real

    def _full(self, task: TransferTask, item: TransferItem) -> TransferItem:
        """The item with absolute paths at both ends."""

        top = str(self._folder) if task.server is None else self._seen_as

        def full(endpoint: Endpoint, path: str) -> str:
            return f"{top}/{path}" if endpoint == JOB else path

        return item._replace(
            source=full(task.source, item.source), destination=full(task.destination, item.destination)
        )

    # --- waiting ---

    def _wait(self, task_id: str) -> TaskState:
        """The task once it has succeeded; faults are said as they come, and given up on when they persist."""
        started = progressed = time.monotonic()
        pause, last, said = POLL[0], None, set[str]()
        while True:
            self._beat()
            state = self._look_at(task_id, since=progressed)
            if state is not None:
                if state.status == "SUCCEEDED":
                    return state
                if state.status != "ACTIVE":
                    raise self._failed(task_id, state)
                if last is None or (state.files, state.bytes) != (last.files, last.bytes) or not state.faults:
                    progressed = time.monotonic()
                if state.faults and (last is None or state.faults != last.faults):
                    self._say_faults(task_id, said)
                last = state
            now = time.monotonic()
            if now - progressed > self._patience.faults or now - started > self._patience.deadline:
                raise self._given_up(task_id, now - started)
            time.sleep(pause)
            pause = min(pause * 1.5, POLL[1])

    def _look_at(self, task_id: str, *, since: float) -> TaskState | None:
        """The task's state, None if the service cannot say now; raises when that has lasted too long."""
        try:
            return self._globus.task(task_id)
        except EndpointError as error:
            if not error.transient or time.monotonic() - since > self._patience.faults:
                raise
            self._say(f"the state of task {task_id} is not known now: {error.message}")
            return None

    def _say_faults(self, task_id: str, said: set[str]) -> None:
        for fault in self._new_faults(task_id, said):
            self._say(f"task {task_id} goes on, but: {fault}")

    def _new_faults(self, task_id: str, said: set[str]) -> Iterable[str]:
        try:
            faults = [fault for fault in self._globus.faults(task_id) if fault not in said]
        except EndpointError:
            return []
        said.update(faults)
        return faults

    def _cancel(self, task_id: str) -> None:
        """None, once the task will move nothing more, or that cannot be told."""
        try:
            self._globus.cancel(task_id)
        except GoclientError as error:
            self._say(f"task {task_id} could not be cancelled: {error.message}")

    def _failed(self, task_id: str, state: TaskState) -> EndpointError:
        faults = "; ".join(self._new_faults(task_id, set()))
        what = "is paused" if state.status == "INACTIVE" else "failed"
        return EndpointError(
            f"transfer task {task_id} {what}: {faults or state.reason or state.status}",
            hint=f"globus task show {task_id}",
            code="transfer-failed",
            subject=task_id,
        )

    def _given_up(self, task_id: str, seconds: float) -> EndpointError:
        faults = "; ".join(self._new_faults(task_id, set())) or "no progress"
        return EndpointError(
            f"transfer task {task_id} was given up after {seconds:.0f} s: {faults}",
            hint=f"globus task event-list {task_id}",
            code="transfer-given-up",
            subject=task_id,
        )
