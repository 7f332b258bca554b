"""Transfer tasks of a batch: submitted as the user, once each, and looked at until they are over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from goclient.campaigns.batch import Batch
from goclient.campaigns.deliveries import find_absent, items_of
from goclient.campaigns.state import BRING, CLEAN, TRANSFER, Slot
from goclient.errors import EndpointError, GoclientError, LoginNeeded
from goclient.errors.conditions import TooManyTasks
from goclient.errors.wording import pluralize, quote
from goclient.jobs.panda_ids import as_ranges
from goclient.journal import Entry, Journal
from goclient.model.endpoint import Endpoint
from goclient.model.location import Location
from goclient.model.remote import Listing, TaskState, TransferRequest
from goclient.model.staging import in_tasks
from goclient.reporter.base import Reporter

DEADLINE = 30 * 86_400.0  # seconds that a task may take: a destination may sleep over a holiday
# Codes of faults that no other try cures before somebody has acted, and of a storage without room, as the service's
# maintainers listed them for the developers' mailing list of Globus in April 2020.
_NOT_FOUND = "FILE_NOT_FOUND"
_LASTING = (
    *(_NOT_FOUND, "PERMISSION_DENIED", "NOT_A_DIRECTORY", "IS_A_DIRECTORY", "NOT_A_FILE"),
    *("INVALID_PATH_NAME", "INVALID_SYMLINK"),
)
_FULL = ("NO_SPACE_LEFT", "QUOTA_EXCEEDED")
Hold = Callable[[Slot, GoclientError], None]  # leaves a task alone in this run, and reports why


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

    def __init__(self, batch: Batch, journal: Journal, service: Service, reporter: Reporter, hold: Hold) -> None:
        self._batch = batch
        self._hold = hold
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
        slot = Slot.read(entry.key)
        what, faults = slot.what, self._faults(state.task_id) if state.faults else []
        if state.is_paused:
            how = f"is paused: {state.reason or 'somebody has to do something'}"
            see = f"see https://app.globus.org/activity/{state.task_id}"
            self._hold(slot, self._explain_halt(slot, f"task {state.task_id} {how}", see))
        elif state.reason and (lasting := self._find_lasting(slot, faults)):
            self._hold(slot, self._explain_halt(slot, f"task {state.task_id} goes on, but: {lasting}", "mend that"))
        elif state.faults:
            for fault in faults:
                self._tell(entry.key, f"{what}: task {state.task_id} goes on, but: {fault}", self._remedy(what, fault))
        elif state.is_queued:
            self._tell(entry.key, f"{what}: task {state.task_id} is queued behind others")
        elif what != CLEAN:
            self._tell(entry.key, f"{what}: {pluralize(state.files, 'file')}, {state.bytes} bytes so far")

    def _find_lasting(self, slot: Slot, faults: Sequence[str]) -> str:
        """Return what somebody has to mend before another try cures it; empty if that is nothing, or was mended now."""
        if slot.what == BRING:
            if absent := self._find_absent(slot, faults):
                return f"{quote(absent[0])} is not there{f' (and {len(absent) - 1} more)' if absent[1:] else ''}"
            faults = [one for one in faults if not one.startswith(_NOT_FOUND)]
        return next((one for one in faults if one.startswith(_LASTING)), "")

    def _find_absent(self, slot: Slot, faults: Sequence[str]) -> list[str]:
        """Return the sources that were not found, and are not there now, as far as their directories can be listed."""
        missed = [one for one in faults if one.startswith(_NOT_FOUND)]
        part = self._parts[slot.part]
        sources = [Location(part.source, item.source) for item in part.items] if missed else []
        named = [one for one in sources if any(one.path.removeprefix("/~").rstrip("/") in fault for fault in missed)]
        try:
            return [one.display for one in find_absent(named or sources, self._service)]
        except EndpointError:
            return []

    def _explain_halt(self, slot: Slot, how: str, remedy: str) -> EndpointError:
        campaign, more = self._batch.campaign, ""
        hint = f"{remedy}, and type: goclient advance {campaign}"
        if slot.what == BRING:
            more = "; its jobs are not sent before"
            hint += f"; or give this campaign up: goclient advance {campaign} --end"
        return EndpointError(f"{campaign}: {slot.what}: {how}{more}", hint=hint, code="halted", subject=campaign)

    def _remedy(self, what: str, fault: str) -> str:
        """Return what to do about a fault."""
        again = "it is tried again by itself"
        if what != BRING:
            return f"{again}, until that is mended"
        end = f"goclient advance {self._batch.campaign} --end"
        if fault.startswith(_FULL):
            shown = self._batch.area.collection.show(self._batch.area.directory)
            return f"{again}; there is no room at {shown}: make some, or give this campaign up: {end}"
        return f"{again}; to give this campaign up, type: {end}"

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
