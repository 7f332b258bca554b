"""A WebDAV server as the far end of a task of the HTTPS engine."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import BinaryIO

from goclient.errors import EndpointError, GoclientError
from goclient.model.endpoint import Endpoint
from goclient.model.remote import FileInfo, Listing
from goclient.node.engines.far_end import FarEnd
from goclient.node.engines.store import ServerEnd, ServerStore
from goclient.node.ownership import list_of, read_list
from goclient.services.contents import Moved
from goclient.services.https.webdav import WebdavFiles

_SEVERAL = 3  # files of one directory, which is listed then


def webdav_ends(client: Callable[[], WebdavFiles], *, overwrite: bool) -> Callable[[Endpoint], FarEnd]:
    """Return what makes the far end of a server for the engine, each with a client of its own."""
    return lambda endpoint: WebdavEnd(endpoint, client(), overwrite=overwrite)


class WebdavStore(ServerStore[WebdavFiles]):
    """Directories of a WebDAV server, where each request takes its time: many marks are one file."""

    def mark(self, hidden: str, names: Sequence[str]) -> None:
        """Put names with marks into a hidden directory."""
        if len(names) < 2:
            super().mark(hidden, names)
            return
        name, text = list_of(names)
        self._files.put_text(self.endpoint, text, f"{hidden}/{name}")

    def read_list(self, path: str, entry: FileInfo) -> list[str]:
        """Return the names that a file in a hidden directory stands for."""
        content = io.BytesIO()
        self._files.get(self.endpoint, path, content, size=entry.size, moved=lambda _: None)
        return read_list(entry.name, content.getvalue())


class WebdavEnd(ServerEnd[WebdavFiles]):
    """A WebDAV server."""

    way = "over HTTPS"
    store = WebdavStore

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

    def get(self, path: str, file: BinaryIO, *, size: int, moved: Moved) -> None:
        """Write a file's content to a local one, and compare."""
        self._files.get(self.endpoint, path, file, size=size, moved=moved)

    def expect(self, path: str, *, size: int) -> None:
        """Ask for the file that is got next."""
        self._files.http.expect(self._files.place(self.endpoint, path), size=size)

    def _send(self, file: BinaryIO, path: str, moved: Moved) -> None:
        self._files.put(self.endpoint, file, path, moved=moved)

    def _take_back(self, path: str) -> None:
        self._files.http.take_back(self._files.place(self.endpoint, path))
