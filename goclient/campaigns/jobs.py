"""Jobs of a batch: sent once, and looked for by their names, whichever tries of them there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from goclient.campaigns.batch import Batch
from goclient.campaigns.standings import describe_all, stand
from goclient.campaigns.state import NOTHING_MORE, Allowed, Sent, Standing
from goclient.errors import GoclientError, RequestError, ServerError
from goclient.errors.sent import first_to_last, how_to_tell
from goclient.jobs.panda_ids import as_ranges
from goclient.jobs.sent import CALL, JOBS_A_CALL, OPEN, REQUEST
from goclient.jobs.tries import read_tries, turn, with_tries
from goclient.journal import Journal
from goclient.model.names import first_name
from goclient.model.records.answers import JobState
from goclient.model.spec import TransferSpec
from goclient.reporter.base import Reporter
from goclient.submission import Submission, SubmittedJob, send

if TYPE_CHECKING:
    from goclient.services.panda.client import PandaServer


class Standings(NamedTuple):
    """Standing of jobs, by their numbers; ``curable`` failed at the first try, and a second one cures that.

    ``unsure`` tells of those of which it is not known how they stand; ``finished`` is which try has finished,
    and ``panda_ids`` are the numbers of the latest tries.
    """

    standing: Mapping[int, Standing] = MappingProxyType({})
    curable: tuple[int, ...] = ()
    unsure: tuple[GoclientError, ...] = ()
    finished: Mapping[int, int] = MappingProxyType({})
    panda_ids: Mapping[int, int] = MappingProxyType({})


class NewJob(Protocol):
    """Another try of a job, which the server has accepted."""

    @property
    def panda_id(self) -> int:
        """Its number."""

    @property
    def name(self) -> str:
        """Its name."""


# Sends jobs again, by their PandaIDs, and shows the new ones; or raises GoclientError.
Retry = Callable[[Sequence[int], Callable[[Sequence[NewJob]], None]], None]


class Jobs(Protocol):
    """Jobs of a batch, as far as what is due depends on them."""

    def find_sent(self) -> Sent:
        """Tell whether they were sent."""

    def send(self) -> None:
        """Send those that were not; raise GoclientError."""

    def find_standings(self) -> Standings:
        """Return how each stands now."""

    def retry(self, serials: Sequence[int]) -> None:
        """Send a second try of these; raise GoclientError."""

    def hold(self) -> AbstractContextManager[None]:
        """Run the body while no job is sent again."""

    @property
    def journal(self) -> Journal:
        """Return the main journal, read anew."""


class Sender(NamedTuple):
    """Hold where jobs of a campaign are sent, the main journal, and the user who allows that and is shown them."""

    server: PandaServer
    journal: Journal
    reporter: Reporter
    allowed: Allowed = NOTHING_MORE
    show: Callable[[Sequence[SubmittedJob]], None] = lambda _: None
    retry: Retry = lambda _, __: None

    def read(self) -> Journal:
        """Return the main journal, read anew: a retry, or another batch, may have added to it."""
        return Journal(self.journal.path)


class PandaJobs(Jobs):
    """Jobs of a batch at a PanDA server."""

    def __init__(self, batch: Batch, sender: Sender) -> None:
        self._batch = batch
        self._sender = sender
        self._journal = sender.journal
        self._latest: dict[int, int] = {}  # the PandaID of each job's latest try

    def find_sent(self) -> Sent:
        """Tell whether they were sent, as the main journal has it, call by call; those that are given up never are."""
        again = self._sender.allowed.again
        calls = [self._journal.last(CALL, f"{self._batch.key}.{n}") for n in range(self._calls)]
        if any(one is not None and one.state in ("intended", "unknown") for one in calls) and not again:
            return Sent.UNKNOWN
        accepted = [one for one in calls if one is not None and one.state == "accepted"]
        return Sent.YES if len(accepted) == len(calls) or (accepted and self._sender.allowed.ends) else Sent.NO

    @property
    def _calls(self) -> int:
        return -(-len(self._batch.records) // JOBS_A_CALL)

    def send(self) -> None:
        """Send those that the journal does not have as accepted; raise GoclientError."""
        batch = self._batch
        asked = Submission(
            *(TransferSpec(), batch.records, ()), luggage=batch.luggage, campaign=batch.campaign, key=batch.key
        )

        def show(sent: Submission) -> None:
            self._sender.show(sent.jobs)

        sender = self._sender
        send(asked, server=sender.server, journal=self._journal, reporter=sender.reporter, show=show)

    def adopt(self, panda_ids: Sequence[int]) -> None:
        """Take these as the jobs of calls whose answers are lost, if their names say so; raise RequestError if not."""
        found = {job.name: job.panda_id for job in self._sender.server.describe(panda_ids) if isinstance(job, JobState)}
        if self.find_sent() is not Sent.UNKNOWN and not self._sender.allowed.ends:
            self._sender.reporter.warning(
                f"--jobs had no effect: no answer about the jobs of {self._batch.campaign} is lost"
            )
        for n in range(self._calls):
            call = self._journal.last(CALL, f"{self._batch.key}.{n}")
            if call is None or call.state not in ("intended", "unknown"):
                continue
            names = [one.jobName for one in self._batch.records[n * JOBS_A_CALL : (n + 1) * JOBS_A_CALL]]
            if missing := [name for name in names if name not in found]:
                message = f"{len(missing)} of the jobs that were sent are not among those named: {missing[0]}"
                hint = "name all of them, with the PandaIDs that the monitor shows for these names (/jobs/?jobname=…)"
                raise RequestError(message, hint=hint, code="not-these", subject="--jobs")
            self._journal.append(
                call.then("accepted", *(str(found[name]) for name in names), detail="named by the user")
            )
        request = self._journal.last(REQUEST, self._batch.key)
        if request is not None and request.state in OPEN and self.find_sent() is Sent.YES:
            self._journal.append(request.then("done", detail="its jobs were named by the user"))

    def find_standings(self) -> Standings:
        """Ask the server, and its archive, how each stands; one that it does not know has not failed."""
        journal = self.journal
        first, tries = first_tries(self._batch, journal), read_tries(journal, self._sender.server.name)
        panda_ids = list(dict.fromkeys(with_tries(filter(None, first.values()), tries)))
        known = {job.panda_id: job for job in describe_all(panda_ids, self._sender.server)}
        seen = stand(first, tries, known)
        given_up = self._sender.allowed.given_up
        if strangers := set(given_up) - set(panda_ids):
            message = f"PandaID {as_ranges(strangers)}: not of {self._batch.campaign}"
            hint = f"goclient status --campaign {self._batch.campaign} shows the numbers of its jobs"
            raise RequestError(message, hint=hint, code="not-these", subject="--jobs")
        self._latest = {serial: one.panda_id for serial, one in seen.latest.items()}
        unsure = {one: seen.latest[one] for one in seen.unsure if seen.latest[one].panda_id not in given_up}
        lost = {one.panda_id: one.lost.name for one in unsure.values() if one.lost is not None}
        missed = [one.panda_id for one in unsure.values() if one.lost is None]
        standing = seen.standing | dict.fromkeys(seen.unsure - unsure.keys(), Standing.FAILED)
        return Standings(standing, seen.curable, tuple(self._unsure(missed, lost)), seen.finished, self._latest)

    def _unsure(self, missed: Sequence[int], lost: Mapping[int, str]) -> Iterator[GoclientError]:
        """Yield what is not known of jobs, with what to type."""
        campaign = self._batch.campaign
        if missed:
            ids = as_ranges(missed)
            message = (
                f"{campaign}: {self._sender.server.name} does not know PandaID {ids} now, and nothing that may be "
            )
            message += "needed is removed"
            hint = "type it again later; if these jobs are gone for good, give them up: "
            yield ServerError(message, hint=f"{hint}{_give_up(campaign, ids)}", code="unknown-job", subject=ids)
        if lost:
            yield explain_lost_tries(campaign, lost)

    def retry(self, serials: Sequence[int]) -> None:
        """Send a second try of these; raise GoclientError."""
        numbers = self._batch.serials

        def show(jobs: Sequence[NewJob]) -> None:
            self._sender.show([SubmittedJob(one.panda_id, one.name, numbers[first_name(one.name)]) for one in jobs])

        self._sender.retry([self._latest[serial] for serial in serials], show)

    def hold(self) -> AbstractContextManager[None]:
        """Run the body while no job is sent again."""
        return turn(self._journal)

    @property
    def journal(self) -> Journal:
        """Return the main journal, read anew."""
        return self._sender.read()


def first_tries(batch: Batch, journal: Journal) -> dict[int, int | None]:
    """Return the PandaID of the first try of each job, by its number; None for one that was not accepted."""
    found: dict[int, int | None] = {}
    for n in range(-(-len(batch.records) // JOBS_A_CALL)):
        records = batch.records[n * JOBS_A_CALL : (n + 1) * JOBS_A_CALL]
        call = journal.last(CALL, f"{batch.key}.{n}")
        ids: list[int | None] = []
        if call is not None and call.state == "accepted":
            ids += [int(one) if one.isdigit() else None for one in call.subjects]
        found |= enumerate(ids or [None] * len(records), len(found) + 1)
    return found


def explain_lost_tries(campaign: str, names: Mapping[int, str]) -> ServerError:
    """Return the error of tries whose answer is lost: their names, by the numbers of the jobs before."""
    ids = as_ranges(names)
    message = f"{campaign}: it is not known whether the server accepted another try of PandaID {ids}, "
    message += first_to_last([*names.values()])
    hint = f"{how_to_tell(f'goclient retry {ids}', len(names))}; or give up: {_give_up(campaign, ids)}"
    return ServerError(message, hint=hint, code="unknown", subject=ids)


def _give_up(campaign: str, ids: str) -> str:
    return f"goclient advance {campaign} --end --jobs={ids}"
