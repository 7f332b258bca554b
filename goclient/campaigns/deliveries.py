"""Deliveries: which outputs are there at the site, what is in their way, and the items that take them to their places.

An existing file is overwritten only if the user allows it, or if an earlier delivery of the same job has begun it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import NamedTuple, Protocol

from goclient.campaigns.batch import Batch
from goclient.errors import EndpointError
from goclient.errors.conditions import NotADirectory, PathExists, PathNotFound
from goclient.errors.wording import pluralize, quote
from goclient.jobs.panda_ids import as_ranges
from goclient.model.endpoint import Endpoint
from goclient.model.location import Location
from goclient.model.names import fill_serial
from goclient.model.plan import TransferItem
from goclient.model.remote import FileInfo, Listing
from goclient.model.staging import OUT, Output, name_staged


class Lister(Protocol):
    """Globus Transfer, as far as directories are listed."""

    def listing(self, collection: Endpoint, directory: str) -> Listing:
        """Return what a directory holds, by name."""


class Found(NamedTuple):
    """Jobs whose outputs can be delivered to a destination, and why those of others cannot.

    ``missing`` has where an output of a job should be, and is not; ``taken``, what is in the way of one.
    """

    free: tuple[int, ...]
    missing: Mapping[int, str]
    taken: Mapping[int, Taken]


class Taken(NamedTuple):
    """Place of an output at which something is; ``name`` is that of the output in the job."""

    place: Location
    name: str


def find_free(batch: Batch, destination: Endpoint, tries: Mapping[int, int], *, started: Set[int], at: Lister) -> Found:
    """Find out which of these jobs' outputs are there and have their places free; those ``started`` are taken as free.

    ``tries`` are the numbers of the jobs, each with that of the try whose outputs are meant.
    Raises EndpointError if an end cannot be listed now.
    """
    listings = _Listings(at)
    missing, taken = dict[int, str](), dict[int, Taken]()
    for serial, attempt in tries.items():
        for output in _outputs_of(batch, destination):
            staged = _locate(batch, output, serial, attempt)
            if listings.entry(batch.area.collection, staged) is None:
                missing.setdefault(serial, batch.area.collection.show(staged))
                continue
            is_careful = not batch.overwrite and serial not in started
            if is_careful and listings.entry(output.destination, path := _final(output, serial, listings)) is not None:
                name = fill_serial(output.name, serial)
                taken.setdefault(serial, Taken(Location(output.destination, path), name))
    free = tuple(one for one in tries if one not in missing and one not in taken)
    return Found(free, missing, {serial: one for serial, one in taken.items() if serial not in missing})


def items_of(batch: Batch, destination: Endpoint, tries: Mapping[int, int], at: Lister) -> tuple[TransferItem, ...]:
    """Return the items that take the outputs of these jobs from the staging area to a destination."""
    listings = _Listings(at)
    return tuple(_items(batch, destination, tries, listings))


def find_absent(places: Sequence[Location], at: Lister) -> list[Location]:
    """Return the places at which nothing is, of those that have a name; raise EndpointError if that is not known."""
    listings = _Listings(at)
    return [one for one in places if one.name and listings.entry(one.endpoint, one.path) is None]


def _items(
    batch: Batch, destination: Endpoint, tries: Mapping[int, int], listings: _Listings
) -> Iterator[TransferItem]:
    for serial, attempt in tries.items():
        for output in _outputs_of(batch, destination):
            staged = _locate(batch, output, serial, attempt)
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


def _locate(batch: Batch, output: Output, serial: int, attempt: int) -> str:
    """Return the path on the site's collection at which a try of a job leaves an output."""
    return batch.area.below(f"{OUT}/{name_staged(fill_serial(output.staged, serial), attempt)}")


def not_staged(batch: Batch, missing: Mapping[int, str], panda_ids: Mapping[int, int]) -> EndpointError:
    """Return the error of jobs that have finished, and of which an output is not at the site."""
    ids, (shown, *others) = as_ranges(panda_ids[serial] for serial in missing), missing.values()
    more = f" (and others of {pluralize(len(others), 'more job')})" if others else ""
    message = f"{batch.campaign}: PandaID {ids}: finished, and an output is not where it was to be left, at "
    message += f"{quote(shown)}{more}"
    queue, area, theirs = batch.records[0].common.computingSite, batch.area, "their" if others else "its"
    hint = f"look whether {area.directory} of the collection is {area.node} on the nodes ([site.{queue}]); to run "
    hint += f"{'them' if others else 'it'} again, type: goclient retry {ids} --all; to give up all {theirs} outputs: "
    hint += f"goclient advance {batch.campaign} --end --jobs={ids}"
    return EndpointError(message, hint=hint, code="not-staged", subject=shown)


def in_the_way(batch: Batch, taken: Taken, panda_id: int, *, deliverer: int | None) -> PathExists:
    """Return the error of a job's output at whose place something is, which was delivered for another job, if any."""
    shown, command = taken.place.endpoint.show(taken.place.path), f"goclient advance {batch.campaign}"
    hint = f"rename the file that is there, and type: {command}; or replace it: {command} --goOverwrite"
    message = f"{quote(shown)} exists: {quote(taken.name)} of PandaID {panda_id} would overwrite it"
    if deliverer is not None:
        message += f"; it was delivered for PandaID {deliverer} of the same campaign"
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
