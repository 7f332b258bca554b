"""Summary of jobs: how many are in each state, what they have moved, how long they wait, and why they failed."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from goclient.jobs.cure import Cure
from goclient.jobs.status import JobStatus
from goclient.model.names import first_name, try_number

_VARYING = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]*[0-9][0-9a-f]{7,}|[0-9]+")
_FIRST = ("finished", "failed", "cancelled", "closed", "running")  # of states, in the order in which they are shown


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """Jobs that ended for one reason; in ``reason`` an ellipsis stands for the numbers in which theirs differ."""

    reason: str
    cure: Cure
    hint: str
    panda_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """Hold what became of jobs; those that were tried again are counted as ``retried``, and not in ``states``.

    ``rate`` is in bytes a second, the mean of transfers whose time is known; ``longest_wait`` in seconds from when a
    job was made to when it began; each is 0 if it is not known.
    """

    states: Mapping[str, int]
    files: int
    bytes: int
    rate: float
    longest_wait: float
    groups: tuple[ReasonGroup, ...]
    retried: int = 0


def summarize(jobs: Sequence[JobStatus], *, now: float | None = None) -> Summary:
    """Return the summary of jobs at a time."""
    now = time.time() if now is None else now
    current = latest_tries(jobs)
    states = Counter(job.state for job in current)
    ordered = sorted(states, key=lambda state: (_FIRST.index(state) if state in _FIRST else len(_FIRST), state))
    timed = [(sum(task.bytes for task in job.transfers), _seconds_of(job)) for job in jobs]
    moved, seconds = (sum(column) for column in zip(*[one for one in timed if one[1]] or [(0, 0.0)], strict=True))
    return Summary(
        states={state: states[state] for state in ordered},
        files=sum(task.files for job in jobs for task in job.transfers),
        bytes=sum(number for number, _ in timed),
        rate=moved / seconds if seconds else 0.0,
        longest_wait=max((_waited(job, now) for job in jobs), default=0.0),
        groups=tuple(_groups(current)),
        retried=len(jobs) - len(current),
    )


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


def _seconds_of(job: JobStatus) -> float:
    return sum(seconds for phase, seconds in job.seconds.items() if phase not in ("payload", "total"))


def _waited(job: JobStatus, now: float) -> float:
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
