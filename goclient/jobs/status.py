"""Status of jobs: what the server says, and their transfers: those that jobs tell themselves, and Globus'.

A carried job says itself, at its end, what it has transferred, and so does a pilot in a job's metrics.  Globus is asked
for the others, which have the job's number in their label.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from goclient.errors import GoclientError, ServerError, raise_all
from goclient.errors.sent import UnknownJobs, UnreadableJob
from goclient.errors.wording import cite, quote
from goclient.jobs.cure import Cure, advice_of
from goclient.jobs.links import job_page, task_page
from goclient.jobs.metrics import PHASES, seconds_of, transfers_told
from goclient.jobs.panda_ids import as_ranges
from goclient.model.campaign import campaign_of, common_campaign
from goclient.model.endpoint import is_uuid
from goclient.model.planner import plan
from goclient.model.records.answers import DONE, JobState
from goclient.model.records.base import Decoded
from goclient.model.records.registry import decode
from goclient.model.remote import TaskState

if TYPE_CHECKING:
    from goclient.config.connections import Connections
    from goclient.services.globus.sdk import Globus
    from goclient.services.panda.client import PandaServer

# States of a job that no node has yet (pandaserver/taskbuffer/JobSpec.py).
WAITING = frozenset({"pending", "defined", "waiting", "assigned", "activated", "throttled"})
MOST_TOLD = 1000  # transfers of a job, which can write anything
MAX_COUNT = 10**18  # files or bytes
EARLIER = 86400.0  # seconds before a job was made in which no transfer of it can have begun, whatever the clocks say


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job and the transfers that this identity may see; ``warning`` says why they are not known, if so.

    ``campaign_transfers`` are the user's own, which bring the inputs of all jobs of its campaign to a site, deliver
    their outputs and clean up.  Times are in seconds since 1970, None if they are not known.  ``seconds`` are those of
    its phases (``stage-in``, ``payload``, ``stage-out``, ``output``, ``total``), as far as its pilot has told them.
    """

    panda_id: int
    state: str
    reason: str
    transfers: tuple[TaskState, ...] = ()
    warning: str = ""
    name: str = ""
    site: str = ""
    attempt: int = 0
    task_id: int = 0  # of JEDI, 0 without a task
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    campaign: str = ""
    cure: Cure = Cure.UNKNOWN  # what a second try is good for, and the ``hint``: what to do before it
    hint: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    campaign_transfers: tuple[TaskState, ...] = ()

    @property
    def done(self) -> bool:
        """Return True if the job is over, well or not."""
        return self.state in DONE

    def document(self, server: str = "", *, has_pages: bool = False) -> dict[str, Any]:
        """Return the contract's JSON object of a job at a server; ``has_pages``: its transfers have pages, too."""
        return {
            "PandaID": self.panda_id,
            "state": self.state,
            "reason": self.reason,
            "transfers": [{**_document_of(task, has_pages), "copy": task.is_copy} for task in self.transfers],
            "jobName": self.name,
            "site": self.site,
            "attempt": self.attempt,
            "task": self.task_id or None,
            "campaign": self.campaign,
            "created": self.created,
            "started": self.started,
            "ended": self.ended,
            "retry": self.cure.word,
            "seconds": dict(self.seconds),
            "campaignTransfers": [_document_of(task, has_pages) for task in self.campaign_transfers],
            "url": job_page(self.panda_id, server) or None,
        }


def _document_of(task: TaskState, has_page: bool) -> dict[str, Any]:
    """Return the JSON object of a transfer."""
    return {
        "task_id": task.task_id or None,  # none, where no service carried it out
        "phase": phase_of(task),
        "state": task.status,
        "files": task.files,
        "bytes": task.bytes,
        "url": task_page(task.task_id) if has_page and is_uuid(task.task_id) else None,
    }


def phase_of(task: TaskState) -> str:
    """Return the phase that a task's label names: the last word of ``goclient <PandaID> <phase>``."""
    return task.label.rpartition(" ")[2]


