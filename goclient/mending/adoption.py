"""Adoption: a user names the jobs that came of retries whose answers are lost, and the server's record proves it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from goclient.errors import GoclientError, RequestError, raise_all
from goclient.errors.sent import UnknownJobs, UnreadableJob, first_to_last
from goclient.errors.wording import quote
from goclient.jobs.sent import CALL, LOST_ROW, OPEN, REQUEST, request_of
from goclient.jobs.tries import Try
from goclient.journal import Entry, Journal
from goclient.model.records.answers import KnownJob
from goclient.services.panda.owner import person_name

if TYPE_CHECKING:
    from goclient.services.panda.client import PandaServer

NAMED = "named by the user"


def adopt(panda_ids: Sequence[int], lost: Mapping[int, Try], server: PandaServer, journal: Journal) -> dict[int, int]:
    """Note jobs as tries whose answers are lost, and return them by the numbers of the jobs that were tried again.

    ``lost`` are tries by those numbers, each of a call that was made.  What the server has under the name of one is
    believed if it is the user's own.  Raises what is not, and notes nothing then.
    """
    rows = {one.name: (old, one.row) for old, one in lost.items()}
    me = person_name(server.rights().name)
    known = dict(zip(panda_ids, server.records(panda_ids), strict=True))
    raise_all(_check_jobs(known, rows, me, server=server.name))
    found: dict[int, int] = {}
    calls: dict[str, tuple[Entry, list[str]]] = {}
    for panda_id, job in known.items():
        assert isinstance(job, KnownJob), "it is proven"
        old, row = rows[job.record.jobName]
        assert row is not None, "its call was made"
        found[old] = panda_id
        calls.setdefault(row.call.key, (row.call, [*row.rows]))[1][row.place] = str(panda_id)
    for call, numbers in calls.values():
        journal.append(call.then("accepted", *numbers, detail=NAMED))
    for key in {request_of(call) for call, _ in calls.values()}:
        _close(key, journal)
    return found


def _check_jobs(
    known: Mapping[int, KnownJob | UnreadableJob | None], names: Collection[str], me: str, *, server: str
) -> Iterator[GoclientError]:
    """Yield an error for each job that is not one of those that were sent: its name and its owner say what it is."""
    for panda_id, job in known.items():
        if job is None:
            yield UnknownJobs([panda_id], server=server)
        elif isinstance(job, UnreadableJob):
            yield job
        elif job.record.jobName not in names or person_name(job.owner) != me:
            message = f"PandaID {panda_id} is {quote(job.record.jobName)} of {quote(person_name(job.owner))}, and "
            message += "none of the jobs whose answers are lost" if names else "no answer to a retry of these is lost"
            hint = "leave --jobs out"
            if names:
                hint = f"name the jobs that the monitor shows for {first_to_last([*names])} (/jobs/?jobname=…)"
            yield RequestError(message, hint=hint, code="not-these", subject="--jobs")


def _close(key: str, journal: Journal) -> None:
    """Close a request in the journal if nothing of it is lost any more."""
    journal = Journal(journal.path)
    request = journal.last(REQUEST, key)
    calls = [one for one in journal.latest(CALL) if request_of(one) == key]
    is_known = all(one.state in ("accepted", "refused") and LOST_ROW not in one.subjects for one in calls)
    if request is not None and request.state in OPEN and is_known:
        journal.append(request.then("done", detail=f"its jobs were {NAMED}"))
