"""A TLS connection to a MyProxy server that has shown that it is the one that was meant.

Nothing is sent to a server before its certificate, its name, the signing policy and the list of what was revoked have
been looked at.  Every wait counts against one deadline, the name server's included, and reads are bounded.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from goclient.errors import MyproxyError, quoted
from goclient.services import loopback
from goclient.services.deadline import Deadline, within
from goclient.services.gsi import tls
from goclient.services.gsi.der import SEQUENCE, Damaged, header
from goclient.services.gsi.revocation import verified_chain
from goclient.services.gsi.server_name import Server
from goclient.services.myproxy.wire import MAX_RESPONSE, Response, decode_response

T = TypeVar("T")
_PIECE = 1 << 14  # bytes; the most that a TLS record holds
_MAX_DER = 64 << 10
_CLOSED = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


class Connection:
    """One connection; each method is one step of the protocol, and an error says at which it failed."""

    def __init__(self, sock: ssl.SSLSocket, server: Server, deadline: Deadline) -> None:
        self._socket = sock
        self._server = server
        self._deadline = deadline
        self._buffer = bytearray()
        # With TLS 1.3 a server looks at our certificate after the handshake, and may hang up without a word.
        self.is_silent = self._skip_nul = sock.version() == "TLSv1.3"

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes, *, step: str) -> None:
        """None, once the bytes are sent, as one TLS record if they are few."""
        self._guarded(step, lambda sock: sock.sendall(data))

    def response(self, *, step: str) -> Response:
        """The answer that comes next."""
        while (end := self._buffer.find(0)) < 0:
            if len(self._buffer) > MAX_RESPONSE:
                raise self._garbage(f"more than {MAX_RESPONSE} bytes without an end", step)
            self._more(step)
        data = self._taken(end + 1)
        try:
            return decode_response(data)
        except MyproxyError as error:
            raise self._named(error) from error

    def byte(self, *, step: str) -> int:
        """The byte that comes next."""
        while not self._buffer:
            self._more(step)
        return self._taken(1)[0]

    def peek(self, *, step: str) -> int:
        """The byte that comes next; it stays there."""
        while not self._buffer:
            self._more(step)
        return self._buffer[0]

    def der(self, *, step: str) -> bytes:
        """The value in DER that comes next, of at most 64 KiB."""
        while len(self._buffer) < 6:
            if self._whole() is not None:
                break
            self._more(step)
        try:
            tag, _, end = header(bytes(self._buffer[:6]))
        except Damaged:
            tag, end = 0, 0
        if tag != SEQUENCE:  # of requests and of certificates
            raise self._garbage(f"something else: {quoted(bytes(self._buffer[:40]))}", step)
        if end > _MAX_DER:
            raise self._garbage(f"{end} bytes at once", step)
        while len(self._buffer) < end:
            self._more(step)
        return self._taken(end)

    def why_silent(self, maker: Maker, error: MyproxyError) -> MyproxyError:
        """The reason for an error, if the server hung up before it said anything and says why when asked again."""
        return _why_silent(self._server, maker, self._deadline, error)

    def _whole(self) -> int | None:
        """Where the value at the beginning of the buffer ends, if it is already there."""
        try:
            _, _, end = header(bytes(self._buffer))
        except Damaged:
            return None
        return end if end <= len(self._buffer) else None

    def _taken(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _more(self, step: str) -> None:
        piece = self._guarded(step, lambda sock: sock.recv(_PIECE))
        if not piece:
            raise self._closed(step)
        if self._skip_nul:  # GSI's servers begin with one, in a record of its own
            self._skip_nul = False
            piece = piece.removeprefix(b"\0")
        self.is_silent = False
        self._buffer += piece

    def _guarded(self, step: str, call: Callable[[ssl.SSLSocket], T]) -> T:
        """What a call on the socket gives; its trouble as an error that names the step."""
        try:
            self._socket.settimeout(self._deadline.remaining())
            return call(self._socket)
        except TimeoutError as error:
            raise silent(self._server, self._deadline.seconds, f"before {step}") from error
        except _CLOSED as error:
            raise self._closed(step) from error
        except ssl.SSLError as error:
            raise tls.refused(self._server, error, f"before {step}") from error
        except OSError as error:
            raise unreachable(self._server, error.strerror or str(error)) from error

    def _closed(self, step: str) -> MyproxyError:
        return closed(self._server, f"before {step}")

    def _garbage(self, what: str, step: str) -> MyproxyError:
        return MyproxyError(
            f"the MyProxy server {self._server} sent {what}, before {step}",
            hint="check that the host and the port are a MyProxy server's", code="myproxy-garbage",
            subject=str(self._server),
        )  # fmt: skip

    def _named(self, error: MyproxyError) -> MyproxyError:
        message = error.message.replace("the MyProxy server", f"the MyProxy server {self._server}", 1)
        return MyproxyError(message, hint=error.hint, code=error.code, subject=str(self._server))


# --- making one -------------------------------------------------------------------------------------------------


class Maker(NamedTuple):
    """What a connection is made with."""

    trust: tls.Trust
    own: tls.Own


def connect(server: Server, maker: Maker, deadline: Deadline, *, whole: Deadline) -> Connection:
    """A connection to the server, which is itself and has our certificate; raises MyproxyError.

    It must be made before ``deadline``, and ends with the ``whole``.

    A CA may have no list of what it revoked, which TLS takes for an error: only then a second connection is made, and
    the lists that are there are looked into here.
    """
    some_lack = False
    try:
        sock = _handshaken(server, maker, deadline, check_lists=maker.trust.has_lists())
    except tls.NoList:
        some_lack = True
        sock = _handshaken(server, maker, deadline, check_lists=False)
    try:
        if some_lack:
            maker.trust.check_lists(server, verified_chain(sock))
        maker.trust.check(server, sock.getpeercert(binary_form=True) or b"")
    except BaseException:
        sock.close()
        raise
    return Connection(sock, server, whole)


def _why_silent(server: Server, maker: Maker, deadline: Deadline, error: MyproxyError) -> MyproxyError:
    """What a server has against us that hung up after a handshake of TLS 1.3: in one of TLS 1.2 it must say that.

    ``error`` is what is known so far; it is given back if nothing more is said.  Nothing is sent.
    """
    try:
        _handshaken(server, maker, deadline, check_lists=False, highest=ssl.TLSVersion.TLSv1_2).close()
    except MyproxyError as said:
        if said.code == "myproxy-identity-refused":
            return said
    return error


def _handshaken(
    server: Server, maker: Maker, deadline: Deadline, *, check_lists: bool, highest: ssl.TLSVersion | None = None
) -> ssl.SSLSocket:
    context = tls.context(maker.trust, maker.own, check_lists=check_lists, highest=highest)
    sock: socket.socket = _dialled(server, deadline)
    try:
        sock = secure = context.wrap_socket(sock, server_hostname=server.host, do_handshake_on_connect=False)
        secure.settimeout(deadline.remaining())
        secure.do_handshake()
    except BaseException as error:
        sock.close()
        if isinstance(error, TimeoutError):
            raise silent(server, deadline.seconds, "in the TLS handshake") from error
        if isinstance(error, _CLOSED):
            raise closed(server, "in the TLS handshake") from error
        if isinstance(error, ssl.SSLError):
            raise tls.refused(server, error, "in the TLS handshake") from error
        if isinstance(error, OSError):
            raise unreachable(server, error.strerror or str(error)) from error
        raise
    return secure


def _dialled(server: Server, deadline: Deadline) -> socket.socket:
    """A connected socket, to the first address of the server that takes it."""
    try:
        addresses = within(
            deadline.remaining(), lambda: socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
        )
    except TimeoutError as error:
        raise silent(server, deadline.seconds, "because its name was not found in time") from error
    except (OSError, UnicodeError) as error:
        why = f"the name {quoted(server.host)} is not known: {getattr(error, 'strerror', None) or error}"
        raise unreachable(server, why) from error
    last: OSError = OSError("it has no address")
    for location, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(deadline.share(len(addresses) - location).remaining())
            sock.connect(address)
            # A request is a few small records: without it each waits 40 ms for the other side's acknowledgement.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            last = error
    if isinstance(last, TimeoutError):
        raise silent(server, deadline.seconds, "when the connection was made") from last
    raise unreachable(server, last.strerror or str(last)) from last


def unreachable(server: Server, why: str) -> MyproxyError:
    """The error of a server that could not be spoken to."""
    return MyproxyError(
        f"the MyProxy server {server} could not be reached: {why}",
        hint=loopback.remedy(
            f"myproxy://{server.host}:{server.port}",
            "check the server's name and port (MYPROXY_SERVER, MYPROXY_SERVER_PORT) and the network, then type the "
            "command again",
        ),
        code="myproxy-unreachable", subject=str(server), transient=True,
    )  # fmt: skip


def silent(server: Server, seconds: float, step: str) -> MyproxyError:
    """The error of a server that lets us wait."""
    return MyproxyError(
        f"the MyProxy server {server} did not answer within {seconds:.3g} s, {step}",
        hint="type the command again later", code="myproxy-silent", subject=str(server), transient=True,
    )  # fmt: skip


def closed(server: Server, step: str) -> MyproxyError:
    """The error of a server that hangs up."""
    return MyproxyError(
        f"the MyProxy server {server} closed the connection {step}",
        hint="type the command again; if it stays so, ask the server's operators whether your CA is known to it",
        code="myproxy-closed", subject=str(server), transient=True,
    )  # fmt: skip
