"""A TLS connection to a MyProxy server that has proven its name.

Nothing is sent to a server before its certificate, its name, the signing policy and the list of what was revoked have
been checked.  Every wait counts against one deadline, the name server's included, and reads are bounded.
"""

from __future__ import annotations

import ssl

from goclient.errors import MyproxyError
from goclient.errors.myproxy import IdentityRefused, NotMyproxy
from goclient.errors.wording import quote
from goclient.services.deadline import Deadline
from goclient.services.gsi.der import SEQUENCE, Damaged, header
from goclient.services.gsi.dial import handshaken, name_errors
from goclient.services.gsi.server import Server
from goclient.services.gsi.tls import Credential, Trust
from goclient.services.myproxy.wire import MAX_RESPONSE, Response, decode_response

_PIECE = 1 << 14  # bytes; the most that a TLS record holds
_MAX_DER = 64 << 10
_DER_HEADER = 6  # bytes at most
_RESPONSE_BEGINS = ord("V")  # of VERSION


class Connection:
    """One connection; each method is one step of the protocol, and an error says at which it failed."""

    def __init__(self, sock: ssl.SSLSocket, server: Server, *, deadline: Deadline) -> None:
        self._socket = sock
        self._server = server
        self.deadline = deadline
        self._buffer = bytearray()
        # With TLS 1.3 a server looks at our certificate after the handshake, and may hang up without a word.
        self.is_silent = self._skip_nul = sock.version() == "TLSv1.3"

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes, *, step: str) -> None:
        """Send some bytes, as one TLS record if they are few."""
        with name_errors(self._server, self.deadline, step=f"before {step}"):
            self._socket.settimeout(self.deadline.remaining())
            self._socket.sendall(data)

    def response(self, *, step: str) -> Response:
        """Return the response that comes next."""
        while (end := self._buffer.find(0)) < 0:
            if len(self._buffer) > MAX_RESPONSE:
                raise self._garbage(f"more than {MAX_RESPONSE} bytes without an end", step)
            self._more(step)
        try:
            return decode_response(self._take(end + 1, step))
        except MyproxyError as error:
            raise error.replace(message=f"{self._server}: {error.message}", subject=str(self._server)) from error

    def is_response(self, *, step: str) -> bool:
        """Return whether a response comes next, and not a number of certificates."""
        return self._peek(1, step)[0] == _RESPONSE_BEGINS

    def byte(self, *, step: str) -> int:
        """Return the byte that comes next."""
        return self._take(1, step)[0]

    def der(self, *, step: str) -> bytes:
        """Return the value in DER that comes next, a request or a certificate of at most 64 KiB."""
        try:
            tag, _, end = header(self._peek(_DER_HEADER, step))
        except Damaged:
            tag, end = 0, 0
        if tag != SEQUENCE:
            raise self._garbage(f"something else: {quote(bytes(self._buffer[:40]))}", step)
        if end > _MAX_DER:
            raise self._garbage(f"{end} bytes at once", step)
        return self._take(end, step)

    def _take(self, count: int, step: str) -> bytes:
        data = self._peek(count, step)
        del self._buffer[:count]
        return data

    def _peek(self, count: int, step: str) -> bytes:
        while len(self._buffer) < count:
            self._more(step)
        return bytes(self._buffer[:count])

    def _more(self, step: str) -> None:
        """Wait for more bytes."""
        with name_errors(self._server, self.deadline, step=f"before {step}"):
            self._socket.settimeout(self.deadline.remaining())
            piece = self._socket.recv(_PIECE)
            if not piece:
                raise ConnectionAbortedError("it hung up")
        if self._skip_nul:  # GSI's servers begin with one, in a record of its own
            self._skip_nul = False
            piece = piece.removeprefix(b"\0")
        self.is_silent = False
        self._buffer += piece

    def _garbage(self, what: str, step: str) -> MyproxyError:
        return NotMyproxy(
            f"the MyProxy server {self._server} sent {what}, before {step}",
            hint="check that the host and the port are a MyProxy server's", code="myproxy-garbage",
            subject=str(self._server),
        )  # fmt: skip


# --- making one -------------------------------------------------------------------------------------------------


def connect(server: Server, trust: Trust, *, credential: Credential, until: Deadline, whole: Deadline) -> Connection:
    """Return a connection to the server, which is itself and has our certificate; raise MyproxyError.

    It must be made ``until`` one deadline, and ends with the ``whole``.
    """
    return Connection(trust.connect(server, credential, until), server, deadline=whole)


def find_refusal(server: Server, trust: Trust, *, credential: Credential, deadline: Deadline) -> IdentityRefused | None:
    """Return what a server has against us that hung up after a handshake of TLS 1.3; None if it does not say.

    In a handshake of TLS 1.2 it must say that.  Nothing is sent.
    """
    context = trust.context(credential, check_lists=False, highest=ssl.TLSVersion.TLSv1_2)
    try:
        with name_errors(server, deadline, step="in the TLS handshake"):
            handshaken(context, server, deadline).close()
    except IdentityRefused as error:
        return error
    except MyproxyError:
        pass
    return None
