"""What the folders of endpoints hold: each is asked for once, and those above it where it is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from goclient.check.parallel import Asker
from goclient.errors import EndpointError, GoclientError, quoted
from goclient.model.spec import Place

if TYPE_CHECKING:
    from goclient.services.globus import FileInfo, Globus

Folder = tuple[str, str]  # the id of a collection, and a path with a slash at its end
TOPS = ("/", "/~/")  # above these there is nothing


class Listings:
    """The listings of one preflight; ``names`` are what the user calls the collections."""

    def __init__(self, globus: Globus, asker: Asker, names: Mapping[str, str]) -> None:
        self._globus = globus
        self._asker = asker
        self._names = names
        self._known: dict[Folder, dict[str, FileInfo] | GoclientError] = {}

    def fetch(self, places: Iterable[Place]) -> None:
        """Asks, side by side, for the folders of the places that were not asked for yet."""
        self._ask(folder_of(place) for place in places)

    def _ask(self, folders: Iterable[Folder]) -> None:
        wanted = [folder for folder in dict.fromkeys(folders) if folder not in self._known]
        listing = self._globus.listing
        answers = self._asker.ask(lambda one: listing(*one, called=self._names.get(one[0], "")), wanted)
        self._known.update(answers)

    def __contains__(self, place: Place) -> bool:
        return folder_of(place) in self._known

    def entry(self, place: Place) -> FileInfo | GoclientError | None:
        """What stands at a place: its entry, None if nothing does, or why that is not known."""
        listing = self._known[folder_of(place)]
        return listing if isinstance(listing, GoclientError) else listing.get(place.name)

    def beside(self, place: Place) -> list[str]:
        """The names in the folder of a place that are nearly its own."""
        listing = self._known[folder_of(place)]
        return [] if isinstance(listing, GoclientError) else nearest(place.name, listing)

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

    def lost(self, folder: Folder) -> tuple[str, str, list[str]]:
        """The first part of a missing folder's path that is not there, the folder where it should be, and near names.

        Empty strings if that is not known.
        """
        while folder[1] not in TOPS:
            parent = _parent(folder)
            found = self._known.get(parent)
            if found is not None and not isinstance(found, GoclientError):
                name = folder[1].rstrip("/").rpartition("/")[2]
                folders = {one: info for one, info in found.items() if info.is_directory}
                return name, parent[1], nearest(name, folders)
            folder = parent
        return "", "", []

    def no_such_folder(self, folder: Folder, error: GoclientError) -> GoclientError:
        """The error for a source whose folder is not there: which part of its path is wrong, if that is known."""
        name, where, near = self.lost(folder)
        if error.code != "path-not-found" or not name:
            return error
        shown = str(Place(endpoint=self._names.get(folder[0], folder[0]), path=folder[1]))
        hint = f"did you mean {' or '.join(map(quoted, near))}?" if near else f"look at {quoted(where)} there"
        message = f"{quoted(shown)}: there is no folder {quoted(name)} in {quoted(where)}"
        return EndpointError(message, hint=hint, code=error.code, subject=shown)


def folder_of(place: Place) -> Folder:
    """The endpoint and the folder in which a place's own entry is."""
    return str(place.endpoint), place.folder


def _parent(folder: Folder) -> Folder:
    endpoint, path = folder
    return endpoint, path.rstrip("/").rpartition("/")[0] + "/"


def _is_missing(found: object) -> bool:
    return isinstance(found, GoclientError) and found.code == "path-not-found"


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """Up to three of the names that are nearly this one, whatever their case."""
    import difflib  # only a mistake pays for it

    lowered = {known.lower(): known for known in names}
    return [lowered[one] for one in difflib.get_close_matches(name.lower(), list(lowered), n=3, cutoff=0.6)]
