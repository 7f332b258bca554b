"""Far end of a task whose files this node reads and writes itself, as streams: a server, or a collection.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import BinaryIO, ClassVar, Protocol

from goclient.errors import EndpointError, GoclientError
from goclient.errors.wording import quote
from goclient.model.endpoint import Endpoint
from goclient.model.plan import TransferItem
from goclient.model.remote import FileInfo, Listing
from goclient.node.engines.base import JobContext
from goclient.reporter.base import Reporter
from goclient.services.contents import FarFile, Moved

TOGETHER = 32  # files that are open at once where a server is asked for several
_ROUNDS = 8  # directories above one another that hold the same, none of which is a link


class Delivering(Protocol):
    """Delivery of what a task takes away, as :class:`Delivery` has it."""

    @abstractmethod
    def check(self) -> None:
        """Settle where the items go; raise what is in the way."""

    @abstractmethod
    def begin(self) -> tuple[TransferItem, ...]:
        """Return the items with the paths where they arrive."""

    @abstractmethod
    def place(self, *, patience: float) -> None:
        """Give all that has arrived its name."""


class FarEnd(Protocol):
    """Storage at the other end of a task; any thread may ask."""

    way: ClassVar[str]  # what the journal says of it
    together: ClassVar[int] = 1  # files that it is asked for at once
    endpoint: Endpoint

    @abstractmethod
    def entries(self, paths: Sequence[str]) -> Mapping[str, FileInfo | GoclientError]:
        """Return what is at each path, or why that is not known."""

    @abstractmethod
    def listing(self, directory: str) -> Listing:
        """Return what a directory holds, by name."""

    @abstractmethod
    def mkdir(self, directory: str) -> None:
        """Make a directory, unless it is there; raise PathNotFound if the one above it is missing."""

    @abstractmethod
    def get(self, path: str, file: BinaryIO, *, size: int, moved: Moved) -> None:
        """Write a file's content to a local one, and compare; ``size`` is what was listed, 0 if that is not known.

        Raise SourceChanged if more comes.
        """

    def get_all(self, wanted: Sequence[FarFile], *, moved: Moved) -> None:
        """Do so for several files, ``together`` at most."""
        for one in wanted:
            self.get(one.path, one.file, size=one.size, moved=moved)

    def expect(self, path: str, *, size: int) -> None:  # noqa: ARG002
        """Learn which file is got next, and its size: it may be asked for ahead."""
        return

    @abstractmethod
    def put(self, file: BinaryIO, path: str, *, moved: Moved) -> None:
        """Send a local file, compare, and leave what was at the path as it was if that fails."""

    @abstractmethod
    def delivery(self, job: JobContext, items: Sequence[TransferItem]) -> Delivering:
        """Return how items are delivered here."""

    def rest(self) -> None:
        """Hang up until it is asked again, maybe in hours."""
        return

    @abstractmethod
    def close(self) -> None:
        """End what threads wait for."""


def part_beside(path: str) -> str:
    """Return a name for a file on its way, in the directory where it will be."""
    return f"{path.rpartition('/')[0]}/.goclient-{os.urandom(8).hex()}.part"


def warn_cut(listing: Listing, location: str, reporter: Reporter) -> None:
    """Warn of each file of a directory that is not brought, because its name cannot be told."""
    for name in listing.cut:
        message = f"{quote(location)} has a name with a line break, which begins with {quote(name)}: it is left out"
        reporter.warning(message, "give it another name there, if the job needs it")


class Above:
    """Listings of the directories above one: links may lead round, and not every server tells which are links."""

    def __init__(self, listings: tuple[int, ...] = ()) -> None:
        self._listings = listings

    def with_listing(self, listing: Listing, location: str) -> Above:
        """Return what is above the directories of a listing; raise EndpointError for one that has come too often."""
        same = hash(frozenset((one.name, one.is_directory, one.size) for one in listing.values()))
        if self._listings.count(same) >= _ROUNDS:
            raise EndpointError(
                f"{quote(location)} holds the same as {_ROUNDS} directories above it: a link in it leads round",
                hint="name the directories that the job needs, one by one", code="links", subject=location,
            )  # fmt: skip
        return Above((*self._listings, same))


def check_link(info: FileInfo, location: str, followed: set[str]) -> None:
    """Raise EndpointError for a second link to one directory: links may lead round without end."""
    if info.link_target and info.link_target in followed:
        raise EndpointError(
            f"{quote(location)} is a link to {quote(info.link_target)}, to which another link leads, too",
            hint="name the directories that the job needs, one by one", code="links", subject=location,
        )  # fmt: skip
    followed.add(info.link_target)
