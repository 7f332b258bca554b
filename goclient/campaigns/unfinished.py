"""Campaigns that are not done, as their files, and the states of their jobs, tell it: no service is asked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from goclient.campaigns.batch import Batch, KeptBatch, load_batches
from goclient.campaigns.jobs import explain_lost_tries, first_tries
from goclient.campaigns.standings import standing_of
from goclient.campaigns.state import DELIVER, TRANSFER, Slot, Standing, serials_of
from goclient.errors import GoclientError
from goclient.errors.sent import JobsFailed
from goclient.errors.wording import pluralize
from goclient.jobs.next_steps import mending_steps
from goclient.jobs.selection import NamedJob, Selection, Sent, Unfinished
from goclient.jobs.sent import CALL, JOBS_A_CALL, request_of
from goclient.jobs.tries import latest_try, read_tries
from goclient.journal import Journal
from goclient.model.endpoint import Endpoint
from goclient.model.location import Location
from goclient.model.names import fill_serial, first_name, try_number

_ON_THEIR_WAY = ("intended", "accepted", "done")  # the states of a delivery that is not refused, and has not failed


def find_open(state: Path) -> Iterator[Sent]:
    """Yield the batches that are not done: when, where and in which campaign each was begun."""
    for kept in load_batches(state):
        if kept.is_open:
            server = ""
            with suppress(GoclientError):  # what is wrong with its file is said where something is left to do
                server = kept.read().server
            with suppress(OSError):  # another process has just closed it
                yield Sent(kept.started, server, kept.campaign, Selection())


def find_unfinished(
    names: Collection[str], journal: Journal, server: str, *, jobs: Sequence[NamedJob] = ()
) -> Iterator[Unfinished]:
    """Yield what is left to do in campaigns' batches at a server: jobs to send, or look for, outputs to deliver.

    ``journal`` is the main one.  ``jobs`` are those that are known: no output of one that failed, or was cancelled,
    waits for its delivery.
    """
    for kept in load_batches(journal.path.parent) if names else ():
        if kept.is_open and kept.campaign in names:
            go_on = f"goclient advance {kept.campaign}"
            try:
                batch = kept.read()
            except GoclientError as error:
                yield Unfinished(kept.campaign, error.message, error.hint, are_sent=True)
                continue
            if batch.server != server:
                continue
            calls = [one.state for one in journal.latest(CALL) if request_of(one) == kept.key]
            if set(calls) - {"accepted"}:
                text = f"{kept.campaign}: it is not known whether its jobs are sent"
                yield Unfinished(kept.campaign, text, f"{go_on} says what to do", are_sent=False)
            elif len(calls) * JOBS_A_CALL < len(batch.records):
                hint = f"{go_on} sends them when their inputs are there; {go_on} --end gives them up"
                yield Unfinished(kept.campaign, f"{kept.campaign}: its jobs are not sent", hint, are_sent=False)
            else:
                tries = read_tries(journal, batch.server).items()
                lost = {old: one.name for old, one in tries if one.panda_id is None}
                if own := {old: name for old, name in lost.items() if first_name(name) in batch.serials}:
                    unsure = explain_lost_tries(kept.campaign, own)
                    yield Unfinished(kept.campaign, unsure.message, unsure.hint, are_sent=False, is_retry=True)
                yield from _list_undelivered(kept, batch, jobs, lost={first_name(name) for name in own.values()})


def find_delivered_outputs(state: Path) -> Callable[[str], Sequence[Location] | None]:
    """Return what tells, by a job's name, where its outputs that went through a site are: none if they are still there.

    It tells None of any other job.
    """
    kept: dict[str, Sequence[Location]] = {}
    for one in load_batches(state):
        with suppress(GoclientError):
            batch = one.read()
            delivered = find_delivered(batch, one)
            for name, serial in batch.serials.items():
                paths = [target.with_path(fill_serial(target.path, serial)) for target in batch.targets]
                kept[name] = paths if serial in delivered else []
    return lambda name: kept.get(first_name(name))


def find_deliverers(batch: Batch, journal: Journal) -> dict[tuple[Endpoint, str], int]:
    """Return the jobs of other batches of the same campaign by the places where their outputs are, or are put now.

    ``journal`` is the main one.
    """
    found = dict[tuple[Endpoint, str], int]()
    for kept in load_batches(journal.path.parent):
        if kept.campaign == batch.campaign and kept.key != batch.key:
            with suppress(GoclientError):
                other = kept.read()
                first, tries = first_tries(other, journal), read_tries(journal, other.server)
                for part, destination in enumerate(other.destinations):
                    for serial in _serials_of(kept, part, _ON_THEIR_WAY):
                        if panda_id := first[serial]:
                            latest = latest_try(panda_id, tries).panda_id
                            for one in (target for target in other.targets if target.endpoint == destination):
                                found.setdefault((destination, fill_serial(one.path, serial).rstrip("/")), latest)
    return found


def over_words(failed: int, cancelled: int) -> str:
    """Return how many jobs have failed, or were cancelled, in words."""
    parts = [f"{pluralize(failed, 'job')} failed"] if failed else []
    parts += [f"{pluralize(cancelled, 'job')} {'was' if cancelled == 1 else 'were'} cancelled"] if cancelled else []
    return " and ".join(parts)


def jobs_over(campaign: str, failed: int, cancelled: int) -> JobsFailed:
    """Return the error of jobs of a campaign, all of which are over, that failed or were cancelled."""
    hint = f"look why: goclient status --campaign {campaign}; " if failed else ""
    hint += mending_steps(campaign, failed + cancelled, cancelled=cancelled > 0)
    return JobsFailed(f"{campaign}: {over_words(failed, cancelled)}", hint=hint, subject=campaign)


def _list_undelivered(
    kept: KeptBatch, batch: Batch, jobs: Sequence[NamedJob], *, lost: Collection[str]
) -> Iterator[Unfinished]:
    """Yield what is left to do for the jobs of a batch, which were sent; ``lost`` may have tries that nobody knows."""
    tries = defaultdict[str, dict[int, str]](dict)
    for job in jobs:
        tries[first_name(job.name)][try_number(job.name)] = job.state
    delivered = find_delivered(batch, kept)
    left = [name for name, serial in batch.serials.items() if serial not in delivered]
    states = {name: [state for _, state in sorted(tries[name].items())] for name in left}
    stands = Counter(standing_of(one, is_known=bool(one) and name not in lost) for name, one in states.items())
    failed, cancelled, campaign = stands[Standing.FAILED], stands[Standing.CANCELLED], kept.campaign
    them = "it" if failed + cancelled == 1 else "them"
    if undelivered := len(left) - failed - cancelled:
        text = f"{campaign}: the outputs of {undelivered} of {pluralize(len(batch.records), 'job')} are not delivered"
        yield Unfinished(campaign, text, f"goclient advance {campaign} delivers what is ready", are_sent=True)
    if failed or cancelled:
        text = f"{campaign}: {over_words(failed, cancelled)}: what was brought for {them} stays at the site"
        steps = mending_steps(campaign, failed + cancelled, cancelled=cancelled > 0)
        yield Unfinished(campaign, text, steps, are_sent=True)


def find_delivered(batch: Batch, kept: KeptBatch) -> set[int]:
    """Return the numbers of the jobs whose outputs are at all destinations."""
    found = set(batch.serials.values())
    for part in range(len(batch.destinations)):
        found &= _serials_of(kept, part, ("done",))
    return found


def _serials_of(kept: KeptBatch, part: int, states: Collection[str]) -> set[int]:
    """Return the numbers of the jobs whose deliveries to a destination are in one of these states."""
    entries = [one for one in kept.journal.latest(TRANSFER) if one.state in states]
    return {serial for one in entries if Slot.read(one.key)[:2] == (DELIVER, part) for serial in serials_of(one)}
