"""A connection to an HTTP server: every wait has an end, and nothing is sent to a server that is not itself.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import http.client
import io
import select
import socket
import ssl
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NamedTuple, Protocol

from goclient.errors import EndpointError
from goclient.errors.wording import quote
from goclient.services.deadline import Deadline
from goclient.services.gsi.dial import dial, raise_named
from goclient.services.gsi.server import Server
from goclient.services.https.response import Response

PIECE = 1 << 18  # bytes that must pass while a server may be silent: one that drips is given up, too
EXPECT_FROM = 1 << 20  # bytes of a body that is not sent before the server wants it
CONTINUE_WITHIN = 1.0  # seconds in which a server says that it wants a body (RFC 9110, 10.1.1); then it is sent anyway
CHECKSUM_RATE = 50e6  # bytes a second that a server reads at least to tell a checksum
LONGEST_CHECKSUM = 86_400.0  # seconds, whatever size a server tells
_BUFFER = 1 << 16  # bytes
_MOST_LEFT = 1 << 16  # bytes of an answer that are read for the sake of its connection
_MOST_HEADER = 1 << 16  # bytes of one line
_BROKEN = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class Limits(NamedTuple):
    """Limits of time, in seconds; ``whole`` is the end of all that is asked, if there is one."""

    connect: float = 10.0  # until a connection is made, TLS included
    answer: float = 60.0  # until an answer begins
    silent: float = 60.0  # in which PIECE bytes pass
    whole: Deadline | None = None

    def end(self, seconds: float) -> Deadline:
        """Return an end after so many seconds, or earlier if the whole ends."""
        return Deadline(seconds if self.whole is None else min(seconds, self.whole.left))


class Tls(Protocol):
    """TLS with servers: whom it trusts, and as whom it acts."""

    @abstractmethod
    def secure(self, server: Server, deadline: Deadline) -> ssl.SSLSocket:
        """Return a connected socket to a server that has proven its name; raise GoclientError."""


class Body(Protocol):
    """Body of a request."""

    size: int

    @abstractmethod
    def send(self, write: Callable[[bytes | memoryview], None]) -> None:
        """Write all of it, from its beginning."""


class Text(Body):
    """Bytes that a program has made."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._data = data

    def send(self, write: Callable[[bytes | memoryview], None]) -> None:
        """Write them."""
        write(self._data)


class Request(NamedTuple):
    """A request; ``target`` is its path, encoded; ``seconds``: what the answer may take beyond the limit to begin."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: Body | None = None
    seconds: float = 0.0


class _Answered(Exception):
    """Answer of a server that comes before it has all of a body."""


class _Raw(io.RawIOBase):
    """Bytes that a server sends."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.deadline = Deadline(0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # as below
        self._socket.settimeout(self.deadline.remaining())
        return self._socket.recv_into(buffer)


class _Reader(io.BufferedReader):
    """Buffered bytes of all answers of a connection: closing an answer does not close it."""

    def close(self) -> None:
        """Do nothing."""


