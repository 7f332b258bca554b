"""Jobs that are sent in a campaign that has others: these are told, and the same are not started twice unasked."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import suppress
from pathlib import Path

from goclient.campaigns.batch import Batch, load_batches
from goclient.campaigns.plain import count_open
from goclient.campaigns.unfinished import find_delivered
from goclient.carrier.carried import Luggage
from goclient.errors import GoclientError
from goclient.errors.sent import StartedBefore
from goclient.errors.wording import pluralize, quote
from goclient.jobs.sent import digest_of
from goclient.model.records.panda_job import JobRecord
from goclient.model.staging import Staged
from goclient.reporter.base import Reporter
from goclient.submission import Submission


def check_campaign(prepared: Submission, server: str, *, journal: Path, reporter: Reporter) -> None:
    """Tell how many jobs a submission's campaign has that may not be over; ``journal`` is the main one.

    Raises StartedBefore if an open batch does the same for the same jobs, unless it was prepared ``again``.
    """
    campaign, staged = prepared.campaign, prepared.staged
    own = None if staged is None else _intent(staged, prepared.records, server, prepared.luggage)
    others = count_open(journal, campaign, server)
    for kept in load_batches(journal.parent):
        if not kept.is_open or kept.campaign != campaign:
            continue
        with suppress(OSError):  # it was closed just now
            since = kept.started
            try:
                batch = kept.read()
            except GoclientError:  # goclient advance tells it
                continue
            if not prepared.again and _intent(batch, batch.records, batch.server, batch.luggage) == own:
                raise StartedBefore(kept.key, since=since, campaign=campaign, jobs=len(batch.records))
            others += len(batch.records) - len(find_delivered(batch, kept))
    if others:
        reporter.warning(*_others(prepared, others))


def _others(prepared: Submission, others: int) -> tuple[str, str]:
    """Return the warning of a campaign's other jobs, and its hint."""
    new = len(prepared.records)
    are, they_are = ("is", "it is") if others == 1 else ("are", "they are")
    more = "this is 1 more" if new == 1 else f"these are {new} more"
    message = (
        f"the campaign {quote(prepared.campaign)} has {pluralize(others, 'job')} that {are} not known to be over; "
    )
    hint = f"look how far {they_are}, and have noted what is over: goclient advance {prepared.campaign}; another "
    return message + more, f"{hint}--campaign NAME keeps jobs apart"


def _intent(one: Batch | Staged, records: Sequence[JobRecord], server: str, luggage: Luggage | None) -> Hashable:
    """Return what two batches have in common if they do the same: neither names nor times."""
    bare = [record._replace(jobParameters=record.jobParameters.replace(one.area.node, "")) for record in records]
    return one.brings, one.outputs, digest_of(bare, server, luggage)