def name_phase(task: TaskState) -> str:
    """Return the phase of a transfer for a person, who is told of one that was a copy."""
    return f"{phase_of(task)} (copy on the node)" if task.is_copy else phase_of(task)


def with_transfers(jobs: Sequence[JobState], connections: Connections) -> list[JobStatus]:
    """Return the status of each job in order, with its transfers.

    Globus is asked only if a job has transfers there, which it has not told itself; without a login they are left
    out, with a warning.
    """
    told = {job.panda_id: _all_told(job) for job in jobs}
    asked: dict[Callable[[], Globus], list[JobState]] = {}
    for job in jobs:
        own = told[job.panda_id]
        if not (own and (job.is_over and any(one.task_id for one in own))) and (asks := _find_globus(job, connections)):
            asked.setdefault(asks, []).append(job)
    found: dict[int, tuple[TaskState, ...] | GoclientError] = {}
    for service, those in asked.items():
        found |= transfers_of(those, service)
    return [_status_of(job, told[job.panda_id], found.get(job.panda_id, ())) for job in jobs]


def status_told(job: JobState) -> JobStatus:
    """Return the status of a job with the transfers that it has told itself; Globus is not asked."""
    return _status_of(job, _all_told(job), ())


def _status_of(job: JobState, told: tuple[TaskState, ...], found: tuple[TaskState, ...] | GoclientError) -> JobStatus:
    """Return the status of a job that has told some transfers, and of which Globus knows some."""
    warning, advice = "", advice_of(job)
    if isinstance(found, GoclientError):
        warning, found = "" if told else f"the transfers of {job.panda_id} are not known: {found.message}", ()
    return JobStatus(
        job.panda_id,
        job.state,
        job.reason,
        found or told,
        warning,
        name=job.name,
        site=job.site,
        attempt=job.attempt,
        task_id=job.task_id,
        created=job.created,
        started=job.started,
        ended=job.ended,
        campaign=campaign_of(job.name),
        cure=advice.cure,
        hint=advice.hint,
        seconds=seconds_of(job),
    )


def _all_told(job: JobState) -> tuple[TaskState, ...]:
    """Return the transfers that a job, or its pilot, has told, with those marked that were copies on the node."""
    told = tuple(_read_reported(job)) or tuple(transfers_told(job))
    if all(one.task_id for one in told):
        return told
    copied = _list_copy_phases(job.parameters)
    return tuple(replace(one, is_copy=True) if not one.task_id and phase_of(one) in copied else one for one in told)


def _list_copy_phases(parameters: str) -> Collection[str]:
    """Return the phases of a job in which all that no service carries out are copies on the node."""
    try:
        own = [task for task in plan(decode(parameters).spec) if not task.is_globus]
    except GoclientError:
        return ()
    return {task.phase for task in own} - {task.phase for task in own if not task.is_copy}


def _read_reported(job: JobState) -> Iterator[TaskState]:
    """Yield the transfers that a carried job has told at its end (``carrier/report.py``), as far as they are ones."""
    rows = job.reported.get("transfers", ())
    for row in islice(rows if isinstance(rows, list) else (), MOST_TOLD):
        with suppress(ValueError, TypeError, KeyError, OverflowError):  # another program has written it
            task_id, phase = cite(row["task_id"] or "", 100), cite(row["phase"], 100)
            status = "SUCCEEDED" if row["state"] == "done" else "FAILED"
            files, size = _count(row["files"]), _count(row["bytes"])
            yield TaskState(task_id, f"goclient {job.panda_id} {phase}", status, files, size, faults=0, reason="")


def _count(told: Any) -> int:
    """Return a number of files or bytes; raise ValueError for what cannot be one: sums of them become floats."""
    if not 0 <= (number := int(told)) < MAX_COUNT:
        raise ValueError(f"it is {quote(told)}")
    return number


