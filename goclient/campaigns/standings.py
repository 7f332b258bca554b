"""Standings of the jobs of a campaign, all tries of each taken together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from goclient.campaigns.state import Standing
from goclient.jobs.cure import Cure, cure_of
from goclient.jobs.tries import Latest, Try, latest_try, with_tries
from goclient.model.names import try_number
from goclient.model.records.answers import DONE, JobState

if TYPE_CHECKING:
    from goclient.services.panda.client import PandaServer


class JobStandings(NamedTuple):
    """Jobs by their numbers: how each stands, its latest try, and which of its tries has finished.

    ``curable`` failed at the first try, and a second one cures that.
    """

    standing: dict[int, Standing]
    latest: dict[int, Latest]
    finished: dict[int, int]
    curable: tuple[int, ...]

    @property
    def unsure(self) -> set[int]:
        """Return the jobs of which it is not known how they stand."""
        return {serial for serial, one in self.standing.items() if one is Standing.UNKNOWN}

    def having(self, standing: Standing) -> list[int]:
        """Return the jobs that stand so."""
        return [serial for serial, one in self.standing.items() if one is standing]


def stand(first: Mapping[int, int | None], tries: Mapping[int, Try], known: Mapping[int, JobState]) -> JobStandings:
    """Return how jobs stand: by number the PandaID of the first try of each, None for one that was not accepted.

    ``known`` are all tries that the server knows; one that it does not know has not failed.
    """
    standing, latest, finished = dict[int, Standing](), dict[int, Latest](), dict[int, int]()
    curable = []
    for serial, panda_id in first.items():
        if panda_id is None:  # the server refused it, or it is one of a call that was not made
            standing[serial] = Standing.FAILED
            continue
        own = [job for one in with_tries([panda_id], tries) if (job := known.get(one)) is not None]
        finished |= [(serial, try_number(job.name)) for job in own if job.state == "finished"]
        last = latest[serial] = latest_try(panda_id, tries)
        is_known = last.lost is None and last.panda_id in known
        standing[serial] = standing_of([job.state for job in own], is_known=is_known)
        if standing[serial] is Standing.UNKNOWN and last.lost is not None and last.lost.request.is_running:
            standing[serial] = Standing.RUNNING
        if standing[serial] is Standing.FAILED and len(own) == 1 and cure_of(own[0]) is Cure.AGAIN:
            curable.append(serial)
    return JobStandings(standing, latest, finished, tuple(curable))


def describe_all(panda_ids: Sequence[int], server: PandaServer) -> Iterator[JobState]:
    """Yield what the server knows of jobs, those that ended long ago included."""
    found = server.describe(panda_ids)
    if old := [one for one, job in zip(panda_ids, found, strict=True) if job is None]:
        found += server.describe(old, archived=True)
    yield from (job for job in found if isinstance(job, JobState))


def standing_of(states: Sequence[str], *, is_known: bool) -> Standing:
    """Return how a job stands by the states of its tries, the latest last; ``is_known``: it is among them."""
    if not DONE.issuperset(states):
        return Standing.RUNNING
    if "finished" in states:
        return Standing.FINISHED
    if not is_known:
        return Standing.UNKNOWN
    return Standing.FAILED if states[-1] == "failed" else Standing.CANCELLED
