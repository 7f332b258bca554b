"""Which servers are asked, and whether one that answers is the one that was meant."""

from __future__ import annotations

import socket
from typing import NamedTuple

from goclient.errors import MyproxyError, quoted, raise_all
from goclient.services.gsi.certificate import Certificate

PORT = 7512  # registered for MyProxy
_SERVICES = ("host", "myproxy")


class Server(NamedTuple):
    """One server, as it was typed."""

    host: str
    port: int = PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_servers(text: str, *, port: int = PORT) -> tuple[Server, ...]:
    """The servers of a list such as ``myproxy.example.org,other.example.org:7513,[::1]``; raises MyproxyError."""
    servers, errors = [], []
    for item in text.split(","):
        try:
            servers.append(_server(item.strip(), port))
        except MyproxyError as error:
            errors.append(error)
    raise_all(errors)
    return tuple(servers)


def _server(item: str, port: int) -> Server:
    host, number = item, str(port)
    if item.startswith("["):
        host, closed, rest = item[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise _bad(item, "an address in brackets has no end, or something but a port after it")
        number = rest[1:] if rest else number
    elif item.count(":") == 1:
        host, _, number = item.partition(":")
    if not host or not host.isascii() or not host.isprintable() or host[0] == "." or any(c in host for c in " /@\"'\\"):
        raise _bad(item, "it is no host name")
    if not (number.isascii() and number.isdigit() and len(number) < 6 and 0 < int(number) < 65536):
        raise _bad(item, f"{quoted(number)} is no port")
    return Server(host, int(number))


def _bad(item: str, why: str) -> MyproxyError:
    return MyproxyError(
        f"the MyProxy server {quoted(item)} cannot be used: {why}",
        hint="give HOST or HOST:PORT, several with commas between them, such as myproxy.cern.ch:7512",
        code="myproxy-server", subject=item,
    )  # fmt: skip


def name_fault(certificate: Certificate, host: str, *, expected_dn: str | None = None) -> str:
    """Why a certificate is not that of the server that was meant; "" if it is.

    ``expected_dn``: what the user said that the server is called.  Otherwise the name as typed counts, not what the
    address is called: against the alternative names, or, without any for hosts, against the common names
    ``HOST``, ``host/HOST`` and ``myproxy/HOST``, as GSI does.
    """
    if expected_dn is not None:
        if certificate.subject == expected_dn:
            return ""
        return f"its certificate is for {quoted(certificate.subject)}, not for {quoted(expected_dn)}"
    address = _address(host)
    if address is not None and address in certificate.addresses:
        return ""
    if address is None and any(_is_name(pattern, host) for pattern in certificate.hosts):
        return ""
    if not certificate.hosts and not certificate.addresses:
        for name in certificate.common_names:
            service, slash, rest = name.partition("/")
            if _is_name(rest if slash and service in _SERVICES else name, host):
                return ""
    names = ", ".join(quoted(name) for name in (certificate.hosts or (certificate.subject,)))
    return f"its certificate is for {names}, not for {quoted(host)}"


def _address(host: str) -> bytes | None:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, host)
        except OSError:
            continue
    return None


def _is_name(pattern: str, host: str) -> bool:
    """Whether a name in a certificate is a host's; a ``*`` is all of the first part (RFC 6125)."""
    pattern, host = pattern.lower().rstrip("."), host.lower().rstrip(".")
    if pattern.startswith("*."):
        first, dot, rest = host.partition(".")
        return bool(first and dot) and "." in rest and rest == pattern[2:]
    return pattern == host
