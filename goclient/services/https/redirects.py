"""Redirects that a client with a proxy follows: to servers of the same site only, and never without TLS.

A WebDAV door of dCache, EOS or xrootd sends reads and writes on to the server that has the disk.  What it names is
asked with the same proxy only if it is the same host, on any port, or a host of the same domain; its certificate is
checked as any other's.  A client with a token follows no redirect: any server that gets a token can use it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from goclient.services.gsi.server import Server

_REGISTRIES = frozenset("ac co com edu gob gouv gov go mil ne net nom or org res sch".split())  # below a country


def _domain(host: str) -> str:
    """Return the domain of a host that belongs to one site; empty for an address, and for a name without one."""
    first, _, domain = host.lower().rstrip(".").partition(".")
    labels = domain.split(".")
    if not first or len(labels) < 2 or labels[-1].isdigit() or ":" in host:
        return ""
    is_registry = len(labels) == 2 and len(labels[1]) == 2 and labels[0] in _REGISTRIES
    return "" if is_registry else domain


def same_site(host: str, other: str) -> bool:
    """Return True if another host is the same, or is in the domain of the first."""
    host, other = host.lower().rstrip("."), other.lower().rstrip(".")
    domain = _domain(host)
    return host == other or bool(domain and other.endswith(f".{domain}"))


def target_of(location: str, server: Server) -> tuple[Server, str] | None:
    """Return the server and the path that a redirect of a server leads to; None if it is not followed."""
    if not location.isascii() or not location.isprintable() or " " in location:
        return None
    try:
        parts = urlsplit(location)
        host, port = parts.hostname or server.host, parts.port
    except ValueError:
        return None
    if not parts.netloc and not parts.scheme:  # a path of the same server
        port = server.port
    elif parts.scheme not in ("https", "davs") or parts.username or parts.password:
        return None
    if not parts.path.startswith("/") or not same_site(server.host, host):
        return None
    query = f"?{parts.query}" if parts.query else ""
    return server._replace(host=host, port=port or 443), f"{parts.path}{query}"
