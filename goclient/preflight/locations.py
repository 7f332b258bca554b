"""Locations of the transfers in all jobs, and what the listings say of them; words that their checks share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from goclient.errors import GoclientError
from goclient.errors.conditions import PermissionDenied, TooLarge
from goclient.errors.findings import SHOWN, Finding
from goclient.errors.wording import quote
from goclient.model.location import Location, Transfer
from goclient.model.names import LocationError, fill_serial
from goclient.model.remote import FileInfo
from goclient.model.spec import TransferSpec
from goclient.preflight.listings import Directory, Listings, Unlisted

if TYPE_CHECKING:
    from goclient.services.globus.collection import Collection

# The types of Transfer's file document that are neither a file nor a directory, in words.
_TYPES = {
    "invalid_symlink": "a symbolic link that leads nowhere",
    "pipe": "a named pipe",
    "chr": "a character device",
    "blk": "a block device",
    "socket": "a socket",
    "other": "neither a file nor a directory",
}


class Locations:
    """Sources and targets of a spec, its endpoints resolved, at the storages that can be asked, in all jobs."""

    def __init__(
        self,
        spec: TransferSpec,
        listings: Listings,
        *,
        collections: Mapping[str, Collection],
        serials: Sequence[int] = (1,),
    ) -> None:
        self.transfers = tuple(spec.transfers)
        self.listings = listings
        self.collections = collections
        self.serials = serials
        local = spec.local_endpoint
        # Its listing tells whether the server that sees the job's directory lets the user in.
        self.server = Location(local, "/") if local is not None and local.text in collections else None
        self._filled: dict[Location, list[Location]] = {}  # of a hundred thousand jobs maybe
        self._written: dict[Transfer, list[Location]] = {}

    def fetch(self) -> None:
        """Ask for the directories of all ends, then for those known only with them: two round trips, and few more."""
        ends = [
            location
            for transfer in self.transfers
            for end in (transfer.source, transfer.target)
            if self.knows(end)
            for location in self.in_jobs(end)
        ]
        targets = (one.target for one in self.transfers if self.knows(one.target))
        about = (
            Directory.of(location)
            for target in targets
            for location in (self.in_jobs(target) if "$" in target.directory else [target])
        )
        self.listings.fetch([*ends, *([self.server] if self.server else [])], about=about)
        written = [location for transfer in self.transfers for location in self.find_written(transfer)]
        inside = dict.fromkeys(Directory.at(location) for location, entry in self.sources() if entry.is_directory)
        self.listings.fetch(written, inside=inside)
        self.listings.climb()

    def knows(self, location: Location) -> bool:
        """Return True for a location at a storage that can be asked."""
        return location.endpoint.text in self.listings.storages

    def in_jobs(self, location: Location) -> list[Location]:
        """Return the locations that one end of a transfer is in the jobs, their serial numbers filled in."""
        if "${SN" not in location.path:
            return [location]
        if location not in self._filled:
            paths = dict.fromkeys(fill_serial(location.path, serial) for serial in self.serials)
            self._filled[location] = [location.with_path(path) for path in paths]
        return self._filled[location]

    def find_written(self, transfer: Transfer) -> list[Location]:
        """Return the locations that a transfer will write: inside a directory that exists where a new name was typed.

        There are none where its destination is not known.
        """
        if transfer not in self._written:
            written = self.in_jobs(transfer.target) if self.knows(transfer.target) else []
            if not transfer.destination.is_directory:
                name = transfer.source.name
                with suppress(LocationError):  # it cannot be there: Paths says so
                    inside = [
                        one.with_path(f"{one.path}/{name}") if self._is_directory(one) else one for one in written
                    ]
                    written = inside
            self._written[transfer] = written
        return self._written[transfer]

    def _is_directory(self, location: Location) -> bool:
        found = self.listings.entry(location)
        return isinstance(found, FileInfo) and found.is_directory

    def sources(self) -> Iterator[tuple[Location, FileInfo]]:
        """Yield each source that is there once, with its entry."""
        named = (one.source for one in self.transfers if self.knows(one.source) and one.source.name)
        for location in dict.fromkeys(location for source in named for location in self.in_jobs(source)):
            entry = self.listings.entry(location)
            if isinstance(entry, FileInfo):
                yield location, entry

    def settle(self, location: Location) -> Location:
        """Return the location with a final slash if it was found to be a directory, the same in all jobs."""
        fixed = "$" not in location.path and location.name and not location.is_directory
        if fixed and self.knows(location) and self._is_directory(location):
            return location.with_path(f"{location.path}/")
        return location

    def explain_unlisted(self, location: Location, error: GoclientError, identity: str) -> Finding:
        """Return the finding of what could not be listed: it stops a job only if the job is known to fail."""
        if isinstance(error, Unlisted | TooLarge):
            return Finding("warning", "unchecked", error.subject, error.message, "what is in it could not be checked")
        if isinstance(error, PermissionDenied) and location.endpoint.text in self.collections:
            return error.replace(hint=ask_for_access(self.collections[location.endpoint.text], identity)).finding
        return error.finding


def ask_for_access(collection: Collection, identity: str) -> str | None:
    """Return whom to ask for access to a collection: nobody, if the user owns it; None if that is not known."""
    if collection.is_of(identity):
        return "the collection is your own: look at the permissions in its storage, and at the paths that it shares"
    return f"ask {collection.owner} for access" if collection.owner else None


def kind_of(entry: FileInfo) -> str:
    """Return what an entry is if it is neither a file nor a directory, in words; else the empty string."""
    if entry.type in ("file", "dir", ""):
        return ""
    words = _TYPES.get(entry.type, f"of the type {entry.type}")
    return f"{words} ({quote(entry.link_target)})" if entry.link_target else words


def nobody_may(entry: FileInfo, bits: int) -> bool:
    """Return True if the mode of an entry lets nobody do what these bits say, as any user of the storage.

    Where the server tells the user's own rights, those count instead.
    """
    return entry.rights is None and entry.mode is not None and not entry.mode & bits


def wrong_or_first(findings: list[Finding]) -> list[Finding]:
    """Return what is wrong with one end of a transfer in the jobs, or one finding that says it is right in all."""
    return few([finding for finding in findings if finding.level != "ok"] or findings[:1])


def few(findings: list[Finding]) -> list[Finding]:
    """Return the findings, errors first; of many of a kind the first, and how many more there are."""
    kinds: dict[tuple[bool, str], list[Finding]] = {}
    for one in findings:
        kinds.setdefault((one.level != "error", one.code), []).append(one)
    shown: list[Finding] = []
    for _, found in sorted(kinds.items(), key=lambda kind: kind[0][0]):
        if more := len(found[SHOWN:]):
            last = found[SHOWN - 1]
            found = [*found[: SHOWN - 1], last._replace(message=f"{last.message}; and {more} more like it")]
        shown += found
    return shown
