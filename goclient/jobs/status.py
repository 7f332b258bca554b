"""Status of jobs: what the server says, and their transfers, found by the label that pilots give them.

A carried job says itself, at its end, what it has transferred.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goclient.errors import GoclientError, ServerError
from goclient.errors.sent import StillRunning
from goclient.errors.wording import said
from goclient.model.planner import plan
from goclient.model.records.answers import DONE, JobState
from goclient.model.records.base import Decoded
from goclient.model.records.registry import decode
from goclient.model.remote import TaskState
from goclient.reporter.base import Reporter
from goclient.services.deadline import Deadline
from goclient.services.parallel import Parallel

if TYPE_CHECKING:
    from goclient.config.connections import Connections
    from goclient.services.globus.sdk import Globus
    from goclient.services.panda.client import PandaServer

PATIENCE = 60.0  # seconds for the transfers of all jobs, and one more for each job: Globus answers 20 times a second


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job and the transfers that this identity may see; ``warning`` says why they are not known, if so."""

    panda_id: int
    state: str
    reason: str
    transfers: tuple[TaskState, ...] = ()
    warning: str = ""

    @property
    def done(self) -> bool:
        """Return True if the job is over, well or not."""
        return self.state in DONE

    def document(self) -> dict[str, Any]:
        """Return the contract's JSON object of a job."""
        transfers = [
            {
                "task_id": task.task_id or None,  # none, where no service carried it out
                "phase": phase_of(task),
                "state": task.status,
                "files": task.files,
                "bytes": task.bytes,
            }
            for task in self.transfers
        ]
        return {"PandaID": self.panda_id, "state": self.state, "reason": self.reason, "transfers": transfers}


def phase_of(task: TaskState) -> str:
    """Return the phase that a task's label names: the last word of ``goclient <PandaID> <phase>``."""
    return task.label.rpartition(" ")[2]


def job_status(panda_ids: Sequence[int], connections: Connections) -> list[JobStatus]:
    """Return the status of each job in order; raises ServerError for jobs that the server does not know.

    Globus is asked only if a job has transfers there, which it has not told itself; without a login they are left
    out, with a warning.
    """
    found = []
    jobs = known_jobs(panda_ids, server=connections.panda())
    answers: dict[int, list[TaskState] | GoclientError] = {job.panda_id: list(_told(job)) for job in jobs}
    asked = {job.panda_id: asks for job in jobs if not answers[job.panda_id] and (asks := _asked(job, connections))}
    for service in dict.fromkeys(asked.values()):
        answers |= transfers_of([panda_id for panda_id, asks in asked.items() if asks == service], service)
    for job in jobs:
        answer = answers[job.panda_id]
        if isinstance(answer, GoclientError):
            warning = f"the transfers of {job.panda_id} are not known: {answer.message}"
            found.append(JobStatus(job.panda_id, job.state, job.reason, warning=warning))
        else:
            found.append(JobStatus(job.panda_id, job.state, job.reason, tuple(answer)))
    return found


def _told(job: JobState) -> Iterator[TaskState]:
    """Yield the transfers that a carried job has told at its end (``carrier/report.py``), as far as they are ones."""
    try:
        for row in job.reported.get("transfers", ()):
            task_id, phase = said(row["task_id"] or "", 100), said(row["phase"], 100)
            status = "SUCCEEDED" if row["state"] == "done" else "FAILED"
            files, size = int(row["files"]), int(row["bytes"])
            yield TaskState(task_id, f"goclient {job.panda_id} {phase}", status, files, size, faults=0, reason="")
    except (ValueError, TypeError, KeyError, OverflowError):  # another program has written it
        return


def wait(
    panda_ids: Sequence[int], server: PandaServer, *, seconds: float, timeout: float | None, reporter: Reporter
) -> None:
    """Wait until all jobs are done, and ask the server every so many ``seconds``.

    Raises StillRunning after ``timeout`` seconds; without one it waits as long as it takes.  A server that cannot be
    reached for a while is a warning, and it is asked again; that is an error only at the end.
    """
    end = None if timeout is None else time.monotonic() + timeout
    running: Sequence[int] = panda_ids
    while running:
        left = seconds if end is None else min(seconds, end - time.monotonic())
        try:
            running = [job.panda_id for job in known_jobs(panda_ids, server=server) if job.state not in DONE]
        except ServerError as error:
            if not error.transient or left <= 0:
                raise
            reporter.warning(error.message, f"it is asked again in {left:.0f} s")
        if running and left <= 0:
            raise StillRunning(running)
        if running:
            time.sleep(left)


def transfers_of(
    panda_ids: Sequence[int], globus: Callable[[], Globus]
) -> Mapping[int, list[TaskState] | GoclientError]:
    """Return the transfers of each job, or why they are not known; all jobs are asked for side by side."""
    if not panda_ids:
        return {}
    try:
        service = globus()
    except GoclientError as error:
        return dict.fromkeys(panda_ids, error)
    parallel = Parallel(Deadline(PATIENCE + len(panda_ids)), service.reporter)
    return parallel.map(lambda panda_id: service.tasks_labelled(f"goclient {panda_id} "), panda_ids)


def known_jobs(panda_ids: Sequence[int], *, server: PandaServer) -> list[JobState]:
    """Return the jobs in order, as the server has them; raises ServerError for those that it does not know."""
    jobs = server.describe(panda_ids)
    unknown = [str(panda_id) for panda_id, job in zip(panda_ids, jobs, strict=True) if job is None]
    if unknown:
        raise ServerError(
            f"{server.name} does not know PandaID {', '.join(unknown)}",
            hint="check the number, and that PANDA_URL_SSL is the server that took the job",
            code="unknown-job",
        )
    return [job for job in jobs if job is not None]


def _asked(job: JobState, connections: Connections) -> Callable[[], Globus] | None:
    """Return who asks Globus for the transfers of a job; None if it has none there."""
    try:
        decoded = decode(job.parameters)
        has_some = any(task.is_globus for task in plan(decoded.spec))
    except GoclientError:
        return None
    return acting_for(decoded, connections) if has_some else None


def acting_for(decoded: Decoded, connections: Connections) -> Callable[[], Globus]:
    """Return Transfer, as who has its tasks asks it: the service client those of carried jobs, the user others."""
    return connections.carry_globus if decoded.carried else connections.globus
