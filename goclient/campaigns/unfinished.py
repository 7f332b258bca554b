"""Campaigns that are not done, as their files tell it: no service is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from goclient.campaigns.batch import Batch, KeptBatch, kept_batches
from goclient.campaigns.state import DELIVER, TRANSFER, Slot, serials_of
from goclient.errors import GoclientError
from goclient.jobs.selection import Unfinished
from goclient.jobs.sent import CALL, JOBS_A_CALL, request_of
from goclient.journal import Journal


def find_unfinished(names: Collection[str], state: Path, journal: Journal) -> Iterator[Unfinished]:
    """Yield what is left to do in the batches of campaigns: jobs to be sent, or outputs to be delivered."""
    for kept in kept_batches(state) if names else ():
        if kept.is_open and kept.campaign in names:
            go_on = f"goclient advance {kept.campaign}"
            try:
                batch = kept.read()
            except GoclientError as error:
                yield Unfinished(kept.campaign, error.message, error.hint, are_sent=True)
                continue
            calls = [one.state for one in journal.latest(CALL) if request_of(one) == kept.key]
            if set(calls) - {"accepted"}:
                text = f"{kept.campaign}: it is not known whether its jobs are sent"
                yield Unfinished(kept.campaign, text, f"{go_on} says what to do", are_sent=False)
            elif len(calls) * JOBS_A_CALL < len(batch.records):
                hint = f"{go_on} sends them when their inputs are there; {go_on} --end gives them up"
                yield Unfinished(kept.campaign, f"{kept.campaign}: its jobs are not sent", hint, are_sent=False)
            elif left := len(batch.records) - len(_delivered(batch, kept)):
                text = f"{kept.campaign}: the outputs of {left} of {len(batch.records)} jobs are not delivered"
                yield Unfinished(kept.campaign, text, f"{go_on} delivers what is ready", are_sent=True)


def _delivered(batch: Batch, kept: KeptBatch) -> set[int]:
    """Return the numbers of the jobs whose outputs are at all destinations."""
    found = set(batch.serials.values())
    entries = [one for one in kept.journal.latest(TRANSFER) if one.state == "done"]
    for part in range(len(batch.destinations)):
        found &= {serial for one in entries if Slot.read(one.key)[:2] == (DELIVER, part) for serial in serials_of(one)}
    return found
