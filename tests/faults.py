"""A PanDA server on loopback that keeps what it is asked, and answers wrongly where a test says so.

It speaks HTTP over plain sockets, because what it must do wrong no HTTP library does.  Its state is what tests
look at: how often it was asked, what it read, and the PandaIDs that it has given.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import ipaddress
import json
import os
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

PATIENCE = 300.0  # seconds; no wait of the server is longer, and none of a test
SUBMIT = "/api/v1/job/submit"
UPLOAD = "/api/v1/file_server/upload_cache_file"
GET_SECRETS, SET_SECRET = "/api/v1/creds/get_user_secrets", "/api/v1/creds/set_user_secrets"


@dataclass(frozen=True)
class Request:
    """One request that was read to its end."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def rows(self) -> list[list[Any]]:
        """The job rows of a submission."""
        jobs: list[list[Any]] = json.loads(json.loads(self.body)["jobs"])
        return jobs


class Connection:
    """One client's connection, and what a fault may do with it."""

    def __init__(self, server: FaultyServer, plain: socket.socket) -> None:
        self.server = server
        self.socket = plain
        self.socket.settimeout(PATIENCE)
        self._buffer = b""

    def begin_tls(self, context: ssl.SSLContext) -> None:
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def asks(self) -> bool:
        """True once the client sends something; False if it goes, or the server stops."""
        if isinstance(self.socket, ssl.SSLSocket):
            return bool(self._receive())
        return bool(self.socket.recv(1, socket.MSG_PEEK))

    def _receive(self) -> bytes:
        part = self.socket.recv(1 << 16)
        self._buffer += part
        return part

    def read(self) -> Request:
        """The request, which is then in the server's list."""
        while b"\r\n\r\n" not in self._buffer and self._receive():
            pass
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        while len(self._buffer) < length and self._receive():
            pass
        if len(self._buffer) < length:
            raise ConnectionResetError("the client has gone in the middle of its request")
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        method, path, _ = first.split(" ", 2)
        request = Request(method, path, headers, body)
        self.server.keep(request)
        return request

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_below_tls(self, data: bytes) -> None:
        """Sends bytes past TLS: what arrives is no record."""
        os.write(self.socket.fileno(), data)

    def hold(self) -> None:
        """Does nothing until the client goes or the server stops."""
        while self.socket.recv(1 << 16):
            pass

    def reset(self) -> None:
        """Ends the connection as a crash does: the client reads ECONNRESET."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def wake(self) -> None:
        """Ends whatever the connection waits for, from another thread."""
        with contextlib.suppress(OSError):  # it is closed
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.socket.close()


Fault = Callable[[Connection], None]


class FaultyServer:
    """A server that answers like PanDA's, but for its fault.

    ``good`` submissions are answered well before the fault begins; without a fault all are.  ``listening``
    False: its port is closed.
    """

    def __init__(
        self, fault: Fault | None = None, *, good: int = 0, tls: ssl.SSLContext | None = None, listening: bool = True
    ) -> None:
        self.connections = 0  # made by clients
        self.attempts = 0  # of sending a request, read or not
        self.requests: list[Request] = []
        self.uploads: list[str] = []  # the names of the files that were kept
        self.secrets: dict[str, str] = {}
        self.stopping = threading.Event()
        self._fault = fault
        self._good = good
        self._tls = tls
        self._last_id = 0
        self._changed = threading.Condition()
        self._served: list[tuple[Connection, threading.Thread]] = []
        self._last_client: Any = None
        self._acceptor: threading.Thread | None = None
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        if listening:
            self._listener.listen(64)
            self._acceptor = threading.Thread(target=self._accept, daemon=True)
            self._acceptor.start()

    def __enter__(self) -> FaultyServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        if self._acceptor is not None:
            # The last client is ours: whoever connected before is accepted, and counted, before it.
            with socket.socket() as last:
                last.bind(("127.0.0.1", 0))
                self._last_client = last.getsockname()
                last.connect(("127.0.0.1", self.port))
                self._acceptor.join(PATIENCE)
        self._listener.close()
        for connection, thread in self._served:
            connection.wake()
            thread.join(PATIENCE)

    # --- state ---

    @property
    def submissions(self) -> list[Request]:
        """The submissions that were read, in order."""
        return [request for request in self.requests if request.path == SUBMIT]

    def keep(self, request: Request) -> None:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()

    def wait_for_requests(self, count: int) -> None:
        """Wait until so many requests were read."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, PATIENCE), "nobody asked"

    def new_rows(self, count: int) -> list[Any]:
        """The rows of an answer that accepts so many jobs, with the next PandaIDs."""
        with self._changed:
            first, self._last_id = self._last_id + 1, self._last_id + count
        return [[panda_id, 8960, {"jobsetID": "NULL"}] for panda_id in range(first, first + count)]

    # --- serving ---

    def _accept(self) -> None:
        while True:
            client, address = self._listener.accept()
            if address == self._last_client:
                client.close()
                return
            self.connections += 1
            connection = Connection(self, client)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._served.append((connection, thread))
            thread.start()

    def _serve(self, connection: Connection) -> None:
        with contextlib.suppress(OSError):  # the client has gone, or does not trust us
            if self._tls is not None:
                connection.begin_tls(self._tls)
            while connection.asks():
                with self._changed:
                    self.attempts += 1
                    faulty = self._fault is not None and self.attempts > self._good
                if faulty:
                    assert self._fault is not None
                    self._fault(connection)
                    break
                well(connection)
        connection.close()


# --- answers ------------------------------------------------------------------------------------------------


