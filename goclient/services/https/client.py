"""Files of an HTTP server: read and written as streams, resumed after a break, compared in size and checksum.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import BinaryIO, NamedTuple, TypeVar
from urllib.parse import quote as quote_url

from goclient.errors import EndpointError, GoclientError
from goclient.errors.conditions import ChecksumDiffers, PathExists
from goclient.errors.wording import quote
from goclient.services.contents import MOST_BYTES, Moved, explain_change
from goclient.services.gsi.server import Server
from goclient.services.https.connection import CHECKSUM_RATE, LONGEST_CHECKSUM, Connection, Limits, Request, Tls
from goclient.services.https.refusals import MOST_WORDS, Refused, refusal
from goclient.services.https.streams import FileState, Incoming, Outgoing
from goclient.services.retry import insist

T = TypeVar("T")
_REDIRECTS, _MOST_REDIRECTS = (301, 302, 307, 308), 5  # of one request
_WANTED = {"Want-Digest": "adler32"}  # RFC 3230
_FREE = {"If-None-Match": "*"}  # RFC 9110, 13.1.2: if nothing has the name; not every server knows it


class Access(NamedTuple):
    """A server, and how it is asked: through which TLS, and with the headers that ``headers`` gives each time.

    ``above`` is the path below which it has its files; ``follow`` returns the server and path of a redirect that is
    followed, such as those of ``redirects.py``; a token follows none.
    """

    server: Server
    tls: Tls | None  # None for a server of this machine that speaks plain HTTP
    headers: Callable[[], Mapping[str, str]] = dict
    above: str = ""
    follow: Callable[[str, Server], tuple[Server, str] | None] | None = None
    tells_checksums: bool = True

    def with_headers(self, request: Request) -> Request:
        """Return a request with the headers of the access, which are asked for anew each time."""
        return request._replace(headers={**self.headers(), **request.headers})


class Place(NamedTuple):
    """A path of a server; ``shown`` is its location as a person knows it."""

    access: Access
    path: str
    shown: str

    @property
    def target(self) -> str:
        """Return the path as a request has it."""
        return self.access.above + quote_url(os.fsencode(self.path), safe="/")


class HttpFiles:
    """Ask HTTP servers, from any thread; what may pass is tried again for ``patience`` seconds.

    ``close`` ends what all threads do, and what is asked later.
    """

    def __init__(self, *, limits: Limits = Limits(), patience: float = 0.0) -> None:  # noqa: B008  # it is frozen
        self.limits = limits
        self.requests = 0
        self._patience = patience
        self._idle: dict[Server, list[Connection]] = {}
        self._busy: set[Connection] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def close(self) -> None:
        """End what all threads wait for."""
        with self._lock:
            self._closed.set()
            for one in self._busy:
                one.abort()
            for kept in self._idle.values():
                for one in kept:
                    one.close()
            self._idle.clear()

    # --- requests -----------------------------------------------------------------------------------------------

    @contextmanager
    def answer(self, place: Place, request: Request) -> Iterator[Connection]:
        """Run the body with a connection whose ``response`` is not an error; raise EndpointError.

        Redirects are followed as the access says.  What is refused behind a checksum may pass, where there is patience
        for it: if the thread of a checksum overtakes that of its request, xrootd 5.5 answers twice.  A collection's
        refusal of a PUT stays: the next one would not say that nothing may be replaced.
        """
        access, server = place.access, place.access.server
        for _ in range(_MOST_REDIRECTS):
            asked = access.with_headers(request)
            connection, is_good = self._connection(server, access.tls, asked), False
            try:
                self.requests += 1
                response = connection.ask(asked)
                further, failure = None, None
                if response.status in _REDIRECTS and access.follow is not None:
                    further = access.follow(response.headers.get("Location", ""), server)
                if response.status >= 300 and further is None:
                    refused = Refused(server, request.method, place.shown, place.path)
                    words = response.read(MOST_WORDS)
                    doubtful = connection.follows_sum and self._patience > 0
                    doubtful = doubtful and (access.tells_checksums or request.method != "PUT")
                    failure = refusal(refused, response.status, response.headers, words, is_doubtful=doubtful)
                elif further is None:
                    yield connection
                connection.finish()
                is_good = failure is None or not connection.follows_sum
            finally:
                self._release(server, connection, is_good=is_good)
            if failure is not None:
                raise failure
            if further is None:
                return
            server, target = further
            request = request._replace(target=target)
        raise EndpointError(
            f"{quote(place.shown)}: the {access.server.named} redirects more than {_MOST_REDIRECTS} times",
            hint="tell the server's operators", code=f"{access.server.kind.code}-redirect", subject=place.shown,
        )  # fmt: skip

    def _connection(self, server: Server, tls: Tls | None, request: Request) -> Connection:
        """Return a connection to a server for a request: a new one, if there is none that can be used again."""
        found: Connection | None = None
        while found is None:
            with self._lock:
                kept = self._idle.get(server)
                found = kept.pop() if kept else None
            if found is None:
                break
            if not found.takes(request):
                found.close()
                found = None
        found = found or Connection(server, tls, self.limits)
        with self._lock:
            self._busy.add(found)
            if self._closed.is_set():
                found.abort()
        return found

    def _release(self, server: Server, connection: Connection, *, is_good: bool) -> None:
        """Keep a connection for the next request, or close it."""
        with self._lock:
            self._busy.discard(connection)
            is_good = is_good and not self._closed.is_set()
            if is_good:
                self._idle.setdefault(server, []).append(connection)
        if not is_good:
            connection.close()

    def insist(self, call: Callable[[], T], progress: Callable[[], int] = lambda: 0) -> T:
        """Return what a call gives; what may pass is tried again while ``progress`` grows, and for the patience."""
        return insist(call, self._patience, wait=self._closed.wait, progress=progress)

    # --- files --------------------------------------------------------------------------------------------------

    def read(self, place: Place, file: BinaryIO | None, *, size: int | None = None, moved: Moved) -> FileState:
        """Write a file's content to a local one, from its beginning; return its size and checksum.

        Raise EndpointError; ChecksumDiffers if the server has something else, SourceChanged if more than ``size`` bytes
        come, as far as that is known.  Without a local ``file`` the content is only read.
        """
        content = Incoming(file, place.shown, moved, most=MOST_BYTES if size is None else size)
        told = self.insist(lambda: self._read_rest(place, content, size or 0), lambda: content.offset)
        if told.adler32 is None and file is not None:
            after = self.tell(place, size=content.offset)
            if after.version != told.version or after.size not in (None, told.size, content.offset):
                raise explain_change(place.shown)
            told = after
        found = FileState(content.offset, content.adler32, told.version)
        _compare(place, found, told)
        return found

    def expect(self, place: Place, *, size: int) -> None:
        """Ask for a file that is read next, so that its server works meanwhile; what fails is told when it is read."""
        server = place.access.server
        with suppress(GoclientError):
            request = place.access.with_headers(_get(place, _WANTED, size))
            connection, is_good = self._connection(server, place.access.tls, request), False
            try:
                connection.expect(request)
                is_good = True
            finally:
                self._release(server, connection, is_good=is_good)

    def _read_rest(self, place: Place, content: Incoming, size: int) -> FileState:
        headers, known = dict(_WANTED), content.told
        if known is not None and known.size is not None and content.offset:
            if content.offset == known.size:
                return known
            headers["Range"] = f"bytes={content.offset}-{known.size - 1}"  # without an end, xrootd 5.5 sends nothing
        with self.answer(place, _get(place, headers, size)) as connection:
            told = content.begin(connection.response)
            connection.read(content.read)
        return told

    def write(self, file: BinaryIO, place: Place, *, moved: Moved) -> FileState:
        """Send a local file, which replaces the one there; return its size and checksum.

        Raise EndpointError; ChecksumDiffers if the server has something else then.
        """
        return self._write(Outgoing(file, place.shown, moved), place, {})

    def write_new(self, file: BinaryIO, place: Place, *, moved: Moved) -> FileState:
        """Send a local file to a name that is free; what has arrived is deleted again if that fails.

        Raise PathExists if something has the name by now, as far as the server tells: it is told to take no other.
        """
        body = Outgoing(file, place.shown, moved)
        try:
            return self._write(body, place, _FREE)
        except BaseException as error:
            if body.is_begun and not isinstance(error, PathExists):
                self.take_back(place)
            raise

    def _write(self, body: Outgoing, place: Place, conditions: Mapping[str, str]) -> FileState:
        """Send a body, whose first try has conditions: what is there when it is sent again may be of that."""
        seconds = min(body.size / CHECKSUM_RATE, LONGEST_CHECKSUM)

        def send() -> None:
            headers = {} if body.is_begun else conditions
            with self.answer(place, Request("PUT", place.target, headers, body, seconds=seconds)):
                pass

        self.insist(send)
        sent = FileState(body.size, body.adler32, "")
        there = self.tell(place, size=body.size) if place.access.tells_checksums else sent._replace(adler32=None)
        if there.adler32 is None:
            there = self.read(place, None, size=body.size, moved=lambda _: body.moved(0))
        _compare(place, sent, there)
        body.check()
        return sent

    def tell(self, place: Place, *, size: int = 0) -> FileState:
        """Return what the server says of a file: never ask this of a directory, xrootd 5.5 does not answer then."""

        def ask() -> FileState:
            request = Request("HEAD", place.target, _WANTED, seconds=min(size / CHECKSUM_RATE, LONGEST_CHECKSUM))
            with self.answer(place, request) as connection:
                return FileState.read(connection.response)

        return self.insist(ask)

    def delete(self, place: Place) -> None:
        """Delete a file, or an empty directory."""

        def ask() -> None:
            with self.answer(place, Request("DELETE", place.target, {})):
                pass

        self.insist(ask)

    def take_back(self, place: Place) -> None:
        """Delete what has arrived so far, if that can be: over a connection of its own, which no cancel has closed."""
        again = HttpFiles(limits=self.limits)
        with suppress(GoclientError):
            again.delete(place)
        again.close()


def _get(place: Place, headers: Mapping[str, str], size: int) -> Request:
    """Return the request for a file of a size as it is known before."""
    return Request("GET", place.target, headers, seconds=min(size / CHECKSUM_RATE, LONGEST_CHECKSUM))


def _compare(place: Place, found: FileState, told: FileState) -> None:
    """Raise ChecksumDiffers unless a content is what the server says that it is."""
    for name, ours, theirs in (("size", found.size, told.size), ("adler32", found.adler32, told.adler32)):
        if theirs is not None and ours != theirs:
            raise ChecksumDiffers(
                f"{quote(place.shown)}: its {name} here is {ours}, and {theirs} at its server",
                hint="submit again; if it stays so, tell the server's operators", subject=place.shown,
            )  # fmt: skip
