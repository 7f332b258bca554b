"""Campaigns: begin a batch, send its jobs once their inputs are there, and advance those that were begun."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from goclient.campaigns.advance import Advance
from goclient.campaigns.batch import Batch, KeptBatch, keep, load_batches, prune
from goclient.campaigns.jobs import PandaJobs, Retry, Sender
from goclient.campaigns.plain import PlainAdvance, PlainCampaign, plain_campaigns
from goclient.campaigns.progress import Progress
from goclient.campaigns.state import Allowed, Sent
from goclient.campaigns.twins import check_campaign
from goclient.config.connections import Connections
from goclient.errors import GoclientError, Interrupted, RequestError, ServerError, raise_all
from goclient.errors.wording import quote, timestamp, utc
from goclient.jobs.panda_ids import as_ranges
from goclient.journal import Journal
from goclient.model.location import Location
from goclient.model.nearest import hint_of_known
from goclient.services.retry import pauses
from goclient.submission import Submission, SubmittedJob

PATIENCE = 60.0  # seconds in which Globus, if it is too busy, is asked again
Show = Callable[[Submission], None]
# Tells a user of jobs of a campaign, and of where their outputs are delivered; None if they deliver them themselves.
ShowSent = Callable[[str, Sequence[SubmittedJob], Sequence[Location] | None], None]
Part = KeptBatch | PlainCampaign  # of a campaign: several may have one name
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

        def show_sent(jobs: Sequence[SubmittedJob]) -> None:
            sent.append(replace(prepared, jobs=tuple(jobs)))
            show(sent[0])

        go_on = f"type: goclient advance {prepared.campaign}"
        try:
            with self._keep(prepared) as kept:
                advance = self._advance(kept, self._sender(Allowed(), show_sent))
                for pause in pauses(*POLL):
                    try:
                        progress = advance.run(until_sent=True)
                        raise_all(progress.problems)
                    except GoclientError as error:  # to type it again would begin another batch
                        raise error.reword(
                            lambda text: text.replace("type the command again", go_on)
                        ) from error.__cause__
                    if sent or not waits or progress.sent is Sent.YES:
                        break
                    time.sleep(pause)
        except KeyboardInterrupt:
            raise Interrupted("interrupted: the jobs are not sent", hint=f"to go on, {go_on}") from None
        if not sent:
            self._connections.reporter.progress(progress.text, f"to go on, {go_on}")
        return sent[0] if sent else prepared

    @contextmanager
    def _keep(self, prepared: Submission) -> Iterator[KeptBatch]:
        """Keep the batch of a submission, unless the same was started before, also by a process of this moment."""
        batch = self._new_batch(prepared)
        with ExitStack() as stack:
            with Journal(self._journal).turn("campaigns"):
                reporter = self._connections.reporter
                check_campaign(prepared, batch.server, journal=self._journal, reporter=reporter)
                kept = stack.enter_context(keep(batch, self._state))
            yield kept

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
        """Do whatever is due in a campaign, in all without one; return how far each of its parts is.

        ``show`` tells the user of jobs as soon as they are sent.  A batch for which another process does that is left
        alone; what is wrong with one, in its ``problems``, keeps no other from going on.  ``waits``: until each is
        done, or needs a person, also if another process is about it now.
        """
        allowed.check_campaign_is_named(campaign)
        found, going = dict[Part, Progress](), dict[Part, Advance | PlainAdvance]()
        with ExitStack() as locks:
            parts = self._select(campaign, allowed)
            own = defaultdict[Part, ExitStack](lambda: locks.enter_context(ExitStack()))
            asked = _Asked(allowed, show, waits, Counter(one.campaign for one in parts if one.is_open), own, {}, {})
            for pause in pauses(*POLL):
                for part in (one for one in parts if one not in found):
                    if progress := self._run_part(part, asked, going):
                        found[part] = progress
                        own[part].close()
                if len(found) == len(parts):
                    break
                time.sleep(pause)
        return [replace(found[one], submitted=tuple(asked.sent.get(one, ()))) for one in parts]

    def _select(self, campaign: str, allowed: Allowed) -> list[Part]:
        """Return what is not done of all campaigns, or of one that is named; raise RequestError for none."""
        batches, plain = load_batches(self._state), plain_campaigns(self._journal)
        server = self._connections.panda().name if plain else ""
        here = [one for one in plain if one.server == server]
        named: list[Part] = [one for one in batches if campaign in ("", one.campaign)]
        if campaign:
            named += [one for one in here if one.campaign == campaign]
            if not named:
                known: list[Part] = [*batches, *here]
                elsewhere = [one for one in plain if one.campaign == campaign]
                going_on = [one.campaign for one in known if one.is_open]
                raise _campaign_error(campaign, known=going_on, elsewhere=elsewhere, here=server)
            _check_plain(named, allowed)
        else:
            named += [one for one in here if one.is_named and one.is_recent]
        if not any(one.is_open for one in named):
            what = f"{campaign}: all is done" if campaign else "nothing is left to do"
            self._connections.reporter.progress(what)
        return [one for one in named if campaign or one.is_open]

    def _leave(self, kept: KeptBatch, asked: _Asked) -> Progress | None:
        """Return how far a batch is that another process is about, or has just closed; None to wait for that one."""
        if not kept.path.exists():
            self._connections.reporter.progress(f"{kept.campaign}: all is done")
            return Progress(kept.campaign, kept.key, closed=True)
        busy = f"{kept.campaign}: another process is about it"
        if asked.waits:
            self._tell(kept, asked, f"{busy}, and is waited for")
            return None
        if not asked.allowed.words:
            self._connections.reporter.progress(busy)
            return Progress(kept.campaign, kept.key)
        message = f"{busy}, and {' and '.join(asked.allowed.words)} had no effect"
        hint = f"to wait until it has ended, type: goclient advance {kept.campaign} {asked.allowed.typed} --wait"
        error = RequestError(message, hint=hint, code="busy", subject=kept.campaign)
        return Progress(kept.campaign, kept.key, problems=(error,))

    def _tell(self, part: Part, asked: _Asked, text: str) -> None:
        """Tell how far a part is, with the time, to a user who waits; the same once."""
        if asked.told.get(part) != text:
            asked.told[part] = text
            self._connections.reporter.progress(f"{timestamp(time.time())} {text}")

    def _run_part(self, part: Part, asked: _Asked, going: dict[Part, Advance | PlainAdvance]) -> Progress | None:
        """Do what is due in a part, and return how far it is; None if that may change while somebody waits."""
        if not part.is_open:
            return Progress(part.campaign, _key(part), closed=True)
        try:
            if part not in going:
                if isinstance(part, KeptBatch) and not _lock(part, asked.locks[part]):
                    return self._leave(part, asked)
                going[part] = self._start(part, asked)
            started = _tell_apart(part, asked.parts)
            progress = replace(going[part].run(), started=started)
        except GoclientError as error:
            is_asked_again = asked.waits and isinstance(error, ServerError) and error.transient
            if is_asked_again and not asked.allowed.again:  # that would send jobs at each turn
                self._connections.reporter.warning(error.message, error.hint)
                return None
            return Progress(part.campaign, _key(part), problems=(error,))
        if not asked.waits or progress.closed or progress.problems:
            return progress
        self._tell(part, asked, progress.text)
        return None

    def _start(self, part: Part, asked: _Asked) -> Advance | PlainAdvance:
        """Return what advances a part of a campaign."""
        targets = None if isinstance(part, PlainCampaign) else part.read().targets
        sender = self._sender(asked.allowed, partial(asked.show_sent, part, targets))
        return PlainAdvance(part, sender) if isinstance(part, PlainCampaign) else self._advance(part, sender)

    def _sender(self, allowed: Allowed, show: Callable[[Sequence[SubmittedJob]], None]) -> Sender:
        """Return what sends jobs; the journal is read now that no other process is about a batch."""
        connections, journal = self._connections, Journal(self._journal)
        return Sender(connections.panda(), journal, connections.reporter, allowed, show, self._retry)

    def _advance(self, kept: KeptBatch, sender: Sender) -> Advance:
        """Return what advances a batch; raise RequestError unless the services are those with which it was begun."""
        batch, connections = kept.read(), self._connections
        identity = connections.globus().identity
        if sender.server.name != batch.server:
            raise _other_server(batch, sender.server.name)
        if batch.identity and identity and identity != batch.identity:
            message = f"the campaign {quote(batch.campaign)} was begun as the Globus identity {batch.identity}, and "
            message += f"this is {identity}"
            raise RequestError(message, hint="log in as that one", code="other-identity", subject=batch.campaign)
        jobs, allowed = PandaJobs(batch, sender), sender.allowed
        if allowed.jobs:
            jobs.adopt(allowed.jobs)
        return Advance(kept, connections.transfer(PATIENCE), jobs, reporter=connections.reporter, allowed=allowed)


class _Asked(NamedTuple):
    """Hold what a user asks of an advance, the jobs that were sent meanwhile, and what was told of each part.

    ``parts`` counts those of one name; ``locks`` keep other processes from each while it goes on.
    """

    allowed: Allowed
    show: ShowSent
    waits: bool
    parts: Mapping[str, int]
    locks: Mapping[Part, ExitStack]
    sent: dict[Part, list[SubmittedJob]]
    told: dict[Part, str]

    def show_sent(self, part: Part, targets: Sequence[Location] | None, jobs: Sequence[SubmittedJob]) -> None:
        """Note jobs of a part that were sent, and tell the user of them."""
        self.sent.setdefault(part, []).extend(jobs)
        self.show(part.campaign, jobs, targets)


def _lock(kept: KeptBatch, lock: ExitStack) -> bool:
    """Return True if no other process does anything for a batch, and none will until ``lock`` is closed.

    A plain campaign needs none: a job is sent again in its turn, unless it was.
    """
    is_ours = kept.path.exists() and lock.enter_context(kept.lock())
    if not is_ours:
        lock.close()
    return is_ours


def _tell_apart(part: Part, parts: Mapping[str, int]) -> str:
    """Return what tells a part from others of its campaign as long as it has no PandaIDs."""
    if parts[part.campaign] < 2:
        return ""
    return "its jobs without --goVia site" if isinstance(part, PlainCampaign) else f"begun {utc(part.started)}"


def _key(part: Part) -> str:
    return "" if isinstance(part, PlainCampaign) else part.key


def _check_plain(parts: Sequence[Part], allowed: Allowed) -> None:
    """Raise RequestError if what is allowed is about files at a site, and a campaign has none there."""
    words = [word for word in allowed.words if word != "--end"]
    if words and all(isinstance(one, PlainCampaign) for one in parts):
        campaign, ids = parts[0].campaign, as_ranges(allowed.jobs)
        hint = f"to send its jobs again, type: goclient retry --campaign {campaign}"
        if ids:
            hint = f"goclient status {ids} shows them; goclient advance {campaign} --end gives up what is not known"
        message = f"{' and '.join(words)}: the jobs of {quote(campaign)} bring their own files"
        raise RequestError(message, hint=hint, code="combination", subject=words[0])


def _campaign_error(
    campaign: str, *, known: Iterable[str], elsewhere: Sequence[PlainCampaign], here: str
) -> RequestError:
    """Return the error of a campaign of which nothing was sent from here, or to this server."""
    if elsewhere:
        return _other_server(elsewhere[0], here)
    message, going_on = f"no campaign {quote(campaign)} was sent from here", dict.fromkeys(known)
    hint = hint_of_known(campaign, going_on) if going_on else "sendJob.py --campaign NAME sends one"
    return RequestError(message, hint=hint, code="no-campaign", subject=campaign)


def _other_server(sent: Batch | PlainCampaign, here: str) -> RequestError:
    message = f"the campaign {quote(sent.campaign)} was sent to {sent.server}, and this is {here}"
    return RequestError(message, hint=f"export PANDA_URL_SSL={sent.server}", code="other-server", subject=sent.campaign)
