"""The checks of paths: each folder is asked for once, however many files are in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from goclient.errors import Finding, GoclientError, LoginNeeded
from goclient.model.endpoint import read_endpoint
from goclient.model.location import Location, Transfer
from goclient.model.spec import TransferSpec
from goclient.preflight.destinations import Targets
from goclient.preflight.directories import make_folders
from goclient.preflight.listings import Folder, Listings, folder_of
from goclient.preflight.seen import Seen
from goclient.preflight.sources import Load, Sources
from goclient.services.parallel import Parallel

if TYPE_CHECKING:
    from goclient.preflight.base import PreflightOptions
    from goclient.services.globus.collection import Collection
    from goclient.services.globus.sdk import Globus


class Paths:
    """The checks of the sources and targets of one preflight; keeps what it has asked.

    ``names`` are the names that the user typed, by the ids that were found for them: only these are looked at, and
    those of ``collections`` are Globus collections.  ``serials`` are the serial numbers of the jobs, for targets that
    differ from job to job.
    """

    def __init__(
        self,
        globus: Globus,
        parallel: Parallel,
        *,
        names: Mapping[str, str],
        serials: Sequence[int],
        overwrite: bool,
        options: PreflightOptions,
        collections: Mapping[str, Collection],
    ) -> None:
        self._globus = globus
        self._parallel = parallel
        self._made: dict[Folder, GoclientError | None] = {}
        self._listings = Listings(globus, parallel, names)
        self._typed = names
        self._seen = Seen(self._listings, names, collections, globus.identity, serials)
        self._sources = Sources(self._seen)
        self._targets = Targets(self._seen, overwrite=overwrite, probed=options.probe, made=self._made)
        self._make_missing = options.make_directories
        self._make_numbered = options.make_numbered
        self.load = Load()  # once the findings are known

    def findings(self, spec: TransferSpec, *, safe: bool = True) -> list[Finding]:
        """A finding for each source and each target on the endpoints that are known, and one for their size.

        Folders are made only if nothing is known to be wrong: ``safe`` says so of the endpoints.
        """
        transfers = list(spec.transfers)
        local = spec.local_endpoint
        server = [Location(local, "/")] if local is not None and local.text in self._typed else []
        self._ask(transfers, server)
        sources = [list(self._sources.findings(transfer)) for transfer in transfers]
        safe = safe and not any(one.is_error for found in sources for one in found)
        if self._make_missing and safe:
            made = [transfer for transfer in transfers if self._is_made(transfer)]
            folders = [folder_of(location) for transfer in made for location in self._targets.written(transfer)]
            self._made.update(make_folders(folders, self._listings, self._globus, self._parallel, self._typed))
        found = [
            one
            for transfer, ours in zip(transfers, sources, strict=True)
            for one in (*ours, *self._targets.findings(transfer))
        ]
        self.load = self._sources.load(transfers)
        found += [*self._sources.remarks(transfers), *self._targets.remarks(transfers)]
        return [
            *found,
            *(error.finding for one in server if (error := self._no_login(one))),
            *self._sources.size(self.load),
        ]

    def _ask(self, transfers: Sequence[Transfer], others: Sequence[Location]) -> None:
        """Ask for the folders of all ends, then for what is only known with them: two round trips, and few more."""
        ends = [
            location
            for transfer in transfers
            for end in (transfer.source, transfer.target)
            for location in self._seen.filled(end)
        ]
        seen = [location for location in (*ends, *others) if self._seen.sees(location)]
        self._listings.fetch(seen, about=self._targets.folders(transfers))
        ours = [transfer for transfer in transfers if self._seen.sees(transfer.destination)]
        written = [location for transfer in ours for location in self._targets.written(transfer)]
        self._listings.fetch(written, inside=self._sources.folders(transfers))
        self._listings.climb()

    def _is_made(self, transfer: Transfer) -> bool:
        """True if the folder of a move's target is made where it is missing."""
        return self._seen.sees(transfer.destination) and (self._make_numbered or "$" not in transfer.target.directory)

    def _no_login(self, location: Location) -> GoclientError | None:
        """The consent or the session that is missing for a place; whether it is there is no matter."""
        found = self._listings.entry(location)
        return found if isinstance(found, LoginNeeded) else None

    def is_listed(self, location: Location) -> bool:
        """True if the folder of a place could be listed, or is known not to be there."""
        found = self._listings.entry(location) if location in self._listings else None
        return not isinstance(found, GoclientError) or found.code == "path-not-found"

    def settled(self, spec: TransferSpec) -> TransferSpec:
        """The spec with a final slash on what was found to be a directory, where all jobs use the same."""

        def end(location: Location) -> Location:
            fixed = "$" not in location.path and location.name and not location.is_directory
            if not (fixed and self._seen.sees(location) and location in self._listings):
                return location
            found = self._listings.entry(location)
            is_directory = found is not None and not isinstance(found, GoclientError) and found.is_directory
            return location.with_path(f"{location.path}/") if is_directory else location

        return spec.with_locations(end)

    def nearest_folder(self, location: Location) -> Location:
        """The folder of a place, or the nearest above it that is there."""
        endpoint, path = self._listings.there(folder_of(location))
        return Location(read_endpoint(endpoint), path)
