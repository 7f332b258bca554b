"""Requests for jobs in the journal: what was sent, by which process, and what came of it.

A request is open until the user was told how it ended: ``intended`` before its first call; ``unknown`` if an answer is
lost; ``accepted`` if the server took some of its jobs and not the others; then ``refused``, ``done``, or ``failed``, if
it is given up.  Its calls are entries of their own.  A process that is killed leaves its request open.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from goclient.errors.sent import SentAlready, SentBefore
from goclient.errors.wording import pluralize
from goclient.journal import Entry, Journal, this_process
from goclient.model.endpoint import is_uuid
from goclient.model.names import first_name, try_number
from goclient.model.records.panda_job import NEW_BLOCK, JobRecord

if TYPE_CHECKING:
    from goclient.carrier.carried import Luggage

REQUEST, CALL = "request", "submission"  # what entries are about
OPEN = ("intended", "unknown", "accepted")
JOBS_A_CALL = 1000  # the server cuts a list of more than 5000 without a word
# Subjects of a call that was accepted, one a job in their order: its PandaID, or one of these.
REFUSED_ROW, LOST_ROW = "", "?"
_OLDEST = 5  # subjects that a request has at least


class Subjects(NamedTuple):
    """Subjects of a request's entries: what is asked for, who asks, how many jobs it has, their names, and more.

    Those of older versions end with the names: their ``campaign`` and ``server``, the one that was asked, are empty.
    """

    digest: str
    process: str
    jobs: str
    first: str
    last: str
    campaign: str = ""
    server: str = ""


class SentRequest(NamedTuple):
    """A request in the journal: its last entry, and the PandaIDs of the jobs that its calls are known to have made.

    ``calls`` are the last entries of its calls, in their order; ``has_calls``: one was made, or was about to be.
    """

    entry: Entry
    subjects: Subjects
    panda_ids: tuple[str, ...]
    has_calls: bool = True
    calls: tuple[Entry, ...] = ()

    @property
    def is_running(self) -> bool:
        """Return True if it is still being sent, by a process of this machine."""
        return self.entry.state == "intended" and self.entry.is_of(self.subjects.process)

    @property
    def outcome(self) -> str:
        """Return what is known of its jobs, in words."""
        jobs = pluralize(int(self.subjects.jobs), "job")
        if not self.has_calls:
            return f"its {jobs} {'was' if self.subjects.jobs == '1' else 'were'} not sent"
        if not self.panda_ids:
            return f"it is not known whether the server accepted its {jobs}"
        ids = " to ".join(dict.fromkeys((self.panda_ids[0], self.panda_ids[-1])))
        accepted = f"the server accepted {len(self.panda_ids)} of its {jobs}, PandaID {ids}"
        is_all = self.entry.state == "accepted" or len(self.panda_ids) == int(self.subjects.jobs)
        return accepted if is_all else f"{accepted}; it is not known whether it accepted the others"


def digest_of(records: Sequence[JobRecord], server: str, luggage: Luggage | None = None) -> str:
    """Return what two requests have in common if they ask a server for the same jobs: neither names nor times.

    Of what travels with the jobs the content counts.  A try of a job is not the same as one of its sibling.
    """
    common = asdict(records[0].common)
    del common["jobDefinitionID"]  # a time
    if is_uuid(common["destinationDBlock"].removeprefix(NEW_BLOCK)):
        del common["destinationDBlock"]
    digest = hashlib.sha256(json.dumps([server, common], sort_keys=True).encode())
    if luggage is not None:
        digest.update(luggage.content.encode())
    for record in records:
        text = record.jobParameters
        for name in luggage.names if luggage is not None else ():
            text = text.replace(name, "")
        if try_number(record.jobName) > 1:
            digest.update(b"\0" + first_name(record.jobName).encode("utf-8", "surrogatepass"))
        digest.update(b"\0" + text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


def new_request(
    records: Sequence[JobRecord], server: str, key: str, *, campaign: str = "", luggage: Luggage | None = None
) -> Entry:
    """Return the entry of a request that this process is about to send."""
    names = records[0].jobName, records[-1].jobName
    subjects = Subjects(
        digest_of(records, server, luggage), this_process(), str(len(records)), *names, campaign, server
    )
    return Entry(REQUEST, key, "intended", subjects, f"{pluralize(len(records), 'job')} to {server}")


def read_requests(journal: Journal) -> list[SentRequest]:
    """Return all requests in the journal, the oldest first."""
    calls: dict[str, list[Entry]] = {}
    for call in journal.latest(CALL):
        calls.setdefault(request_of(call), []).append(call)
    found = []
    for entry in journal.latest(REQUEST):
        if _OLDEST <= len(entry.subjects) <= len(Subjects._fields):
            own = calls.get(entry.key, [])
            ids = tuple(row for one in own if one.state == "accepted" for row in one.subjects if row.isdigit())
            # A process of another machine may be about to make its first call.
            has_calls = bool(own) or entry.state != "intended" or not entry.is_here
            found.append(SentRequest(entry, Subjects(*entry.subjects), ids, has_calls, tuple(own)))
    return found


def open_requests(journal: Journal) -> list[SentRequest]:
    """Return the requests whose end nobody was told, the oldest first."""
    return [one for one in read_requests(journal) if one.entry.state in OPEN]


def same_requests(journal: Journal, digest: str) -> list[SentRequest]:
    """Return the open requests that ask a server for the same jobs, and whose processes are gone."""
    if not journal.mentions(digest):
        return []
    gone = {one.entry.key for one in open_requests(journal) if one.subjects.digest == digest and not one.is_running}
    # Read again: a process may have closed its request, and ended, since the journal was read.
    return [one for one in open_requests(Journal(journal.path)) if one.entry.key in gone] if gone else []


def check_not_sent(
    journal: Journal, records: Sequence[JobRecord], server: str, *, luggage: Luggage | None = None
) -> None:
    """Raise SentBefore if the same request is open, and its jobs may have been sent."""
    stopping = [one for one in same_requests(journal, digest_of(records, server, luggage)) if one.has_calls]
    for one in stopping[-1:]:
        raise SentBefore(one.entry.key, since=one.entry.time, outcome=one.outcome)


def check_not_accepted(journal: Journal, records: Sequence[JobRecord], server: str) -> None:
    """Raise SentAlready if this server has accepted these jobs, or some: each name, and its files, are of one."""
    same = str(len(records)), records[0].jobName, records[-1].jobName
    for one in read_requests(journal) if journal.mentions(same[1]) else ():
        if one.subjects[2:5] == same and one.subjects.server == server and one.panda_ids:
            raise SentAlready(one.entry.key, since=one.entry.time, outcome=one.outcome)


def request_of(call: Entry) -> str:
    """Return the key of the request to which a call belongs."""
    return call.key.partition(".")[0]


def find_subjects(entry: Entry) -> tuple[str, ...]:
    """Return the subjects of an entry that people know: the names of jobs and campaigns, PandaIDs."""
    return tuple(filter(None, entry.subjects[3:6])) if entry.what == REQUEST else entry.subjects
