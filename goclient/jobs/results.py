"""Results of jobs: where the files of their stage-out and output are, as the transfers say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from goclient.errors import GoclientError, raise_all
from goclient.jobs.status import acting_for, describe, phase_of, transfers_of
from goclient.model.endpoint import Endpoint, read_endpoint
from goclient.model.location import Location
from goclient.model.planner import plan
from goclient.model.records.answers import JobState
from goclient.model.records.registry import decode
from goclient.node.ownership import final_path

if TYPE_CHECKING:
    from goclient.config.connections import Connections
    from goclient.model.remote import TaskState
    from goclient.services.globus.sdk import Globus


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One file: its phase (``stage-out`` or ``output``), its location, and what is known of it.

    ``size`` is in bytes, ``checksum`` begins with its algorithm, as in ``MD5:d41d…``.  Both are what Globus tells of a
    transfer task, and None for what went another way (HTTPS, WebDAV, GridFTP): both ends were compared on the node, and
    a job's report has no room for each file's.
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


class Delivery(NamedTuple):
    """Transfer tasks of Globus after the payload of a job, or why they are not known, and who asks for them."""

    tasks: tuple[TaskState, ...] | GoclientError
    globus: Callable[[], Globus]

    def files(self) -> list[MovedFile]:
        """Return the files that have arrived, where they are once the job has delivered them; raise GoclientError."""
        if isinstance(self.tasks, GoclientError):
            raise self.tasks
        done = [one for one in self.tasks if one.has_succeeded and phase_of(one) != "stage-in"]
        return [
            MovedFile(phase_of(task), read_endpoint(task.destination), final_path(one.path), one.size, one.checksum)
            for task in done
            for one in self.globus().list_transferred(task.task_id)
        ]


def deliveries(jobs: Iterable[JobState], connections: Connections) -> dict[int, Delivery]:
    """Return what Globus has for the jobs whose records have deliveries by it, by their numbers."""
    asked: dict[Callable[[], Globus], list[JobState]] = {}
    for job in jobs:
        with suppress(GoclientError):
            decoded = decode(job.parameters)
            if any(task.is_globus for task in plan(decoded.spec) if task.phase != "stage-in"):
                asked.setdefault(acting_for(decoded, connections), []).append(job)
    found: dict[int, Delivery] = {}
    for asks, those in asked.items():
        globus = cache(asks)  # one login for all of them
        found |= {panda_id: Delivery(tasks, globus) for panda_id, tasks in transfers_of(those, globus).items()}
    return found


def job_results(
    panda_ids: Sequence[int], connections: Connections, staged: Callable[[str], Sequence[Location] | None]
) -> list[JobResults]:
    """Return the results of each job in order; raises ServerError for jobs that the server does not know.

    Those of a job whose record cannot be read are not known, which its warning says.  Globus says what it has moved; of
    the pilot's own work, the record of a finished job says where the files are.  ``staged`` says, by a job's name,
    where outputs that went through a site have been delivered, and None of any other job.
    """
    server = connections.panda()
    found = describe(panda_ids, server=server)
    raise_all(found.explain_unknown(server.name))
    moved = deliveries(found.jobs, connections)
    return [
        _results_of(job, moved.get(panda_id), staged(job.name))
        if isinstance(job, JobState)
        else JobResults(panda_id, "", (), f"the results of {panda_id} are not known: {job.message if job else ''}")
        for panda_id, job in found.rows.items()
    ]


def _results_of(job: JobState, delivery: Delivery | None, staged: Sequence[Location] | None) -> JobResults:
    """Return the results of a job, of which Globus has moved some."""
    if staged is not None:
        warning = "" if staged else "what it has left at its site is not delivered yet: goclient advance does that"
        return JobResults(job.panda_id, job.state, tuple(ResultFile("output", str(one)) for one in staged), warning)
    files: list[ResultFile] = []
    warning = ""
    try:
        decoded = decode(job.parameters)
        if decoded.counts is not None:
            warning = f"the results of {job.panda_id} are not known: only the plan in its archive names them"
        files += [file.result for file in delivery.files()] if delivery is not None else []
        if job.state == "finished":
            own = [task for task in plan(decoded.spec) if task.phase != "stage-in" and not task.is_globus]
            pairs = [(task, item) for task in own for item in task.items]
            files += [ResultFile(task.phase, task.destination.write(item.destination)) for task, item in pairs]
    except GoclientError as error:
        warning = f"the results of {job.panda_id} are not known: {error.message}"
    latest = {file.location: file for file in files}  # an attempt may have replaced what an earlier one delivered
    return JobResults(job.panda_id, job.state, tuple(latest.values()), warning)
