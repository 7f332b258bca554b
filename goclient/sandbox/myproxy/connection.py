"""A MyProxy client's connection after the handshake."""

from __future__ import annotations

import ssl
import time
from typing import Any

from cryptography import x509

from goclient.sandbox.myproxy import delegation

WITHIN = 30.0  # seconds, of a whole connection
RECORD = 16_384  # bytes; RFC 8446, 5.1: the real server takes a message from one record, so one read is one message
ANONYMOUS = "<anonymous>"


class Connection:
    """One client, by its certificates, and messages from it and to it until the connection's time is over."""

    def __init__(self, stream: ssl.SSLSocket) -> None:
        self._stream = stream
        self._end = time.monotonic() + WITHIN
        self.chain: list[x509.Certificate] = []  # the client's own first, without an authority's
        if stream.getpeercert(binary_form=True) is not None:
            inner: Any = getattr(stream, "_sslobj", None)  # SSLSocket has the method since Python 3.13 only
            verified = inner.get_verified_chain() or []
            self.chain = [x509.load_der_x509_certificate(one.public_bytes(2)) for one in verified[:-1]]  # 2: DER
        self.dn = delegation.identity(self.chain) if self.chain else ANONYMOUS

    def read(self) -> bytes:
        """Return the next message; raise OSError if none comes in time."""
        self._stream.settimeout(max(self._end - time.monotonic(), 0.001))
        message = self._stream.recv(RECORD)
        if not message:
            raise ConnectionError("the client has closed the connection")
        return message

    def write(self, message: bytes) -> None:
        """Send a message."""
        self._stream.settimeout(max(self._end - time.monotonic(), 0.001))
        self._stream.sendall(message)
