"""What the checks of paths share: the listings, what the user typed, and the words for what a listing says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from goclient.errors import EndpointError, Finding, GoclientError, quoted
from goclient.model.confusable import are_confusable, with_code_points
from goclient.model.endpoint import GlobusEndpoint, read_endpoint
from goclient.model.location import Location
from goclient.model.serial import fill_serial
from goclient.model.syntax.shell import shell_word
from goclient.preflight.listings import Listings, Unlisted, nearest

if TYPE_CHECKING:
    from goclient.model.remote import FileInfo
    from goclient.services.globus.collection import Collection

SHOWN = 5  # findings of one kind, of thousands of jobs or files maybe

# The types of Transfer's file document that are neither a file nor a directory, in words.
_TYPES = {
    "invalid_symlink": "a symbolic link that leads nowhere",
    "pipe": "a named pipe",
    "chr": "a character device",
    "blk": "a block device",
    "socket": "a socket",
    "other": "neither a file nor a directory",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen at the collections, by their ids, and what the user calls them; for whom, and for which jobs."""

    listings: Listings
    names: Mapping[str, str]
    collections: Mapping[str, Collection]
    identity: str
    serials: Sequence[int]
    _filled: dict[Location, list[Location]] = field(default_factory=dict)  # of a hundred thousand jobs maybe

    def sees(self, location: Location) -> bool:
        """True for a place at a collection that was found."""
        return location.endpoint.text in self.names and isinstance(location.endpoint, GlobusEndpoint)

    def shown(self, location: Location) -> str:
        """The place as the user typed it."""
        name = self.names.get(location.endpoint.text, location.endpoint.text)
        return str(Location(read_endpoint(name), location.path))

    def filled(self, location: Location) -> list[Location]:
        """The places that one end of a move is in the jobs, their serial numbers filled in."""
        if location not in self._filled:
            paths = dict.fromkeys(fill_serial(location.path, serial) for serial in self.serials)
            self._filled[location] = [location.with_path(path) for path in paths]
        return self._filled[location]

    def unlisted(self, error: GoclientError) -> Finding:
        """The finding of what could not be listed: it stops a job only if it is known that the job would fail."""
        if isinstance(error, Unlisted) or error.code == "too-large":
            hint = "what is in it could not be looked at"
            return Finding("warning", "unchecked", error.subject, error.message, hint)
        if error.code == "permission":
            message, hint = error.message, error.hint
            typed = error.subject.partition(":")[0]
            found = next((self.collections[one] for one, name in self.names.items()
                          if name == typed and one in self.collections), None)  # fmt: skip
            if found is not None:
                hint = ask_for_access(found, self.identity) or hint
            error = EndpointError(message, hint=hint, code=error.code, subject=error.subject)
        return error.finding


def ask_for_access(collection: Collection, identity: str) -> str:
    """Return whom to ask for access to a collection: nobody, if it is of whoever asks; empty if that is not known."""
    if collection.is_of(identity):
        return "the collection is your own: look at the permissions in its storage, and at the paths that it shares"
    return f"ask {collection.owner} for access" if collection.owner else ""


def kind_of(entry: FileInfo) -> str:
    """Return what an entry is if it is neither a file nor a directory, in words; else the empty string."""
    if entry.type in ("file", "dir", ""):
        return ""
    words = _TYPES.get(entry.type, f"of the type {entry.type}")
    return f"{words} ({quoted(entry.link_target)})" if entry.link_target else words


def nobody_may(entry: FileInfo, bits: int) -> bool:
    """True if the mode of an entry lets nobody do what these bits say, whoever the storage takes one for."""
    return entry.mode is not None and not entry.mode & bits


def hint_of_near(name: str, names: Iterable[str]) -> str:
    """Return a hint with the names that are nearly this one; empty if there are none."""
    names = list(names)
    same = next((one for one in names if are_confusable(name, one)), None)
    if same is not None:
        return f"{with_code_points(same)} is there and looks the same as {with_code_points(name)}: copy that name"
    near = nearest(name, names)
    return f"did you mean {' or '.join(map(quoted, near))}?" if near else ""


def listing_command(location: Location) -> str:
    """The command that lists the folder of a place."""
    return " ".join(map(shell_word, ["globus", "ls", f"{location.endpoint}:{location.directory}"]))


def wrong_or_first(findings: list[Finding]) -> list[Finding]:
    """What is wrong with one end of a move in the jobs, or one finding that says it is right in all."""
    return few([finding for finding in findings if finding.level != "ok"] or findings[:1])


def few(findings: list[Finding]) -> list[Finding]:
    """The findings, of one kind; of many the first, the last of which says how many more there are."""
    if len(findings) <= SHOWN:
        return findings
    last = findings[SHOWN - 1]
    return [*findings[: SHOWN - 1], last._replace(message=f"{last.message}; and {len(findings) - SHOWN} more like it")]
