"""A MyProxy server in miniature: it speaks the real one's protocol on a port of its own, and decides as it does."""

from __future__ import annotations

import logging
import socket
import socketserver
import ssl
import struct
import threading
import time
from contextlib import suppress
from typing import Any

from cryptography import x509

from goclient.sandbox.faults import Trouble, Troubles
from goclient.sandbox.myproxy import delegation
from goclient.sandbox.myproxy.authority import Authority
from goclient.sandbox.myproxy.commands import Commands
from goclient.sandbox.myproxy.credential import Credential
from goclient.sandbox.myproxy.deposits import Deposits
from goclient.sandbox.myproxy.policy import ServerPolicy
from goclient.sandbox.myproxy.request import Asked, RefusedError, asked, refusal
from goclient.sandbox.recorder import Recorder
from goclient.sandbox.state import State

WITHIN = 30.0  # seconds, of a whole connection
RECORD = 16_384  # bytes; RFC 8446, 5.1: the real server takes a message from one record, so one read is one message
AT_ONCE = struct.pack("ii", 1, 0)  # linger, for no time: the connection is reset
ANONYMOUS = "<anonymous>"


class Connection:
    """One client's connection after the handshake: messages in and out, until its time is over."""

    def __init__(self, stream: ssl.SSLSocket) -> None:
        self._stream = stream
        self._end = time.monotonic() + WITHIN
        self.chain = [x509.load_der_x509_certificate(one) for one in _peer(stream)]
        self.dn = delegation.identity(self.chain) if self.chain else ANONYMOUS

    def read(self) -> bytes:
        """The next message; raises OSError if none comes in time."""
        self._stream.settimeout(max(self._end - time.monotonic(), 0.001))
        message = self._stream.recv(RECORD)
        if not message:
            raise ConnectionError("the client has closed the connection")
        return message

    def write(self, message: bytes) -> None:
        """None, once the message is sent."""
        self._stream.settimeout(max(self._end - time.monotonic(), 0.001))
        self._stream.sendall(message)


def _peer(stream: ssl.SSLSocket) -> list[bytes]:
    """The client's certificates in DER, its own first, without an authority's; none if it has not sent any."""
    if stream.getpeercert(binary_form=True) is None:
        return []
    inner: Any = getattr(stream, "_sslobj", None)  # SSLSocket has the method since Python 3.13 only
    chain = inner.get_verified_chain() or []
    return [one.public_bytes(2) for one in chain[:-1]]  # 2: _ssl.ENCODING_DER


class MyProxy(socketserver.ThreadingTCPServer):
    """The server: one thread a connection; its deposits are in the sandbox's database."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self,
        listener: socket.socket,
        state: State,
        *,
        authority: Authority,
        host: Credential,
        policy: ServerPolicy,
        troubles: Troubles,
        recorder: Recorder,
    ) -> None:
        super().__init__(listener.getsockname(), socketserver.BaseRequestHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self._state, self._authority, self._context = state, authority, _context(authority, host)
        self._commands = Commands(Deposits(state), authority, policy)
        self._troubles, self._recorder = troubles, recorder

    def start(self) -> None:
        """None, once a thread of its own takes connections."""
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """None, once one connection is served; whatever a client does, the server goes on."""
        request.settimeout(WITHIN)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with suppress(OSError), self._context.wrap_socket(request, server_side=True) as stream:
                self._serve(stream)
        finally:
            self._state.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Writes what went wrong into the sandbox's log."""
        logging.getLogger(__name__).exception("a MyProxy connection failed")

    def _serve(self, stream: ssl.SSLSocket) -> None:
        connection = Connection(stream)
        if stream.version() == "TLSv1.3":
            connection.write(b"\0")  # as the real server does, so that clients read the handshake's last message
        if connection.chain and self._authority.has_revoked(connection.chain[-1]):
            return  # the real one ends the handshake, which Python's ssl has no hook for
        if connection.read() != b"0":
            return  # D would be a delegation of GSSAPI, which no MyProxy client wants
        try:
            answer = self._troubled(connection, asked(connection.read()))
        except RefusedError as error:
            answer = refusal(str(error))
        if answer:
            connection.write(answer)
            stream.settimeout(1.0)
            stream.unwrap()
        else:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)

    def _troubled(self, connection: Connection, request: Asked) -> bytes:
        """The last response to a request, or what trouble makes of it; nothing, if the connection is to be closed."""
        name, path = request.command.name, f"/myproxy/{request.username}"
        self._recorder.note_call(name, path, connection.dn)
        logging.getLogger("sandbox").info("MyProxy %s %s by %s", name, request.username, connection.dn)
        met = self._troubles.met(name, path)
        early = _instead([one for one in met if not one.after and one.kind != "truncate"])
        if early is not None:
            return early
        answer = self._commands.answer(connection, request)
        late = _instead([one for one in met if one.after])
        if late is not None:
            return late
        return answer[: len(answer) // 2] if any(one.kind == "truncate" for one in met) else answer


def _instead(troubles: list[Trouble]) -> bytes | None:
    """What is sent instead of a response, once the delays are over: nothing for a reset, None for the response."""
    time.sleep(sum(one.seconds for one in troubles if one.kind == "delay"))
    for one in troubles:
        if one.kind == "reset":
            return b""
        if one.kind == "error":
            return refusal(one.document if isinstance(one.document, str) else "Trouble on demand")
    return None


def _context(authority: Authority, host: Credential) -> ssl.SSLContext:
    """TLS 1.2 or 1.3, for clients with a certificate or a proxy of the authority, and for those without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(host.certificate, host.key)
    context.load_verify_locations(authority.file("0"))
    context.verify_mode = ssl.CERT_OPTIONAL  # the real one knows them as <anonymous>
    context.verify_flags |= ssl.VerifyFlags.VERIFY_ALLOW_PROXY_CERTS
    context.num_tickets = 0  # the C tools take a ticket for the answer
    return context
