"""HTTP with bounds: every exchange has one end, whatever it waits for, and an answer has a size that is held.

A time-out of requests counts from byte to byte, and a body is read, and unpacked, however large it is.  Here an
exchange runs beside its caller, who ends it when its time is up: the connection is shut down, so that nothing of a
request that was given up is sent later, and nobody goes on reading.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from goclient.errors.wording import innermost
from goclient.services.deadline import one_end, within

MAX_ANSWER = 12 << 20  # bytes: a job's parameters may have 10 MB, and everything else is smaller
MAX_ERROR = 64 << 10  # bytes of an answer that is an error: the rest is left, because its status says enough
CONNECT_WITHIN = 10.0  # seconds
_PIECE = 1 << 16
_GZIP = 31  # wbits of zlib: a header of gzip is expected
_here = threading.local()


class BadAnswer(requests.exceptions.RequestException):
    """An answer that no service sends: too large, packed in a way that nobody asked for, or not JSON."""


class Outgoing(io.BytesIO):
    """A request on its way, and its body, which knows whether any of it was sent: it is read over a connection only.

    Nothing more is sent of a request that was abandoned.
    """

    def __init__(self, content: bytes = b"") -> None:
        super().__init__(content)
        self.sent = False
        self._over = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def uses(self, plain: socket.socket | None) -> None:
        """Note the socket that the request goes through, once there is one; raise TimeoutError if it was abandoned."""
        with self._lock:
            self._socket = plain or self._socket  # a connection forgets its own while the answer is read from it
            self._check()

    def abandon(self) -> None:
        """End the exchange, wherever it is."""
        with self._lock:
            self._over = True
        with suppress(OSError, TypeError):  # it is closed; or it is not a socket, but TLS inside a proxy's TLS
            if self._socket is not None:
                # Not SSLSocket's own shutdown: for a moment it would send what follows as it is, without TLS.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes to be sent; raise TimeoutError if the request was abandoned."""
        with self._lock:
            self._check()
            self.sent = True
        return super().read(size)

    def _check(self) -> None:
        if self._over:
            raise TimeoutError("the time for this request is over")


def _note(connection: HTTPConnection) -> None:
    going: Outgoing | None = getattr(_here, "going", None)
    if going is not None:
        going.uses(connection.sock)


class _Plain(HTTPConnection):
    """A connection that the exchange of its thread can end."""

    def connect(self) -> None:
        _note(self)
        super().connect()
        _note(self)

    def request(self, *args: Any, **kwargs: Any) -> None:  # urllib3's own
        _note(self)
        super().request(*args, **kwargs)


class _Secure(_Plain, HTTPSConnection):
    """A connection of that kind with TLS."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


_POOLS = {"http": _PlainPool, "https": _SecurePool}


class Bounded(HTTPAdapter):
    """Adapter of a session of requests: each exchange ends after its ``timeout``, or with the time of ``one_end``.

    The answers come whole, of at most MAX_ANSWER bytes or what :func:`allow` says.  ``into``: the file that the body
    of a good answer is written to instead.  ``cut``: the rest of a longer answer is left.  ``context``: what holds
    further authorities that servers are believed with.
    """

    def __init__(
        self, into: IO[bytes] | None = None, *, cut: bool = False, context: ssl.SSLContext | None = None
    ) -> None:
        self._into = into
        self._cut = cut
        self._trust: dict[str, Any] = {"ssl_context": context} if context else {}
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Set up the connections, as requests does, with ours."""
        super().init_poolmanager(*args, **(kwargs | self._trust))
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Return what connects through a proxy, as requests does, with our connections."""
        manager = super().proxy_manager_for(proxy, **(kwargs | self._trust))
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Return the whole answer; raise requests' Timeout at the end of its time, or BadAnswer."""
        body: object = request.body
        if isinstance(body, Outgoing):
            going = body
        else:
            going = Outgoing(body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b"")
            if body:
                request.body = going  # type: ignore[assignment]  # requests takes what can be read
        size = getattr(_here, "size", None) or MAX_ANSWER
        request.headers["Accept-Encoding"] = "gzip" if self._into is None else "identity"
        with one_end(kwargs["timeout"]) as end:
            waits = (min(CONNECT_WITHIN, max(end.left, 0.001)), max(end.left, 0.001))
            kwargs |= {"stream": True, "timeout": waits}

            def exchange() -> requests.Response:
                _here.going = going
                response = super(Bounded, self).send(request, **kwargs)
                with response:
                    self._load(response, size)
                return response

            try:
                return within(end.remaining(), exchange)
            except TimeoutError:
                going.abandon()
                raise requests.exceptions.Timeout(f"timed out after {end.seconds:.3g} s", request=request) from None
            except BaseException:
                going.abandon()
                raise

    def _load(self, response: requests.Response, size: int) -> None:
        """Read the body of a response into it, or into the file."""
        good = response.status_code < 400
        into = self._into if response.status_code == 200 else None
        content = bytearray()
        read = 0
        try:
            cut = self._cut or not good
            most = size if good else MAX_ERROR
            for piece in _pieces(response, min(_PIECE, most)):
                read += len(piece)
                if read > most and not cut:
                    raise BadAnswer(f"its answer is larger than {size >> 20} MiB", request=response.request)
                (content.extend if into is None else into.write)(piece)
                if read >= most and cut:
                    response.raw.close()  # what was not read must not come before another answer
                    break
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            if isinstance(error, requests.exceptions.RequestException):
                raise
            raise requests.exceptions.ConnectionError(error, request=response.request) from error
        response._content = bytes(content)
        response._content_consumed = True  # type: ignore[attr-defined]  # what its content does when it is read


