"""Names of servers: those that a user lists, and whether one that answers has the name by which it was asked for."""

from __future__ import annotations

import ipaddress
import socket

from goclient.errors import Collector, MyproxyError, raise_all
from goclient.errors.wording import quote
from goclient.services.gsi.certificate import Certificate
from goclient.services.gsi.server import PORT, Server


def parse_servers(text: str, *, port: int = PORT) -> tuple[Server, ...]:
    """Return the servers of a list such as ``myproxy.example.org,a.example.org:7513,[::1]``; raise MyproxyError."""
    servers = []
    collector = Collector()
    for item in text.split(","):
        with collector:
            servers.append(_server(item.strip(), port))
    raise_all(collector.errors)
    return tuple(servers)


def _server(item: str, port: int) -> Server:
    """Return one server; raise MyproxyError."""
    host, number, why = item, str(port), ""
    if item.startswith("["):
        host, closed, rest = item[1:].partition("]")
        number = rest[1:] if rest else number
        if not closed or (rest and rest[0] != ":"):
            why = "an address in brackets has no end, or something but a port after it"
    elif item.count(":") == 1:
        host, _, number = item.partition(":")
    elif ":" in item and not _is_address(item):
        why = "it has more than one colon, and is not an IPv6 address"
    if not host or not host.isascii() or not host.isprintable() or host[0] == "." or any(c in host for c in " /@\"'\\"):
        why = why or "it is not a host name"
    if not is_port(number):
        why = why or f"{quote(number)} is not a port"
    if why:
        raise MyproxyError(
            f"the MyProxy server {quote(item)} cannot be used: {why}",
            hint="give HOST or HOST:PORT, several with commas between them, such as myproxy.cern.ch:7512",
            code="myproxy-server", subject=item,
        )  # fmt: skip
    return Server(host, int(number))


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


def is_port(text: str) -> bool:
    """Return whether a text is the number of a port."""
    return text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536


def name_fault(certificate: Certificate, server: Server, *, expected_dn: str | None = None) -> str:
    """Return why a certificate is not that of the server that was named; "" if it is.

    ``expected_dn``: what the user said that the server is called.  Otherwise the name as typed counts, not what the
    address is called: against the alternative names, or, without any for hosts, against the common names
    ``HOST``, ``host/HOST`` and such as ``myproxy/HOST``, as GSI does.
    """
    host, services = server.host, server.kind.services
    if expected_dn is not None:
        if certificate.subject == expected_dn:
            return ""
        return f"its certificate is for {quote(certificate.subject)}, not for {quote(expected_dn)}"
    address = _address(host)
    if address and address in certificate.addresses:
        return ""
    names = () if address else certificate.hosts
    if not certificate.hosts and not certificate.addresses:
        parts = ((name, name.partition("/")) for name in certificate.common_names)
        names = tuple(rest if service in services and rest else name for name, (service, _, rest) in parts)
    if any(_is_name(name, host) for name in names):
        return ""
    shown = ", ".join(quote(name) for name in (certificate.hosts or (certificate.subject,)))
    return f"its certificate is for {shown}, not for {quote(host)}"


def _address(host: str) -> bytes | None:
    """Return the bytes of an IP address; None for a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, host)
        except OSError:
            continue
    return None


def _is_name(pattern: str, host: str) -> bool:
    """Return whether a name in a certificate is a host's; a ``*`` is all of the first part (RFC 6125)."""
    pattern, host = pattern.lower().rstrip("."), host.lower().rstrip(".")
    if pattern.startswith("*."):
        first, dot, rest = host.partition(".")
        return bool(first and dot) and "." in rest and rest == pattern[2:]
    return pattern == host
