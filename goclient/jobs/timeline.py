"""Jobs over time: how many waited, ran and had ended, which phase they were in, and how much they transferred.

All of it is sums over intervals: from when to when something of a job took, and what it adds, such as 1 job.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from goclient.jobs.status import phase_of

if TYPE_CHECKING:
    from goclient.jobs.status import JobStatus

BINS = 120  # of a chart, each drawn as a step
WAITING, WORK, FINISHED, FAILED, ENDED, OTHER = "waiting", "work", "finished", "failed", "ended", "other"
PHASES = ("stage-in", "payload", "stage-out", "output")  # in the order in which a job goes through them
BANDS = (FINISHED, FAILED, ENDED, WORK, WAITING)  # from the bottom of a chart, and from the left of a bar


@dataclass(frozen=True, slots=True)
class Interval:
    """Something that lasted from one time to another, in seconds since 1970, and what it adds while it lasts."""

    band: str
    began: float
    ended: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time that is shown, cut into bins of equal width."""

    began: float
    ended: float

    @property
    def width(self) -> float:
        """Return the seconds of a bin."""
        return (self.ended - self.began) / BINS


@dataclass(frozen=True, slots=True)
class Timeline:
    """Mean values of each bin, by band: of all jobs, of those on nodes by their phase, and of bytes per second."""

    window: Window
    jobs: Mapping[str, Sequence[float]]
    phases: Mapping[str, Sequence[float]]
    rates: Mapping[str, Sequence[float]]


def timeline(jobs: Sequence[JobStatus], now: float) -> Timeline | None:
    """Return what happened when, until ``now`` if a job is not over; None if no job tells its times."""
    times = [time for job in jobs for time in (job.created, job.started, job.ended) if time is not None]
    if not times:
        return None
    ended = max(times) if all(job.done for job in jobs) else max(now, *times)
    window = Window(min(times), max(ended, min(times) + 1))
    return Timeline(
        window,
        _means_of([one for job in jobs for one in _states(job, window)], BANDS, window),
        _means_of([one for job in jobs for one in _phases(job, window)], (*PHASES, OTHER), window),
        _means_of([one for job in jobs for one in _rates(job)], PHASES, window),
    )


def band_of(state: str) -> str:
    """Return the band of a job's state (JobSpec.py of PanDA's taskbuffer has the states)."""
    if state in (FINISHED, FAILED):
        return state
    if state in ("cancelled", "closed"):
        return ENDED
    return WORK if state in ("running", "holding", "transferring", "merging") else WAITING


def means(intervals: Iterable[Interval], window: Window) -> list[float]:
    """Return what intervals add, on average over each bin of a window.

    What was added up to a time is the sum over all that began before it, less that over all that ended before it: both
    from sums that are made once, so a chart of 10,000 jobs takes as long as sorting them.
    """
    began, ended = [], []
    for one in intervals:
        began.append((one.began - window.began, one.weight))
        ended.append((one.ended - window.began, one.weight))
    edges = [number * window.width for number in range(BINS + 1)]
    totals = [a - b for a, b in zip(_sums(began, edges), _sums(ended, edges), strict=True)]
    return [max(after - before, 0.0) / window.width for before, after in pairwise(totals)]


def _sums(steps: list[tuple[float, float]], edges: list[float]) -> list[float]:
    """Return the sum of weight times seconds since each step, at each edge."""
    steps.sort()
    weights = list(accumulate((weight for _, weight in steps), initial=0.0))
    moments = list(accumulate((weight * time for time, weight in steps), initial=0.0))
    times = [time for time, _ in steps]
    counts = [bisect_right(times, edge) for edge in edges]
    return [weights[count] * edge - moments[count] for count, edge in zip(counts, edges, strict=True)]


def _means_of(intervals: list[Interval], bands: Sequence[str], window: Window) -> dict[str, list[float]]:
    """Return the means of each band that something is in."""
    found = {band: [one for one in intervals if one.band == band and one.ended > one.began] for band in bands}
    return {band: means(ones, window) for band, ones in found.items() if ones}


def _states(job: JobStatus, window: Window) -> Iterator[Interval]:
    """Yield how long a job waited, was on a node, and has been over, as far as its times are known."""
    over = job.ended if job.done else window.ended
    left = over if job.started is None else job.started
    if job.created is not None and left is not None:
        yield Interval(WAITING, job.created, max(left, job.created))
    if job.started is not None and over is not None:
        yield Interval(WORK, job.started, max(over, job.started))
    if job.done and job.ended is not None:
        yield Interval(band_of(job.state), job.ended, window.ended)


def _phases(job: JobStatus, window: Window) -> Iterator[Interval]:
    """Yield the phases of a job on its node; what no phase is told of is another one."""
    over = job.ended if job.done else window.ended
    if job.started is None or over is None:
        return
    at = job.started
    for phase in _list_phases(job):
        yield phase
        at = phase.ended
    if over > at:
        yield Interval(OTHER, at, over)


def _list_phases(job: JobStatus) -> Iterator[Interval]:
    """Yield the phases that a job has told the seconds of, one after the other from its start."""
    if job.started is None:
        return
    at = job.started
    for phase in PHASES:
        if (seconds := job.seconds.get(phase, 0.0)) > 0:
            yield Interval(phase, at, at + seconds)
            at += seconds


def _rates(job: JobStatus) -> Iterator[Interval]:
    """Yield the bytes per second of each phase that transferred some."""
    for phase in _list_phases(job):
        size = sum(task.bytes for task in job.transfers if phase_of(task) == phase.band and not task.is_copy)
        if size:
            yield Interval(phase.band, phase.began, phase.ended, size / (phase.ended - phase.began))
