"""Files of WebDAV servers, which know the user by a proxy: the verbs of a GridFTP server, over HTTPS."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import BinaryIO, NamedTuple, TypeVar

from goclient.errors import Collector, EndpointError, GoclientError, RequestError
from goclient.errors.conditions import ChecksumDiffers, NotADirectory, PathExists, PathNotFound, ServerFailed
from goclient.errors.wording import quote
from goclient.model.endpoint import Endpoint, UrlEndpoint
from goclient.model.remote import FileInfo, Listing
from goclient.services.contents import Moved
from goclient.services.gsi.server import WEBDAV, Server
from goclient.services.https.client import Access, HttpFiles, Place
from goclient.services.https.connection import Limits, Request, Text, Tls
from goclient.services.https.moves import Moves, not_kept
from goclient.services.https.multistatus import BadListing, Resource, is_plain, name_below, path_of
from goclient.services.https.propfind import find_resources, unusable_listing
from goclient.services.https.redirects import target_of
from goclient.services.https.streams import FileState

T = TypeVar("T")
LISTED_WITHIN, _FEW = 1.0, 2000  # seconds that a listing is good for; names of a directory that is listed again then
# xrootd 5.5 ends a path at a question mark; XML has no control characters, no U+FFFE and U+FFFF, and the text of a
# listing is UTF-8.
_NOT_KEPT = re.compile("[?\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufffe\\uffff]")
_LONGEST = 4095  # bytes of a path that Linux takes: xrootd 5.5 fails at a longer one, as often as it is asked


class _Names(NamedTuple):
    """Names that a directory had at some time."""

    taken: float
    names: set[str]


class WebdavFiles:
    """Ask WebDAV servers about files, and read and write them; any thread may ask, over connections of its own."""

    def __init__(self, tls: Tls, *, limits: Limits = Limits(), patience: float = 0.0) -> None:  # noqa: B008  # frozen
        self.http = HttpFiles(limits=limits, patience=patience)
        self._tls = tls
        self._accesses: dict[Endpoint, Access] = {}
        self._is_literal: dict[Endpoint, bool] = {}
        self._names: dict[tuple[Endpoint, str], _Names] = {}

    def close(self) -> None:
        """End what all threads wait for."""
        self.http.close()

    def place(self, endpoint: Endpoint, path: str) -> Place:
        """Return a path of a server; raise RequestError for one that no WebDAV server keeps as it is."""
        shown = endpoint.show(path)
        if not path.startswith("/"):
            raise RequestError(f"{quote(shown)}: its path does not begin with /", code="location", subject=shown)
        if bad := _NOT_KEPT.search(path):
            raise not_kept(shown, bad[0])
        if (size := len(os.fsencode(path))) > _LONGEST:
            message = f"{quote(shown)}: its path has {size:,} bytes, and Linux takes no more than {_LONGEST:,}"
            raise RequestError(message, hint="choose a shorter path", code="location", subject=shown)
        if endpoint not in self._accesses:
            assert isinstance(endpoint, UrlEndpoint), "a server is named by its URL"
            server = Server(endpoint.host, endpoint.port, WEBDAV)
            self._accesses[endpoint] = Access(server, self._tls, follow=target_of)
        return Place(self._accesses[endpoint], path, shown)

    # --- reading names ------------------------------------------------------------------------------------------------

    def account(self, endpoint: Endpoint) -> str:
        """Ask the server for something that costs nothing; raise what is wrong with it, or with the proxy.

        Return no name: a WebDAV server does not tell which account it has found.
        """
        self._ask("OPTIONS", self.place(endpoint, "/"))
        return ""

    def entry(self, endpoint: Endpoint, path: str) -> FileInfo:
        """Return the entry at a path; raise PathNotFound if there is none."""
        try:
            return self._entry(endpoint, path)
        except ServerFailed:  # xrootd 5.5 says so of anything below a file
            self._check_directory(endpoint, path.rstrip("/").rpartition("/")[0])
            raise

    def _entry(self, endpoint: Endpoint, path: str) -> FileInfo:
        found = find_resources(self.http, self.place(endpoint, path), depth=0)
        if len(found) != 1:
            raise unusable_listing(self.place(endpoint, path), f"it has {len(found)} entries for one path")
        return FileInfo(path.rstrip("/").rpartition("/")[2], found[0].is_directory, found[0].size)

    def entries(self, endpoint: Endpoint, paths: Sequence[str]) -> dict[str, FileInfo | GoclientError]:
        """Return the entry at each path, or the error that it has."""
        return _each(paths, partial(self.entry, endpoint))

    def listing(self, endpoint: Endpoint, directory: str) -> Listing:
        """Return what a directory holds, by name; raise NotADirectory for a file."""
        place, taken = self.place(endpoint, directory), time.monotonic()
        try:
            resources, top = find_resources(self.http, place, depth=1), None
        except ServerFailed:
            self._check_directory(endpoint, directory.rstrip("/"))
            raise
        plain = is_plain(one.href for one in resources) or self._is_plain(endpoint, directory, resources)
        found: dict[str, FileInfo] = {}
        try:
            for one in resources:
                if name := name_below(directory, path_of(one.href, plain=plain)):
                    found[name] = FileInfo(name, one.is_directory, 0 if one.is_directory else one.size)
                else:
                    top = one
        except BadListing as error:
            raise unusable_listing(place, str(error)) from error
        if top is None:
            raise unusable_listing(place, "the directory itself is not in it")
        if not top.is_directory:
            raise NotADirectory(f"{quote(place.shown)}: it is a file", hint="name its directory", subject=place.shown)
        self._names[endpoint, directory.rstrip("/")] = _Names(taken, set(found))
        return Listing(found)

    def _check_directory(self, endpoint: Endpoint, path: str) -> None:
        """Raise NotADirectory for a path that is a file, or is below one; PathNotFound if a part of it is not there.

        A server may fail at many directories above one another: half of those that are left are passed over each time.
        """
        parts = path.split("/")
        there, last = 1, len(parts)  # parts that are a directory, the root at first; and that may be one
        asked = last
        while there < last:
            above = "/".join(parts[:asked])
            try:
                if not self._entry(endpoint, above).is_directory:
                    shown = endpoint.show(above)
                    raise NotADirectory(f"{quote(shown)}: it is a file", hint="name its directory", subject=shown)
                there = asked
            except ServerFailed:
                last = asked - 1
            asked = (there + last + 1) // 2

    def _is_plain(self, endpoint: Endpoint, directory: str, resources: Sequence[Resource]) -> bool:
        """Return True if what knowns encoded is a name as it is: something has that name."""
        for one in resources:
            if "%" in one.href and (name := one.href.strip("/").rpartition("/")[2]):
                found = self.entries(endpoint, [f"{directory.rstrip('/')}/{name}"])
                return not any(isinstance(info, GoclientError) for info in found.values())
        return False

    def listings(self, endpoint: Endpoint, directories: Sequence[str]) -> dict[str, Listing | GoclientError]:
        """Return what each directory holds, or the error that it has."""
        return _each(directories, partial(self.listing, endpoint))

    def checksum(self, endpoint: Endpoint, path: str) -> str:
        """Return the adler32 of a file, read for it if the server does not tell; raise EndpointError."""
        info, place = self.entry(endpoint, path), self.place(endpoint, path)
        if info.is_directory:
            raise EndpointError(f"{quote(place.shown)}: it is a directory", hint="name a file", subject=place.shown)
        told = self.http.tell(place, size=info.size)
        if told.adler32 is None:
            told = self.http.read(place, None, size=info.size, moved=lambda _: None)
        assert told.adler32 is not None
        return told.adler32

    # --- changing -----------------------------------------------------------------------------------------------

    def mkdir(self, endpoint: Endpoint, *directories: str) -> None:
        """Make directories, in order, unless they are there; raise PathNotFound if what is above one is missing."""
        for one in directories:
            place = self.place(endpoint, one)
            try:
                self._ask("MKCOL", place)
            except PathExists:
                if not self.entry(endpoint, one).is_directory:
                    message = f"{quote(place.shown)}: it is a file"
                    raise NotADirectory(message, hint="name another directory", subject=place.shown) from None

    def rename(self, endpoint: Endpoint, old: str, new: str) -> None:
        """Give a file or a directory another path; raise PathExists if that is not free.

        xrootd replaces a path that is taken though it is told not to: it is looked up first, or was a second ago.
        """
        place = self.place(endpoint, new)
        if self._is_taken(endpoint, new):
            raise PathExists.by_now(place.shown)
        self._moves().move(endpoint, old, new, overwrite="F")
        directory, _, name = old.rstrip("/").rpartition("/")
        if (known := self._names.get((endpoint, directory))) is not None:
            known.names.discard(name)  # it is free now

    def renames(
        self, endpoint: Endpoint, pairs: Sequence[tuple[str, str]], meanwhile: Callable[[], object]
    ) -> list[GoclientError]:
        """Give paths others that are free; return why that failed for some of them."""
        collector = Collector()
        for one in pairs:
            meanwhile()
            with collector:
                self.rename(endpoint, *one)
        return collector.errors

    def replace(self, endpoint: Endpoint, old: str, new: str) -> None:
        """Give a file the path of another one, which is gone then."""
        self._moves().move(endpoint, old, new, overwrite="T")

    def _moves(self) -> Moves:
        return Moves(self.http, self.place, self.entry, self._is_literal)  # not kept: each would keep the other

    def _is_taken(self, endpoint: Endpoint, path: str) -> bool:
        directory, _, name = path.rstrip("/").rpartition("/")
        known = self._names.get((endpoint, directory))
        if known is not None and time.monotonic() - known.taken > LISTED_WITHIN and len(known.names) <= _FEW:
            self.listing(endpoint, f"{directory}/")  # more names are to be given, most often
            known = self._names[endpoint, directory]
        if known is None or time.monotonic() - known.taken > LISTED_WITHIN:
            try:
                self.entry(endpoint, path)
            except PathNotFound:
                return False
            return True
        taken = name in known.names
        known.names.add(name)
        return taken

    def remove(self, endpoint: Endpoint, *directories: str) -> None:
        """Remove directories, and all below them; what is not there is fine."""
        for directory in directories:
            try:
                found = self.listing(endpoint, directory)
            except PathNotFound:
                continue
            for one in found.values():
                below = f"{directory.rstrip('/')}/{one.name}"
                self.remove(endpoint, below) if one.is_directory else self.delete(endpoint, below)
            self.delete(endpoint, directory)

    def delete(self, endpoint: Endpoint, *paths: str) -> None:
        """Delete files, or empty directories; what is not there is fine."""
        for path in paths:
            with suppress(PathNotFound):
                self._ask("DELETE", self.place(endpoint, path))

    def _ask(self, method: str, place: Place, body: Text | None = None) -> None:
        def ask() -> None:
            with self.http.answer(place, Request(method, place.target, {}, body)):
                pass

        self.http.insist(ask)

    # --- contents -----------------------------------------------------------------------------------------------

    def get(self, endpoint: Endpoint, path: str, file: BinaryIO, *, size: int = 0, moved: Moved) -> FileState:
        """Write a file's content to a local one; return its size and checksum, which are the server's, too."""
        place = self.place(endpoint, path)
        return self._retry(endpoint, path, lambda: self.http.read(place, file, size=size or None, moved=moved))

    def put(self, endpoint: Endpoint, file: BinaryIO, path: str, *, moved: Moved) -> FileState:
        """Send a local file, which replaces the one there; return its size and checksum."""
        place, above = self.place(endpoint, path), path.rpartition("/")[0] or "/"
        return self._retry(endpoint, above, lambda: self.http.write(file, place, moved=moved))

    def put_text(self, endpoint: Endpoint, text: bytes, path: str) -> None:
        """Send bytes that tell themselves whether they have arrived whole; they replace what is there."""
        self._ask("PUT", self.place(endpoint, path), Text(text))

    def _retry(self, endpoint: Endpoint, path: str, call: Callable[[], T]) -> T:
        """Return what a call gives; one that does not find what is there, at ``path``, is made once more.

        So is one whose checksum differs.  A busy xrootd 5.5 may say 404 of a file that is there, and damages what it
        sends; it says 500 of a missing file whose checksum is wanted.
        """
        try:
            return call()
        except ChecksumDiffers:
            return call()
        except (PathNotFound, ServerFailed):
            self.entry(endpoint, path)
            return call()


def _each(paths: Sequence[str], ask: Callable[[str], T]) -> dict[str, T | GoclientError]:
    found: dict[str, T | GoclientError] = {}
    for path in paths:
        try:
            found[path] = ask(path)
        except GoclientError as error:
            found[path] = error
            if error.transient:  # the server is silent, or busy: nobody waits for it once a path
                return {**dict.fromkeys(paths, error), **found}
    return found
