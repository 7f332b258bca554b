"""Campaigns: begin a batch, send its jobs once their inputs are there, and advance those that were begun."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from goclient.campaigns.advance import Advance, Progress
from goclient.campaigns.batch import Batch, KeptBatch, keep, kept_batches, prune
from goclient.campaigns.jobs import PandaJobs
from goclient.campaigns.state import Allowed, Sent
from goclient.config.connections import Connections
from goclient.errors import Interrupted, RequestError, ServerError, raise_all
from goclient.errors.wording import quoted
from goclient.journal import Journal
from goclient.model.campaign import is_campaign
from goclient.model.nearest import hint_of_known
from goclient.services.retry import pauses
from goclient.submission import Submission

PATIENCE = 60.0  # seconds in which Globus, if it is too busy, is asked again
Show = Callable[[Submission], None]
POLL = (0.2, 15.0)  # seconds between looks at what goes on: at first, and at most


class Campaigns:
    """Do for the batches of a user whatever is due; ``journal`` is the path of the main one, beside which they are.

    ``retry`` sends jobs again, by their PandaIDs, or raises GoclientError.
    """

    def __init__(self, connections: Connections, journal: Path, retry: Callable[[Sequence[int]], None]) -> None:
        self._connections = connections
        self._journal = journal
        self._retry = retry
        self._state = journal.parent

    def send(self, prepared: Submission, show: Show, *, waits: bool) -> Submission:
        """Bring the inputs of a submission, wait until they are there, and send its jobs; return it with them.

        Without ``waits`` it is left to :meth:`advance` as soon as the transfers are submitted.  From the first moment
        all of it is in the batch's file: whatever ends the process, that can go on.
        """
        prune(self._state, now=time.time())
        sent: list[Submission] = []

        def shown(submission: Submission) -> None:
            sent.append(replace(prepared, jobs=submission.jobs))
            show(sent[0])

        go_on = f"type: goclient advance {prepared.campaign}"
        try:
            with keep(self._new_batch(prepared), self._state) as kept:
                advance = self._advance(kept, Allowed(), shown)
                for pause in pauses(*POLL):
                    progress = advance.run(until_sent=True)
                    raise_all(progress.problems)
                    if sent or not waits or progress.sent is Sent.YES:
                        break
                    time.sleep(pause)
        except KeyboardInterrupt:
            raise Interrupted("interrupted: the jobs are not sent", hint=f"to go on, {go_on}") from None
        if not sent:
            self._connections.reporter.progress(progress.text, f"to go on, {go_on}")
        return sent[0] if sent else prepared

    def _new_batch(self, prepared: Submission) -> Batch:
        staged = prepared.staged
        assert staged is not None, "the caller has looked"
        return Batch(
            key=prepared.records[0].jobName.partition(".")[2].partition("_")[0],
            campaign=prepared.campaign,
            server=self._connections.panda().name,
            identity=self._connections.globus().identity,
            area=staged.area,
            overwrite=staged.overwrite,
            brings=staged.brings,
            outputs=staged.outputs,
            records=prepared.records,
            luggage=prepared.luggage,
        )

    def advance(self, campaign: str, allowed: Allowed, *, waits: bool = False) -> list[Progress]:
        """Do whatever is due in the batches of a campaign, of all without one; return how far each is.

        A batch for which another process does that is left alone.  ``waits``: until nothing is left to do, or
        something needs a person.
        """
        if allowed.jobs and not campaign:
            message = "--jobs are those of one campaign, and none is named"
            raise RequestError(message, hint="name it: goclient advance CAMPAIGN", code="combination", subject="--jobs")
        found = [self._advanced(kept, allowed, waits=waits) for kept in self._open(campaign)]
        return [one for one in found if one is not None]

    def _open(self, campaign: str) -> Iterator[KeptBatch]:
        """Yield the batches of a campaign that are not done; raise RequestError if there is none of that name."""
        known = kept_batches(self._state) if not campaign or is_campaign(campaign) else []
        named = [one for one in known if campaign in ("", one.campaign)]
        if campaign and not named:
            message = f"no campaign {quoted(campaign)} was begun with --goVia site from here"
            hint = hint_of_known(campaign, dict.fromkeys(one.campaign for one in known if one.is_open))
            raise RequestError(message, hint=hint, code="no-campaign", subject=campaign)
        if not any(one.is_open for one in named):
            what = f"{campaign}: all is done" if campaign else "nothing is left to do"
            self._connections.reporter.progress(what)
        yield from (one for one in named if one.is_open)

    def _advanced(self, kept: KeptBatch, allowed: Allowed, *, waits: bool) -> Progress | None:
        with kept.locked() as is_ours:
            if not is_ours:
                if kept.path.exists():
                    self._connections.reporter.progress(f"{kept.campaign}: another process is about it")
                return None
            advance = self._advance(kept, allowed)
            for pause in pauses(*POLL):
                try:
                    progress = advance.run()
                except ServerError as error:
                    if not (waits and error.transient):
                        raise
                    self._connections.reporter.warning(error.message, error.hint)
                else:
                    if not waits or progress.closed or progress.problems:
                        return progress
                time.sleep(pause)
        raise AssertionError("unreachable")

    def _advance(
        self, kept: KeptBatch, allowed: Allowed, show: Callable[[Submission], None] = lambda _: None
    ) -> Advance:
        """Return what advances a batch; raise RequestError unless the services are those with which it was begun."""
        batch, connections = kept.read(), self._connections
        server, identity = connections.panda(), connections.globus().identity
        if server.name != batch.server:
            message = f"the campaign {quoted(batch.campaign)} was begun at {batch.server}, and this is {server.name}"
            hint = f"export PANDA_URL_SSL={batch.server}"
            raise RequestError(message, hint=hint, code="other-server", subject=batch.campaign)
        if batch.identity and identity and identity != batch.identity:
            message = f"the campaign {quoted(batch.campaign)} was begun as the Globus identity {batch.identity}, and "
            message += f"this is {identity}"
            raise RequestError(message, hint="log in as that one", code="other-identity", subject=batch.campaign)
        jobs = PandaJobs(
            *(batch, server, Journal(self._journal)),  # read now that no other process is about the batch
            reporter=connections.reporter,
            allowed=allowed,
            show=show,
            retry=self._retry,
        )
        if allowed.jobs:
            jobs.adopt(allowed.jobs)
        return Advance(kept, connections.transfer(PATIENCE), jobs, reporter=connections.reporter, allowed=allowed)
