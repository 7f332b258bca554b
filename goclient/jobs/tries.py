"""Tries of jobs: which job was sent again as which, by the journal, so that nothing is retried twice.

The server has no link from a job to its next try.  The journal has the numbers and the new names before a request is
sent, and its request and calls say what became of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from typing import NamedTuple

from goclient.errors.sent import TriesLost
from goclient.jobs.panda_ids import as_ranges
from goclient.jobs.sent import JOBS_A_CALL, LOST_ROW, REFUSED_ROW, SentRequest, read_requests
from goclient.journal import Entry, Journal
from goclient.model.names import first_name, try_number

TRY = "retry"  # what entries are about


class Row(NamedTuple):
    """Row of a call, by its place in it; ``rows`` are what is known of all of them."""

    call: Entry
    rows: tuple[str, ...]
    place: int


class Try(NamedTuple):
    """A job that was sent again: under a name, by a row of a request, as a job whose number may not be known.

    There is no ``row`` for one of a call that another process may not have made yet.
    """

    name: str
    panda_id: int | None
    request: SentRequest
    row: Row | None = None


def turn(journal: Journal) -> AbstractContextManager[None]:
    """Run the body while no other process that writes this journal sends jobs again."""
    return journal.turn("retries")


def next_name(name: str, *, after: str = "") -> str:
    """Return the name of a job's next try, ``NAME.try2`` for the first; ``after``: one that is taken, if any is."""
    return f"{first_name(name)}.try{try_number(after or name) + 1}"


def new_tries(key: str, server: str, names: Mapping[int, str]) -> Entry:
    """Return the entry of jobs that are about to be sent again, by their numbers, under these names.

    ``key`` is that of their request, which alone tells it from one that was prepared before, and never sent.
    """
    return Entry(TRY, key, "intended", (server, *chain(*((str(old), name) for old, name in names.items()))))


def read_tries(journal: Journal, server: str) -> dict[int, Try]:
    """Return the next try of each job that was sent again to a server, or may have been, by the jobs' numbers."""
    entries = [one for one in journal.latest(TRY) if one.subjects[:1] == (server,)]
    if not entries:
        return {}
    sent = {one.entry.key: one for one in read_requests(journal)}
    found: dict[int, Try] = {}
    for entry in entries:
        request = sent.get(entry.key)
        if request is not None:
            found |= _tries_of(request, list(zip(entry.subjects[1::2], entry.subjects[2::2], strict=True)))
    return found


def _tries_of(request: SentRequest, pairs: Sequence[tuple[str, str]]) -> dict[int, Try]:
    """Return the tries that a request has made, or may have: each call, and each row of it, is judged by itself.

    ``pairs`` are the jobs' numbers and their new names.  A row that was refused, and one of a call that was refused, or
    will never be made, was not tried.
    """
    found: dict[int, Try] = {}
    rest = list(pairs)
    for call in request.calls:
        own, rest = rest[:JOBS_A_CALL], rest[JOBS_A_CALL:]
        if call.state != "refused":
            is_whole = call.state == "accepted" and len(call.subjects) == len(own)
            rows = call.subjects if is_whole else (LOST_ROW,) * len(own)
            for place, ((old, name), row) in enumerate(zip(own, rows, strict=True)):
                if row != REFUSED_ROW:
                    new = None if row == LOST_ROW else int(row)
                    found[int(old)] = Try(name, new, request, Row(call, rows, place))
    # Its process, which may be that of another machine, makes the other calls now.
    if request.is_running or (request.entry.state == "intended" and not request.entry.is_here):
        found |= {int(old): Try(name, None, request) for old, name in rest}
    return found


class Latest(NamedTuple):
    """Number of a job's latest try, and another try after it of which nobody knows whether it was accepted."""

    panda_id: int
    lost: Try | None = None


def with_tries(panda_ids: Iterable[int], tries: Mapping[int, Try]) -> Iterator[int]:
    """Yield jobs, and after each all later tries of it whose numbers are known."""
    for panda_id in panda_ids:
        one: int | None = panda_id
        while one is not None:
            yield one
            one = tries[one].panda_id if one in tries else None


def latest_try(panda_id: int, tries: Mapping[int, Try]) -> Latest:
    """Return the latest try of a job, the job itself if it was not sent again."""
    while (found := tries.get(panda_id)) is not None:
        if found.panda_id is None:
            return Latest(panda_id, found)
        panda_id = found.panda_id
    return Latest(panda_id)


def explain_lost(lost: Iterable[Latest]) -> Iterator[TriesLost]:
    """Yield an error for each request whose answer is lost."""
    found: dict[str, dict[int, str]] = {}
    for one in lost:
        assert one.lost is not None, "it is lost"
        found.setdefault(one.lost.request.entry.key, {})[one.panda_id] = one.lost.name
    for key, names in found.items():
        yield TriesLost(key, ids=as_ranges(names), names=[*names.values()])
