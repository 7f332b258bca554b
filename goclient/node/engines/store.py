"""Directories of a server, to which files are delivered.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from goclient.errors import GoclientError
from goclient.model.endpoint import Endpoint
from goclient.model.remote import Listing
from goclient.node.destination import Renaming, Store

_AT_ONCE = 50  # renames between two heartbeats


E = TypeVar("E", bound=Endpoint, contravariant=True)


class Files(Protocol[E]):
    """Files of servers: what a GridFTP and a WebDAV client have in common."""

    @abstractmethod
    def listing(self, endpoint: E, directory: str) -> Listing:
        """Return what a directory holds, by name."""

    @abstractmethod
    def mkdir(self, endpoint: E, *directories: str) -> None:
        """Make directories, in order, unless they are there."""

    @abstractmethod
    def renames(self, endpoint: E, pairs: Sequence[tuple[str, str]]) -> list[GoclientError]:
        """Give paths others that are free; return why that failed for some of them."""

    @abstractmethod
    def remove(self, endpoint: E, *directories: str) -> None:
        """Remove directories, and all below them."""


class ServerStore(Store, Generic[E]):
    """Directories of a server, to which files are delivered."""

    def __init__(self, endpoint: E, files: Files[E]) -> None:
        self.endpoint = self._server = endpoint
        self._files = files

    def listing(self, directory: str) -> Listing:
        """Return what a directory holds, by name."""
        return self._files.listing(self._server, directory)

    def mkdir(self, *directories: str) -> None:
        """Make directories, in this order, unless they are there."""
        self._files.mkdir(self._server, *directories)

    def rename(self, renamings: Sequence[Renaming], meanwhile: Callable[[], object]) -> list[GoclientError]:
        """Give paths others that are free; return why that failed for some of them."""
        failures: list[GoclientError] = []
        for start in range(0, len(renamings), _AT_ONCE):
            meanwhile()
            pairs = [(one.old, one.new) for one in renamings[start : start + _AT_ONCE]]
            failures += self._files.renames(self._server, pairs)
        return failures

    def remove(self, directories: Sequence[str]) -> None:
        """Remove directories, and all below them."""
        self._files.remove(self._server, *directories)
