"""A collection's HTTPS server as the far end of a task, with or without a transfer service.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO

from goclient.errors import EndpointError, GoclientError, raise_all
from goclient.errors.conditions import NotADirectory, PathExists, PathNotFound
from goclient.errors.wording import quote
from goclient.model.plan import TransferItem
from goclient.model.remote import FileInfo, Listing
from goclient.node.delivery import Delivery
from goclient.node.destination import Store
from goclient.node.engines.base import JobContext, TransferService
from goclient.node.engines.far_end import Delivering, FarEnd, part_beside
from goclient.node.engines.globus_ends import CollectionStore
from goclient.node.ownership import final_path
from goclient.services.contents import Moved
from goclient.services.https.collection import CollectionHttps


class CollectionEnd(FarEnd):
    """A collection's HTTPS server; the transfer ``service`` lists, makes directories and renames, if there is one."""

    way = "over HTTPS"

    def __init__(self, https: CollectionHttps, service: TransferService | None, *, overwrite: bool) -> None:
        self.endpoint = https.collection
        self._overwrite = overwrite
        self._https = https
        self._service = service
        self._listings: dict[str, Listing] = {}

    def entries(self, paths: Sequence[str]) -> dict[str, FileInfo | GoclientError]:
        """Return what is at each path: as the service lists it, else as the HTTPS server tells."""
        found: dict[str, FileInfo | GoclientError] = {}
        for path in paths:
            try:
                found[path] = self._entry(path)
            except EndpointError as error:
                found[path] = error
        return found

    def _entry(self, path: str) -> FileInfo:
        directory, _, name = path.rstrip("/").rpartition("/")
        if self._service is None and path.endswith("/"):
            self.listing(path)  # HTTPS would only say that there is no such file
        if self._service is not None:
            if directory not in self._listings:
                with suppress(EndpointError):  # not everything that can be read can be listed
                    self._listings[directory] = self.listing(f"{directory}/")
            if directory in self._listings:
                if (known := self._listings[directory].get(name)) is None:
                    message = f"{quote(self.endpoint.show(path))}: it is not there (any more)"
                    raise PathNotFound(message, hint="look at the names there", subject=path)
                return known
        return self._https.entry(path)

    def listing(self, directory: str) -> Listing:
        """Return what a directory holds, by name; raise NotADirectory without a service: HTTPS lists nothing."""
        if self._service is None:
            message = f"{quote(self.endpoint.show(directory))}: HTTPS alone, without a Globus login, lists no directory"
            raise NotADirectory(message, hint="name each file, or use the mode gc", subject=directory)
        return self._service.listing(self.endpoint, directory)

    def mkdir(self, directory: str) -> None:
        """Make a directory, unless it is there; without a service it was made at submission, or a file says so."""
        if self._service is not None:
            self._service.mkdir(self.endpoint, directory)

    def get(self, path: str, file: BinaryIO, *, size: int, moved: Moved) -> None:
        """Write a file's content to a local one, and compare sizes."""
        self._https.get(path, file, size=size, moved=moved)

    def expect(self, path: str, *, size: int) -> None:
        """Ask for the file that is got next."""
        self._https.http.expect(self._https.place(path), size=size)

    def put(self, file: BinaryIO, path: str, *, moved: Moved) -> None:
        """Send a local file, and read it back.

        Where the service renames, one that has its final path at once arrives beside it.  Else it arrives under its
        name, which is looked up again just before; what is there of a new one that fails is deleted, and an old one is
        lost, as ``docs/limits.md`` says.
        """
        if final_path(path) != path:
            self._https.put(file, path, moved=moved)
        elif self._service is None or not self._can_rename(path):
            self._put_directly(file, path, moved)
        else:
            self._put_beside(self._service, file, path, moved)

    def _can_rename(self, path: str) -> bool:
        try:
            return self.listing(f"{path.rpartition('/')[0]}/").can_rename
        except EndpointError:
            return False

    def _put_directly(self, file: BinaryIO, path: str, moved: Moved) -> None:
        if self._https.is_free(path):
            try:
                self._https.put_new(file, path, moved=moved)
                return
            except PathExists:  # since a moment ago
                if not self._overwrite:
                    raise
        elif not self._overwrite:
            raise PathExists.by_now(path)
        self._https.put(file, path, moved=moved)

    def _put_beside(self, service: TransferService, file: BinaryIO, path: str, moved: Moved) -> None:
        part = part_beside(path)
        try:
            self._https.put(file, part, moved=moved)
            self._name(service, part, path)
        except BaseException:
            self._https.http.take_back(self._https.place(part))
            raise

    def _name(self, service: TransferService, part: str, path: str) -> None:
        """Give a file that has arrived its name, in place of another one if that may be; the old one is never lost."""
        try:
            service.rename(self.endpoint, part, path)
        except PathExists:
            if self._https.is_free(part):
                return  # it was renamed, and the answer was lost
            directory, _, name = path.rpartition("/")
            found = self.listing(f"{directory}/").get(name)
            if not self._overwrite or (found is not None and found.is_directory):
                raise
            former = part_beside(path)
            service.rename(self.endpoint, path, former)
            try:
                service.rename(self.endpoint, part, path)
            except BaseException:
                with suppress(EndpointError):
                    service.rename(self.endpoint, former, path)
                raise
            self._https.delete(former)

    def delivery(self, job: JobContext, items: Sequence[TransferItem]) -> Delivering:
        """Return how items are delivered here: hidden at first, if there is a service that renames."""
        if self._service is None:
            return DirectDelivery(self._https, items, overwrite=job.overwrite)
        store: Store = CollectionStore(self.endpoint, self._service, job.attempt.origin)
        return Delivery(store, job, items)

    def close(self) -> None:
        """End what threads wait for."""
        self._https.http.close()


class DirectDelivery(Delivering):
    """Delivery of files under their names at once, where nothing can be listed or renamed."""

    def __init__(self, https: CollectionHttps, items: Sequence[TransferItem], *, overwrite: bool) -> None:
        self._https = https
        self._items = tuple(items)
        self._overwrite = overwrite
        self._is_checked = False

    def check(self) -> None:
        """Raise PathExists for each name that is taken, unless the user allows to overwrite it.

        Raise NotADirectory for each directory: before the payload runs, not when all of it is there.
        """
        shown = self._https.collection.show
        raise_all(
            NotADirectory(
                f"{quote(shown(one.destination))}: HTTPS alone, without a Globus login, makes no directory",
                hint="name each file, or leave out --goVia https", subject=one.destination,
            )
            for one in self._items
            if one.recursive
        )  # fmt: skip
        taken = [] if self._overwrite else [one for one in self._items if not self._https.is_free(one.destination)]
        raise_all(PathExists.by_now(one.destination) for one in taken)
        self._is_checked = True

    def begin(self) -> tuple[TransferItem, ...]:
        """Return the items: they arrive under their names, each of which is looked up again right before."""
        if not self._is_checked:
            self.check()
        return self._items

    def place(self, *, patience: float) -> None:
        """Do nothing: all have their names."""
