"""A server that does what it should not: each is one script, played to everybody who connects."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from goclient.sandbox.myproxy.grid import Credential
from goclient.services.gsi.server import Server
from goclient.services.myproxy.delegation import ask

OK = b"VERSION=MYPROXYv2\nRESPONSE=0\n\0"
Script = Callable[[ssl.SSLSocket], object]


class HostileServer:
    """A server on a free port; it ends with the ``with`` block."""

    def __init__(
        self,
        host: Credential,
        authorities: Path,
        script: Script | None = None,
        *,
        plain: Callable[[socket.socket], None] | None = None,
        version: ssl.TLSVersion | None = None,
        purpose: str = "",
    ) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(host.certificate, host.key)
        if purpose != "no client":
            self._context.load_verify_locations(capath=str(authorities))
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.verify_flags |= ssl.VerifyFlags.VERIFY_ALLOW_PROXY_CERTS
        self._context.num_tickets = 0
        if version is not None:
            self._context.minimum_version = self._context.maximum_version = version
            self._context.set_ciphers("ALL:@SECLEVEL=0")
        self._script, self._plain = script, plain
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = Server("localhost", self._socket.getsockname()[1])
        self.requests: list[bytes] = []
        self.waiting = threading.Event()  # a script that has come to its end sets it
        self._over = threading.Event()

    def __enter__(self) -> HostileServer:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._socket.close()

    def wait(self) -> None:
        """Says nothing more, until the end."""
        self.waiting.set()
        self._over.wait(30)

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._play, args=(sock,), daemon=True).start()

    def _play(self, sock: socket.socket) -> None:
        with suppress(OSError), sock:
            if self._plain is not None:
                self._plain(sock)
                return
            with self._context.wrap_socket(sock, server_side=True) as secure:
                if secure.version() == "TLSv1.3":
                    secure.sendall(b"\0")
                assert self._script is not None
                self._script(secure)


def read_request(sock: ssl.SSLSocket) -> bytes:
    """Return what a client asks: the 0 of its own record, and the request."""
    first = sock.recv(1)
    if not first:
        raise ConnectionResetError("the client has given up")
    assert first == b"0"
    return sock.recv(1 << 14)


def answered(sock: ssl.SSLSocket) -> None:
    read_request(sock)
    sock.sendall(OK)


def asked_for_a_certificate(sock: ssl.SSLSocket) -> None:
    answered(sock)
    sock.sendall(ask().request)


def drip(sock: ssl.SSLSocket) -> None:
    """One byte after the other, for longer than anybody waits."""
    read_request(sock)
    for _ in range(600):
        sock.sendall(b"V")
        time.sleep(0.05)


def flood(sock: ssl.SSLSocket) -> None:
    read_request(sock)
    for _ in range(640):
        sock.sendall(b"x" * (1 << 14))  # 10 MB