class Connection:
    """A connection to one server, on which a request follows another; one thread uses it."""

    def __init__(self, server: Server, tls: Tls | None, limits: Limits) -> None:
        """Connect; raise GoclientError."""
        self._server, self.limits = server, limits
        deadline = limits.end(limits.connect)
        self._socket = dial(server, deadline) if tls is None else tls.secure(server, deadline)
        self._raw = _Raw(self._socket)
        self._reader = _Reader(self._raw, _BUFFER)  # type: ignore[arg-type]  # typeshed has another name for a buffer
        usual = 80 if tls is None else 443
        host = f"[{server.host}]" if ":" in server.host else server.host
        self._host = host if server.port == usual else f"{host}:{server.port}"
        self.response: Response  # the last one
        self._is_used = False
        # Whether the last request was for a checksum, and the one before: xrootd 5.5 may answer that a second time.
        self.wants_sum = self.follows_sum = False
        self._expected: Request | None = None  # it was sent, and its answer has not been asked for

    def makefile(self, _: str) -> io.BufferedReader:
        """Return what an answer is read from: ``HTTPResponse`` asks its socket for it."""
        return self._reader

    def ask(self, request: Request) -> Response:
        """Return the answer to a request, whose body has not been read; raise GoclientError."""
        deadline = self.limits.end(self.limits.answer + request.seconds)
        self.follows_sum, self.wants_sum = self.wants_sum, "Want-Digest" in request.headers
        with self.name_errors(deadline, step=f"before it answered {request.method}"):
            if self._expected is None:
                self._send(_head(request, self._host))
            self._expected = None
            is_sent = request.body is None or self._send_body(request.body)
            self._raw.deadline = self.limits.end(self.limits.answer + request.seconds)
            self.response = Response(self, method=request.method)  # type: ignore[arg-type]
            self.response.begin()
            self._is_used = True
        if not is_sent:
            self.response.will_close = True  # the server may wait for the rest
        return self.response

    def expect(self, request: Request) -> None:
        """Send a request without a body whose answer is asked for next; raise GoclientError."""
        with self.name_errors(self.limits.end(self.limits.silent), step=f"before it had all of {request.method}"):
            self._send(_head(request, self._host))
        self._expected = request

    def read(self, work: Callable[[http.client.HTTPResponse, Callable[[], None]], object]) -> None:
        """Call ``work``, which reads the answer, and calls what it is given before each piece; raise GoclientError."""
        seconds = self.limits.silent

        def allow() -> None:
            self._raw.deadline = self.limits.end(seconds)

        allow()
        with self.name_errors(Deadline(seconds), step="in the middle of an answer"):
            work(self.response, allow)

    def finish(self) -> None:
        """Read what is left of the answer, if that is little, so that another request can follow."""
        if not self.response.isclosed():
            self.read(lambda response, _: response.read(_MOST_LEFT))

    def _send(self, data: bytes | memoryview) -> None:
        self._socket.settimeout(self.limits.end(self.limits.silent).remaining())
        self._socket.sendall(data)

    def _send_body(self, body: Body) -> bool:
        """Send a body; return False if the server has answered before it has all of it."""
        if body.size >= EXPECT_FROM and not self._is_wanted():
            return False

        def write(piece: bytes | memoryview) -> None:
            if select.select([self._socket], [], [], 0.0)[0] and self._begins(0.001):
                raise _Answered
            self._send(piece)

        try:
            body.send(write)
        except _Answered:
            return False
        except _BROKEN:
            with suppress(OSError):  # it may have said why before it hung up
                if self._begins(1.0):
                    return False
            raise
        return True

    def _is_wanted(self) -> bool:
        """Return True if the server wants the body, or does not say."""
        begin = self._begins(CONTINUE_WITHIN)
        if begin.startswith(b"HTTP/1.1 100"):
            while self._reader.readline(_MOST_HEADER).strip():
                pass
        return not begin or begin.startswith(b"HTTP/1.1 100")

    def _begins(self, seconds: float) -> bytes:
        """Return how an answer begins that comes within so many seconds, or nothing."""
        self._raw.deadline = Deadline(seconds)
        with suppress(TimeoutError):
            return self._reader.peek(12)[:12]
        return b""

    @contextmanager
    def name_errors(self, deadline: Deadline, *, step: str) -> Iterator[None]:
        """Run the body, which uses the connection; what breaks it, or is not HTTP, becomes an error of the server."""
        try:
            yield
        except OSError as error:
            if self._is_used and isinstance(error, ssl.SSLError):  # damaged, as a busy xrootd 5.5 does
                raise_named(ConnectionAbortedError(), self._server, deadline, step=step)
            raise_named(error, self._server, deadline, step=step)
        except http.client.HTTPException as error:
            if self._is_used:  # it speaks HTTP, and has lost its place: xrootd 5.5 sends a content twice, too
                raise_named(ConnectionAbortedError(), self._server, deadline, step=step)
            raise EndpointError(
                f"the {self._server.named} does not speak HTTP: {quote(str(error) or type(error).__name__)}",
                hint=f"check that the host and the port are a {self._server.kind.title}'s",
                code=f"{self._server.kind.code}-garbage", subject=str(self._server),
            ) from error  # fmt: skip

    def takes(self, request: Request) -> bool:
        """Return True if a request can be asked here: it was sent ahead, or nothing was, and another can be sent."""
        return self.is_reusable if self._expected is None else self._expected == request

    @property
    def is_reusable(self) -> bool:
        """Return True if another request can be sent: the last answer was read, and the server has not hung up."""
        if self._is_used and (self.response.will_close or not self.response.isclosed()):
            return False
        return not select.select([self._socket], [], [], 0.0)[0] or not self._begins_or_ends()

    def _begins_or_ends(self) -> bool:
        """Return True if something can be read that nobody asked for, be it the end; records of TLS itself cannot."""
        self._raw.deadline = Deadline(0.001)
        try:
            self._reader.peek(1)
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def abort(self) -> None:
        """End what another thread waits for."""
        with suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # not TLS's own, which takes the socket apart

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def __del__(self) -> None:
        if "_socket" in self.__dict__:
            self._socket.close()


def _head(request: Request, host: str) -> bytes:
    """Return the lines of a request before its body."""
    headers = {"Host": host, "User-Agent": "goclient", "Accept-Encoding": "identity", **request.headers}
    if request.body is not None:
        headers["Content-Length"] = str(request.body.size)
        if request.body.size >= EXPECT_FROM:
            headers["Expect"] = "100-continue"
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise EndpointError("a token with a line break cannot be sent", hint="log in again", code="token")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