def http(
    body: bytes, *, status: str = "200 OK", kind: str = "application/json", length: int | None = None, more: str = ""
) -> bytes:
    """A response; ``length`` is what it claims, ``more`` are further header lines."""
    claimed = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {claimed}\r\n{more}\r\n"
    return head.encode() + body


def document(value: Any) -> bytes:
    """A response of status 200 whose body is JSON."""
    return http(json.dumps(value).encode())


def accepted(data: Any) -> bytes:
    """The response of a server that says success."""
    return document({"success": True, "message": "", "data": data})


def well(connection: Connection) -> None:
    """Answers as the server does when all is well."""
    request = connection.read()
    if request.path == SUBMIT:
        connection.send(accepted(connection.server.new_rows(len(request.rows))))
    elif request.path == UPLOAD:
        found = re.search(rb'filename="([^"]+)"', request.body)
        assert found is not None
        connection.server.uploads.append(found[1].decode())
        connection.send(accepted(None))
    elif request.path == SET_SECRET:
        given = json.loads(request.body)
        connection.server.secrets[given["key"]] = given["value"]
        connection.send(accepted(None))
    elif request.path == GET_SECRETS:
        connection.send(accepted(json.dumps(connection.server.secrets)))
    else:
        connection.send(http(b"ERROR : unknown", status="404 Not Found", kind="text/plain"))


# --- faults -------------------------------------------------------------------------------------------------


def silent(connection: Connection) -> None:
    """Reads the request and never answers."""
    connection.read()
    connection.hold()


def reset_unread(connection: Connection) -> None:
    """Resets the connection before the request is read."""
    connection.reset()


def reset_after_reading(connection: Connection) -> None:
    """Reads the request, which may have been carried out, and resets the connection."""
    connection.read()
    connection.reset()


def replies(data: bytes) -> Fault:
    """Reads the request, sends these bytes and closes the connection."""

    def fault(connection: Connection) -> None:
        connection.read()
        connection.send(data)

    return fault


def rows(change: Callable[[list[Any]], Any]) -> Fault:
    """Says success, with the right rows changed."""

    def fault(connection: Connection) -> None:
        good = connection.server.new_rows(len(connection.read().rows))
        connection.send(accepted(change(good)))

    return fault


def panda_id(value: Any) -> Fault:
    """Says success, with this in place of the first PandaID."""
    return rows(lambda good: [[value, *good[0][1:]], *good[1:]])


def refuses_rows(*indexes: int) -> Fault:
    """Says success, but the database has taken none of the rows with these indexes; -1 stands for all."""
    return rows(
        lambda good: [
            ["NULL", "NULL", {"jobsetID": "NULL"}] if i in indexes or -1 in indexes else row
            for i, row in enumerate(good)
        ]
    )


def refuses(message: Any) -> Fault:
    """Says no, with a message."""
    return replies(document({"success": False, "message": message, "data": None}))


def redirects_to(url: str) -> Fault:
    """Sends the client elsewhere, keeping the method and the body."""
    return replies(http(b"", status="307 Temporary Redirect", more=f"Location: {url}{SUBMIT}\r\n"))


def echoes_the_token(status: str, text: str) -> Fault:
    """Answers with a status and a text in which ``{}`` is the client's Authorization header."""

    def fault(connection: Connection) -> None:
        header = connection.read().headers.get("authorization", "")
        connection.send(http(text.format(header).encode(), status=status, kind="text/plain"))

    return fault


def drips(head: bytes, drop: bytes) -> Fault:
    """Sends ``head`` and then ``drop`` again and again, never pausing for long, and never ends."""

    def fault(connection: Connection) -> None:
        connection.read()
        connection.send(head)
        while not connection.server.stopping.wait(0.05):
            connection.send(drop)

    return fault


def breaks_tls(connection: Connection) -> None:
    """Reads the request through TLS and answers with bytes that are no TLS."""
    connection.read()
    connection.send_below_tls(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
    connection.hold()


HTML = "text/html; charset=utf-8"
html_ok = replies(http(b"<html><h1>Site maintenance</h1></html>", kind=HTML))
html_bad_gateway = replies(http(b"<html><h1>502 Bad Gateway</h1></html>", status="502 Bad Gateway", kind=HTML))
half_a_status_line = replies(b"HTTP/1.1 2")
half_a_document = replies(http(b'{"success": true, "message": "", "data": [[1, 89', length=4096))
nothing_after_the_head = replies(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
token_refused = replies(
    http(
        b"ERROR : Token authentication failed. Signature has expired",
        status="403 Forbidden",
        kind="text/plain",
    )
)
server_error = replies(http(b"ERROR : database is away", status="500 Internal Server Error", kind="text/plain"))
dripping_body = drips(http(b"", length=1 << 20), b" ")
dripping_chunks = drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n")
dripping_head = drips(b"HTTP/1.1 200 OK\r\nX-Padding: ", b"x")


# --- certificates -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate: what a server needs, and a folder that makes a client trust it."""

    context: ssl.SSLContext
    trusting: Path


def certificate(folder: Path, *, host: str = "127.0.0.1") -> Certificate:
    """A new self-signed certificate of a host, valid for a day, its files in the folder."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"), False
    )
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, encipher_only=False, decipher_only=False, **usage
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    trusting = folder / "certificates"
    trusting.mkdir()
    pem = signed.public_bytes(serialization.Encoding.PEM)
    # OpenSSL looks a certificate up by a hash of its subject's DER, without the outer tag and length.
    digest = hashlib.sha1(name.public_bytes()[2:]).digest()[:4]
    (trusting / f"{int.from_bytes(digest, 'little'):08x}.0").write_bytes(pem)
    server_file = folder / "server.pem"
    server_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + pem
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_file)
    return Certificate(context, trusting)
