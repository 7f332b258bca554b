"""What became of jobs: the server's word, and their transfers, found by the label that pilots give them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goclient.errors import GoclientError, ServerError
from goclient.model.block import decode
from goclient.model.record import JobState

if TYPE_CHECKING:
    from goclient.services.globus import Globus, TaskState
    from goclient.services.panda import PandaServer


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job and the transfers that this identity may see; ``warning`` says why they are not known, if so."""

    job: JobState
    transfers: tuple[TaskState, ...]
    warning: str = ""

    def document(self) -> dict[str, Any]:
        """The contract's JSON object of a job."""
        transfers = [
            {
                "task_id": task.task_id,
                "phase": phase_of(task),
                "state": task.status,
                "files": task.files,
                "bytes": task.bytes,
            }
            for task in self.transfers
        ]
        return {
            "PandaID": self.job.panda_id,
            "state": self.job.state,
            "reason": self.job.reason,
            "transfers": transfers,
        }


def phase_of(task: TaskState) -> str:
    """The phase that a task's label names: the last word of ``goclient <PandaID> <phase>``."""
    return task.label.rpartition(" ")[2]


def job_status(panda_ids: Sequence[int], *, server: PandaServer, globus: Callable[[], Globus]) -> list[JobStatus]:
    """The status of each job in order; raises ServerError for jobs that the server does not know.

    ``globus`` is asked for only if a job has transfers; without a login they are left out, with a warning.
    """
    service: Globus | None = None
    found = []
    for job in known_jobs(panda_ids, server=server):
        try:
            if _moves_files(job):
                service = service or globus()
                found.append(JobStatus(job, tuple(service.tasks_labelled(f"goclient {job.panda_id} "))))
            else:
                found.append(JobStatus(job, ()))
        except GoclientError as error:
            found.append(JobStatus(job, (), f"the transfers of {job.panda_id} are not known: {error.message}"))
    return found


def known_jobs(panda_ids: Sequence[int], *, server: PandaServer) -> list[JobState]:
    """The jobs in order, as the server has them; raises ServerError for those that it does not know."""
    jobs = server.describe(panda_ids)
    unknown = [str(panda_id) for panda_id, job in zip(panda_ids, jobs, strict=True) if job is None]
    if unknown:
        raise ServerError(
            f"{server.name} does not know PandaID {', '.join(unknown)}",
            hint="check the number, and that PANDA_URL_SSL is the server that took the job",
            code="unknown-job",
        )
    return [job for job in jobs if job is not None]


def _moves_files(job: JobState) -> bool:
    try:
        return bool(decode(job.parameters).spec)
    except GoclientError:
        return False
