"""Plain campaigns: their jobs bring their own files, and what is due is a second try of those that it cures.

What was sent is in the main journal, and so is that a campaign is over: jobs that are sent in it later open it again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from goclient.campaigns.jobs import NewJob, Sender
from goclient.campaigns.mended import KeptJobs
from goclient.campaigns.progress import Progress
from goclient.campaigns.standings import JobStandings, describe_all, stand
from goclient.campaigns.state import Sent, Standing
from goclient.campaigns.unfinished import jobs_over
from goclient.errors import GoclientError, ServerError
from goclient.errors.wording import pluralize
from goclient.jobs.panda_ids import as_ranges
from goclient.jobs.selection import RECENT_DAYS, explain_lost_answer
from goclient.jobs.sent import REQUEST, SentRequest, read_requests
from goclient.jobs.tries import TRY, explain_lost, read_tries, with_tries
from goclient.journal import KEPT, Entry, Journal
from goclient.model.campaign import campaign_of
from goclient.submission import SubmittedJob

OVER = "campaign"  # what entries are about that say that all jobs of one are over


@dataclass(frozen=True)
class PlainCampaign:
    """A campaign whose jobs bring their own files, as the journal has it; ``server`` took them.

    ``is_named`` by the user, or for the files that are dealt to its jobs: it is in their names, of all of them.
    """

    campaign: str
    server: str
    is_named: bool = False
    is_open: bool = True
    is_recent: bool = True

    @property
    def key(self) -> str:
        """Return the key under which the journal says that it is over."""
        return f"{self.campaign} {self.server}"


def plain_campaigns(journal: Path) -> list[PlainCampaign]:
    """Return all plain campaigns that were sent in the time for which files of other campaigns are kept."""
    entries, now = Journal(journal), time.time()
    found: dict[PlainCampaign, list[SentRequest]] = {}
    for one in _requests(entries):
        found.setdefault(PlainCampaign(one.subjects.campaign, one.subjects.server), []).append(one)
    over = {one.key: one.time for one in entries.latest(OVER)}
    for campaign, _, server in (key.partition(" ") for key in over):  # all of its jobs may be given up
        found.setdefault(PlainCampaign(campaign, server), [])
    latest = {
        one: max((request.entry.time for request in own), default=0.0) or over[one.key] for one, own in found.items()
    }
    return [
        replace(
            one,
            is_named=all(campaign_of(request.subjects.first) for request in requests),
            is_open=latest[one] > over.get(one.key, 0.0),
            is_recent=latest[one] > now - RECENT_DAYS * 86_400,
        )
        for one, requests in found.items()
        if latest[one] > now - KEPT
    ]


def count_open(path: Path, campaign: str, server: str) -> int:
    """Return how many jobs were sent in a plain campaign lately, without further tries, and are not known to be over.

    ``path`` is the main journal's.
    """
    journal = Journal(path)
    if not journal.mentions(campaign):
        return 0
    retries = {one.key for one in journal.latest(TRY)}
    over = journal.last(OVER, PlainCampaign(campaign, server).key)
    since = max(time.time() - RECENT_DAYS * 86_400, over.time if over is not None else 0.0)
    return sum(
        int(one.subjects.jobs)
        for one in _requests(journal)
        if (one.subjects.campaign, one.subjects.server) == (campaign, server)
        and one.entry.time > since
        and one.entry.key not in retries
    )


def _requests(journal: Journal) -> Iterator[SentRequest]:
    """Yield the requests in the journal whose jobs bring their own files, and have a campaign."""
    kept = KeptJobs(journal.path.parent)
    for one in read_requests(journal):
        has_jobs = one.panda_ids or one.is_running or _is_lost(one)
        if one.subjects.campaign and one.subjects.server and has_jobs and kept.batch_of(one.subjects.first) is None:
            yield one


def _is_lost(request: SentRequest) -> bool:
    return request.has_calls and request.entry.state in ("intended", "unknown") and not request.is_running


def _count_unnumbered(request: SentRequest) -> int:
    return int(request.subjects.jobs) - len(request.panda_ids)


class PlainStandings(NamedTuple):
    """State of the jobs of a plain campaign; ``over`` is what the journal is told if all are over.

    ``unknown`` and ``running`` are jobs without numbers: of the requests ``lost``, and of those that are sent now.
    """

    over: Entry
    jobs: JobStandings
    lost: tuple[SentRequest, ...]
    unknown: int
    running: int

    @property
    def given_up(self) -> list[SentRequest]:
        """Return the requests whose answers are lost, those of further tries included: closed, none is asked for."""
        tries = [one.lost.request for one in map(self.jobs.latest.get, self.jobs.unsure) if one and one.lost]
        return [*{one.entry.key: one for one in (*self.lost, *tries)}.values()]


class PlainAdvance:
    """Look at the jobs of a plain campaign, and send again what a second try cures."""

    def __init__(self, campaign: PlainCampaign, sender: Sender) -> None:
        self._campaign = campaign
        self._sender = sender

    def run(self) -> Progress:
        """Send a second try of jobs that it cures, unless somebody has stopped one; return how far all are."""
        found, problems = self._ask_server(), list[GoclientError]()
        seen = found.jobs
        if seen.curable and not (self._sender.allowed.ends or seen.having(Standing.CANCELLED)):
            try:
                self._try_again(seen)
                found = self._ask_server()
                seen = found.jobs
            except GoclientError as error:
                problems.append(error)
        counts = {one: len(seen.having(one)) for one in Standing}
        counts[Standing.RUNNING] += found.running
        counts[Standing.UNKNOWN] += found.unknown
        failed, cancelled = counts[Standing.FAILED], counts[Standing.CANCELLED]
        problems += self._unsure(found)
        is_over = not (problems or counts[Standing.RUNNING])
        if is_over and (failed or cancelled) and not self._sender.allowed.ends:
            problems.append(jobs_over(self._campaign.campaign, failed, cancelled))
        if closed := is_over and not problems:
            journal = self._sender.read()
            for request in found.given_up:
                # A later time would open the campaign again.
                journal.append(replace(request.entry.then("failed", detail="given up"), time=request.entry.time))
            journal.append(found.over)
        return Progress(
            *(self._campaign.campaign, "", sum(counts.values()), Sent.UNKNOWN if found.lost else Sent.YES, True),
            standing={one: count for one, count in counts.items() if count},
            delivered=counts[Standing.FINISHED],
            closed=closed,
            problems=tuple(problems),
            is_plain=True,
            panda_ids=tuple(one.panda_id for one in seen.latest.values()),
        )

    def _ask_server(self) -> PlainStandings:
        """Ask the server how the jobs stand."""
        over = Entry(OVER, self._campaign.key, "done")  # as of now: jobs that are sent meanwhile open it again
        journal = self._sender.read()
        before = journal.last(over.what, over.key)  # what was given up then stays so
        retries, own = {one.key for one in journal.latest(TRY)}, (self._campaign.campaign, self._campaign.server)
        ids, unended = list[int](), list[SentRequest]()
        for one in _requests(journal):
            if (one.subjects.campaign, one.subjects.server) == own and one.entry.key not in retries:
                ids += map(int, one.panda_ids)
                if one.is_running or (_is_lost(one) and (before is None or one.entry.time > before.time)):
                    unended.append(one)
        now = self._sender.read()  # a process may have closed its request, and ended, since the journal was read
        lost = [one for one in unended if not one.is_running and now.last(REQUEST, one.entry.key) == one.entry]
        unknown, unnumbered = (sum(map(_count_unnumbered, part)) for part in (lost, unended))
        tries = read_tries(journal, self._sender.server.name)
        known = describe_all(list(dict.fromkeys(with_tries(ids, tries))), self._sender.server)
        seen = stand(dict(enumerate(ids, 1)), tries, {job.panda_id: job for job in known})
        return PlainStandings(over, seen, tuple(lost), unknown, unnumbered - unknown)

    def _try_again(self, seen: JobStandings) -> None:
        """Send another try of the jobs that it cures, but for those of which another process has done so meanwhile."""
        new = list[NewJob]()

        def show(jobs: Sequence[NewJob]) -> None:
            new.extend(jobs)
            self._sender.show([SubmittedJob(one.panda_id, one.name, serial) for serial, one in enumerate(jobs, 1)])

        self._sender.retry([seen.latest[serial].panda_id for serial in seen.curable], show)
        if new:
            what = f"{pluralize(len(new), 'job')} sent again, which a second try cures"
            self._sender.reporter.progress(f"{self._campaign.campaign}: {what}")

    def _unsure(self, seen: PlainStandings) -> list[GoclientError]:
        """Return what is not known of jobs, with what to type; lost answers are given up if it is allowed."""
        unsure = [seen.jobs.latest[serial] for serial in seen.jobs.unsure]
        found = list[GoclientError]()
        if not self._sender.allowed.ends:
            found += map(self._loss_error, seen.lost)
            found += explain_lost(one for one in unsure if one.lost is not None)
        if missed := [one.panda_id for one in unsure if one.lost is None]:
            message = (
                f"{self._campaign.campaign}: {self._sender.server.name} does not know PandaID {as_ranges(missed)} now"
            )
            found.append(ServerError(message, hint="type it again later", code="unknown-job"))
        return found

    def _loss_error(self, request: SentRequest) -> GoclientError:
        hint = f"goclient journal show {request.entry.key} has the names of its jobs; to give up those that are not "
        hint += f"known, also if the server has them: goclient advance {self._campaign.campaign} --end"
        return explain_lost_answer(request).replace(hint=hint)
