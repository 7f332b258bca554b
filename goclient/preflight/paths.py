"""The checks of paths: each folder is asked for once, however many files are in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from goclient.errors import GoclientError, LoginNeeded
from goclient.model.finding import Finding
from goclient.model.spec import Move, Place, TransferSpec
from goclient.preflight.destinations import Targets
from goclient.preflight.directories import make_folders
from goclient.preflight.listings import Folder, Listings, folder_of
from goclient.preflight.seen import Seen
from goclient.preflight.sources import Load, Sources
from goclient.services.parallel import Asker

if TYPE_CHECKING:
    from goclient.preflight.run import Wishes
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
        asker: Asker,
        *,
        names: Mapping[str, str],
        serials: Sequence[int],
        overwrite: bool,
        wishes: Wishes,
        collections: Mapping[str, Collection],
    ) -> None:
        self._globus = globus
        self._asker = asker
        self._made: dict[Folder, GoclientError | None] = {}
        self._listings = Listings(globus, asker, names)
        self._typed = names
        self._seen = Seen(self._listings, names, collections, globus.identity, serials)
        self._sources = Sources(self._seen)
        self._targets = Targets(self._seen, overwrite=overwrite, probed=wishes.probe, made=self._made)
        self._make_missing = wishes.make_folders
        self._make_numbered = wishes.make_numbered
        self.load = Load()  # once the findings are known

    def findings(self, spec: TransferSpec, *, safe: bool = True) -> list[Finding]:
        """A finding for each source and each target on the endpoints that are known, and one for their size.

        Folders are made only if nothing is known to be wrong: ``safe`` says so of the endpoints.
        """
        moves = list(spec.moves)
        server = [self._server(spec)] if spec.local_endpoint in self._typed else []
        self._ask(moves, server)
        sources = [list(self._sources.findings(move)) for move in moves]
        safe = safe and not any(one.error for found in sources for one in found)
        if self._make_missing and safe:
            made = [move for move in moves if self._is_made(move)]
            folders = [folder_of(place) for move in made for place in self._targets.written(move)]
            self._made.update(make_folders(folders, self._listings, self._globus, self._asker, self._typed))
        found = [
            one for move, ours in zip(moves, sources, strict=True) for one in (*ours, *self._targets.findings(move))
        ]
        self.load = self._sources.load(moves)
        found += [*self._sources.remarks(moves), *self._targets.remarks(moves)]
        return [*found, *map(Finding.failed, filter(None, map(self._no_login, server))), *self._sources.size(self.load)]

    def _ask(self, moves: Sequence[Move], others: Sequence[Place]) -> None:
        """Ask for the folders of all ends, then for what is only known with them: two round trips, and few more."""
        ends = [place for move in moves for end in (move.source, move.target) for place in self._seen.filled(end)]
        seen = [place for place in (*ends, *others) if self._seen.sees(place)]
        self._listings.fetch(seen, about=self._targets.folders(moves))
        ours = [move for move in moves if self._seen.sees(move.destination)]
        written = [place for move in ours for place in self._targets.written(move)]
        self._listings.fetch(written, inside=self._sources.folders(moves))
        self._listings.climb()

    def _is_made(self, move: Move) -> bool:
        """True if the folder of a move's target is made where it is missing."""
        return self._seen.sees(move.destination) and (self._make_numbered or "$" not in move.target.folder)

    def _server(self, spec: TransferSpec) -> Place:
        """The place whose listing tells whether the server that sees the job's directory lets one in."""
        return Place(endpoint=spec.local_endpoint, path="/")

    def _no_login(self, place: Place) -> GoclientError | None:
        """The consent or the session that is missing for a place; whether it is there is no matter."""
        found = self._listings.entry(place)
        return found if isinstance(found, LoginNeeded) else None

    def is_listed(self, place: Place) -> bool:
        """True if the folder of a place could be listed, or is known not to be there."""
        found = self._listings.entry(place) if place in self._listings else None
        return not isinstance(found, GoclientError) or found.code == "path-not-found"

    def settled(self, spec: TransferSpec) -> TransferSpec:
        """The spec with a final slash on what was found to be a directory, where all jobs use the same."""

        def end(place: Place) -> Place:
            fixed = "$" not in place.path and place.name and not place.is_directory
            if not (fixed and self._seen.sees(place) and place in self._listings):
                return place
            found = self._listings.entry(place)
            is_directory = found is not None and not isinstance(found, GoclientError) and found.is_directory
            return Place(endpoint=place.endpoint, path=f"{place.path}/") if is_directory else place

        return spec.with_places(end)

    def nearest_folder(self, place: Place) -> Place:
        """The folder of a place, or the nearest above it that is there."""
        endpoint, path = self._listings.there(folder_of(place))
        return Place(endpoint=endpoint, path=path)
