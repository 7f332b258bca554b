"""Far ends of the HTTPS engine: a WebDAV server, and a collection, with or without a transfer service.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO

from goclient.errors import EndpointError, GoclientError, raise_all
from goclient.errors.conditions import NotADirectory, PathExists, PathNotFound
from goclient.errors.wording import quoted
from goclient.model.endpoint import Endpoint
from goclient.model.plan import TransferItem
from goclient.model.remote import FileInfo, Listing
from goclient.node.delivery import Delivery
from goclient.node.destination import Store
from goclient.node.engines.base import JobContext, TransferService
from goclient.node.engines.far_end import Delivering, FarEnd, part_beside
from goclient.node.engines.globus_ends import CollectionStore
from goclient.node.engines.store import ServerStore
from goclient.node.ownership import final_path
from goclient.services.contents import Moved
from goclient.services.https.collection import CollectionHttps
from goclient.services.https.webdav import WebdavFiles

_SEVERAL = 3  # files of one directory, which is listed then


class WebdavEnd(FarEnd):
    """A WebDAV server."""

    way = "over HTTPS"

    def __init__(self, endpoint: Endpoint, files: WebdavFiles, *, overwrite: bool) -> None:
        self.endpoint = endpoint
        self._overwrite = overwrite
        self._files = files

    def entries(self, paths: Sequence[str]) -> dict[str, FileInfo | GoclientError]:
        """Return what is at each path; several of one directory are looked up in its listing."""
        found: dict[str, FileInfo | GoclientError] = {}
        by_directory: dict[str, list[str]] = {}
        for path in paths:
            by_directory.setdefault(path.rstrip("/").rpartition("/")[0], []).append(path)
        for directory, below in by_directory.items():
            known = Listing({})
            if len(below) >= _SEVERAL:
                with suppress(EndpointError):  # not everything that can be read can be listed
                    known = self.listing(f"{directory}/")
            for path in below:
                name = path.rstrip("/").rpartition("/")[2]
                try:
                    found[path] = known[name] if name in known else self._files.entry(self.endpoint, path)
                except EndpointError as error:
                    found[path] = error
        return found

    def listing(self, directory: str) -> Listing:
        """Return what a directory holds, by name."""
        return self._files.listing(self.endpoint, directory)

    def mkdir(self, directory: str) -> None:
        """Make a directory, unless it is there; raise PathNotFound if the one above it is missing."""
        self._files.mkdir(self.endpoint, directory)

    def get(self, path: str, file: BinaryIO, *, size: int, moved: Moved) -> None:
        """Write a file's content to a local one, and compare."""
        self._files.get(self.endpoint, path, file, size=size, moved=moved)

    def put(self, file: BinaryIO, path: str, *, moved: Moved) -> None:
        """Send a local file; one that has its final path at once replaces what is there when all of it is there."""
        if final_path(path) != path:
            self._files.put(self.endpoint, file, path, moved=moved)
            return
        part = part_beside(path)
        try:
            self._files.put(self.endpoint, file, part, moved=moved)
            if self._overwrite:
                self._files.replace(self.endpoint, part, path)
            else:
                self._files.rename(self.endpoint, part, path)
        except BaseException:
            self._files.http.take_back(self._files.place(self.endpoint, part))
            raise

    def delivery(self, job: JobContext, items: Sequence[TransferItem]) -> Delivering:
        """Return how items are delivered here: hidden at first."""
        return Delivery(ServerStore(self.endpoint, self._files), job, items)

    def close(self) -> None:
        """End what threads wait for."""
        self._files.close()


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
        if self._service is not None:
            if directory not in self._listings:
                with suppress(EndpointError):  # not everything that can be read can be listed
                    self._listings[directory] = self.listing(f"{directory}/")
            if directory in self._listings:
                if (known := self._listings[directory].get(name)) is None:
                    message = f"{quoted(self.endpoint.show(path))}: it is not there (any more)"
                    raise PathNotFound(message, hint="look at the names there", subject=path)
                return known
        return self._https.entry(path)

    def listing(self, directory: str) -> Listing:
        """Return what a directory holds, by name; raise NotADirectory without a service: HTTPS lists nothing."""
        if self._service is None:
            message = (
                f"{quoted(self.endpoint.show(directory))}: HTTPS alone, without a Globus login, lists no directory"
            )
            raise NotADirectory(message, hint="name each file, or use the mode gc", subject=directory)
        return self._service.listing(self.endpoint, directory)

    def mkdir(self, directory: str) -> None:
        """Make a directory, unless it is there; without a service it was made at submission, or a file says so."""
        if self._service is not None:
            self._service.mkdir(self.endpoint, directory)

    def get(self, path: str, file: BinaryIO, *, size: int, moved: Moved) -> None:
        """Write a file's content to a local one, and compare sizes."""
        self._https.get(path, file, size=size, moved=moved)

    def put(self, file: BinaryIO, path: str, *, moved: Moved) -> None:
        """Send a local file, and read it back.

        Where the service renames, one that has its final path at once arrives beside it.  Else it arrives under its
        name; what is there of a new one that fails is deleted, and an old one is lost, as ``docs/limits.md`` says.
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
        is_free = self._https.is_free(path)
        try:
            self._https.put(file, path, moved=moved)
        except BaseException:
            if is_free:
                self._https.http.take_back(self._https.place(path))
            raise

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
            if not self._overwrite:
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

    def check(self) -> None:
        """Raise PathExists for each name that is taken, unless the user allows to overwrite it."""
        taken = [] if self._overwrite else [one for one in self._items if not self._https.is_free(one.destination)]
        raise_all(
            PathExists(
                f"{quoted(one.destination)} exists by now, and would be overwritten",
                hint="submit again with another destination, or with --goOverwrite",
                subject=one.destination,
            )
            for one in taken
        )

    def begin(self) -> tuple[TransferItem, ...]:
        """Return the items: they arrive under their names."""
        self.check()
        return self._items

    def place(self, *, patience: float) -> None:
        """Do nothing: all have their names."""
