"""The preflight: every endpoint and path of a spec is looked at before anything is sent.

All checks are made, side by side, and all findings are reported.  Each endpoint is asked for once, and each
folder once, however many files are in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from goclient.errors import EndpointError, GoclientError, quoted
from goclient.model.finding import Finding
from goclient.model.location import is_uuid
from goclient.model.serial import fill_serial
from goclient.model.spec import GRIDFTP, Move, Place, TransferSpec

if TYPE_CHECKING:
    from goclient.services.globus import FileInfo, Globus

T = TypeVar("T")
R = TypeVar("R")
SHOWN = 5  # findings of one end of a move, of thousands of jobs maybe
PARALLEL = 16  # requests at once; the service allows 20 a second


def resolve_offline(spec: TransferSpec, catalogue: Mapping[str, str]) -> tuple[TransferSpec, list[Finding]]:
    """The spec with catalogue names replaced, and a warning for each name that is in no catalogue."""
    resolved = spec.with_endpoints(dict(catalogue))
    findings = [
        Finding(
            "warning",
            "unresolved",
            name,
            f"{quoted(name)} is not in the catalogue and was not looked up: it is sent as typed",
            "leave out --noCheck, or add the name to the catalogue",
        )
        for name in resolved.endpoints
        if not is_uuid(name) and not name.startswith(GRIDFTP)
    ]
    return resolved, findings


def preflight(
    spec: TransferSpec, *, catalogue: Mapping[str, str], globus: Globus, make_folders: bool, serials: Sequence[int]
) -> tuple[TransferSpec, list[Finding]]:
    """The spec with every endpoint resolved, and what was found, in the order of the spec.

    ``serials``: the serial numbers of the jobs, for targets that differ from job to job.  Folders that are
    missing at a destination are made if ``make_folders`` is set; nothing else is changed anywhere.
    """
    checker = _Checker(globus, serials, overwrite=spec.overwrite, make_folders=make_folders)
    names, findings = checker.resolve(spec.endpoints, catalogue)
    resolved = spec.with_endpoints(names)
    findings += checker.paths(resolved, known=set(names.values()))
    return checker.settled(resolved, known=set(names.values())), _without_repeats(findings)


def _without_repeats(findings: Iterable[Finding]) -> list[Finding]:
    """The findings without those that say the same again: one missing login is one finding."""
    return list({(one.level, one.code, one.message): one for one in reversed(list(findings))}.values())[::-1]


class _Checker:
    """The checks of one preflight; keeps what it has asked."""

    def __init__(self, globus: Globus, serials: Sequence[int], *, overwrite: bool, make_folders: bool) -> None:
        self._globus = globus
        self._overwrite = overwrite
        self._make_folders = make_folders
        self._serials = serials
        self._listings: dict[tuple[str, str], dict[str, FileInfo] | GoclientError] = {}
        self._typed: dict[str, str] = {}  # the name that was typed for an id

    # --- endpoints ---

    def resolve(self, names: Sequence[str], catalogue: Mapping[str, str]) -> tuple[dict[str, str], list[Finding]]:
        """The id of each endpoint that was found, by its name, and a finding for each name."""
        asked = _side_by_side(lambda name: self._identify(name, catalogue.get(name, name)), names)
        ids: dict[str, str] = {}
        findings = []
        for name, found in asked.items():
            if isinstance(found, GoclientError):
                findings.append(Finding.failed(found))
            else:
                ids[name], finding = found
                self._typed[ids[name]] = name
                findings.append(finding)
        return ids, findings

    def _identify(self, name: str, meant: str) -> tuple[str, Finding]:
        if meant.startswith(GRIDFTP):
            message = f"{quoted(name)} is a GridFTP server: it cannot be checked from here, nor does our pilot reach it"
            return meant, Finding("warning", "unchecked", name, message, "name a Globus collection of that storage")
        collection = self._globus.collection(meant, called=name) if is_uuid(meant) else self._globus.resolve(name)
        if collection.connected is False:
            raise EndpointError(
                f"{quoted(name)} is a Globus Connect Personal endpoint that is not connected",
                hint="start Globus Connect Personal on that computer",
                code="disconnected",
                subject=name,
            )
        message = f"{name} is {collection.name or collection.canonical_name}, {collection.id}"
        return collection.id, Finding("ok", "endpoint", name, message)

    # --- paths ---

    def paths(self, spec: TransferSpec, *, known: set[str]) -> list[Finding]:
        """A finding for each source and each target on the endpoints in ``known``."""
        moves = list(spec.moves)
        ends = [place for move in moves for end in (move.source, move.target) for place in self._filled(end)]
        self._list(place for place in ends if self._sees(place, known))
        self._list(place for move in moves if self._sees(move.destination, known) for place in self._written(move))
        return [finding for move in moves for finding in self._move(move, known)]

    def settled(self, spec: TransferSpec, *, known: set[str]) -> TransferSpec:
        """The spec with a final slash on what was found to be a directory, where all jobs use the same."""

        def end(place: Place) -> Place:
            fixed = "$" not in place.path and place.name and not place.is_directory
            if not (fixed and self._sees(place, known) and _folder_of(place) in self._listings):
                return place
            found = self._found(place)
            is_directory = found is not None and not isinstance(found, GoclientError) and found.is_directory
            return Place(endpoint=place.endpoint, path=f"{place.path}/") if is_directory else place

        return spec.with_places(end)

    def _sees(self, place: Place, known: set[str]) -> bool:
        return place.endpoint in known and not str(place.endpoint).startswith(GRIDFTP)

    def _shown(self, place: Place) -> str:
        """The place as the user typed it."""
        name = self._typed.get(str(place.endpoint), place.endpoint)
        return str(Place(endpoint=name, path=place.path))

    def _filled(self, place: Place) -> list[Place]:
        """The places that one end of a move is in the jobs, their serial numbers filled in."""
        paths = dict.fromkeys(fill_serial(place.path, serial) for serial in self._serials)
        return [Place(endpoint=place.endpoint, path=path) for path in paths]

    def _list(self, places: Iterable[Place]) -> None:
        """Asks, side by side, for the folders of the places that were not asked for yet."""
        folders = dict.fromkeys(_folder_of(place) for place in places)
        wanted = [folder for folder in folders if folder not in self._listings]
        self._listings.update(_side_by_side(self._ask, wanted))

    def _ask(self, folder: tuple[str, str]) -> dict[str, FileInfo]:
        return self._globus.listing(*folder, called=self._typed.get(folder[0], ""))

    def _found(self, place: Place) -> FileInfo | GoclientError | None:
        """What stands at a place: its entry, None if nothing does, or why that is not known."""
        listing = self._listings[_folder_of(place)]
        return listing if isinstance(listing, GoclientError) else listing.get(place.name)

    def _written(self, move: Move) -> list[Place]:
        """The places that a move will write: inside a directory that exists where a new name was typed."""
        return [self._inside(move, target) for target in self._filled(move.target)]

    def _inside(self, move: Move, target: Place) -> Place:
        found = None if move.destination.is_directory else self._found(target)
        if found is None or isinstance(found, GoclientError) or not found.is_directory:
            return target
        return Place(endpoint=target.endpoint, path=f"{target.path}/{move.source.name}")

    def _move(self, move: Move, known: set[str]) -> Iterable[Finding]:
        if self._sees(move.source, known) and not move.source.name:
            shown = self._shown(move.source)
            yield Finding("warning", "whole", shown, f"{quoted(shown)} is all that the endpoint holds", "name a folder")
        elif self._sees(move.source, known):
            yield from _wrong_or_first([self._source(place) for place in self._filled(move.source)])
        if self._sees(move.destination, known):
            yield from _wrong_or_first([self._target(place) for place in self._written(move)])

    def _source(self, place: Place) -> Finding:
        found = self._found(place)
        if isinstance(found, GoclientError):
            return Finding.failed(found)
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
        listing = self._listings[_folder_of(place)]
        assert not isinstance(listing, GoclientError)
        near = _nearest(place.name, listing)
        hint = f"did you mean {' or '.join(map(quoted, near))}?" if near else "look at the folder in the Globus web app"
        return EndpointError(
            f"{quoted(self._shown(place))}: there is no {quoted(place.name)} in that folder",
            hint=hint,
            code="path-not-found",
            subject=self._shown(place),
        )

    def _target(self, place: Place) -> Finding:
        found = self._found(place)
        if isinstance(found, GoclientError):
            return self._no_folder(place, found)
        if found is None:
            return Finding(
                "ok", "target", self._shown(place), f"{self._shown(place)} can be written, nothing is in its way"
            )
        if self._overwrite:
            return Finding("ok", "target", self._shown(place), f"{self._shown(place)} exists and will be overwritten")
        what = "directory whose files may be overwritten" if found.is_directory else "file that would be overwritten"
        error = EndpointError(
            f"{quoted(self._shown(place))} exists: a {what}",
            hint="choose another name or folder, or allow it with --goOverwrite",
            code="exists",
            subject=self._shown(place),
        )
        return Finding.failed(error)

    def _no_folder(self, place: Place, error: GoclientError) -> Finding:
        if error.code != "path-not-found":
            return Finding.failed(error)
        endpoint, folder = _folder_of(place)
        if self._make_folders:
            return self._make_folder(endpoint, folder)
        shown = self._shown(Place(endpoint=endpoint, path=folder))
        message = f"the folder {quoted(shown)} does not exist: Globus will make it"
        return Finding(
            "warning", "no-folder", self._shown(place), message, "if it is a typo, mend it; --goMkdir makes it now"
        )

    def _make_folder(self, endpoint: str, folder: str) -> Finding:
        try:
            self._make(endpoint, folder)
        except GoclientError as error:
            return Finding.failed(error)
        self._listings[(endpoint, folder)] = {}
        return Finding(
            "ok", "folder", folder, f"the folder {self._shown(Place(endpoint=endpoint, path=folder))} was made"
        )

    def _make(self, endpoint: str, folder: str) -> None:
        """None, once the folder is there; its parents are made first where that is needed."""
        try:
            self._globus.mkdir(endpoint, folder)
        except EndpointError:
            parent = folder.rstrip("/").rpartition("/")[0] + "/"
            if parent in ("/", "/~/"):
                raise
            self._make(endpoint, parent)
            self._globus.mkdir(endpoint, folder)


def _wrong_or_first(findings: list[Finding]) -> list[Finding]:
    """What is wrong with one end of a move in the jobs, or one finding that says it is right in all."""
    wrong = [finding for finding in findings if finding.level != "ok"] or findings[:1]
    if len(wrong) <= SHOWN:
        return wrong
    more = f"{wrong[SHOWN - 1].message}; and {len(wrong) - SHOWN} more like it"
    return [*wrong[: SHOWN - 1], replace(wrong[SHOWN - 1], message=more)]


def _side_by_side(ask: Callable[[T], R], subjects: Sequence[T]) -> dict[T, R | GoclientError]:
    """What ``ask`` gives, or the GoclientError that it raises, for each subject; asked in parallel."""

    def safely(subject: T) -> R | GoclientError:
        try:
            return ask(subject)
        except GoclientError as error:
            return error

    if not subjects:
        return {}
    from concurrent.futures import ThreadPoolExecutor  # with --noCheck nothing is asked

    with ThreadPoolExecutor(min(PARALLEL, len(subjects))) as pool:
        return dict(zip(subjects, pool.map(safely, subjects), strict=True))


def _folder_of(place: Place) -> tuple[str, str]:
    """The endpoint and the folder in which a place's own entry is."""
    return str(place.endpoint), place.folder


def _nearest(name: str, listing: Mapping[str, FileInfo]) -> list[str]:
    import difflib  # only a mistake pays for it

    lowered = {known.lower(): known for known in listing}
    return [lowered[one] for one in difflib.get_close_matches(name.lower(), list(lowered), n=3, cutoff=0.6)]
