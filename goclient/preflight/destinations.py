"""The checks of targets: what is in their way, and whether their folders are there and may be written."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from goclient.errors import EndpointError, Finding, GoclientError, MissingDirectory, quoted
from goclient.model.endpoint import read_endpoint
from goclient.model.location import Location, Transfer
from goclient.model.remote import FileInfo
from goclient.model.wildcards import has_wildcards
from goclient.preflight.listings import Folder, folder_of
from goclient.preflight.seen import Seen, few, hint_of_near, kind_of, nobody_may, wrong_or_first

WRITE = 0o222  # the permission bits of everybody


class Targets:
    """The checks of the targets of one preflight; ``made`` are the folders that were made, or why they were not.

    ``probed``: it is tried whether they can be written into, which tells more than their modes.
    """

    def __init__(
        self, seen: Seen, *, overwrite: bool, probed: bool, made: Mapping[Folder, GoclientError | None]
    ) -> None:
        self._seen = seen
        self._listings = seen.listings
        self._overwrite = overwrite
        self._probed = probed
        self._made = made
        self._written: dict[Transfer, list[Location]] = {}

    def findings(self, transfer: Transfer) -> Iterable[Finding]:
        """Return a finding for the target of a move, or for each job in which something is wrong with it."""
        if not self._seen.sees(transfer.destination):
            return []
        sources, written = self._seen.filled(transfer.source), self.written(transfer)
        pairs = list(zip(itertools.cycle(sources), written, strict=False))
        if any(_inside_itself(source, target) for source, target in pairs):
            shown = self._seen.shown(transfer.source)
            message, hint = f"{quoted(shown)} would be written onto or into itself", "name another place"
            return [EndpointError(message, hint=hint, code="onto-itself", subject=shown).finding]
        return wrong_or_first([self._target(target, source) for source, target in pairs])

    def written(self, transfer: Transfer) -> list[Location]:
        """Return the places that a move will write: inside a directory that exists where a new name was typed."""
        if transfer not in self._written:
            self._written[transfer] = [self._inside(transfer, target) for target in self._seen.filled(transfer.target)]
        return self._written[transfer]

    def folders(self, transfers: Sequence[Transfer]) -> Iterator[Folder]:
        """Yield the folder of each target, as it was typed."""
        for transfer in transfers:
            if self._seen.sees(transfer.destination):
                several = "$" in transfer.target.directory
                yield from map(folder_of, self._seen.filled(transfer.target) if several else [transfer.target])

    def remarks(self, transfers: Sequence[Transfer]) -> list[Finding]:
        """Return what is found of folders that nobody may write into, as their modes say."""
        targets = (transfer for transfer in transfers if self._seen.sees(transfer.destination))
        folders = dict.fromkeys(folder_of(location) for transfer in targets for location in self.written(transfer))
        return few([one for folder in folders for one in self._read_only(folder)])

    def _read_only(self, folder: Folder) -> Iterator[Finding]:
        entry = self._listings.itself(folder)
        if entry is not None and entry.is_directory and nobody_may(entry, WRITE):
            shown = self._seen.shown(Location(read_endpoint(folder[0]), folder[1]))
            message = f"{quoted(shown)} may be written by nobody: its mode is {entry.permissions}"
            hint = "name another folder, or add --goProbe, which tries whether its storage lets you write all the same"
            found = EndpointError(message, hint=hint, code="read-only", subject=shown).finding
            yield found.as_warning() if self._probed else found

    def _inside(self, transfer: Transfer, target: Location) -> Location:
        found = None if transfer.destination.is_directory else self._listings.entry(target)
        if found is None or isinstance(found, GoclientError) or not found.is_directory:
            return target
        return target.with_path(f"{target.path}/{transfer.source.name}")

    def _target(self, location: Location, source: Location) -> Finding:
        found = self._listings.entry(location)
        if folder_of(location) in self._made:
            return self._made_folder(folder_of(location))
        if isinstance(found, GoclientError):
            return self._no_folder(location, found)
        shown = self._seen.shown(location)
        if found is None:
            return Finding("ok", "target", shown, f"nothing is in the way of {shown}")
        what = "directory whose files may be overwritten" if found.is_directory else "file that would be overwritten"
        what = kind_of(found) or f"a {what}"
        hint = "choose another name or folder"
        if not self._overwrite:
            hint += ", or allow it with --goOverwrite" if not self._of_another_kind(found, source) else ""
            error = EndpointError(f"{quoted(shown)} exists: {what}", hint=hint, code="exists", subject=shown)
            return error.finding
        if problem := self._of_another_kind(found, source):
            message = f"{quoted(shown)} exists: {problem}, which --goOverwrite does not replace"
            if found.is_directory and not self._seen.sees(source):
                hint = f"if {quoted(source.name)} is a directory, too, type a / at its end; else choose another name"
            return EndpointError(message, hint=hint, code="exists", subject=shown).finding
        return Finding("ok", "target", shown, f"{shown} exists and will be overwritten")

    def _of_another_kind(self, found: FileInfo, source: Location) -> str:
        """What cannot be replaced by a source, because the two are not of a kind; the empty string if it can."""
        entry = self._listings.entry(source) if self._seen.sees(source) and source.name else None
        known = entry.is_directory if isinstance(entry, FileInfo) else False
        is_directory = source.is_directory or known or not source.name
        if found.is_directory != is_directory:
            return "a directory" if found.is_directory else "a file"
        return kind_of(found)

    def _no_folder(self, location: Location, error: GoclientError) -> Finding:
        endpoint, folder = folder_of(location)
        shown = self._seen.shown(Location(read_endpoint(endpoint), folder))
        if error.code == "not-a-directory":
            message = f"{quoted(shown.rstrip('/'))} is a file: nothing can be written into it"
            hint = "name a directory, or another name for the file"
            return EndpointError(message, hint=hint, code=error.code, subject=shown).finding
        if error.code != "path-not-found":
            return self._seen.unlisted(error)
        message = f"the folder {quoted(shown)} does not exist: Globus will make it"
        lost = self._listings.lost((endpoint, folder))
        near = hint_of_near(lost[0].name, (name for name, one in lost[1].items() if one.is_directory)) if lost else ""
        if lost and has_wildcards(lost[0].name):
            message += f", with that name: there are no wildcards in {quoted(lost[0].name)}"
        hint = f"{near} " if near else "if it is a typo, mend it; "
        return MissingDirectory(
            "warning", "no-folder", self._seen.shown(location), message, f"{hint}--goMkdir makes it now"
        )

    def _made_folder(self, folder: Folder) -> Finding:
        problem = self._made[folder]
        if problem is not None:
            return problem.finding
        shown = self._seen.shown(Location(read_endpoint(folder[0]), folder[1]))
        return Finding("ok", "folder", shown, f"the folder {shown} was made")


def _inside_itself(source: Location, target: Location) -> bool:
    """True if a target is its source, or is below it."""
    one, other = (re.sub("/+", "/", f"{location.path}/") for location in (source, target))
    return source.endpoint == target.endpoint and other.startswith(one)
