"""Campaigns: begin a batch, send its jobs once their inputs are there, and advance those that were begun."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from goclient.campaigns.advance import Advance
from goclient.campaigns.batch import Batch, KeptBatch, keep, kept_batches, prune
from goclient.campaigns.jobs import PandaJobs, Retry
from goclient.campaigns.progress import Progress
from goclient.campaigns.state import Allowed, Sent
from goclient.config.connections import Connections
from goclient.errors import GoclientError, Interrupted, RequestError, ServerError, raise_all
from goclient.errors.wording import quoted
from goclient.journal import Journal
from goclient.model.nearest import hint_of_known
from goclient.services.retry import pauses
from goclient.submission import Submission, SubmittedJob

PATIENCE = 60.0  # seconds in which Globus, if it is too busy, is asked again
Show = Callable[[Submission], None]
ShowSent = Callable[[Batch, Sequence[SubmittedJob]], None]
POLL = (0.2, 15.0)  # seconds between looks at what goes on: at first, and at most


class Campaigns:
    """Do for the batches of a user whatever is due; ``journal`` is the path of the main one, beside which they are."""

    def __init__(self, connections: Connections, journal: Path, retry: Retry) -> None:
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

        def shown(_: Batch, jobs: Sequence[SubmittedJob]) -> None:
            sent.append(replace(prepared, jobs=tuple(jobs)))
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

    def advance(self, campaign: str, allowed: Allowed, show: ShowSent, *, waits: bool = False) -> list[Progress]:
        """Do whatever is due in the batches of a campaign, of all without one; return how far each is.

        ``show`` tells the user of jobs as soon as they are sent.

        A batch for which another process does that is left alone; what is wrong with one, in its ``problems``, keeps no
        other from going on.  ``waits``: until each is done, or needs a person.
        """
        _check_one_is_named(campaign, allowed)
        found, going, sent = dict[KeptBatch, Progress](), dict[KeptBatch, Advance](), dict[str, list[SubmittedJob]]()

        def shown(batch: Batch, jobs: Sequence[SubmittedJob]) -> None:
            sent.setdefault(batch.key, []).extend(jobs)
            show(batch, jobs)

        with ExitStack() as locks:
            ours = [one for one in self._named(campaign) if not one.is_open or self._is_ours(one, locks)]
            for pause in pauses(*POLL):
                for kept in (one for one in ours if one not in found):
                    if progress := self._advanced(kept, _Asked(allowed, shown, waits), going):
                        found[kept] = progress
                if len(found) == len(ours):
                    break
                time.sleep(pause)
        return [replace(found[kept], submitted=tuple(sent.get(kept.key, ()))) for kept in ours]

    def _named(self, campaign: str) -> list[KeptBatch]:
        """Return the batches that are not done, of a campaign that is named all; raise RequestError if it has none."""
        known = kept_batches(self._state)
        named = [one for one in known if campaign in ("", one.campaign)]
        if campaign and not named:
            message = f"no campaign {quoted(campaign)} was begun with --goVia site from here"
            going_on = dict.fromkeys(one.campaign for one in known if one.is_open)
            hint = hint_of_known(campaign, going_on) if going_on else "sendJob.py --goVia site begins one"
            raise RequestError(message, hint=hint, code="no-campaign", subject=campaign)
        if not any(one.is_open for one in named):
            what = f"{campaign}: all is done" if campaign else "nothing is left to do"
            self._connections.reporter.progress(what)
        return [one for one in named if campaign or one.is_open]

    def _is_ours(self, kept: KeptBatch, locks: ExitStack) -> bool:
        """Return True if no other process does anything for a batch, and none will until ``locks`` ends."""
        is_ours = locks.enter_context(kept.locked())
        if not is_ours and kept.path.exists():
            self._connections.reporter.progress(f"{kept.campaign}: another process is about it")
        return is_ours

    def _advanced(self, kept: KeptBatch, asked: _Asked, going: dict[KeptBatch, Advance]) -> Progress | None:
        """Do what is due in a batch, and return how far it is; None if that may change while somebody waits."""
        if not kept.is_open:
            return Progress(kept.campaign, kept.key, closed=True)
        try:
            if kept not in going:
                going[kept] = self._advance(kept, asked.allowed, asked.show)
            progress = going[kept].run()
        except GoclientError as error:
            is_asked_again = asked.waits and isinstance(error, ServerError) and error.transient
            if is_asked_again and not asked.allowed.again:  # that would send jobs at each turn
                self._connections.reporter.warning(error.message, error.hint)
                return None
            return Progress(kept.campaign, kept.key, problems=(error,))
        return progress if not asked.waits or progress.closed or progress.problems else None

    def _advance(self, kept: KeptBatch, allowed: Allowed, show: ShowSent) -> Advance:
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
            show=partial(show, batch),
            retry=self._retry,
        )
        if allowed.jobs:
            jobs.adopt(allowed.jobs)
        return Advance(kept, connections.transfer(PATIENCE), jobs, reporter=connections.reporter, allowed=allowed)


class _Asked(NamedTuple):
    """Hold what a user asks of an advance."""

    allowed: Allowed
    show: ShowSent
    waits: bool


def _check_one_is_named(campaign: str, allowed: Allowed) -> None:
    """Raise RequestError if something is allowed that concerns one campaign, and none is named."""
    if not campaign and (words := allowed.words):
        message = f"{' and '.join(words)}: that is said of one campaign, and none is named"
        hint = f"name it: goclient advance CAMPAIGN {' '.join(words)}"
        raise RequestError(message, hint=hint, code="combination", subject=words[0])
