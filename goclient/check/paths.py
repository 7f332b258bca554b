"""The checks of paths: each folder is asked for once, however many files are in it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from goclient.check.folders import make_folders
from goclient.check.listings import Folder, Listings, folder_of
from goclient.check.parallel import Asker
from goclient.errors import EndpointError, GoclientError, LoginNeeded, quoted
from goclient.model.entries import shell_word
from goclient.model.finding import Finding
from goclient.model.serial import fill_serial
from goclient.model.spec import GRIDFTP, Move, Place, TransferSpec

if TYPE_CHECKING:
    from goclient.services.globus import Globus

SHOWN = 5  # findings of one end of a move, of thousands of jobs maybe


class Paths:
    """The checks of the sources and targets of one preflight; keeps what it has asked.

    ``names`` are the names that the user typed, by the ids that were found for them: only these are looked at.
    ``serials`` are the serial numbers of the jobs, for targets that differ from job to job.
    """

    def __init__(
        self,
        globus: Globus,
        asker: Asker,
        *,
        names: Mapping[str, str],
        serials: Sequence[int],
        overwrite: bool,
        make_missing: bool,
        make_numbered: bool,
        owners: Mapping[str, str],
    ) -> None:
        self._globus = globus
        self._asker = asker
        self._made: dict[Folder, GoclientError | None] = {}
        self._listings = Listings(globus, asker, names)
        self._typed = names
        self._serials = serials
        self._overwrite = overwrite
        self._make_missing = make_missing
        self._make_numbered = make_numbered
        self._owners = owners

    def findings(self, spec: TransferSpec, *, safe: bool = True) -> list[Finding]:
        """A finding for each source and each target on the endpoints that are known, and one for their size.

        Folders are made only if nothing is known to be wrong: ``safe`` says so of the endpoints.
        """
        moves = list(spec.moves)
        ends = [place for move in moves for end in (move.source, move.target) for place in self._filled(end)]
        server = [self._server(spec)] if spec.local_endpoint in self._typed else []
        self._listings.fetch(place for place in (*ends, *server) if self._sees(place))
        written = [place for move in moves if self._sees(move.destination) for place in self._written(move)]
        self._listings.fetch(written)
        self._listings.climb()
        sources = [list(self._sources(move)) for move in moves]
        safe = safe and not any(one.error for found in sources for one in found)
        if self._make_missing and safe:
            folders = [folder_of(place) for move in moves if self._is_made(move) for place in self._written(move)]
            self._made = make_folders(folders, self._listings, self._globus, self._asker, self._typed)
        found = [one for move, ours in zip(moves, sources, strict=True) for one in (*ours, *self._targets(move))]
        return [*found, *map(Finding.failed, filter(None, map(self._no_login, server))), *self._size(moves)]

    def _is_made(self, move: Move) -> bool:
        """True if the folder of a move's target is made where it is missing."""
        return self._sees(move.destination) and (self._make_numbered or "$" not in move.target.folder)

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
            if not (fixed and self._sees(place) and place in self._listings):
                return place
            found = self._listings.entry(place)
            is_directory = found is not None and not isinstance(found, GoclientError) and found.is_directory
            return Place(endpoint=place.endpoint, path=f"{place.path}/") if is_directory else place

        return spec.with_places(end)

    def nearest_folder(self, place: Place) -> Place:
        """The folder of a place, or the nearest above it that is there."""
        endpoint, path = self._listings.there(folder_of(place))
        return Place(endpoint=endpoint, path=path)

    def _sees(self, place: Place) -> bool:
        return place.endpoint in self._typed and not str(place.endpoint).startswith(GRIDFTP)

    def _shown(self, place: Place) -> str:
        """The place as the user typed it."""
        name = self._typed.get(str(place.endpoint), place.endpoint)
        return str(Place(endpoint=name, path=place.path))

    def _filled(self, place: Place) -> list[Place]:
        """The places that one end of a move is in the jobs, their serial numbers filled in."""
        paths = dict.fromkeys(fill_serial(place.path, serial) for serial in self._serials)
        return [Place(endpoint=place.endpoint, path=path) for path in paths]

    def _written(self, move: Move) -> list[Place]:
        """The places that a move will write: inside a directory that exists where a new name was typed."""
        return [self._inside(move, target) for target in self._filled(move.target)]

    def _inside(self, move: Move, target: Place) -> Place:
        found = None if move.destination.is_directory else self._listings.entry(target)
        if found is None or isinstance(found, GoclientError) or not found.is_directory:
            return target
        return Place(endpoint=target.endpoint, path=f"{target.path}/{move.source.name}")

    def _sources(self, move: Move) -> Iterable[Finding]:
        if self._sees(move.source) and not move.source.name:
            yield self._whole(move.source)
        elif self._sees(move.source):
            yield from _wrong_or_first([self._source(place) for place in self._filled(move.source)])

    def _targets(self, move: Move) -> Iterable[Finding]:
        if not self._sees(move.destination):
            return
        sources, written = self._filled(move.source), self._written(move)
        pairs = zip(itertools.cycle(sources), written, strict=False)
        if any(_inside_itself(source, target) for source, target in pairs):
            shown = self._shown(move.source)
            message, hint = f"{quoted(shown)} would be written onto or into itself", "name another place"
            yield Finding.failed(EndpointError(message, hint=hint, code="onto-itself", subject=shown))
        else:
            yield from _wrong_or_first([self._target(place) for place in written])

    def _whole(self, place: Place) -> Finding:
        """The finding of a source that is an endpoint's top, which may not be let into."""
        found = self._listings.entry(place)
        if isinstance(found, GoclientError):
            return self._unlisted(found)
        shown = self._shown(place)
        return Finding("warning", "whole", shown, f"{quoted(shown)} is all that the endpoint holds", "name a folder")

    def _size(self, moves: Sequence[Move]) -> Iterable[Finding]:
        """How much is moved, as far as the listings say: what is in directories is not looked at."""
        found = [self._listings.entry(place) for move in moves if self._sees(move.source) and move.source.name
                 for place in self._filled(move.source)]  # fmt: skip
        entries = [entry for entry in found if entry is not None and not isinstance(entry, GoclientError)]
        files = [entry for entry in entries if not entry.is_directory]
        if entries:
            more = len(entries) - len(files)
            size = f"{len(files)} file(s) of {sum(entry.size for entry in files)} bytes"
            text = f"{size}, and {more} directories whose size is not known" if more else size
            yield Finding("ok", "size", "sources", f"to be brought or moved: {text}")

    def _source(self, place: Place) -> Finding:
        found = self._listings.entry(place)
        if isinstance(found, GoclientError):
            return self._unlisted(self._listings.no_such_folder(folder_of(place), found))
        if found is None:
            return Finding.failed(self._missing(place))
        if place.is_directory and not found.is_directory:
            error = EndpointError(
                f"{quoted(self._shown(place))} is a file, not a directory",
                hint="leave out the final /",
                code="not-a-directory",
                subject=self._shown(place),
            )
            return Finding.failed(error)
        kind = "a directory" if found.is_directory else f"{found.size} bytes"
        return Finding("ok", "source", self._shown(place), f"{self._shown(place)} is there, {kind}")

    def _missing(self, place: Place) -> EndpointError:
        near = self._listings.beside(place)
        hint = f"did you mean {' or '.join(map(quoted, near))}?" if near else f"to see what is, type: {_ls(place)}"
        return EndpointError(
            f"{quoted(self._shown(place))}: there is no {quoted(place.name)} in that folder",
            hint=hint,
            code="path-not-found",
            subject=self._shown(place),
        )

    def _target(self, place: Place) -> Finding:
        found = self._listings.entry(place)
        if folder_of(place) in self._made:
            return self._made_folder(folder_of(place))
        if isinstance(found, GoclientError):
            return self._no_folder(place, found)
        shown = self._shown(place)
        if found is None:
            return Finding("ok", "target", shown, f"nothing is in the way of {shown}")
        if self._overwrite:
            return Finding("ok", "target", shown, f"{shown} exists and will be overwritten")
        what = "directory whose files may be overwritten" if found.is_directory else "file that would be overwritten"
        hint = "choose another name or folder, or allow it with --goOverwrite"
        error = EndpointError(f"{quoted(shown)} exists: a {what}", hint=hint, code="exists", subject=shown)
        return Finding.failed(error)

    def _no_folder(self, place: Place, error: GoclientError) -> Finding:
        endpoint, folder = folder_of(place)
        shown = self._shown(Place(endpoint=endpoint, path=folder))
        if error.code == "not-a-directory":
            message = f"{quoted(shown.rstrip('/'))} is a file: nothing can be written into it"
            hint = "name a directory, or another name for the file"
            return Finding.failed(EndpointError(message, hint=hint, code=error.code, subject=shown))
        if error.code != "path-not-found":
            return self._unlisted(error)
        message = f"the folder {quoted(shown)} does not exist: Globus will make it"
        _, _, near = self._listings.lost((endpoint, folder))
        hint = f"did you mean {' or '.join(map(quoted, near))}? " if near else "if it is a typo, mend it; "
        return Finding("warning", "no-folder", self._shown(place), message, f"{hint}--goMkdir makes it now")

    def _unlisted(self, error: GoclientError) -> Finding:
        """What a folder that cannot be listed comes to: one that is only too large is no reason to stop."""
        if error.code == "too-large":
            hint = "what is in it could not be looked at"
            return Finding("warning", "unchecked", error.subject, error.message, hint)
        if error.code == "permission":
            typed = error.subject.partition(":")[0]
            owner = next((self._owners.get(found) for found, name in self._typed.items() if name == typed), "")
            error.hint = f"ask {owner} for access" if owner else error.hint
        return Finding.failed(error)

    def _made_folder(self, folder: Folder) -> Finding:
        problem = self._made[folder]
        if problem is not None:
            return Finding.failed(problem)
        shown = self._shown(Place(endpoint=folder[0], path=folder[1]))
        return Finding("ok", "folder", shown, f"the folder {shown} was made")


def _ls(place: Place) -> str:
    """The command that lists the folder of a place."""
    return " ".join(map(shell_word, ["globus", "ls", f"{place.endpoint}:{place.folder}"]))


def _inside_itself(source: Place, target: Place) -> bool:
    """True if a target is its source, or is below it."""
    one, other = (re.sub("/+", "/", f"{place.path}/") for place in (source, target))
    return source.endpoint == target.endpoint and other.startswith(one)


def _wrong_or_first(findings: list[Finding]) -> list[Finding]:
    """What is wrong with one end of a move in the jobs, or one finding that says it is right in all."""
    wrong = [finding for finding in findings if finding.level != "ok"] or findings[:1]
    if len(wrong) <= SHOWN:
        return wrong
    more = f"{wrong[SHOWN - 1].message}; and {len(wrong) - SHOWN} more like it"
    return [*wrong[: SHOWN - 1], replace(wrong[SHOWN - 1], message=more)]
