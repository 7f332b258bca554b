"""Checks of sources: what is there, whether it can be brought, and how much it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, repeat

from goclient.errors import EndpointError, GoclientError
from goclient.errors.conditions import NotADirectory, PathNotFound, PermissionDenied
from goclient.errors.findings import Finding
from goclient.errors.wording import pluralize, quote
from goclient.model.location import Location, Transfer
from goclient.model.remote import FileInfo
from goclient.preflight import misspelt
from goclient.preflight.base import Check, Context
from goclient.preflight.listings import Directory, Listings
from goclient.preflight.locations import Locations, kind_of, nobody_may, wrong_or_first

READ, ENTER = 0o444, 0o111  # the permission bits of everybody


def judge_source(transfer: Transfer, locations: Locations, identity: str) -> list[Finding]:
    """Return a finding for the source of a transfer, or for each job in which something is wrong with it."""
    source = transfer.source
    if not locations.knows(source):
        return []
    if source.name:
        return wrong_or_first([_judge(location, locations, identity) for location in locations.in_jobs(source)])
    found = locations.listings.entry(source)
    if isinstance(found, GoclientError):
        return [locations.explain_unlisted(source, found, identity)]
    what = "home directory" if source.path.startswith("/~") else "endpoint"
    message = f"{quote(source.display)} is the whole {what}"
    return [Finding("warning", "whole", source.display, message, "name a directory")]


def _judge(location: Location, locations: Locations, identity: str) -> Finding:
    listings, shown = locations.listings, location.display
    found = listings.entry(location)
    if isinstance(found, PathNotFound):
        return _without_directory(location, found, listings).finding
    if isinstance(found, NotADirectory):
        message = f"{quote(Directory.of(location).display)} is not a directory, or is below a file"
        return NotADirectory(message, hint="check the path: a file has nothing in it", subject=shown).finding
    if isinstance(found, GoclientError):
        return locations.explain_unlisted(location, found, identity)
    if found is None:
        return _source_error(location, listings).finding
    if kind := kind_of(found):
        message = f"{quote(shown)} is {kind}: only files and directories can be brought"
        hint = "name the file itself" if found.link_target else "name a file or a directory"
        return EndpointError(message, hint=hint, code="not-a-file", subject=shown).finding
    if location.is_directory and not found.is_directory:
        message = f"{quote(shown)} is a file, not a directory"
        return NotADirectory(message, hint="leave out the final /", subject=shown).finding
    if found.is_unreadable:
        message = f"{quote(shown)} cannot be read: its server gives your account there no right to it"
        hint = "allow it where the storage is, or ask the server's operators"
        return PermissionDenied(message, hint=hint, subject=shown).finding
    kind = "a directory" if found.is_directory else f"{found.size} bytes"
    return Finding("ok", "source", shown, f"{shown} is there, {kind}")


def _source_error(location: Location, listings: Listings) -> PathNotFound:
    """Return the error of a source that is not in its directory: was it misspelt, or a wildcard?"""
    entries = listings.names_beside(location)
    message = f"{quote(location.display)}: there is no {quote(location.name)} in that directory"
    if entries is None:
        more, hint = misspelt.judge_wildcards(location, "", {})
        hint = hint or f"look at the name: {quote(Directory.of(location).display)} cannot be listed"
    else:
        more, hint = misspelt.judge_wildcards(location, "", entries)
        hint = hint or misspelt.hint_of_near(location.name, entries) or _hint_of_entries(entries)
    return PathNotFound(message + more, hint=hint, subject=location.display)


def _without_directory(location: Location, error: PathNotFound, listings: Listings) -> PathNotFound:
    """Return the error for a source whose directory is not there: which part of its path is wrong, if it is known."""
    missing = listings.missing(Directory.of(location))
    if missing is None:
        return error
    part, shown = missing.part, Directory.of(location).display
    message = f"{quote(shown)}: there is no directory {quote(part.name)} in {quote(part.directory)}"
    more, hint = misspelt.judge_wildcards(part, location.path[len(part.path) + 1 :], missing.entries)
    directories = (name for name, entry in missing.entries.items() if entry.is_directory)
    hint = hint or misspelt.hint_of_near(part.name, directories) or _hint_of_entries(missing.entries)
    return PathNotFound(message + more, hint=hint, subject=shown)


def _hint_of_entries(entries: Mapping[str, FileInfo]) -> str:
    """Return the hint that says what a directory holds."""
    return f"the directory holds {misspelt.list_first(entries)}" if entries else "the directory is empty"


class Contents(Check):
    """Warn of sources that are there, and hold nothing or can be read by nobody."""

    def findings(self, context: Context) -> Iterable[Finding]:
        """Return a finding for each of them."""
        locations = context.connection.locations
        empty, closed = [], []
        for location, entry in locations.sources():
            shown, is_directory = location.display, entry.is_directory
            is_empty = entry.size == 0 and not kind_of(entry)
            if nobody_may(entry, READ) or (is_directory and nobody_may(entry, ENTER)):
                message = f"nobody can read {quote(shown)}: its mode is {entry.permissions}"
                hint = "allow it where the storage is: chmod u+r" + ("x" if is_directory else "")
                closed.append(Finding("warning", "unreadable", shown, message, hint))
            elif locations.listings.is_empty(Directory.at(location)) if is_directory else is_empty:
                message = f"{quote(shown)} is an empty {'directory' if is_directory else 'file'}"
                hint = "look whether it was written completely"
                empty.append(Finding("warning", "empty", shown, message, hint))
        return [*closed, *empty]


class Size(Check):
    """Say how much all jobs bring or move, and note the most that one brings: the queue may have no room for it."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield one finding if anything is moved; what is in directories is not counted."""
        locations = context.connection.locations
        files = size = directories = for_each = 0
        own: dict[int, int] = defaultdict(int)  # what one job brings beside that, by its serial number
        dealt = chain(context.deal.serials if context.deal is not None else (), repeat(0))
        for transfer, whose in zip(locations.transfers, dealt, strict=False):
            if not locations.knows(transfer.source) or not transfer.source.name:
                continue
            sources, serials = locations.in_jobs(transfer.source), (whose,) if whose else locations.serials
            times = len(serials) // len(sources)  # all jobs bring one, or each its own
            for serial, location in zip(serials, sources, strict=False):
                entry = locations.listings.entry(location)
                if not isinstance(entry, FileInfo):
                    continue
                if entry.is_directory:
                    directories += times
                    continue
                files, size = files + times, size + times * entry.size
                if transfer.destination.in_job and (whose or len(sources) > 1):
                    own[serial] += entry.size
                elif transfer.destination.in_job:
                    for_each += entry.size
        context.input_size = for_each + max(own.values(), default=0)
        if files or directories:
            text = f"{pluralize(files, 'file')} of {size} bytes"
            more = f"{directories} director{'y' if directories == 1 else 'ies'}"
            text += f", and {more} whose size is not known" if directories else ""
            jobs = f", in {context.count} jobs" if context.count > 1 else ""
            yield Finding("ok", "size", "sources", f"to be brought or moved: {text}{jobs}")
