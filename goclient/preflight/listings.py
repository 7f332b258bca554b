"""Listings of directories: each is asked for once, and those above it where it is not there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from goclient.errors import EndpointError, GoclientError, LoginNeeded
from goclient.errors.conditions import PathNotFound, PermissionDenied, StorageDenied
from goclient.errors.wording import quote
from goclient.model.endpoint import Endpoint
from goclient.model.location import Location
from goclient.services.parallel import Parallel

if TYPE_CHECKING:
    from goclient.model.remote import FileInfo

MOST_SINGLE = 64  # paths that are asked for one by one: a listing costs less, where there is one
MANY_BELOW = 64  # directories below one, of which it is asked first which are there
MOST_ABOUT = 16  # directories of which more is asked than what they hold


class Directory(NamedTuple):  # there are thousands: made and hashed faster than a Location
    """A directory of an endpoint; its path has a slash at its end."""

    endpoint: Endpoint
    path: str

    def __hash__(self) -> int:
        return hash(self.path)  # it is kept, that of an endpoint is not

    @classmethod
    def of(cls, location: Location) -> Directory:
        """Return the directory in which a location's own entry is."""
        return cls(location.endpoint, location.directory)

    @classmethod
    def at(cls, location: Location) -> Directory:
        """Return a location as a directory."""
        return cls(location.endpoint, f"{location.path.rstrip('/')}/")

    @property
    def is_top(self) -> bool:
        """True if nothing is above it."""
        return self.path in ("/", "/~/")

    @property
    def parent(self) -> Directory:
        """Directory above it."""
        return Directory(self.endpoint, self.path.rstrip("/").rpartition("/")[0] + "/")

    @property
    def name(self) -> str:
        """Its name in the directory above it."""
        return self.path.rstrip("/").rpartition("/")[2]

    @property
    def display(self) -> str:
        """Text that shows it to the user."""
        return self.endpoint.show(self.path)


class About(Enum):
    """Subjects of questions about a directory, each with the type of its answer."""

    CONTENTS = "Mapping[str, FileInfo]"
    ITSELF = "FileInfo"
    EMPTINESS = "bool"


class Question(NamedTuple):
    """A question about a directory; of ITSELF it may be a file as well."""

    about: About
    directory: Directory


class Storage(Protocol):
    """Files of endpoints, as Globus' Transfer or a server tells of them.

    ``at_once``: a storage takes all questions in one call, in one thread; else it takes one a call.
    """

    at_once: bool

    def answers(self, questions: Sequence[Question]) -> Sequence[Any]:
        """Return the answer to each question, or the GoclientError that is one; raise what is wrong with all."""
        raise NotImplementedError

    def late(self, seconds: float) -> GoclientError:
        """Return the error of questions that have no answer after so many seconds."""
        raise NotImplementedError

    def mkdir(self, directory: Directory) -> None:
        """Make a directory, unless it is there; raise EndpointError."""
        raise NotImplementedError

    def remove(self, directory: Directory) -> str:
        """Remove a directory; return the state in which that ended if it is not known to be gone, else ""."""
        raise NotImplementedError


class Unlisted(EndpointError):
    """A directory cannot be listed, and what is in it is not known: that stops nothing."""


class Missing(NamedTuple):
    """First part of a path that is not there, and what the directory holds in which it would be."""

    part: Location
    entries: Mapping[str, FileInfo]


