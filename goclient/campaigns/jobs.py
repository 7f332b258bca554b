"""Jobs of a batch: sent once, and looked for by their names, whichever tries of them there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from goclient.campaigns.batch import Batch
from goclient.campaigns.state import Sent, Standing
from goclient.errors import RequestError
from goclient.jobs.cure import Cure, cure_of
from goclient.jobs.sent import CALL, sent_requests
from goclient.journal import Journal
from goclient.model.records.answers import JobState
from goclient.model.spec import TransferSpec
from goclient.reporter.base import Reporter
from goclient.submission import JOBS_A_CALL, Submission, send

if TYPE_CHECKING:
    from goclient.services.panda.client import PandaServer

_TRY = re.compile(r"\.try[0-9]+$")


class Standings(NamedTuple):
    """How jobs stand, by their numbers; ``curable`` failed at the first try, and a second one cures that."""

    standing: Mapping[int, Standing] = MappingProxyType({})
    curable: tuple[int, ...] = ()


class Jobs(Protocol):
    """Jobs of a batch, as far as what is due depends on them."""

    def sent(self) -> Sent:
        """Tell whether they were sent."""

    def send(self) -> None:
        """Send those that were not; raise GoclientError."""

    def seen(self) -> Standings:
        """Return how each stands now."""

    def retry(self, serials: Sequence[int]) -> None:
        """Send a second try of these; raise GoclientError."""


class PandaJobs(Jobs):
    """Jobs of a batch at a PanDA server; ``others`` are the keys of requests of the campaign's other batches."""

    def __init__(
        self,
        batch: Batch,
        server: PandaServer,
        journal: Journal,
        *,
        reporter: Reporter,
        others: frozenset[str] = frozenset(),
        again: bool = False,
        show: Callable[[Submission], None] = lambda _: None,
        retry: Callable[[Sequence[int]], object] = lambda _: None,
    ) -> None:
        self._batch = batch
        self._server = server
        self._journal = journal
        self._reporter = reporter
        self._others = others
        self._again = again
        self._show = show
        self._retry = retry  # gets the PandaIDs
        self._tries: dict[int, list[JobState]] = {}

    def sent(self) -> Sent:
        """Tell whether they were sent, as the main journal has it, call by call."""
        calls = [self._journal.last(CALL, f"{self._batch.key}.{n}") for n in range(self._calls)]
        if any(one is not None and one.state in ("intended", "unknown") for one in calls) and not self._again:
            return Sent.UNKNOWN
        accepted = all(one is not None and one.state == "accepted" for one in calls)
        return Sent.YES if accepted else Sent.NO

    @property
    def _calls(self) -> int:
        return -(-len(self._batch.records) // JOBS_A_CALL)

    def send(self) -> None:
        """Send those that the journal does not have as accepted; raise GoclientError."""
        batch = self._batch
        asked = Submission(
            *(TransferSpec(), batch.records, ()), luggage=batch.luggage, campaign=batch.campaign, key=batch.key
        )
        send(asked, server=self._server, journal=self._journal, reporter=self._reporter, show=self._show)

    def adopt(self, panda_ids: Sequence[int]) -> None:
        """Take these as the jobs of calls whose answers are lost, if their names say so; raise RequestError if not."""
        found = {job.name: job.panda_id for job in self._server.describe(panda_ids) if job is not None}
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

    def seen(self) -> Standings:
        """Ask the server how each stands; one that it does not know is taken as failed, unless a try of it is known."""
        tries: dict[int, list[JobState]] = {serial: [] for serial in range(1, len(self._batch.records) + 1)}
        serials = self._batch.serials
        for job in self._described():
            if (serial := serials.get(_TRY.sub("", job.name))) is not None:
                tries[serial].append(job)
        self._tries = tries
        curable = (serial for serial, jobs in tries.items() if len(jobs) == 1 and cure_of(jobs[0]) is Cure.AGAIN)
        return Standings({serial: _standing(jobs) for serial, jobs in tries.items()}, tuple(curable))

    def retry(self, serials: Sequence[int]) -> None:
        """Send a second try of these; raise GoclientError."""
        self._retry([self._tries[serial][0].panda_id for serial in serials])

    def _described(self) -> Iterator[JobState]:
        """Yield what the server knows of the jobs, those that ended long ago included."""
        panda_ids = list(self._panda_ids())
        found = self._server.describe(panda_ids)
        if old := [one for one, job in zip(panda_ids, found, strict=True) if job is None]:
            found += self._server.describe(old, archived=True)
        yield from filter(None, found)

    def _panda_ids(self) -> Iterator[int]:
        for request in sent_requests(Journal(self._journal.path)):
            if request.subjects.campaign == self._batch.campaign and request.entry.key not in self._others:
                yield from map(int, request.panda_ids)


def _standing(tries: Sequence[JobState]) -> Standing:
    if any(one.state == "finished" for one in tries):
        return Standing.FINISHED
    return Standing.FAILED if all(one.is_over for one in tries) else Standing.RUNNING
