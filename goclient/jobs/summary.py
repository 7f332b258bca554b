"""Summary of jobs: how many are in each state, what they have moved, how long they wait, and why they failed."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from goclient.jobs.cure import Cure
from goclient.jobs.panda_ids import as_ranges
from goclient.jobs.status import JobStatus, phase_of
from goclient.model.campaign import common_campaign
from goclient.model.names import first_name, try_number
from goclient.model.remote import TaskState

_VARYING = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]*[0-9][0-9a-f]{7,}|[0-9]+")
_FIRST = ("finished", "failed", "cancelled", "closed", "running")  # of states, in the order in which they are shown


class Moved(NamedTuple):
    """Files and bytes that went over the network, and the bytes of which the seconds are known, with these."""

    files: int = 0
    bytes: int = 0
    timed: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, tasks: Iterable[TaskState], *, seconds: float = 0.0) -> Moved:
        """Return what some transfers have moved, in so many seconds; 0 if that is not known."""
        counts = [(task.files, task.bytes) for task in tasks]
        number = sum(size for _, size in counts)
        return cls(sum(files for files, _ in counts), number, number if seconds else 0, seconds)

    @classmethod
    def all_of(cls, parts: Iterable[Moved]) -> Moved:
        """Return the sum of parts."""
        return cls(*map(sum, zip(NOTHING, *parts, strict=True)))

    @property
    def rate(self) -> float:
        """Return the bytes a second of what was timed, 0 if nothing was."""
        return self.timed / self.seconds if self.seconds else 0.0


NOTHING = Moved()


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """Jobs that ended for one reason; in ``reason`` an ellipsis stands for the numbers in which theirs differ."""

    reason: str
    cure: Cure
    hint: str
    panda_ids: tuple[int, ...]

    @property
    def mending(self) -> str:
        """Return what mends it, as a command or in words; empty if nobody knows."""
        return f"goclient retry {as_ranges(self.panda_ids)}" if self.cure is Cure.AGAIN else self.hint


@dataclass(frozen=True, slots=True)
class Summary:
    """Hold what became of jobs; those that were tried again are counted as ``retried``, and nowhere else.

    ``moved`` is what went over the network: with the jobs, and with the user's own transfers for them.
    ``longest_wait`` is in seconds from when a job was made to when it began, 0 if it is not known.  ``heading`` says
    how many jobs it is about.
    """

    states: Mapping[str, int]
    moved: Moved
    longest_wait: float
    groups: tuple[ReasonGroup, ...]
    heading: str = ""
    retried: int = 0
    moved_before: Moved = NOTHING  # by earlier tries


def summarize(jobs: Sequence[JobStatus], *, transfers: Sequence[TaskState] = (), now: float | None = None) -> Summary:
    """Return the summary of jobs, and of the user's own transfers for them, at a time."""
    now = time.time() if now is None else now
    current = latest_tries(jobs)
    kept = {job.panda_id for job in current}
    states = Counter(job.state for job in current)
    ordered = sorted(states, key=lambda state: (_FIRST.index(state) if state in _FIRST else len(_FIRST), state))
    campaign = common_campaign(job.campaign for job in jobs)
    heading = f"{len(current):,} job{'s' * (len(current) != 1)}{f' of campaign {campaign}' if campaign else ''}"
    return Summary(
        states={state: states[state] for state in ordered},
        moved=Moved.all_of([*map(measure_moved, current), Moved.of(transfers)]),
        longest_wait=max((_measure_wait(job, now) for job in current), default=0.0),
        groups=tuple(_groups(current)),
        heading=heading,
        retried=len(jobs) - len(current),
        moved_before=Moved.all_of(measure_moved(job) for job in jobs if job.panda_id not in kept),
    )


def measure_moved(job: JobStatus) -> Moved:
    """Return what a job has moved over the network: what was copied on its node is left out."""
    own = [task for task in job.transfers if not task.is_copy]
    return Moved.of(own, seconds=sum(job.seconds.get(phase, 0.0) for phase in set(map(phase_of, own))))


def latest_tries(jobs: Sequence[JobStatus]) -> list[JobStatus]:
    """Return the jobs without those of which a later try is among them, as their names say (NAME, NAME.try2, …)."""
    found: dict[str, tuple[int, JobStatus]] = {}
    for job in jobs:
        # JEDI names its jobs, and tries them again itself.
        name = first_name(job.name) if job.name and not job.task_id else str(job.panda_id)
        number = try_number(job.name)
        if name not in found or found[name][0] < number:
            found[name] = (number, job)
    kept = {job.panda_id for _, job in found.values()}
    return [job for job in jobs if job.panda_id in kept]


def _measure_wait(job: JobStatus, now: float) -> float:
    """Return how long a job waited for a node, or has waited until now, or until it was cancelled."""
    if job.created is None:
        return 0.0
    began = job.started or job.ended or (now if not job.done else job.created)
    return max(0.0, began - job.created)


def _groups(jobs: Iterable[JobStatus]) -> list[ReasonGroup]:
    """Return the jobs that did not end well by why, the largest groups first."""
    found: dict[tuple[str, Cure, str], list[JobStatus]] = {}
    for job in jobs:
        if job.done and job.state != "finished":
            pattern = _VARYING.sub("\0", _reason_of(job))
            found.setdefault((pattern, job.cure, job.hint), []).append(job)
    groups = []
    for (_, cure, hint), those in found.items():
        ids = tuple(job.panda_id for job in those)
        groups.append(ReasonGroup(_common({_reason_of(job) for job in those}), cure, hint, ids))
    return sorted(groups, key=lambda group: (-len(group.panda_ids), group.panda_ids))


def _reason_of(job: JobStatus) -> str:
    return job.reason or f"the server says {job.state}, and not why"


def _common(reasons: set[str]) -> str:
    """Return a text for reasons of one pattern, with an ellipsis for the numbers in which they differ."""
    differ = iter([len(set(column)) > 1 for column in zip(*map(_VARYING.findall, reasons), strict=True)])
    return _VARYING.sub(lambda found: "…" if next(differ) else found[0], min(reasons))