class Listings:
    """Listings of one preflight; ``storages`` are those that are asked, by the text of the endpoint."""

    def __init__(self, storages: Mapping[str, Storage], parallel: Parallel) -> None:
        self.storages = storages
        self._parallel = parallel
        self._known: dict[Directory, dict[str, FileInfo] | GoclientError] = {}
        self._single: dict[Directory, FileInfo | GoclientError] = {}
        self._empty: dict[Directory, bool | GoclientError] = {}
        self._kept: dict[About, dict[Directory, Any]] = {
            About.CONTENTS: self._known, About.ITSELF: self._single, About.EMPTINESS: self._empty
        }  # fmt: skip

    def fetch(
        self, locations: Iterable[Location], *, about: Iterable[Directory] = (), inside: Iterable[Directory] = ()
    ) -> None:
        """Ask, side by side, for the directories of the locations that were not asked for yet.

        Of a few directories more is asked: what they are themselves (``about``), whether they are empty (``inside``).
        A directory that cannot be listed may be entered: its locations are asked for one by one.
        """
        locations = list(locations)
        directories = dict.fromkeys(map(Directory.of, locations))
        self._rule_out([one for one in directories if one not in self._known and not self.storage(one).at_once])
        listed = {*self._known, *directories}
        apart = (one for one in about if not one.is_top and one.parent not in listed)
        self._ask(directories, single=islice(apart, MOST_ABOUT), inside=islice(inside, MOST_ABOUT))
        closed = {one for one in directories if isinstance(self._known[one], StorageDenied)}
        if closed:
            hidden = (location for location in locations if location.name and Directory.of(location) in closed)
            self._ask((), single=islice(dict.fromkeys(map(Directory.at, hidden)), MOST_SINGLE))

    def _rule_out(self, directories: Sequence[Directory]) -> None:
        """Note those that are missing of many directories below few, from the listings of these few.

        Directories with the jobs' numbers are seldom there, and Globus takes 20 questions a second.
        """
        parts = {one: one for one in directories if not one.is_top}
        while len(above := dict.fromkeys(part.parent for part in parts.values())) * MANY_BELOW > len(parts):
            parts = {one: part.parent for one, part in parts.items() if not part.parent.is_top}
        self._ask(above)
        for one, part in parts.items():
            held = self._known[part.parent]
            if isinstance(held, PathNotFound) or (not isinstance(held, GoclientError) and part.name not in held):
                below = one
                while below != part.parent:
                    self._known[below] = PathNotFound(f"{quote(below.display)} is not there", subject=below.display)
                    below = below.parent

    def _ask(
        self, directories: Iterable[Directory], *, single: Iterable[Directory] = (), inside: Iterable[Directory] = ()
    ) -> None:
        wanted = zip(self._kept.items(), (directories, single, inside), strict=True)
        calls: defaultdict[object, list[Question]] = defaultdict(list)
        for (about, kept), ones in wanted:
            for one in dict.fromkeys(ones):
                if one not in kept:
                    question, storage = Question(about, one), self.storage(one)
                    calls[storage if storage.at_once else question].append(question)
        answered = self._parallel.map(
            lambda questions: self.storage(questions[0].directory).answers(questions),
            list(map(tuple, calls.values())),
            late=lambda questions, seconds: self.late(questions[0].directory, seconds),
        )
        for questions, answers in answered.items():
            each = repeat(answers) if isinstance(answers, GoclientError) else answers
            for (about, directory), answer in zip(questions, each, strict=False):
                self._kept[about][directory] = answer

    def storage(self, directory: Directory) -> Storage:
        """Return what is asked about a directory."""
        return self.storages[directory.endpoint.text]

    def late(self, directory: Directory, seconds: float) -> GoclientError:
        """Return the error of a directory of which nothing is known after so many seconds."""
        return self.storage(directory).late(seconds)

    def entry(self, location: Location) -> FileInfo | GoclientError | None:
        """Return what stands at a location: its entry, None if nothing does, or why that is not known."""
        listing = self._known[Directory.of(location)]
        if not isinstance(listing, GoclientError):
            return listing.get(location.name)
        if not isinstance(listing, StorageDenied):
            return listing
        found = self._single.get(Directory.at(location))  # in a directory that may be entered, but not listed
        if not isinstance(found, GoclientError | None):
            return found
        if isinstance(found, PathNotFound):
            return None
        if isinstance(found, LoginNeeded) or (found is not None and found.transient):
            return found
        if isinstance(found, PermissionDenied):
            return listing
        return Unlisted(listing.message, subject=listing.subject)

    def is_known(self, location: Location) -> bool:
        """Return True if the directory of a location could be listed, or is known not to be there."""
        found = self.entry(location) if Directory.of(location) in self._known else None
        return not isinstance(found, GoclientError) or isinstance(found, PathNotFound)

    def has_listed(self, directory: Directory) -> bool:
        """Return True if what a directory holds is known."""
        return isinstance(self._known.get(directory), dict)

    def itself(self, directory: Directory) -> FileInfo | None:
        """Return what is known of a directory from the listing of the one above it, or by itself."""
        above = self._known.get(directory.parent) if not directory.is_top else None
        if above is not None and not isinstance(above, GoclientError):
            return above.get(directory.name)
        found = self._single.get(directory)
        return None if isinstance(found, GoclientError) else found

    def is_empty(self, directory: Directory) -> bool:
        """Return True if it is known that a directory holds nothing."""
        return self._known.get(directory) == {} or self._empty.get(directory) is True

    def is_closed(self, directory: Directory) -> bool:
        """Return True if it is known that a directory may not be listed."""
        return isinstance(self._empty.get(directory, self._known.get(directory)), PermissionDenied)

    def names_beside(self, location: Location) -> Mapping[str, FileInfo] | None:
        """Return what the directory of a location holds; None if it may be entered, but not listed."""
        listing = self._known[Directory.of(location)]
        return None if isinstance(listing, GoclientError) else listing

    def add(self, directory: Directory) -> None:
        """Note that a directory is there now, and empty."""
        self._known[directory] = {}

    # --- directories that are not there ---

    def climb(self) -> None:
        """Ask for the directories above those that are not there, until there are some: only a mistake pays for it."""
        missing = [one for one, found in self._known.items() if isinstance(found, PathNotFound)]
        while missing:
            above = dict.fromkeys(one.parent for one in missing if not one.is_top)
            wanted = [one for one in above if one not in self._known]
            self._ask(wanted, single=islice((one for one in above if not one.is_top), MOST_ABOUT))
            missing = [one for one in wanted if isinstance(self._known[one], PathNotFound)]

    def there(self, directory: Directory) -> Directory:
        """Return a directory, or the nearest above it, that is there, or that nothing is known of."""
        return chain[0].parent if (chain := self.chain(directory)) else directory

    def chain(self, directory: Directory) -> list[Directory]:
        """Return the directories that have to be made so that one is there, the topmost first; none if it is there."""
        chain: list[Directory] = []
        while isinstance(self._known.get(directory), PathNotFound):
            chain.insert(0, directory)
            directory = directory.parent
        return chain

    def missing(self, directory: Directory) -> Missing | None:
        """Return the first part of a directory's path that is not there; None if that is not known."""
        while not directory.is_top:
            found = self._known.get(directory.parent)
            if found is not None and not isinstance(found, GoclientError):
                return Missing(Location(directory.endpoint, directory.path.rstrip("/")), found)
            directory = directory.parent
        return None
