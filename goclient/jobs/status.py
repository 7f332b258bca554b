"""What became of jobs: the server's word, and their transfers, found by the label that pilots give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goclient.errors import GoclientError, ServerError
from goclient.model.records.panda_job import JobState
from goclient.model.records.registry import decode
from goclient.services.parallel import Parallel

if TYPE_CHECKING:
    from goclient.model.remote import TaskState
    from goclient.services.globus.sdk import Globus
    from goclient.services.panda.client import PandaServer

PATIENCE = 60.0  # seconds for the transfers of all jobs, and one more for each job: Globus answers 20 times a second


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
    jobs = known_jobs(panda_ids, server=server)
    answers = _transfers(list(dict.fromkeys(job.panda_id for job in jobs if _moves_files(job))), globus)
    found = []
    for job in jobs:
        answer = answers.get(job.panda_id, [])
        if isinstance(answer, GoclientError):
            found.append(JobStatus(job, (), f"the transfers of {job.panda_id} are not known: {answer.message}"))
        else:
            found.append(JobStatus(job, tuple(answer)))
    return found


def _transfers(panda_ids: Sequence[int], globus: Callable[[], Globus]) -> Mapping[int, list[TaskState] | GoclientError]:
    """Return the transfers of each job, or why they are not known; all jobs are asked for side by side."""
    if not panda_ids:
        return {}
    try:
        service = globus()
    except GoclientError as error:
        return dict.fromkeys(panda_ids, error)
    parallel = Parallel(PATIENCE + len(panda_ids), service.reporter)
    return parallel.map(lambda panda_id: service.tasks_labelled(f"goclient {panda_id} "), panda_ids)


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
