"""Delivery of files by one attempt of a job: first into a hidden directory, then under their names, as a set.

An attempt replaces what an earlier attempt of the same job has delivered, and nothing else (``ownership.py``).
Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from goclient.errors import GoclientError, raise_all
from goclient.errors.conditions import PathExists
from goclient.journal import Entry
from goclient.model.plan import TransferItem, check_apart
from goclient.node.destination import Destination, Renaming, Store, make_with_parents
from goclient.node.engines.base import JobContext
from goclient.node.ownership import NEW, OLD, Fate, attempt_at, marks_of
from goclient.node.signals import check
from goclient.services.retry import turns

_AGAIN = (0.2, 10.0)  # seconds between two tries to give files their names: at first, and at most
_NAMELESS = ("", "/~")  # directories that have no name of their own


class _Output(NamedTuple):
    """An item that is delivered: its final path, in a directory; ``direct`` if it is transferred there at once."""

    item: TransferItem
    destination: Destination
    name: str
    direct: bool

    @property
    def path(self) -> str:
        """Return the final path."""
        return f"{self.destination.directory}/{self.name}"

    @property
    def arriving(self) -> str:
        """Return the path to which it is transferred."""
        return self.path if self.direct else f"{self.destination.hidden}/{NEW}/{self.name}"

    @property
    def replaced(self) -> str:
        """Return the path that what has the final path gets, out of the way."""
        return f"{self.destination.hidden}/{OLD}/{self.name}"


class Delivery:
    """Deliver the items of one transfer task: hidden at first, then under their names."""

    def __init__(self, store: Store, job: JobContext, items: Sequence[TransferItem]) -> None:
        self._store = store
        self._job = job
        self._items = items
        self._attempt = attempt_at(job.attempt, items)
        self._destinations: dict[str, Destination] = {}
        self._outputs: list[_Output] = []
        self._moved_away: dict[str, _Output] = {}  # by their final paths

    def check(self) -> None:
        """Settle where the items go, before anything is sent; raise StaleAttempt, or all that is in the way.

        Where nobody confirms an attempt, earlier ones that still run must see that there is a later one: its hidden
        directories are made now.
        """
        if not self._outputs:
            self._outputs = [self._settle(item) for item in self._items]
            check_apart([one.item for one in self._outputs])
            self._check_free(self._outputs)
            for one in () if self._job.heartbeat.can_confirm else self._list_destinations():
                self._note(one, "intended")
                make_with_parents(self._store.mkdir, one.hidden)

    def _settle(self, item: TransferItem) -> _Output:
        """Return the output of an item: a new name that is somebody else's directory is gone into."""
        path = item.destination.rstrip("/")
        directory, _, name = path.rpartition("/")
        destination = self._at(directory)
        if item.renames and self._is_others_directory(destination, name):
            directory, name = path, item.source.rstrip("/").rpartition("/")[2]
            destination = self._at(directory)
        merged = self._job.overwrite and self._is_others_directory(destination, name)
        settled = item._replace(destination=f"{directory}/{name}", renames=False)
        return _Output(settled, destination, name, merged or not destination.can_rename or path in _NAMELESS)

    def _at(self, directory: str) -> Destination:
        """Return a directory, which is listed once."""
        if directory not in self._destinations:
            found = Destination(self._store, directory, self._attempt)
            found.read()
            self._destinations[directory] = found
        return self._destinations[directory]

    def _is_others_directory(self, destination: Destination, name: str) -> bool:
        found = destination.find(name)
        return found is not None and found.is_directory and destination.fate(name, overwrite=False) is Fate.REFUSE

    def _check_free(self, outputs: Sequence[_Output]) -> None:
        """Raise PathExists for each output whose name is somebody else's, unless the user allows to overwrite it."""
        raise_all(PathExists.by_now(one.path) for one in outputs if self._fate(one) is Fate.REFUSE)

    def _fate(self, output: _Output) -> Fate:
        return output.destination.fate(output.name, overwrite=self._job.overwrite)

    def begin(self) -> tuple[TransferItem, ...]:
        """Return the items to be transferred, with the paths where they arrive, which the journal has first."""
        self.check()
        for one in self._list_destinations():
            self._note(one, "intended")
        return tuple(
            one.item._replace(destination=one.arriving)
            for one in self._outputs
            if self._fate(one) is not Fate.DELIVERED
        )

    def _list_destinations(self) -> list[Destination]:
        return list({one.destination.directory: one.destination for one in self._outputs}.values())

    def _note(self, destination: Destination, state: str) -> None:
        endpoint, directory = self._store.endpoint, destination.directory
        where = (endpoint.text, directory, self._attempt.origin)
        self._job.journal.append(Entry("delivery", endpoint.write(f"{destination.hidden}/"), state, where))

    def place(self, *, patience: float) -> None:
        """Give all that has arrived its name; what fails is tried again for ``patience`` seconds if it may pass.

        Any other name is given in two tries: an answer may be lost, and the second listing tells what was done.
        """
        self.check()
        twice = False
        for waited in turns(*_AGAIN):
            check()
            self._job.heartbeat.confirm()
            try:
                failures = self._place_once()
            except GoclientError as error:
                if not error.transient:
                    self._put_back()
                    raise
                failures = [error]
            if not failures:
                break
            passing = waited < patience and all(one.transient for one in failures)
            if not passing and twice:
                self._put_back()
                raise_all(failures)
            twice = twice or not passing
            self._job.reporter.detail(f"not everything has its name yet: {failures[0].message}")
        for one in self._list_destinations():
            self._note(one, "accepted")

    def _place_once(self) -> list[GoclientError]:
        """List again, and give names; return what went wrong, raise what is in the way."""
        for one in self._list_destinations():
            one.read()
        hidden = [one for one in self._outputs if not one.direct]
        self._check_free(hidden)
        waiting = [one for one in hidden if self._fate(one) is not Fate.DELIVERED]
        self._mark(waiting)
        replaced = [one for one in waiting if one.destination.find(one.name) is not None]
        for top in dict.fromkeys(one.destination.hidden for one in replaced):
            self._store.mkdir(f"{top}/{OLD}")
        self._moved_away.update((one.path, one) for one in replaced)
        away = [Renaming(one.path, one.replaced) for one in replaced]
        final = [Renaming(one.arriving, one.path) for one in waiting]
        heartbeat = self._job.heartbeat.send
        return self._store.rename(away, heartbeat) or self._store.rename(final, heartbeat)

    def _put_back(self) -> None:
        """Give what was moved out of the way its name again, where nothing has that, as far as it can be done."""
        with suppress(GoclientError):
            for one in self._list_destinations():
                one.read()
            back = [one for one in self._moved_away.values() if one.destination.find(one.name) is None]
            self._store.rename([Renaming(one.replaced, one.path) for one in back], self._job.heartbeat.send)

    def _mark(self, waiting: Sequence[_Output]) -> None:
        """Mark what gets its name now, and what was transferred to its name at once, as this attempt's."""
        for destination in self._list_destinations():
            arrived = destination.arrived
            contents = {
                one.name: destination.contents(one.arriving, arrived[one.name])
                for one in waiting
                if one.destination is destination and one.name in arrived
            }
            if not destination.can_rename:
                self._store.mkdir(destination.hidden)
                found = [(one, destination.find(one.name)) for one in self._outputs if one.destination is destination]
                contents |= {
                    one.name: destination.contents(one.path, entry) for one, entry in found if entry is not None
                }
            self._store.mark(destination.hidden, marks_of(contents))
