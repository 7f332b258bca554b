"""Advance: do whatever is due in a batch, as often as it is called, and nothing twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from goclient.campaigns.batch import Batch, KeptBatch
from goclient.campaigns.deliveries import Taken, find_free, in_the_way, not_staged
from goclient.campaigns.jobs import Jobs, Standings
from goclient.campaigns.progress import Progress
from goclient.campaigns.state import (
    CLEAN,
    DELIVER,
    MISSING,
    NOTHING_MORE,
    TRANSFER,
    Allowed,
    Deed,
    Known,
    Sent,
    Shape,
    Slot,
    Standing,
    Step,
    due,
    serials_of,
)
from goclient.campaigns.transfers import Service, Transfers
from goclient.campaigns.unfinished import find_deliverers, jobs_over
from goclient.errors import EndpointError, GoclientError, LoginNeeded, ServerError
from goclient.errors.conditions import Disconnected
from goclient.errors.sent import first_to_last, how_to_tell
from goclient.errors.wording import pluralize
from goclient.journal import Entry, Journal
from goclient.model.endpoint import Endpoint
from goclient.model.staging import in_tasks, name_staged
from goclient.reporter.base import Reporter


class Advance:
    """Take the steps that are due in one batch, which this process has locked."""

    def __init__(
        self, kept: KeptBatch, service: Service, jobs: Jobs, *, reporter: Reporter, allowed: Allowed = NOTHING_MORE
    ) -> None:
        batch = kept.read()
        self._batch: Batch = replace(batch, overwrite=batch.overwrite or allowed.overwrites)
        self._kept = kept
        self._service = service
        self._jobs = jobs
        self._allowed = allowed
        self._reporter = reporter
        self._journal: Journal = kept.journal
        self._transfers = Transfers(self._batch, self._journal, service, reporter, self._hold)
        outputs = tuple(sum(o.destination == one for o in batch.outputs) for one in batch.destinations)
        self._shape = Shape(len(in_tasks(batch.brings)), outputs, len(batch.records))
        self._held: set[tuple[str, int]] = set()  # not tried again by this run
        self._blocked: dict[int, frozenset[int]] = {}
        self._lost: dict[int, frozenset[int]] = {}
        self._missing: dict[int, list[str]] = {}
        self._problems: list[GoclientError] = []
        self._has_retried = False  # in this run
        self._seen = Standings()
        self.closed = False

    def run(self, *, until_sent: bool = False) -> Progress:
        """Take steps until only others can go on: Globus, jobs, or a person; or until the jobs are sent."""
        self._held, self._blocked, self._problems, self._has_retried = set(), {}, [], False
        self._lost, self._missing = {}, {}
        while not (self.closed or (until_sent and self._jobs.find_sent() is Sent.YES)) and self._pass():
            pass
        return self.progress()

    def _read_known(self) -> Known:
        entries = {one.key: one for one in self._journal.latest(TRANSFER)}
        sent = self._jobs.find_sent()
        seen = self._seen = self._jobs.find_standings() if sent is Sent.YES else Standings()
        curable = () if self._has_retried else seen.curable
        allowed = self._allowed
        found = Known(entries, sent, seen.standing, curable, self._blocked, self._lost)
        return replace(found, again=allowed.again, gives_up=allowed.ends)

    def _pass(self) -> bool:
        """Take each step that is due once; return True if that may have made another one due."""
        known = self._read_known()
        steps = [one for one in due(self._shape, known) if one.slot is None or one.slot[:2] not in self._held]
        watched = [one.slot for one in steps if one.deed is Deed.WATCH and one.slot is not None]
        changed = self._transfers.watch(watched) if watched else False
        for step in steps:
            if step.deed is not Deed.WATCH:
                changed = self._take(step, known) or changed
        return changed

    def _take(self, step: Step, known: Known) -> bool:
        if step.deed is Deed.SEND:
            self._jobs.send()
            return True
        if step.deed is Deed.RETRY:
            return self._retry(step.serials)
        if step.deed is Deed.CLOSE:
            self._kept.close()
            self.closed = True
            return False
        if step.deed in (Deed.ASK, Deed.MISS, Deed.MEND):
            self._problems += self._questions(step)
            return False
        assert step.slot is not None, "all other deeds are about a transfer task"
        if step.deed is Deed.STUCK:
            self._hold(step.slot, self._hold_error(step.slot, known))
            return False
        try:
            if step.deed is Deed.CANCEL:
                return self._transfers.cancel(step.slot)
            return self._submit(step.slot, step.serials, known)
        except LoginNeeded:
            raise
        except EndpointError as error:
            if isinstance(error, Disconnected) or error.transient:
                self._held.add(step.slot[:2])
                self._reporter.progress(f"{step.slot.what}: waits: {error.message}", error.hint)
            else:
                self._hold(step.slot, error)
            return False

    def _retry(self, serials: Sequence[int]) -> bool:
        """Send a second try of jobs; what keeps it from being sent is a problem, and delays nothing else."""
        self._has_retried = True
        try:
            self._jobs.retry(serials)
        except GoclientError as error:
            self._problems.append(error)
            return False
        self._reporter.progress(f"retry: {pluralize(len(serials), 'job')} sent again, which a second try cures")
        return True

    def _submit(self, slot: Slot, serials: Sequence[int], known: Known) -> bool:
        """Submit a transfer task; of a new delivery without the jobs of which something is missing, or in the way.

        A clean-up is in the journal, and keeps jobs from being sent again, before anything else can be.
        """
        finished = self._seen.finished
        if slot.what == DELIVER and not finished.keys() >= set(serials):
            return False  # of an earlier process; the server does not know now which try it was about
        if slot.what == DELIVER and slot.key not in known.entries:
            serials = self._deliverable(slot.part, serials, known)
            if not serials:
                return True
        if slot.what == CLEAN and slot.key not in known.entries:
            with self._jobs.hold():
                if Step(Deed.SUBMIT, slot) not in due(self._shape, self._read_known()):
                    return True  # a job was sent again meanwhile
                return self._transfers.submit(slot, {})
        return self._transfers.submit(slot, {one: finished[one] for one in serials})

    def _deliverable(self, part: int, serials: Sequence[int], known: Known) -> Sequence[int]:
        """Return those of the jobs whose outputs can be delivered now; what keeps others is a problem, or given up."""
        batch, seen = self._batch, self._seen
        tries = {one: seen.finished[one] for one in serials}
        started = {one for entry in known.turns(DELIVER, part) if entry.subjects[2:] for one in serials_of(entry)}
        found = find_free(batch, batch.destinations[part], tries, started=started, at=self._service)  # Globus had those
        given_up = {one for one in found.missing if seen.panda_ids[one] in self._allowed.given_up}
        if missing := {one: place for one, place in found.missing.items() if one not in given_up}:
            self._problems.append(not_staged(batch, missing, seen.panda_ids))
        self._problems += (self._in_the_way(taken, seen.panda_ids[one]) for one, taken in found.taken.items())
        self._lost[part] = self._lost.get(part, frozenset()) | given_up
        self._blocked[part] = self._blocked.get(part, frozenset()) | missing.keys() | found.taken.keys()
        self._missing[part] = [
            *self._missing.get(part, ()),
            *(name_staged(batch.records[one - 1].jobName, tries[one]) for one in missing),
        ]
        noted = self._journal.last(MISSING, str(part))
        if [*(noted.subjects if noted is not None else ())] != self._missing[part]:
            self._journal.append(Entry(MISSING, str(part), "intended", tuple(self._missing[part])))
        return found.free

    def _in_the_way(self, taken: Taken, panda_id: int) -> GoclientError:
        at, path = taken.place.endpoint, taken.place.path.rstrip("/")
        deliverer = self._deliverers.get((at, path)) or self._deliverers.get((at, path.removesuffix(f"/{taken.name}")))
        return in_the_way(self._batch, taken, panda_id, deliverer=deliverer)

    @cached_property
    def _deliverers(self) -> Mapping[tuple[Endpoint, str], int]:
        """Return whose outputs are where, of the campaign's other batches: these are large, and read once."""
        return find_deliverers(self._batch, self._jobs.journal)

    def _hold(self, slot: Slot, problem: GoclientError) -> None:
        """Leave a transfer task alone in this run, and report why."""
        self._held.add(slot[:2])
        self._problems.append(problem)

    def _hold_error(self, slot: Slot, known: Known) -> GoclientError:
        last = known.turns(slot.what, slot.part)[-1]
        message = f"{self._batch.campaign}: {slot.what} has failed {slot.turn} times, at last: {last.detail}"
        hint = f"mend that, then type: goclient advance {self._batch.campaign} --again"
        return EndpointError(message, hint=hint, code="stuck", subject=self._batch.campaign)

    def _questions(self, step: Step) -> Sequence[GoclientError]:
        """Return what a person has to look at, or to decide."""
        if step.deed is Deed.ASK:
            return [self._acceptance_error()]
        if step.deed is Deed.MISS:
            return self._seen.unsure
        jobs = self._seen.standing
        failed, cancelled = (
            sum(jobs[one] is kind for one in step.serials) for kind in (Standing.FAILED, Standing.CANCELLED)
        )
        return [jobs_over(self._batch.campaign, failed, cancelled)]

    def _acceptance_error(self) -> GoclientError:
        names = [one.jobName for one in self._batch.records]
        message = f"{self._batch.campaign}: it is not known whether the server accepted its jobs, "
        hint = how_to_tell(f"goclient advance {self._batch.campaign}", len(names))
        return ServerError(f"{message}{first_to_last(names)}", hint=hint, code="unknown")

    def progress(self) -> Progress:
        """Return how far the batch is now."""
        known = self._read_known()
        brought = all(known.turns("bring", n)[-1:] and known.turns("bring", n)[-1].state == "done"
                      for n in range(self._shape.brings))  # fmt: skip
        counts = {one: len(known.having(one)) for one in Standing if known.having(one)}
        batch = self._batch
        return Progress(
            *(batch.campaign, batch.key, len(batch.records), known.sent, brought, counts),
            delivered=len(self._find_delivered(known)),
            closed=self.closed,
            clears=bool(known.turns(CLEAN, 0)),
            problems=tuple(self._problems),
            targets=batch.targets,
            panda_ids=tuple(self._seen.panda_ids.values()),
        )

    def _find_delivered(self, known: Known) -> set[int]:
        """Return the jobs all of whose outputs are delivered."""
        finished = set(known.having(Standing.FINISHED))
        for part in range(len(self._shape.outputs)):
            turns = known.turns(DELIVER, part)
            finished &= {one for entry in turns if entry.state == "done" for one in serials_of(entry)}
        return finished
