"""What the folders of endpoints hold: each is asked for once, and those above it where it is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from goclient.errors import EndpointError, GoclientError, LoginNeeded, StorageDenied
from goclient.model.endpoint import GlobusEndpoint, read_endpoint
from goclient.model.location import Location
from goclient.services.parallel import Parallel

if TYPE_CHECKING:
    from goclient.model.remote import FileInfo
    from goclient.services.globus.sdk import Globus

Folder = tuple[str, str]  # the id of a collection, and a path with a slash at its end
Question = tuple[str, str, str]  # a method of Globus, the id of a collection, and a path
TOPS = ("/", "/~/")  # above these there is nothing
MOST_SINGLE = 64  # paths that are asked for one by one: a listing costs less, where there is one
MOST_ABOUT = 16  # folders of which more is asked than what they hold


class Unlisted(EndpointError):
    """A folder cannot be listed, and what is in it is not known: that is no reason to stop."""


class Listings:
    """The listings of one preflight; ``names`` are what the user calls the collections."""

    def __init__(self, globus: Globus, parallel: Parallel, names: Mapping[str, str]) -> None:
        self._globus = globus
        self._parallel = parallel
        self._names = names
        self._known: dict[Folder, dict[str, FileInfo] | GoclientError] = {}
        self._single: dict[Folder, FileInfo | GoclientError] = {}
        self._empty: dict[Folder, bool | GoclientError] = {}

    def fetch(
        self, locations: Iterable[Location], *, about: Iterable[Folder] = (), inside: Iterable[Folder] = ()
    ) -> None:
        """Ask, side by side, for the folders of the places that were not asked for yet.

        Of a few folders more is asked: what they are themselves (``about``), whether they are empty (``inside``).  A
        folder that cannot be listed may be entered: its places are asked for one by one.
        """
        locations = list(locations)
        folders = dict.fromkeys(map(folder_of, locations))
        listed = {*self._known, *folders}
        apart = (one for one in about if one[1] not in TOPS and _parent(one) not in listed)
        self._ask(folders, single=islice(apart, MOST_ABOUT), inside=islice(inside, MOST_ABOUT))
        closed = {folder for folder in folders if _cannot_be_listed(self._known[folder])}
        if closed:
            hidden = (location for location in locations if location.name and folder_of(location) in closed)
            self._ask((), single=islice(dict.fromkeys(map(_itself, hidden)), MOST_SINGLE))

    def _ask(self, folders: Iterable[Folder], *, single: Iterable[Folder] = (), inside: Iterable[Folder] = ()) -> None:
        kept: dict[str, dict[Folder, Any]] = {"listing": self._known, "entry": self._single, "is_empty": self._empty}
        wanted = {"listing": folders, "entry": single, "is_empty": inside}
        questions = [(method, *one) for method, all_of in wanted.items() for one in dict.fromkeys(all_of)
                     if one not in kept[method]]  # fmt: skip
        for (method, endpoint, path), answer in self._parallel.map(self._answer, questions).items():
            kept[method][endpoint, path] = answer

    def _answer(self, question: Question) -> object:
        method, endpoint, path = question
        path = path if method != "entry" else path.rstrip("/")
        return getattr(self._globus, method)(GlobusEndpoint(endpoint, self._names.get(endpoint, "")), path)

    def __contains__(self, location: Location) -> bool:
        return folder_of(location) in self._known

    def entry(self, location: Location) -> FileInfo | GoclientError | None:
        """What stands at a place: its entry, None if nothing does, or why that is not known."""
        listing = self._known[folder_of(location)]
        if not isinstance(listing, GoclientError):
            return listing.get(location.name)
        return self._hidden(location, listing) if _cannot_be_listed(listing) else listing

    def _hidden(self, location: Location, listing: GoclientError) -> FileInfo | GoclientError | None:
        """What stands at a place in a folder that cannot be listed, as far as it was told by itself."""
        found = self._single.get(_itself(location))
        if not isinstance(found, GoclientError | None):
            return found
        if _is_missing(found):
            return None
        if isinstance(found, LoginNeeded) or (found is not None and found.transient):
            return found
        if found is not None and found.code == "permission":
            return listing
        return Unlisted(listing.message, subject=listing.subject)

    def is_hidden(self, location: Location) -> bool:
        """True if the folder of a place cannot be listed, though it may be entered."""
        return _cannot_be_listed(self._known[folder_of(location)])

    def itself(self, folder: Folder) -> FileInfo | None:
        """What is known of a folder from the listing of the one above it, or by itself."""
        above = self._known.get(_parent(folder)) if folder[1] not in TOPS else None
        if above is not None and not isinstance(above, GoclientError):
            return above.get(folder[1].rstrip("/").rpartition("/")[2])
        found = self._single.get(folder)
        return None if isinstance(found, GoclientError) else found

    def is_empty(self, folder: Folder) -> bool:
        """True if it is known that a folder holds nothing."""
        return self._known.get(folder) == {} or self._empty.get(folder) is True

    def names_beside(self, location: Location) -> dict[str, FileInfo]:
        """Return what the folder of a place holds, nothing if that is not known."""
        listing = self._known.get(folder_of(location))
        return {} if listing is None or isinstance(listing, GoclientError) else listing

    def made(self, folder: Folder) -> None:
        """None; from now on the folder is there, and empty."""
        self._known[folder] = {}

    # --- folders that are not there ---

    def climb(self) -> None:
        """Asks for the folders above those that are not there, until there are some: only a mistake pays for it."""
        missing = [folder for folder, found in self._known.items() if _is_missing(found)]
        while missing:
            above = [_parent(folder) for folder in missing if folder[1] not in TOPS]
            above = [parent for parent in dict.fromkeys(above) if parent not in self._known]
            self._ask(above)
            missing = [folder for folder in above if _is_missing(self._known[folder])]

    def chain(self, folder: Folder) -> list[Folder]:
        """The folders that have to be made so that one is there, the topmost first; none if it is there."""
        chain: list[Folder] = []
        while _is_missing(self._known.get(folder)):
            chain.insert(0, folder)
            folder = _parent(folder)
        return chain

    def there(self, folder: Folder) -> Folder:
        """A folder, or the nearest above it that is there."""
        chain = self.chain(folder)
        return _parent(chain[0]) if chain else folder

    def lost(self, folder: Folder) -> tuple[Location, dict[str, FileInfo]] | None:
        """Return the first part of a missing folder's path that is not there, and what is in the folder of that part.

        None if that is not known.
        """
        while folder[1] not in TOPS:
            found = self._known.get(_parent(folder))
            if found is not None and not isinstance(found, GoclientError):
                return Location(read_endpoint(folder[0]), folder[1].rstrip("/")), found
            folder = _parent(folder)
        return None


def folder_of(location: Location) -> Folder:
    """The endpoint and the folder in which a place's own entry is."""
    return location.endpoint.text, location.directory


def _itself(location: Location) -> Folder:
    """A place as if it were a folder."""
    return location.endpoint.text, f"{location.path.rstrip('/')}/"


def _parent(folder: Folder) -> Folder:
    endpoint, path = folder
    return endpoint, path.rstrip("/").rpartition("/")[0] + "/"


def _is_missing(found: object) -> bool:
    return isinstance(found, GoclientError) and found.code == "path-not-found"


def _cannot_be_listed(found: object) -> bool:
    """True for what a listing gave if its folder may be entered all the same."""
    return isinstance(found, StorageDenied)


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """Up to three of the names that are nearly this one, whatever their case."""
    import difflib  # only a mistake pays for it

    lowered = {known.lower(): known for known in names}
    return [lowered[one] for one in difflib.get_close_matches(name.lower(), list(lowered), n=3, cutoff=0.6)]
