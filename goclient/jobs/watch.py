"""Watch jobs until all are over: ask for those that are not, and tell what has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from goclient.errors import ServerError, raise_all
from goclient.errors.sent import StillRunning
from goclient.jobs.follow import Followed, Found, find
from goclient.jobs.selection import Selection, Unfinished
from goclient.jobs.status import JobStatus, describe, status_told
from goclient.model.records.answers import DONE
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.config.connections import Connections
    from goclient.services.panda.client import PandaServer

SHORTEST = 5.0  # seconds between two questions
SHARE = 60  # the pause is as many times longer than what a turn took of a core: less than two percent


@dataclass(frozen=True, slots=True)
class Turn:
    """Jobs as they are now, without what Globus alone knows of them, and those whose state has changed.

    ``before`` has the states in which these were, by their numbers; none at the first turn.
    """

    followed: Followed
    changed: tuple[JobStatus, ...] = ()
    before: Mapping[int, str] = field(default_factory=dict)


class Chosen(NamedTuple):
    """Jobs and tasks that are watched, as they are now; ``unsent`` tells of campaigns whose jobs are yet to be sent."""

    selection: Selection
    unsent: tuple[Unfinished, ...] = ()


def watch(
    choose: Callable[[], Chosen], connections: Connections, *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Turn]:
    """Yield the jobs and tasks that are chosen, again and again, until all are sent, and over.

    What is chosen may grow: a job is over if its last try is.  A server that cannot be reached for a while is asked
    again, with a warning.
    """
    server, jobs, is_first = connections.panda(), dict[int, JobStatus](), True
    chosen, found, unknown = Chosen(Selection()), Found((), (), ()), set[int]()
    while True:
        began, changed, before = time.process_time(), list[JobStatus](), dict[int, str]()
        try:
            before_now, chosen = chosen, choose()
            for one in chosen.unsent:
                if one not in before_now.unsent:
                    connections.reporter.warning(one.text, one.hint)
            found = find(chosen.selection, server)
            due = [one for one in found.panda_ids if one not in unknown and (one not in jobs or not jobs[one].done)]
            rows = describe(due, server=server)
            unknown |= {one for one in due if one not in jobs} - {state.panda_id for state in rows.jobs}
            for state in rows.jobs:
                known = jobs.get(state.panda_id)
                jobs[state.panda_id] = now = status_told(state)
                if not is_first and (known is None or known.state != now.state):
                    changed.append(now)
                    before[now.panda_id] = known.state if known is not None else ""
        except ServerError as error:
            if not error.transient or is_first:
                raise
            connections.reporter.warning(error.message, "it is asked again soon")
        else:
            is_first = False
            seen = tuple(jobs[panda_id] for panda_id in found.panda_ids if panda_id in jobs)
            yield Turn(Followed(server.name, seen, found.tasks, found.errors), tuple(changed), before)
            if not chosen.unsent and all(job.done for job in seen) and all(task.done for task in found.tasks):
                return
        sleep(max(SHORTEST, SHARE * (time.process_time() - began)))


def wait(
    panda_ids: Sequence[int], server: PandaServer, *, seconds: float, timeout: float | None, reporter: Reporter
) -> None:
    """Wait until all jobs are done, and ask the server every so many ``seconds``.

    Raises StillRunning after ``timeout`` seconds; without one it waits as long as it takes.  A server that cannot be
    reached for a while is a warning, and it is asked again; that is an error only at the end.
    """
    end = None if timeout is None else time.monotonic() + timeout
    running: Sequence[int] = panda_ids
    while running:
        left = seconds if end is None else min(seconds, end - time.monotonic())
        try:
            found = describe(panda_ids, server=server)
            raise_all(found.explain_unknown(server.name))
            running = [job.panda_id for job in found.jobs if job.state not in DONE]
        except ServerError as error:
            if not error.transient or left <= 0:
                raise
            reporter.warning(error.message, f"it is asked again in {left:.0f} s")
        if running and left <= 0:
            raise StillRunning(running)
        if running:
            time.sleep(left)


def wait_for_all(choose: Callable[[], Chosen], connections: Connections, *, seconds: float, end: float | None) -> None:
    """Wait as long as :func:`watch` does; raise StillRunning at ``end``, a time of this machine."""
    running: list[int] = []

    def pause(_: float) -> None:
        left = seconds if end is None else min(seconds, end - time.monotonic())
        if left <= 0:
            raise StillRunning(running)
        time.sleep(left)

    for turn in watch(choose, connections, sleep=pause):
        running[:] = [job.panda_id for job in turn.followed.jobs if not job.done]
