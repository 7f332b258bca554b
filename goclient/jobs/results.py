"""Results of jobs: where the files of their stage-out and output are, as the transfers say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

from goclient.errors import GoclientError
from goclient.jobs.status import acting_for, known_jobs, phase_of, transfers_of
from goclient.model.endpoint import Endpoint, read_endpoint
from goclient.model.planner import plan
from goclient.model.records.registry import decode
from goclient.node.ownership import final_path

if TYPE_CHECKING:
    from goclient.config.connections import Connections
    from goclient.model.records.answers import JobState
    from goclient.model.remote import TaskState
    from goclient.services.globus.sdk import Globus


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One file: its phase (``stage-out`` or ``output``), its location, and what is known of it.

    ``size`` is in bytes, ``checksum`` begins with its algorithm, as in ``MD5:d41d…``; None if it is not known.
    """

    phase: str
    location: str
    size: int | None = None
    checksum: str | None = None


class MovedFile(NamedTuple):
    """A file that Globus has moved: as in :class:`ResultFile`, its endpoint and its path apart."""

    phase: str
    endpoint: Endpoint
    path: str
    size: int | None
    checksum: str | None

    @property
    def result(self) -> ResultFile:
        """Return it as a result of its job."""
        return ResultFile(self.phase, self.endpoint.write(self.path), self.size, self.checksum)


@dataclass(frozen=True, slots=True)
class JobResults:
    """Files of a job that have arrived; ``warning`` says why they are not all known, if so."""

    panda_id: int
    state: str
    files: tuple[ResultFile, ...]
    warning: str = ""


def job_results(panda_ids: Sequence[int], connections: Connections) -> list[JobResults]:
    """Return the results of each job in order; raises ServerError for jobs that the server does not know.

    Globus says what it has moved; of the pilot's own work, the record of a finished job says where the files are.
    """
    once = cache(lambda ask: ask())
    jobs = known_jobs(panda_ids, server=connections.panda())
    acting: dict[int, Callable[[], Globus]] = {}
    for job in jobs:
        with suppress(GoclientError):
            decoded = decode(job.parameters)
            if any(task.is_globus for task in plan(decoded.spec) if task.phase != "stage-in"):
                acting[job.panda_id] = acting_for(decoded, connections)
    moved: dict[int, tuple[TaskState, ...] | GoclientError] = {}
    for asks in dict.fromkeys(acting.values()):
        moved |= transfers_of([job for job in jobs if acting.get(job.panda_id) == asks], partial(once, asks))
    services = {job.panda_id: partial(once, acting.get(job.panda_id, connections.globus)) for job in jobs}
    return [_results_of(job, moved.get(job.panda_id, ()), services[job.panda_id]) for job in jobs]


def _results_of(
    job: JobState, moved: tuple[TaskState, ...] | GoclientError, globus: Callable[[], Globus]
) -> JobResults:
    """Return the results of a job, of which Globus has moved some."""
    files: list[ResultFile] = []
    warning = ""
    try:
        decoded = decode(job.parameters)
        if decoded.counts is not None:
            warning = f"the results of {job.panda_id} are not known: only the plan in its archive names them"
        if isinstance(moved, GoclientError):
            raise moved
        done = [one for one in moved if one.has_succeeded and phase_of(one) != "stage-in"]
        files += [file.result for one in done for file in moved_files(globus(), one)]
        if job.state == "finished":
            own = [task for task in plan(decoded.spec) if task.phase != "stage-in" and not task.is_globus]
            pairs = [(task, item) for task in own for item in task.items]
            files += [ResultFile(task.phase, task.destination.write(item.destination)) for task, item in pairs]
    except GoclientError as error:
        warning = f"the results of {job.panda_id} are not known: {error.message}"
    latest = {file.location: file for file in files}  # an attempt may have replaced what an earlier one delivered
    return JobResults(job.panda_id, job.state, tuple(latest.values()), warning)


def moved_files(globus: Globus, task: TaskState) -> list[MovedFile]:
    """Return the files that a Globus task has moved, where they are once their job has delivered them."""
    endpoint = read_endpoint(task.destination)
    return [
        MovedFile(phase_of(task), endpoint, final_path(one.path), one.size, one.checksum)
        for one in globus.transferred(task.task_id)
    ]
