"""A GridFTP or a WebDAV server: the far end of a task, with directories to which files are delivered.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO, ClassVar, Generic, TypeVar

from goclient.errors import GoclientError
from goclient.model.endpoint import Endpoint
from goclient.model.plan import TransferItem
from goclient.model.remote import FileInfo, Listing
from goclient.node.delivery import Delivery
from goclient.node.destination import Renaming, Store
from goclient.node.engines.base import JobContext
from goclient.node.engines.far_end import Delivering, FarEnd, part_beside
from goclient.node.ownership import final_path
from goclient.services.contents import Moved
from goclient.services.server_files import ServerFiles

F = TypeVar("F", bound=ServerFiles)


class ServerEnd(FarEnd, Generic[F]):
    """A server at the far end, with one client for everything; ``store`` has its directories."""

    store: ClassVar[Callable[..., Store]]

    def __init__(self, endpoint: Endpoint, files: F, *, overwrite: bool) -> None:
        self.endpoint = endpoint
        self._files = files
        self._overwrite = overwrite

    def entries(self, paths: Sequence[str]) -> Mapping[str, FileInfo | GoclientError]:
        """Return what is at each path, or why that is not known."""
        return self._files.entries(self.endpoint, paths)

    def listing(self, directory: str) -> Listing:
        """Return what a directory holds, by name."""
        return self._files.listing(self.endpoint, directory)

    def mkdir(self, directory: str) -> None:
        """Make a directory, unless it is there; raise PathNotFound if the one above it is missing."""
        self._files.mkdir(self.endpoint, directory)

    def put(self, file: BinaryIO, path: str, *, moved: Moved) -> None:
        """Send a local file; one that has its final path at once replaces what is there when all of it is there."""
        if final_path(path) != path:
            self._send(file, path, moved)
            return
        part = part_beside(path)
        try:
            self._send(file, part, moved)
            (self._files.replace if self._overwrite else self._files.rename)(self.endpoint, part, path)
        except BaseException:
            self._take_back(part)
            raise

    @abstractmethod
    def _send(self, file: BinaryIO, path: str, moved: Moved) -> None:
        """Send a local file, and compare."""

    @abstractmethod
    def _take_back(self, path: str) -> None:
        """Delete what has arrived of a file, if that can be."""

    def delivery(self, job: JobContext, items: Sequence[TransferItem]) -> Delivering:
        """Return how items are delivered here: hidden at first."""
        return Delivery(self.store(self.endpoint, self._files), job, items)

    def close(self) -> None:
        """End what threads wait for."""
        self._files.close()


class ServerStore(Store, Generic[F]):
    """Directories of a server, to which files are delivered."""

    def __init__(self, endpoint: Endpoint, files: F) -> None:
        self.endpoint = endpoint
        self._files = files

    def listing(self, directory: str) -> Listing:
        """Return what a directory holds, by name."""
        return self._files.listing(self.endpoint, directory)

    def mkdir(self, *directories: str) -> None:
        """Make directories, in this order, unless they are there."""
        self._files.mkdir(self.endpoint, *directories)

    def rename(self, renamings: Sequence[Renaming], meanwhile: Callable[[], object]) -> list[GoclientError]:
        """Give paths others that are free; return why that failed for some of them."""
        return self._files.renames(self.endpoint, [(one.old, one.new) for one in renamings], meanwhile)

    def remove(self, directories: Sequence[str]) -> None:
        """Remove directories, and all below them."""
        self._files.remove(self.endpoint, *directories)