def _pieces(response: requests.Response, size: int) -> Iterator[bytes]:
    """Yield the body of a response in pieces of so many bytes at most, unpacked."""
    kind = response.headers.get("Content-Encoding", "identity").strip().lower()
    if kind not in ("identity", "gzip", "x-gzip", ""):
        raise BadAnswer("its answer is packed in a way that was not asked for", request=response.request)
    unpacker = zlib.decompressobj(_GZIP) if kind.endswith("gzip") else None
    while piece := response.raw.read(size, decode_content=False):
        if unpacker is None:
            yield piece
            continue
        while piece:
            try:
                yield unpacker.decompress(piece, size)
            except zlib.error as error:
                raise BadAnswer(f"its answer cannot be unpacked: {error}", request=response.request) from error
            piece = unpacker.unconsumed_tail
    if unpacker is not None and not unpacker.eof:
        raise requests.exceptions.ConnectionError("its answer breaks off", request=response.request)


@contextmanager
def allow(size: int) -> Iterator[None]:
    """Run the body, in which an answer may have so many bytes."""
    _here.size, before = size, getattr(_here, "size", None)
    try:
        yield
    finally:
        _here.size = before


def limit(session: requests.Session, adapter: Bounded | None = None) -> None:
    """Give all exchanges of a session their bounds; each of them has to have a time-out, a number of seconds."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter or Bounded())


class Anonymous(requests.Session):
    """A session that shows no credential to anybody: none of ``.netrc``, also not after a redirect."""

    def __init__(self) -> None:
        super().__init__()
        self.auth = lambda request: request

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Add nothing: after a redirect, requests would look into .netrc for the new host."""


# A payload is fetched, and looked at, in one way: redirects are followed, and CAs and proxies are those of requests
# and its variables.


def download(url: str, into: IO[bytes], *, seconds: float, size: int) -> None:
    """Write what is at a URL into a file; raise requests' RequestException or OSError."""
    session = Anonymous()
    limit(session, Bounded(into))
    with session, one_end(seconds), allow(size):
        session.get(url, timeout=seconds).raise_for_status()


def head(url: str, *, seconds: float, size: int) -> bytes:
    """Return the first bytes at a URL; the rest is not read; raise as :func:`download`."""
    session = Anonymous()
    limit(session, Bounded(cut=True))
    with session, one_end(seconds), allow(size):
        response = session.get(url, timeout=seconds)
        response.raise_for_status()
    return response.content[:size]


def explain_error(error: Exception) -> str:
    """Return why one of these two has raised an error, in a user's words, without the name and password of a URL."""
    from goclient.model.payload import hide_login  # only a mistake pays for it

    if isinstance(error, requests.exceptions.HTTPError):
        return f"its server answers {error.response.status_code} {error.response.reason or ''}".rstrip()
    return hide_login(innermost(error))
