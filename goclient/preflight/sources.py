"""The checks of sources: what is there, whether it can be brought, and how much it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from goclient.errors import EndpointError, Finding, GoclientError, quoted
from goclient.model.location import Location, Transfer
from goclient.model.remote import FileInfo
from goclient.preflight import wildcards
from goclient.preflight.listings import MOST_ABOUT, Folder, folder_of
from goclient.preflight.seen import Seen, few, hint_of_near, kind_of, listing_command, nobody_may, wrong_or_first

READ, ENTER = 0o444, 0o111  # the permission bits of everybody


@dataclass(slots=True)
class Load:
    """What all jobs bring or move, as far as listings say; sizes in bytes.

    ``each`` is what every job brings into its directory, ``own`` what one has there beside that, by its serial number.
    """

    files: int = 0
    size: int = 0
    directories: int = 0
    each: int = 0
    own: dict[int, int] = field(default_factory=dict)

    @property
    def largest(self) -> int:
        """The most bytes that one job brings into its directory."""
        return self.each + max(self.own.values(), default=0)


class Sources:
    """The checks of the sources of one preflight."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._listings = seen.listings

    def findings(self, transfer: Transfer) -> Iterable[Finding]:
        """Return a finding for the source of a move, or for each job in which something is wrong with it."""
        if not self._seen.sees(transfer.source):
            return []
        if not transfer.source.name:
            return [self._whole(transfer.source)]
        return wrong_or_first([self._source(location) for location in self._seen.filled(transfer.source)])

    def folders(self, transfers: Sequence[Transfer]) -> Iterable[Folder]:
        """Return the sources that are directories, a few of them."""
        locations = (location for location, entry in self._there(transfers) if entry.is_directory)
        return islice(dict.fromkeys((one.endpoint.text, f"{one.path.rstrip('/')}/") for one in locations), MOST_ABOUT)

    def remarks(self, transfers: Sequence[Transfer]) -> list[Finding]:
        """Return warnings of sources that are there, and hold nothing or may be read by nobody."""
        empty, closed = [], []
        for location, entry in self._there(transfers):
            shown = quoted(self._seen.shown(location))
            if nobody_may(entry, READ) or (entry.is_directory and nobody_may(entry, ENTER)):
                message = f"{shown} may be read by nobody: its mode is {entry.permissions}"
                hint = "allow it where the storage is: chmod u+r" + ("x" if entry.is_directory else "")
                closed.append(Finding("warning", "unreadable", self._seen.shown(location), message, hint))
            elif self._is_empty(location, entry):
                what = "directory" if entry.is_directory else "file"
                message = f"{shown} is an empty {what}"
                hint = "look whether it was written completely"
                empty.append(Finding("warning", "empty", self._seen.shown(location), message, hint))
        return [*few(closed), *few(empty)]

    def load(self, transfers: Sequence[Transfer]) -> Load:
        """Return how much is moved by all jobs: what is in directories is not looked at."""
        load = Load()
        for transfer in transfers:
            if not self._seen.sees(transfer.source) or not transfer.source.name:
                continue
            locations = self._seen.filled(transfer.source)
            times = len(self._seen.serials) // len(locations)  # all jobs bring one, or each its own
            for serial, location in zip(self._seen.serials, locations, strict=False):
                entry = self._listings.entry(location)
                if not isinstance(entry, FileInfo):
                    continue
                if entry.is_directory:
                    load.directories += times
                    continue
                load.files += times
                load.size += times * entry.size
                if transfer.destination.in_job and len(locations) > 1:
                    load.own[serial] = load.own.get(serial, 0) + entry.size
                elif transfer.destination.in_job:
                    load.each += entry.size
        return load

    def size(self, load: Load) -> Iterator[Finding]:
        """Yield the finding of how much is moved, if anything is."""
        if load.files or load.directories:
            text = f"{load.files} file(s) of {load.size} bytes"
            more = f", and {load.directories} directories whose size is not known" if load.directories else ""
            jobs = f", in {len(self._seen.serials)} jobs" if len(self._seen.serials) > 1 else ""
            yield Finding("ok", "size", "sources", f"to be brought or moved: {text}{more}{jobs}")

    def _there(self, transfers: Sequence[Transfer]) -> Iterator[tuple[Location, FileInfo]]:
        """Yield each source that is there once, with its entry."""
        sources = (
            transfer.source for transfer in transfers if self._seen.sees(transfer.source) and transfer.source.name
        )
        for location in dict.fromkeys(location for source in sources for location in self._seen.filled(source)):
            entry = self._listings.entry(location)
            if isinstance(entry, FileInfo):
                yield location, entry

    def _is_empty(self, location: Location, entry: FileInfo) -> bool:
        if entry.is_directory:
            return self._listings.is_empty((location.endpoint.text, f"{location.path.rstrip('/')}/"))
        return entry.size == 0 and not kind_of(entry)

    def _whole(self, location: Location) -> Finding:
        """The finding of a source that is an endpoint's top, which may not be let into."""
        found = self._listings.entry(location)
        if isinstance(found, GoclientError):
            return self._seen.unlisted(found)
        shown = self._seen.shown(location)
        return Finding("warning", "whole", shown, f"{quoted(shown)} is all that the endpoint holds", "name a folder")

    def _source(self, location: Location) -> Finding:
        found = self._listings.entry(location)
        shown = self._seen.shown(location)
        if isinstance(found, GoclientError):
            return self._seen.unlisted(self._no_such_folder(location, found))
        if found is None:
            return self._missing(location).finding
        if kind := kind_of(found):
            message = f"{quoted(shown)} is {kind}: Globus brings files and directories only"
            hint = "name the file itself" if found.link_target else "name a file or a directory"
            return EndpointError(message, hint=hint, code="not-a-file", subject=shown).finding
        if location.is_directory and not found.is_directory:
            message = f"{quoted(shown)} is a file, not a directory"
            hint = "leave out the final /"
            return EndpointError(message, hint=hint, code="not-a-directory", subject=shown).finding
        kind = "a directory" if found.is_directory else f"{found.size} bytes"
        return Finding("ok", "source", shown, f"{shown} is there, {kind}")

    def _missing(self, location: Location) -> EndpointError:
        """The error of a source that is not in its folder: was it misspelt, or a wildcard?"""
        entries = self._listings.names_beside(location)
        folder = self._seen.shown(Location(location.endpoint, location.directory))
        message = f"{quoted(self._seen.shown(location))}: there is no {quoted(location.name)} in that folder"
        hint = hint_of_near(location.name, entries)
        more, globbed = wildcards.told(location, folder, "", entries)
        message, hint = message + more, globbed or hint
        if not hint and self._listings.is_hidden(location):
            hint = f"look at the name: {quoted(folder)} cannot be listed"
        hint = hint or f"to see what is, type: {listing_command(location)}"
        return EndpointError(message, hint=hint, code="path-not-found", subject=self._seen.shown(location))

    def _no_such_folder(self, location: Location, error: GoclientError) -> GoclientError:
        """The error for a source whose folder is not there: which part of its path is wrong, if that is known."""
        lost = self._listings.lost(folder_of(location)) if error.code == "path-not-found" else None
        if lost is None:
            return error
        part, entries = lost
        above = Location(part.endpoint, part.directory)
        shown = self._seen.shown(Location(location.endpoint, location.directory))
        message = f"{quoted(shown)}: there is no folder {quoted(part.name)} in {quoted(above.path)}"
        hint = hint_of_near(part.name, (name for name, entry in entries.items() if entry.is_directory))
        more, globbed = wildcards.told(part, self._seen.shown(above), location.path[len(part.path) + 1 :], entries)
        message, hint = message + more, globbed or hint
        hint = hint or f"look at {quoted(above.path)} there"
        return EndpointError(message, hint=hint, code=error.code, subject=shown)
