"""Follow jobs and tasks that were chosen: what became of each, and what one does not get to know of some."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from goclient.config import environment
from goclient.errors import GoclientError
from goclient.errors.findings import ExitCode
from goclient.jobs.panda_ids import check_count
from goclient.jobs.selection import Selection, Unfinished, campaigns_of
from goclient.jobs.status import JobStatus, describe, with_transfers
from goclient.jobs.summary import latest_tries
from goclient.jobs.tries import read_tries
from goclient.journal import KEPT, Journal
from goclient.model.records.answers import TASK_DONE
from goclient.model.remote import TaskState
from goclient.services.panda.calls import Refused

if TYPE_CHECKING:
    from goclient.config.connections import Connections
    from goclient.services.panda.client import PandaServer


@dataclass(frozen=True, slots=True)
class FollowedTask:
    """A task of prun or pathena, and its state."""

    number: int
    state: str

    @property
    def done(self) -> bool:
        """Return True if the task is over, well or not."""
        return self.state in TASK_DONE


@dataclass(frozen=True, slots=True)
class Followed:
    """Jobs and tasks as a server knows them; ``errors`` say which it does not know.

    ``transfers`` are the user's own, which bring the inputs of campaigns to a site, deliver their outputs and clean up.
    ``later`` has the numbers of tries that are not among the jobs, by those of jobs that are; ``warning`` says why
    the transfers are not known, if so.  ``is_sure`` is False if the server may have more of what was sent.
    """

    server: str
    jobs: tuple[JobStatus, ...] = ()
    tasks: tuple[FollowedTask, ...] = ()
    errors: tuple[GoclientError, ...] = ()
    has_pages: bool = True  # its transfer tasks are in the Globus that has a web application
    transfers: tuple[TaskState, ...] = ()
    later: Mapping[int, int] = field(default_factory=dict)
    warning: str = ""
    unfinished: tuple[Unfinished, ...] = ()  # of campaigns: jobs to be sent, outputs to be delivered
    is_sure: bool = True

    @property
    def exit_code(self) -> ExitCode:
        """Return what became of them all: DONE, JOBS_FAILED or JOBS_RUNNING; a task counts instead of its jobs."""
        numbers = {task.number for task in self.tasks}
        jobs = [job for job in latest_tries(self.jobs) if job.task_id not in numbers]
        ended = [(job.done, job.state == "finished") for job in jobs]
        ended += [(task.done, task.state == "done") for task in self.tasks]
        if any(done and not good for done, good in ended):
            return ExitCode.JOBS_FAILED
        is_done = all(done for done, _ in ended) and self.is_sure and not self.unfinished
        return ExitCode.DONE if is_done else ExitCode.JOBS_RUNNING


@dataclass(frozen=True, slots=True)
class Found:
    """Numbers of jobs, those that were chosen and those of tasks that were."""

    panda_ids: tuple[int, ...]
    tasks: tuple[FollowedTask, ...]
    errors: tuple[GoclientError, ...]


def find(selection: Selection, server: PandaServer) -> Found:
    """Return the jobs that are chosen; the server is asked for those of tasks."""
    ids, tasks, errors = dict.fromkeys(selection.panda_ids), list[FollowedTask](), list[GoclientError]()
    for number in selection.tasks:
        try:
            tasks.append(FollowedTask(number, server.task_state(number)))
        except Refused as error:
            hint = "check the number, and that PANDA_URL_SSL is the server that took the task"
            errors.append(error.replace(message=f"task {number}: {error.message}", hint=hint))
        else:
            ids |= dict.fromkeys(server.task_jobs(number))
    check_count(len(ids), ids)
    return Found(tuple(ids), tuple(tasks), tuple(errors))


def follow(selection: Selection, connections: Connections, journal: Journal) -> Followed:
    """Return what became of the jobs that are chosen, in order, as the server, the journal and Globus know it."""
    server = connections.panda()
    found = find(selection, server)
    known = describe(found.panda_ids, server=server)
    jobs = with_transfers(known.jobs, connections)
    numbers = {job.panda_id for job in jobs}
    tries = {old: one.panda_id for old, one in read_tries(journal, server.name).items() if old in numbers}
    transfers, warning = _of_campaigns(selection.campaigns, connections)
    return Followed(
        server.name,
        jobs=tuple(_in_campaigns(jobs, campaigns_of(journal), transfers)),
        tasks=found.tasks,
        errors=(*found.errors, *known.errors(server.name), *(selection.lost if selection.is_named else ())),
        has_pages=not any(map(connections.env.get, environment.GLOBUS_URLS)),
        transfers=transfers,
        later={old: new for old, new in tries.items() if new is not None and new not in numbers},
        warning=warning,
        is_sure=not selection.lost,
    )


def _of_campaigns(names: Sequence[str], connections: Connections) -> tuple[tuple[TaskState, ...], str]:
    """Return the user's own transfers of campaigns, or why they are not known; one list has those of all."""
    if not names:
        return (), ""
    prefix, since = ("goclient ", time.time() - KEPT) if len(names) > 1 else (f"goclient {names[0]} ", None)
    try:
        tasks = connections.globus().tasks_labelled(prefix, since=since, kinds="TRANSFER,DELETE")
    except GoclientError as error:
        return (), f"the transfers of {', '.join(names)} are not known: {error.message}"
    return tuple(one for one in tasks if campaign_in(one) in names), ""


def campaign_in(task: TaskState) -> str:
    """Return the campaign that the label of the user's own transfer names: ``goclient CAMPAIGN PHASE``."""
    return task.label.split(" ")[1]


def _in_campaigns(
    jobs: Sequence[JobStatus], campaigns: Mapping[int, str], transfers: Sequence[TaskState]
) -> Iterator[JobStatus]:
    """Yield jobs with the transfers of their campaigns, which only the journal may know: a plain job's name does not.

    All jobs of a campaign share one tuple.
    """
    own = {name: tuple(one for one in transfers if campaign_in(one) == name) for name in map(campaign_in, transfers)}
    for job in jobs:
        name = job.campaign or campaigns.get(job.panda_id, "")
        yield replace(job, campaign=name, campaign_transfers=own.get(name, ())) if name else job
