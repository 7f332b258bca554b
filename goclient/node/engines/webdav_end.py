"""A WebDAV server as the far end of a task of the HTTPS engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import BinaryIO

from goclient.errors import EndpointError, GoclientError
from goclient.model.endpoint import Endpoint
from goclient.model.plan import TransferItem
from goclient.model.remote import FileInfo, Listing
from goclient.node.delivery import Delivery
from goclient.node.engines.base import JobContext
from goclient.node.engines.far_end import Delivering, FarEnd, part_beside
from goclient.node.engines.store import ServerStore
from goclient.node.ownership import final_path
from goclient.services.contents import Moved
from goclient.services.https.webdav import WebdavFiles

_SEVERAL = 3  # files of one directory, which is listed then


def webdav_ends(client: Callable[[], WebdavFiles], *, overwrite: bool) -> Callable[[Endpoint], FarEnd]:
    """Return what makes the far end of a server for the engine, each with a client of its own."""
    return lambda endpoint: WebdavEnd(endpoint, client(), overwrite=overwrite)


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
