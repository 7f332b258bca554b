"""Files of a Globus collection, over its HTTPS server: single files, by a token of the collection's own scope.

Such a server has GET, HEAD, PUT and DELETE for files; it lists nothing, makes no directory, tells no checksum, and
overwrites without asking (docs.globus.org, HTTPS access to collections).
Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO
from urllib.parse import urlsplit

from goclient.errors import EndpointError
from goclient.errors.conditions import PathNotFound
from goclient.errors.wording import quote
from goclient.model.endpoint import Endpoint
from goclient.model.remote import FileInfo
from goclient.services.contents import Moved
from goclient.services.gsi.server import WEBDAV, Server
from goclient.services.https.client import Access, HttpFiles, Place
from goclient.services.https.proxies import ProxiedTls
from goclient.services.https.streams import FileState
from goclient.services.loopback import LOOPBACK

HTTPS = WEBDAV._replace(title="HTTPS server", code="https", untrusted="https-name", services=())


class CollectionHttps:
    """Read and write files of one collection; ``token`` is asked before each request."""

    def __init__(self, collection: Endpoint, url: str, token: Callable[[], str], http: HttpFiles) -> None:
        self.collection = collection
        self.http = http
        parts = urlsplit(url)
        plain = parts.scheme == "http" and parts.hostname in LOOPBACK
        if not parts.hostname or not (plain or parts.scheme == "https"):
            raise EndpointError(
                f"the HTTPS server of {quote(collection.display)} is {quote(url)}, which is not a URL of HTTPS",
                hint="ask who runs the collection", code="no-https", subject=collection.display,
            )  # fmt: skip
        server = Server(parts.hostname, parts.port or (80 if plain else 443), HTTPS)

        def headers() -> Mapping[str, str]:
            # With X-Requested-With it says 401 or 403, and does not lead to a page where a person logs in.
            return {"Authorization": f"Bearer {token()}", "X-Requested-With": "XMLHttpRequest"}

        tls = None if plain else ProxiedTls()
        self._access = Access(server, tls, headers, parts.path.rstrip("/"), tells_checksums=False)

    def place(self, path: str) -> Place:
        """Return a path of the collection."""
        return Place(self._access, path, self.collection.show(path))

    def entry(self, path: str) -> FileInfo:
        """Return what is known of a file; raise PathNotFound, also for a directory."""
        told = self.http.tell(self.place(path))
        return FileInfo(path.rpartition("/")[2], is_directory=False, size=told.size or 0)

    def is_free(self, path: str) -> bool:
        """Return True if no file is at a path."""
        try:
            self.entry(path)
        except PathNotFound:
            return True
        return False

    def get(self, path: str, file: BinaryIO, *, size: int = 0, moved: Moved) -> FileState:
        """Write a file's content to a local one; return its size and checksum."""
        return self.http.read(self.place(path), file, size=size or None, moved=moved)

    def put(self, file: BinaryIO, path: str, *, moved: Moved) -> FileState:
        """Send a local file, which replaces the one there, and read it back; return its size and checksum."""
        return self.http.write(file, self.place(path), moved=moved)

    def delete(self, path: str) -> None:
        """Delete a file."""
        self.http.delete(self.place(path))

    def put_new(self, file: BinaryIO, path: str, *, moved: Moved) -> FileState:
        """Send a local file to a free name, and read it back; raise PathExists if it is seen that it is taken."""
        return self.http.write_new(file, self.place(path), moved=moved)