def transfers_of(
    jobs: Sequence[JobState], globus: Callable[[], Globus]
) -> Mapping[int, tuple[TaskState, ...] | GoclientError]:
    """Return the transfers of each job, or why they are not known; few requests ask for those of all jobs.

    Globus can choose by what labels have in common, and by when tasks were made; what is another job's is left out.
    """
    if not jobs:
        return {}
    found: dict[int, list[TaskState]] = {job.panda_id: [] for job in jobs}
    labels = [f"goclient {panda_id} " for panda_id in found]
    made = [job.created for job in jobs if job.created is not None]
    since = min(made) - EARLIER if len(made) == len(jobs) > 1 else None
    campaign = common_campaign(campaign_of(job.name) for job in jobs)
    inside = f"{campaign} " if campaign else ""
    shared = os.path.commonprefix(labels)  # noqa: RUF071  # they are texts, and no paths
    try:
        tasks = globus().tasks_labelled(shared, inside=inside, since=since)
        if inside and not tasks:  # older pilots do not name the campaign
            tasks = globus().tasks_labelled(shared, since=since)
        for task in tasks:
            panda_id, is_job_s = task.label.split(" ")[1], phase_of(task) in PHASES  # a campaign may be called 42
            if is_job_s and panda_id.isascii() and panda_id.isdigit() and int(panda_id[:20]) in found:
                found[int(panda_id)].append(task)
    except GoclientError as error:
        return dict.fromkeys(found, error)
    return {panda_id: tuple(tasks) for panda_id, tasks in found.items()}


class Described(NamedTuple):
    """Rows of jobs by their numbers, in the order in which they were asked for; None where a server knows no job.

    ``error``: why its archive did not answer, which may have these.
    """

    rows: Mapping[int, JobState | UnreadableJob | None]
    error: GoclientError | None = None

    @property
    def jobs(self) -> list[JobState]:
        """Return the jobs that are known."""
        return [job for job in self.rows.values() if isinstance(job, JobState)]

    def explain_unknown(self, server: str) -> Iterator[GoclientError]:
        """Yield the error of all jobs that are not known."""
        if missing := [panda_id for panda_id, job in self.rows.items() if job is None]:
            yield self.error or UnknownJobs(missing, server=server)

    def errors(self, server: str) -> Iterator[GoclientError]:
        """Yield the error of all jobs that are not known, and that of all whose rows are not jobs."""
        yield from self.explain_unknown(server)
        if bad := {panda_id: job for panda_id, job in self.rows.items() if isinstance(job, UnreadableJob)}:
            ids, why = as_ranges(bad), next(iter(bad.values())).message
            hint = "the record of it is damaged at the server, whose operators can mend it; other jobs are not held up"
            yield UnreadableJob(f"PandaID {ids}: {why}", hint=hint, subject=ids)


def fetch_jobs(panda_ids: Sequence[int], *, server: PandaServer) -> list[JobState]:
    """Return the jobs in order, as the server has them; raises ServerError for those that it does not know."""
    found = describe(panda_ids, server=server)
    raise_all(found.errors(server.name))
    return found.jobs


def describe(panda_ids: Sequence[int], *, server: PandaServer) -> Described:
    """Return the jobs as the server or its archive has them; an archive that does not answer hides no other job."""
    rows = dict(zip(panda_ids, server.describe(panda_ids), strict=True))
    if older := [panda_id for panda_id, job in rows.items() if job is None]:
        try:
            rows |= zip(older, server.describe(older, archived=True), strict=True)
        except ServerError as error:
            return Described(rows, error)
    return Described(rows)


def _find_globus(job: JobState, connections: Connections) -> Callable[[], Globus] | None:
    """Return who asks Globus for the transfers of a job; None if it has none there."""
    if job.state in WAITING and not job.attempt:
        return None
    try:
        decoded = decode(job.parameters)
        has_some = any(task.is_globus for task in plan(decoded.spec))
    except GoclientError:
        return None
    return acting_for(decoded, connections) if has_some else None


def acting_for(decoded: Decoded, connections: Connections) -> Callable[[], Globus]:
    """Return Transfer, as who has its tasks asks it: the service client those of carried jobs, the user others."""
    return connections.carry_globus if decoded.carried else connections.globus
