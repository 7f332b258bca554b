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

from goclient.sandbox import faults
from goclient.sandbox.faults import Fault
from goclient.sandbox.myproxy.authority import Authority
from goclient.sandbox.myproxy.commands import Commands
from goclient.sandbox.myproxy.connection import WITHIN, Connection
from goclient.sandbox.myproxy.deposits import Deposits
from goclient.sandbox.myproxy.grid import Credential
from goclient.sandbox.myproxy.policy import ServerPolicy
from goclient.sandbox.myproxy.request import MyProxyRequest, RefusedError, parse, refusal
from goclient.sandbox.routes import Sandbox

AT_ONCE = struct.pack("ii", 1, 0)  # linger, for no time: the connection is reset


class MyProxy(socketserver.ThreadingTCPServer):
    """Server with one thread a connection; its deposits are in the sandbox's database."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self, listener: socket.socket, sandbox: Sandbox, *, authority: Authority, host: Credential, policy: ServerPolicy
    ) -> None:
        super().__init__(listener.getsockname(), socketserver.BaseRequestHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self._sandbox, self._authority, self._context = sandbox, authority, _make_context(authority, host)
        self._commands = Commands(Deposits(sandbox.state), authority, policy)

    def start(self) -> None:
        """Take connections in a thread of its own."""
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection; whatever a client does, the server goes on."""
        request.settimeout(WITHIN)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with suppress(OSError), self._context.wrap_socket(request, server_side=True) as stream:
                self._serve(stream)
        finally:
            self._sandbox.state.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write what went wrong into the sandbox's log."""
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
            answer = self._answer(connection, parse(connection.read()))
        except RefusedError as error:
            answer = refusal(str(error))
        if answer:
            connection.write(answer)
            stream.settimeout(1.0)
            stream.unwrap()
        else:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)

    def _answer(self, connection: Connection, request: MyProxyRequest) -> bytes:
        """Return the last response to a request, with the faults that it meets; nothing to reset the connection."""
        name, path = request.command.name, f"/myproxy/{request.username}"
        self._sandbox.recorder.note(name, path, identity=connection.dn)
        logging.getLogger("sandbox").info("MyProxy %s %s by %s", name, request.username, connection.dn)
        met = self._sandbox.faults.meet(name, path)
        if early := faults.wait(met, after=False):
            return _replace(early)
        answer = self._commands.answer(connection, request)
        late = faults.wait(met, after=True)
        if late is None:
            return answer
        return answer[: len(answer) // 2] if late.kind == "truncate" else _replace(late)


def _replace(fault: Fault) -> bytes:
    """Return what a fault sends instead of a response: nothing unless it is an error."""
    if fault.kind == "hang":
        time.sleep(fault.seconds or WITHIN)
    if fault.kind != "error":
        return b""
    return refusal(fault.document if isinstance(fault.document, str) else "Fault on demand")


def _make_context(authority: Authority, host: Credential) -> ssl.SSLContext:
    """Make a context of TLS 1.2 or 1.3, for clients with a certificate or a proxy of the authority, and without one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(host.certificate, host.key)
    context.load_verify_locations(authority.file("0"))
    context.verify_mode = ssl.CERT_OPTIONAL  # the real one knows them as <anonymous>
    context.verify_flags |= ssl.VerifyFlags.VERIFY_ALLOW_PROXY_CERTS
    context.num_tickets = 0  # the C tools take a ticket for the answer
    return context
