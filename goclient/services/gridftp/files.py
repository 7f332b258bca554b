"""Files on GridFTP servers: find and change them over one session for each server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from goclient.errors import EndpointError, GoclientError, raise_all
from goclient.errors.conditions import NotADirectory, PathExists, PathNotFound
from goclient.errors.wording import quote
from goclient.model.endpoint import GridftpEndpoint
from goclient.model.remote import FileInfo, Listing
from goclient.services.deadline import Deadline
from goclient.services.gridftp.facts import entry_of, listing_of
from goclient.services.gridftp.replies import Reply, is_missing, refusal
from goclient.services.gridftp.session import End, Session
from goclient.services.gridftp.sessions import Sessions
from goclient.services.gsi.tls import Credential, Trust

_CHECKSUM_RATE, _CHECKSUM_MORE = 50e6, 30.0  # bytes a second of a slow server, which is silent meanwhile; seconds
_LONGEST = 86_400.0  # seconds, whatever size a server tells
_RENAME = ("RNFR", "RNTO")
_RENAMED = 50  # files that get their names together, right after these were looked up
Pairs = Sequence[tuple[str, str]]  # old and new paths


def _nothing() -> None:
    """Do nothing."""


class GridftpFiles:
    """Ask GridFTP servers as one identity; errors are GoclientErrors, transient if they may pass.

    ``credential`` is asked for at each login, and ``end`` gives each answer its time.  What may pass is asked again for
    ``patience`` seconds, unless it may have been done.  Any thread may ask: those that ask one server wait for one
    another.
    """

    def __init__(self, credential: Callable[[], Credential], trust: Trust, end: End, *, patience: float = 0.0) -> None:
        self._sessions = Sessions(credential, trust, end, patience=patience)
        self._end = end

    def __enter__(self) -> GridftpFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up everywhere: what other threads ask fails at once."""
        self._sessions.close()

    def rest(self) -> None:
        """Hang up soon, where nobody asks meanwhile; who asks later logs in again."""
        self._sessions.rest()

    def ahead(self, endpoint: GridftpEndpoint) -> None:
        """Begin to log in, beside what is done meanwhile."""
        self._sessions.ahead(endpoint)

    def session(self, endpoint: GridftpEndpoint) -> AbstractContextManager[Session]:
        """Lend a server's session, for copies; who asks that server meanwhile waits."""
        return self._sessions.session(endpoint)

    # --- looking ------------------------------------------------------------------------------------------------

    def account(self, endpoint: GridftpEndpoint) -> str:
        """Return the account that the server has for the identity, "" if it does not say; log in if need be."""
        with self.session(endpoint) as session:
            return session.account

    def listing(self, endpoint: GridftpEndpoint, directory: str) -> Listing:
        """Return what a directory holds, by name."""
        found = self.listings(endpoint, [directory])[directory]
        if isinstance(found, GoclientError):
            raise found
        return found

    def listings(self, endpoint: GridftpEndpoint, directories: Sequence[str]) -> dict[str, Listing | GoclientError]:
        """Return what each directory holds, or why it cannot be listed."""
        found: dict[str, Listing | GoclientError] = {}
        doubtful = []
        for directory, reply in zip(directories, self._about(endpoint, "MLSC", directories), strict=True):
            if not reply.is_good:
                found[directory] = refusal(reply, endpoint.show(directory))
                continue
            found[directory] = listing = listing_of(reply.content)
            # A file is listed, too, as its only entry; a directory tells of itself, but need not (RFC 3659, 7.2).
            if len(listing) == 1 and not any(
                one is not None and one.name == "." for one in map(entry_of, reply.content)
            ):
                doubtful.append(directory)
        for directory, entry in (self.entries(endpoint, doubtful) if doubtful else {}).items():
            if isinstance(entry, FileInfo) and not entry.is_directory:
                subject = endpoint.show(directory)
                message = f"{quote(subject)}: it is not a directory"
                hint = "leave out the final /, or name its directory"
                found[directory] = NotADirectory(message, hint=hint, subject=subject)
        return found

    def is_empty(self, endpoint: GridftpEndpoint, directory: str) -> bool:
        """Return True if nothing is in a directory."""
        return not self.listing(endpoint, directory)

    def entry(self, endpoint: GridftpEndpoint, path: str) -> FileInfo:
        """Return what is at a path; raise PathNotFound if nothing is."""
        found = self.entries(endpoint, [path])[path]
        if isinstance(found, GoclientError):
            raise found
        return found

    def entries(self, endpoint: GridftpEndpoint, paths: Sequence[str]) -> dict[str, FileInfo | GoclientError]:
        """Return what is at each path, or why that is not known: PathNotFound if nothing is."""
        found: dict[str, FileInfo | GoclientError] = {}
        for path, reply in zip(paths, self._about(endpoint, "MLST", paths), strict=True):
            name = path.rstrip("/").rpartition("/")[2]
            entry = next((one for line in reply.content if (one := entry_of(line, name=name)) is not None), None)
            found[path] = entry if reply.is_good and entry else refusal(reply, endpoint.show(path))
        return found

    def checksum(self, endpoint: GridftpEndpoint, path: str) -> str:
        """Return the ADLER32 of a file, eight hexadecimal digits, which the server reads for it."""
        found = self.checksums(endpoint, [path])[path]
        if isinstance(found, GoclientError):
            raise found
        return found

    def checksums(
        self, endpoint: GridftpEndpoint, paths: Sequence[str], *, largest: int | None = None
    ) -> dict[str, str | GoclientError]:
        """Return the ADLER32 of each file, or why there is none.

        The ``largest`` size tells how long an answer may take; it is asked for if it is not known.
        """
        if largest is None:
            found = self.entries(endpoint, paths).values()
            largest = max((one.size for one in found if isinstance(one, FileInfo)), default=0)
        seconds = min(largest / _CHECKSUM_RATE, _LONGEST) + _CHECKSUM_MORE

        def end() -> Deadline:
            return max(self._end(), Deadline(seconds), key=lambda one: one.left)

        commands = [f"CKSM ADLER32 0 -1 {wire_path(path)}" for path in paths]
        replies = self._sessions.ask(endpoint, commands, end=end)
        return {
            path: reply.text.lower() if reply.is_good else refusal(reply, endpoint.show(path))
            for path, reply in zip(paths, replies, strict=True)
        }

    # --- changing -----------------------------------------------------------------------------------------------

    def mkdir(self, endpoint: GridftpEndpoint, *directories: str) -> None:
        """Make directories in this order, unless they are there."""
        there = []
        for directory, reply in zip(directories, self._about(endpoint, "MKD", directories), strict=True):
            if not reply.is_good:
                error = refusal(reply, endpoint.show(directory))
                if not isinstance(error, PathExists):
                    raise error
                there.append(directory)
        for directory, entry in (self.entries(endpoint, there) if there else {}).items():
            if isinstance(entry, FileInfo) and not entry.is_directory:
                subject = endpoint.show(directory)
                message = f"{quote(subject)}: it is there, and is not a directory"
                raise NotADirectory(message, hint="choose another name", subject=subject)

    def rename(self, endpoint: GridftpEndpoint, old: str, new: str) -> None:
        """Give a file or a directory another path; raise PathExists if that is not free."""
        raise_all(self.renames(endpoint, [(old, new)]))

    def renames(
        self, at: GridftpEndpoint, pairs: Pairs, meanwhile: Callable[[], object] = _nothing, *, replace: bool = False
    ) -> list[GoclientError]:
        """Give paths others, each an old and a new one; return why that failed for some of them.

        A server replaces what has the new name without a word, so that it is looked up right before, unless it is to be
        replaced: while some get their names, the next ones are looked up.  ``meanwhile`` is called now and then.
        """
        failures: list[GoclientError] = []
        free: Pairs = ()
        for start in range(0, len(pairs) + _RENAMED, _RENAMED):
            meanwhile()
            batch = pairs[start : start + _RENAMED]
            try:
                found, free = self._rename(at, free, batch, replace=replace)
            except EndpointError as error:
                if not error.transient or not free:
                    raise
                found, free = self._rename(at, (), self._find_left(at, free), replace=replace)
                failures += found
                found, free = self._rename(at, free, batch, replace=replace)
            failures += found
        return failures

    def _find_left(self, at: GridftpEndpoint, pairs: Pairs) -> Pairs:
        """Return those that have not been renamed: the answers were lost."""
        old, new = (self.entries(at, paths) for paths in zip(*pairs, strict=True))
        return [
            one for one in pairs if not (isinstance(old[one[0]], PathNotFound) and isinstance(new[one[1]], FileInfo))
        ]

    def _rename(
        self, at: GridftpEndpoint, free: Pairs, following: Pairs, *, replace: bool
    ) -> tuple[list[GoclientError], Pairs]:
        """Rename what is free, and look up what follows; return what failed, and what of that is free."""
        words = [f"{word} {wire_path(path)}" for pair in free for word, path in zip(_RENAME, pair, strict=True)]
        looks = [] if replace else [f"MLST {wire_path(new)}" for _, new in following]
        replies = iter(self._sessions.ask(at, [*words, *looks], repeat=not free))
        failures: list[GoclientError] = []
        for pair in free:
            answers = [(path, next(replies)) for path in pair]
            failures += [refusal(one, at.show(path)) for path, one in answers if not one.is_good][:1]
        if replace:
            return failures, following
        still = []
        for (old, new), reply in zip(following, replies, strict=True):
            if is_missing(reply):
                still.append((old, new))
            elif not reply.is_good:
                failures.append(refusal(reply, at.show(new)))
            else:
                subject = at.show(new)
                message = f"{quote(subject)}: it exists already"
                failures.append(PathExists(message, hint="choose another name", subject=subject))
        return failures, still

    def replace(self, endpoint: GridftpEndpoint, old: str, new: str) -> None:
        """Give a file another path, in place of the file that has it."""
        raise_all(self.renames(endpoint, [(old, new)], replace=True))

    def remove(self, endpoint: GridftpEndpoint, *directories: str) -> None:
        """Remove directories, and all below them; links are removed, not followed.  Those that are gone are fine."""
        self._change(endpoint, "SITE RDEL", directories)

    def delete(self, endpoint: GridftpEndpoint, *paths: str) -> None:
        """Delete files; those that are gone are fine."""
        self._change(endpoint, "DELE", paths)

    def _change(self, endpoint: GridftpEndpoint, word: str, paths: Sequence[str]) -> None:
        """Send a command for each path; raise what failed, unless nothing was there."""
        refused = [
            refusal(reply, endpoint.show(path))
            for path, reply in zip(paths, self._about(endpoint, word, paths), strict=True)
            if not reply.is_good
        ]
        raise_all(one for one in refused if not isinstance(one, PathNotFound))

    def _about(self, endpoint: GridftpEndpoint, word: str, paths: Sequence[str]) -> list[Reply]:
        """Return the replies to a command about each path."""
        return self._sessions.ask(endpoint, [f"{word} {wire_path(path)}" for path in paths])


def wire_path(path: str) -> str:
    """Return a path as the server has it: below the home directory it begins with ``~/``, and it ends without ``/``."""
    path = path.rstrip("/") or "/"
    return path[1:] if path == "/~" or path.startswith("/~/") else path
