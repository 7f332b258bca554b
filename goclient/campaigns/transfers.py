"""Transfer tasks of a batch: submitted as the user, once each, and looked at until they are over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from goclient.campaigns.batch import Batch
from goclient.campaigns.deliveries import items_of
from goclient.campaigns.state import BRING, CLEAN, DELIVER, TRANSFER, Slot
from goclient.errors import EndpointError, GoclientError, LoginNeeded
from goclient.errors.conditions import TooManyTasks
from goclient.errors.wording import pluralize
from goclient.jobs.panda_ids import as_ranges
from goclient.journal import Entry, Journal
from goclient.model.endpoint import Endpoint
from goclient.model.remote import Listing, TaskState, TransferRequest
from goclient.model.staging import in_tasks
from goclient.reporter.base import Reporter

DEADLINE = 30 * 86_400.0  # seconds that a task may take: a destination may sleep over a holiday


class Service(Protocol):
    """Globus Transfer, asked as the user, as far as a batch needs it."""

    def listing(self, collection: Endpoint, directory: str) -> Listing:
        """Return what a directory holds, by name."""

    def submission_id(self) -> str:
        """Return a new submission id."""

    def submit(self, request: TransferRequest) -> str:
        """Return the id of the task that carries out a request."""

    def remove(self, collection: Endpoint, *directories: str, label: str) -> str:
        """Return the id of a task that removes directories, and all below them."""

    def tasks(self, task_ids: Sequence[str]) -> dict[str, TaskState]:
        """Return the states of tasks by their ids."""

    def faults(self, task_id: str) -> list[str]:
        """Return what went wrong in a task so far."""

    def cancel(self, task_id: str) -> None:
        """Tell the service to end a task."""


class Transfers:
    """Submit the transfer tasks of a batch, and look at them; each step is in the batch's journal first."""

    def __init__(self, batch: Batch, journal: Journal, service: Service, reporter: Reporter) -> None:
        self._batch = batch
        self._journal = journal
        self._service = service
        self._reporter = reporter
        self._parts = in_tasks(batch.brings)
        self._told: set[tuple[str, str]] = set()

    def submit(self, slot: Slot, tries: Mapping[int, int]) -> bool:
        """Submit a task under the id that the journal has, or a new one; return False if there is no room for it now.

        ``tries`` are the numbers of the jobs whose outputs it delivers, each with that of the try that made them.
        Raises GoclientError if Globus refuses it; one that gave no answer is asked again later, under the same id.
        """
        intent = self._journal.last(TRANSFER, slot.key)
        request = None
        if slot.what != CLEAN:
            request = self._request(slot, tries, intent.subjects[0] if intent else self._service.submission_id())
        if intent is None:
            named = request.submission_id if request is not None else ""
            intent = Entry(TRANSFER, slot.key, "intended", (named, as_ranges(tries)), self._describe(slot, request))
            self._journal.append(intent)
        try:
            task_id = self._service.submit(request) if request is not None else self._remove()
        except TooManyTasks as error:
            self._tell(slot.key, f"waiting for a turn: {error.message}")
            return False
        except LoginNeeded:
            raise
        except EndpointError as error:
            if error.transient:
                self._tell(slot.key, f"not submitted yet: {error.message}")
                return False
            self._journal.append(intent.then("failed", detail=error.message))
            raise
        self._journal.append(intent.then("accepted", *intent.subjects[:2], task_id))
        self._reporter.progress(f"{slot.what}: {intent.detail}, task {task_id}")
        return True

    def cancel(self, slot: Slot) -> bool:
        """End a task that was submitted."""
        entry = self._journal.last(TRANSFER, slot.key)
        assert entry is not None, "it was submitted"
        self._service.cancel(entry.subjects[2])
        self._journal.append(entry.then("failed", detail="given up"))
        return True

    def _request(self, slot: Slot, tries: Mapping[int, int], submission_id: str) -> TransferRequest:
        batch, area = self._batch, self._batch.area
        label = f"goclient {batch.campaign} {slot.what}"
        if slot.what == BRING:
            part = self._parts[slot.part]
            items = tuple(one._replace(destination=area.below(one.destination)) for one in part.items)
            return TransferRequest(part.source.text, area.collection.text, items, label, submission_id, DEADLINE)
        destination = batch.destinations[slot.part]
        items = items_of(batch, destination, tries, self._service)
        return TransferRequest(area.collection.text, destination.text, items, label, submission_id, DEADLINE)

    def _remove(self) -> str:
        area, label = self._batch.area, f"goclient {self._batch.campaign} {CLEAN}"
        return self._service.remove(area.collection, f"{area.directory}/", label=label)

    def _describe(self, slot: Slot, request: TransferRequest | None) -> str:
        area = self._batch.area
        if request is None:
            return f"removing {area.collection.show(area.directory)}"
        items = pluralize(len(request.items), "item")
        if slot.what == BRING:
            return f"{items} from {self._parts[slot.part].source.display} to {area.collection.show(area.directory)}"
        return f"{items} to {self._batch.destinations[slot.part].display}"

    def watch(self, slots: Sequence[Slot]) -> bool:
        """Look at tasks that were submitted, in one call; return True if one of them is over now."""
        entries = [entry for slot in slots if (entry := self._journal.last(TRANSFER, slot.key)) is not None]
        try:
            states = self._service.tasks([one.subjects[2] for one in entries])
        except LoginNeeded:
            raise
        except EndpointError as error:
            self._tell("", f"the state of transfer tasks is not known now: {error.message}")
            return False
        ended = False
        for entry in entries:
            state, task_id = states.get(entry.subjects[2]), entry.subjects[2]
            what = Slot.read(entry.key).what
            if state is None:
                self._tell(entry.key, f"{what}: Globus does not know task {task_id} now")
            elif state.has_succeeded:
                self._journal.append(entry.then("done", detail=f"files={state.files} bytes={state.bytes}"))
                self._reporter.progress(f"{what}: {self._describe_end(entry, state)}")
                ended = True
            elif state.is_over:
                why = "; ".join(self._faults(task_id)) or state.reason or state.status
                self._journal.append(entry.then("failed", detail=why))
                self._reporter.warning(f"{what}: task {task_id} failed: {why}")
                ended = True
            else:
                self._tell_how(entry, state)
        return ended

    def _describe_end(self, entry: Entry, state: TaskState) -> str:
        if Slot.read(entry.key).what == CLEAN:
            return "what was staged is removed"
        return f"{pluralize(state.files, 'file')}, {state.bytes} bytes, done in task {state.task_id}"

    def _tell_how(self, entry: Entry, state: TaskState) -> None:
        """Tell how a task goes on: its faults, that somebody has to do something, or how far it is."""
        what = Slot.read(entry.key).what
        if state.is_paused:
            text = f"{what}: task {state.task_id} is paused: {state.reason or 'somebody has to do something'}"
            self._tell(entry.key, text, f"see https://app.globus.org/activity/{state.task_id}")
        elif state.faults:
            for fault in self._faults(state.task_id):
                self._tell(entry.key, f"{what}: task {state.task_id} goes on, but: {fault}", self._remedy(what))
        elif state.is_queued:
            self._tell(entry.key, f"{what}: task {state.task_id} is queued behind others")
        elif what != CLEAN:
            self._tell(entry.key, f"{what}: {pluralize(state.files, 'file')}, {state.bytes} bytes so far")

    def _remedy(self, what: str) -> str:
        """Return what to do about a fault."""
        area = self._batch.area
        if what == DELIVER:
            return "it is tried again by itself, until that is mended"
        shown = area.collection.show(area.directory)
        give_up = f"make some, or give this campaign up: goclient advance {self._batch.campaign} --end"
        return f"it is tried again by itself; if there is no room at {shown}, {give_up}"

    def _faults(self, task_id: str) -> list[str]:
        try:
            return self._service.faults(task_id)
        except GoclientError:
            return []

    def _tell(self, key: str, text: str, *hints: str) -> None:
        """Tell something of a task once."""
        if (key, text) not in self._told:
            self._told.add((key, text))
            self._reporter.progress(text, *hints)
