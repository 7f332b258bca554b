"""A directory that a job delivers files to, as it is: what has which name, and what attempts of the job have left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple, Protocol

from goclient.errors import EndpointError, GoclientError
from goclient.errors.conditions import NotADirectory, PathNotFound, PermissionDenied, StaleAttempt
from goclient.errors.wording import quote
from goclient.model.endpoint import Endpoint
from goclient.model.remote import FileInfo, Listing
from goclient.node.engines.base import Attempt
from goclient.node.ownership import NEW, Fate, Left, attempts_of, digest, is_list, judge, name_hidden, read_marks

MOST_DIRECTORIES = 100  # of one output, that are listed to know whether somebody else has changed it


class Renaming(NamedTuple):
    """A path, and the one that it gets."""

    old: str
    new: str


class Store(Protocol):
    """Directories that files are delivered to; an error is a GoclientError, transient if it may pass."""

    endpoint: Endpoint

    def listing(self, directory: str) -> Listing:
        """Return what a directory holds, by name; its path ends with a slash."""

    def mkdir(self, *directories: str) -> None:
        """Make directories, in this order, unless they are there."""

    def mark(self, hidden: str, names: Sequence[str]) -> None:
        """Put names with marks into a hidden directory: each is an empty directory."""
        self.mkdir(*(f"{hidden}/{name}" for name in names))

    def read_list(self, path: str, entry: FileInfo) -> list[str]:  # noqa: ARG002
        """Return the names that a file in a hidden directory stands for, where ``mark`` writes such files."""
        return []

    def rename(self, renamings: Sequence[Renaming], meanwhile: Callable[[], object]) -> list[GoclientError]:
        """Give paths others that are free; return why that failed for some of them.

        ``meanwhile`` is called now and then; what it raises ends the work.
        """

    def remove(self, directories: Sequence[str]) -> None:
        """Remove directories, and all below them."""


class Destination:
    """A directory that files are delivered to, as it was when it was listed last."""

    def __init__(self, store: Store, directory: str, attempt: Attempt) -> None:
        self.directory = directory
        self.hidden = f"{directory}/{name_hidden(attempt)}"
        self._store = store
        self._attempt = attempt
        self._left: list[Left] = []
        self._entries = Listing({})
        self._contents: dict[str, str] = {}

    def read(self) -> None:
        """List it, and what attempts have left in it; raise StaleAttempt if there is a later one than this."""
        self._contents.clear()
        self._entries = self._listing(f"{self.directory}/", above=True)
        attempts = attempts_of(self._attempt.origin, self._entries)
        if attempts and attempts[-1].number > self._attempt.number:
            raise StaleAttempt(
                f"a later attempt of this job, {attempts[-1].number}, delivers to {quote(self.directory or '/')}",
                hint="this attempt leaves everything there as it is",
                subject=self.directory,
            )
        self._left = [self._read_left(one) for one in attempts]

    def _read_left(self, attempt: Attempt) -> Left:
        top = f"{self.directory}/{name_hidden(attempt)}"
        entries = self._listing(f"{top}/")
        lists = [self._read_list(f"{top}/{one.name}", one) for one in entries.values() if is_list(one.name)]
        marks = read_marks(chain(entries, *lists))
        waits = bool(marks) or attempt == self._attempt
        return Left(attempt.number, marks, self._listing(f"{top}/{NEW}/") if waits else {})

    def _read_list(self, path: str, entry: FileInfo) -> list[str]:
        """Return the names that a file stands for; none where it cannot be read: nothing of it is anybody's then."""
        try:
            return self._store.read_list(path, entry)
        except EndpointError as error:
            if error.transient:
                raise
            return []

    def _listing(self, directory: str, *, above: bool = False) -> Listing:
        """Return what a directory holds as far as that can be seen: not every directory can be listed.

        ``above``: of one that is not there yet, say whether the storage above it can rename.
        """
        try:
            return self._store.listing(directory)
        except (PathNotFound, NotADirectory):
            parent, _, name = directory.rstrip("/").rpartition("/")
            can_rename = not (above and name) or self._listing(f"{parent}/", above=True).can_rename
            return Listing({}, can_rename=can_rename)
        except EndpointError as error:
            if error.transient:
                raise
            return Listing({})  # nothing can be renamed to a name that is not free

    @property
    def can_rename(self) -> bool:
        """Return False for storage that gives nothing another name."""
        return self._entries.can_rename

    @property
    def arrived(self) -> Mapping[str, FileInfo]:
        """Return what has arrived and waits for its name."""
        return next((one.waiting for one in self._left if one.number == self._attempt.number), {})

    def find(self, name: str) -> FileInfo | None:
        """Return what has a name there, None if nothing has."""
        return self._entries.get(name)

    def fate(self, name: str, *, overwrite: bool) -> Fate:
        """Return what becomes of a file that is to have a name there."""
        found = self.find(name)
        contents = None
        if found is not None:  # what is in it matters only where an attempt has left a mark
            marked = any(digest(name) in one.marks for one in self._left)
            contents = self.contents(f"{self.directory}/{name}", found) if marked else ""
        return judge(name, contents, self._left, number=self._attempt.number, overwrite=overwrite)

    def contents(self, path: str, entry: FileInfo) -> str:
        """Return a digest of a path's content: the size of a file, or the names and sizes of all below a directory."""
        if path not in self._contents:
            below = sorted(self._below(path)) if entry.is_directory else [str(entry.size)]
            self._contents[path] = digest("\n".join(below))
        return self._contents[path]

    def _below(self, top: str) -> Iterator[str]:
        """Yield the path and the size of each file below a directory; links are not files."""
        waiting, listed = [""], 0
        while waiting and listed < MOST_DIRECTORIES:
            directory, listed = waiting.pop(), listed + 1
            for one in self._listing(f"{top}/{directory}").values():
                if one.is_directory and not one.link_target:
                    waiting.append(f"{directory}{one.name}/")
                elif not one.link_target:
                    yield f"{directory}{one.name} {one.size}"
        if waiting:
            yield f"more, in {top}"  # it is nobody's: its path changes with its name


def make_with_parents(mkdir: Callable[[str], object], directory: str) -> None:
    """Make a directory, and those above it that are missing."""
    try:
        mkdir(directory)
    except EndpointError as error:  # a service has more than one word for a directory that is missing above
        above = directory.rpartition("/")[0]
        if error.transient or isinstance(error, PermissionDenied) or not above:
            raise
        make_with_parents(mkdir, above)
        mkdir(directory)


def find_left(store: Store, directory: str, attempt: Attempt, *, delivered: bool) -> list[str]:
    """Return the hidden directories of an attempt, and of earlier ones, that nobody needs any more.

    Unless the job has ``delivered`` everything, marks may still tell a later attempt what is its own.
    """
    try:
        entries = store.listing(f"{directory}/")
        numbers = [one for one in attempts_of(attempt.origin, entries) if one.number <= attempt.number]
        tops = [f"{directory}/{name_hidden(one)}" for one in numbers]
        return [top for top in tops if delivered or not read_marks(store.listing(f"{top}/"))]
    except (PathNotFound, NotADirectory):
        return []
