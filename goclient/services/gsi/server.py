"""Servers by name: what kinds of them there are, and the ones to ask.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from typing import NamedTuple

from goclient.errors import EndpointError, GoclientError, MyproxyError
from goclient.errors.conditions import CertificateRefused, SessionClosed
from goclient.errors.myproxy import ConnectionClosed, IdentityRefused, NotMyproxy

PORT = 7512  # registered for MyProxy


class ServerKind(NamedTuple):
    """A kind of servers: what messages call it, and the errors of one that is wrong or cannot be reached.

    ``code`` begins the codes of the errors; ``untrusted`` is the code if the server may be somebody else.
    """

    title: str
    code: str
    untrusted: str
    services: tuple[str, ...]  # which may stand before the host in a certificate's common name
    error: type[GoclientError]
    refused: type[GoclientError]  # it does not accept our certificate
    closed: type[GoclientError]  # it closed the connection
    absent: type[GoclientError]  # its name is not known, or something else answers
    check_name: str
    check_address: str


MYPROXY = ServerKind(
    "MyProxy server", "myproxy", "myproxy-untrusted", ("host", "myproxy"),
    MyproxyError, IdentityRefused, ConnectionClosed, NotMyproxy,
    check_name="check the server's name: MYPROXY_SERVER",
    check_address="check the server's name and port (MYPROXY_SERVER, MYPROXY_SERVER_PORT)",
)  # fmt: skip
GRIDFTP = ServerKind(
    "GridFTP server", "gridftp", "gridftp-name", ("host", "ftp"),
    EndpointError, CertificateRefused, SessionClosed, EndpointError,
    check_name="check the server's name", check_address="check the server's name and port",
)  # fmt: skip
WEBDAV = GRIDFTP._replace(title="WebDAV server", code="webdav", untrusted="webdav-name", services=("host",))


class Server(NamedTuple):
    """One server, as it was typed."""

    host: str
    port: int = PORT
    kind: ServerKind = MYPROXY

    @property
    def named(self) -> str:
        """Return its kind and its name, for a message."""
        return f"{self.kind.title} {self}"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
