"""Corrections of URLs: those of servers that goclient knows, and those of storage that it does not reach."""

from __future__ import annotations

import re

from goclient.model.endpoint import SCHEMES, URL_ENDPOINTS, UrlEndpoint
from goclient.model.names import FOREIGN_SCHEMES, LocationError, Problem, near_scheme
from goclient.model.syntax.location import read_location
from goclient.model.syntax.shell import shell_word

# Patterns as texts: re compiles and keeps them when the first mistake is made.
_HOST = r"\[[^\]/@]*\](?=[:/]|\Z)|\[[^/@]*|[0-9A-Fa-f]*(?::[0-9A-Fa-f.]*){2,}|[^/:@\\]*"
_URL = rf"(?s)([A-Za-z][A-Za-z0-9+.-]{{2,15}})::?[/\\]{{0,2}}(?:[^/@\s]*@)?({_HOST})(:[^/]*)?(/.*)?"
_SCHEME = r"([A-Za-z][A-Za-z0-9+.-]{1,15}):/{1,3}(?=[^/]|$)"

_COLLECTION = "ENDPOINT is a Globus collection that holds it: goclient endpoint list --search TEXT finds some"
# Storage of these often has a door for WebDAV, too.
ANSWERS_TOO = frozenset("https http root roots xroot xrootd xroots srm dcap gsidcap".split())


def server_problem(text: str) -> Problem | None:
    """Return what is wrong with a URL that was meant for a server of a kind that is known; None for other texts."""
    found = re.fullmatch(_URL, text)
    scheme = found[1].lower() if found else ""
    kinds = {one.scheme.removesuffix("://"): one for one in URL_ENDPOINTS}
    kind = next((one for one in URL_ENDPOINTS if scheme in one.misspelt), kinds.get(scheme))
    if kind is None and "://" in text and scheme not in FOREIGN_SCHEMES:
        kind = kinds.get(near_scheme(scheme, kinds))
    if not found or kind is None:
        return None
    plain = text.replace("\\", "/")
    if plain != text and _reads(plain):
        return Problem("a URL has slashes, not backslashes", instead=plain)
    host, port, path = found[2], (found[3] or "").rstrip(":"), found[4] or ("/~/" if kind.has_home else "")
    if not host:
        return Problem(f"the host is not {kind.form}", f"write {kind.scheme}HOST/PATH")
    bare_address = ":" in host and not host.startswith("[")
    server = f"[{host}]" if bare_address else host
    right = next((url for url in (f"{server}{port}", server) if _reads(f"{kind.scheme}{url}/")), "")
    instead = f"{kind.scheme}{right.lower()}{path}" if right and path and _reads(f"{kind.scheme}{right}{path}") else ""
    remedy = "" if path else f"write {kind.scheme}{right or 'HOST'}/PATH"
    if bare_address and len(both := _readings(kind, host, path)) > 1:
        remedy, instead = f"write {' or '.join(map(shell_word, both))}", ""
    if not text.startswith(kind.scheme):
        known = f"{scheme}://" == kind.scheme and text.startswith(scheme)
        what = f"two slashes and a host follow {scheme}" if known else f"{found[1]}:// is not a scheme of a location"
        return Problem(what, remedy, instead)
    if "@" in text[len(kind.scheme) :].partition("/")[0]:
        return Problem(f"the host is not {kind.form}: it has no user's name", remedy, instead)
    if bare_address:
        return Problem("an IPv6 address stands in brackets", remedy, instead)
    if not _reads(f"{kind.scheme}{server}{found[3] or ''}/"):
        return _host_problem(kind, host, Problem("", remedy, instead))
    return Problem("the path is missing", remedy) if not path else None


def _readings(kind: type[UrlEndpoint], host: str, path: str) -> list[str]:
    """Return the URLs that an address without brackets may mean: its last number may be a port."""
    address, _, port = host.rpartition(":")
    wanted = (f"[{address}]:{port}", f"[{host}]") if port.isdigit() else (f"[{host}]",)
    return [f"{kind.scheme}{one.lower()}{path}" for one in wanted if path and _reads(f"{kind.scheme}{one}{path}")]


def _host_problem(kind: type[UrlEndpoint], host: str, found: Problem) -> Problem | None:
    """Return what is wrong with the host or the port of a server; None for a name that is too long."""
    if len(host) > 255:
        return None
    if host.startswith("[") and not _reads(f"{kind.scheme}{host}/"):
        what = f"{host} is not an IPv6 address in brackets"
        return Problem(what, f"write {kind.scheme}[ADDRESS]/PATH, without a zone", found.instead)
    remedy = "or with a port from 1 to 65535" if found.instead else f"write {kind.scheme}HOST/PATH"
    return Problem(f"the host is not {kind.form}", remedy, found.instead)


def foreign_problem(text: str) -> Problem | None:
    """Return what is wrong with the URL of something that goclient does not reach; None for other texts."""
    found = re.match(_SCHEME, text)
    scheme = found[1].lower() if found else ""
    if not found or scheme not in FOREIGN_SCHEMES | {"globus", "file"}:
        return None
    host, _, path = text[found.end() :].partition("/")
    if scheme == "file":
        path = text[found.end() :].removeprefix("localhost/").lstrip("/")
        remedy = "ENDPOINT is the endpoint of the computer that has it"
        return Problem(f"{scheme}:// names no endpoint", remedy, f"ENDPOINT:/{path}")
    if scheme == "globus":
        what = "globus:// is followed by the UUID of a collection"
        return Problem(what, instead=f"{host.rstrip(':')}:/{path or '~/'}" if host else "")
    if scheme in ("s3", "gs"):
        path = f"{host}/{path}"
    remedy = _COLLECTION
    if scheme in ANSWERS_TOO:
        remedy += "; or write davs://HOST/PATH, if that storage answers to WebDAV, too"
    instead = f"ENDPOINT:/{path.lstrip('/')}" if path else ""
    return Problem(f"{scheme}:// is not a scheme of a location: goclient reaches {_REACHED}", remedy, instead)


_REACHED = f"Globus collections, {' and '.join(SCHEMES)}"


def _reads(text: str) -> bool:
    """Return True if a text is a location."""
    try:
        return bool(read_location(text).endpoint.text)
    except LocationError:
        return False
