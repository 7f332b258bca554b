"""Deliveries: which outputs are there at the site, what is in their way, and the items that take them to their places.

An existing file is overwritten only if the user allows it, or if an earlier delivery of the same job has begun it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Set
from typing import NamedTuple, Protocol

from goclient.campaigns.batch import Batch
from goclient.errors import EndpointError, GoclientError
from goclient.errors.conditions import NotADirectory, PathExists, PathNotFound
from goclient.errors.wording import quoted
from goclient.model.endpoint import Endpoint
from goclient.model.names import fill_serial
from goclient.model.plan import TransferItem
from goclient.model.remote import FileInfo, Listing
from goclient.model.staging import OUT, Output, staged_name


class Lister(Protocol):
    """Globus Transfer, as far as directories are listed."""

    def listing(self, collection: Endpoint, directory: str) -> Listing:
        """Return what a directory holds, by name."""


class Found(NamedTuple):
    """Jobs whose outputs can be delivered to a destination, and why those of others cannot."""

    free: tuple[int, ...]
    problems: Mapping[int, GoclientError]


def find_free(batch: Batch, destination: Endpoint, tries: Mapping[int, int], *, started: Set[int], at: Lister) -> Found:
    """Find out which of these jobs' outputs are there and have their places free; those ``started`` are taken as free.

    ``tries`` are the numbers of the jobs, each with that of the try whose outputs are meant.
    Raises EndpointError if an end cannot be listed now.
    """
    listings = _Listings(at)
    problems: dict[int, GoclientError] = {}
    for serial, attempt in tries.items():
        for output in _outputs_of(batch, destination):
            problem = _missing(batch, output, serial, attempt, listings=listings)
            if problem is None and not batch.overwrite and serial not in started:
                problem = _in_the_way(batch, output, serial, listings)
            if problem is not None:
                problems.setdefault(serial, problem)
    return Found(tuple(one for one in tries if one not in problems), problems)


def items_of(batch: Batch, destination: Endpoint, tries: Mapping[int, int], at: Lister) -> tuple[TransferItem, ...]:
    """Return the items that take the outputs of these jobs from the staging area to a destination."""
    listings = _Listings(at)
    return tuple(_items(batch, destination, tries, listings))


def _items(
    batch: Batch, destination: Endpoint, tries: Mapping[int, int], listings: _Listings
) -> Iterator[TransferItem]:
    for serial, attempt in tries.items():
        for output in _outputs_of(batch, destination):
            staged = batch.area.below(f"{OUT}/{staged_name(fill_serial(output.staged, serial), attempt)}")
            entry = listings.entry(batch.area.collection, staged)
            is_directory = output.is_directory or (entry is not None and entry.is_directory)
            path = _final(output, serial, listings)
            yield TransferItem(staged, path, is_directory)


def _outputs_of(batch: Batch, destination: Endpoint) -> list[Output]:
    return [one for one in batch.outputs if one.destination == destination]


def _final(output: Output, serial: int, listings: _Listings) -> str:
    """Return the final path of an output: inside a directory that exists where a new name was typed."""
    path = fill_serial(output.path, serial)
    if output.renames and not output.is_directory:
        there = listings.entry(output.destination, path)
        if there is not None and there.is_directory:
            return f"{path.rstrip('/')}/{fill_serial(output.name, serial)}"
    return path


def _missing(batch: Batch, output: Output, serial: int, attempt: int, *, listings: _Listings) -> GoclientError | None:
    area, name = batch.area, staged_name(fill_serial(output.staged, serial), attempt)
    staged = area.below(f"{OUT}/{name}")
    if listings.entry(area.collection, staged) is not None:
        return None
    message = f"{quoted(output.name)} of job {serial} ({batch.records[serial - 1].jobName}) is not at "
    message += f"{area.collection.show(staged)}, where the job was to leave it"
    hint = f"look whether {area.directory} of the collection is {area.node} on the nodes ([site.QUEUE])"
    return EndpointError(message, hint=hint, code="not-staged", subject=area.collection.show(staged))


def _in_the_way(batch: Batch, output: Output, serial: int, listings: _Listings) -> GoclientError | None:
    path = _final(output, serial, listings)
    if listings.entry(output.destination, path) is None:
        return None
    shown = output.destination.show(path)
    hint = f"rename it, and type: goclient advance {batch.campaign}; or allow it with --goOverwrite"
    message = f"{quoted(shown)} exists: {quoted(output.name)} of job {serial} would overwrite it"
    return PathExists(message, hint=hint, subject=shown)


class _Listings:
    """List each directory once."""

    def __init__(self, at: Lister) -> None:
        self._at = at
        self._known: dict[tuple[Endpoint, str], Listing] = {}

    def entry(self, endpoint: Endpoint, path: str) -> FileInfo | None:
        """Return what is at a path; None if nothing is."""
        directory, name = posixpath.split(path.rstrip("/"))
        if (endpoint, directory) not in self._known:
            try:
                self._known[endpoint, directory] = self._at.listing(endpoint, f"{directory.rstrip('/')}/")
            except (PathNotFound, NotADirectory):
                self._known[endpoint, directory] = Listing({})
        return self._known[endpoint, directory].get(name)
