"""Endpoints: what holds files. Nothing else knows how the kinds of them are told apart, written and shown.

Standard library only, of Python 3.9: this code travels to worker nodes.  A new scheme, such as ``root``, is one more
class of :class:`UrlEndpoint`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

from goclient.model.names import UUID, LocationError, Problem, endpoint_problem, url_problem

_SERVER = re.compile(r"([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")
GLOBUS_SCHEME = "globus://"


def is_uuid(text: str) -> bool:
    """Return True if the text is the id of a collection."""
    return UUID.fullmatch(text) is not None


@dataclass(frozen=True)
class Endpoint:
    """An endpoint; ``text`` is how a record has it.

    ``typed`` is what the user typed for it, if that was something else, such as its name in the catalogue; it tells
    no two endpoints apart.  The kinds below add no field: the standard library need not make a dataclass of each, whose
    methods it compiles each time that a program starts.
    """

    text: str
    typed: str = field(default="", compare=False)

    title: ClassVar[str] = ""  # what a message calls it
    kind: ClassVar[str] = ""  # the catalogue's word for such an entry
    key: ClassVar[str] = ""  # the key with which the catalogue names it
    form: ClassVar[str] = ""  # how it is written, for messages
    is_remote: ClassVar[bool] = True  # a service or a server is asked about it, before and for a transfer
    is_globus: ClassVar[bool] = False  # Globus is asked about it
    needs_proxy: ClassVar[bool] = False  # the user's proxy acts there
    serves_jobs: ClassVar[bool] = False  # files go between one of the kind and a job's directory
    exchanges: ClassVar[bool] = False  # files go from one of the kind to another, past the node
    has_home: ClassVar[bool] = True  # paths may begin with /~/
    reads_home: ClassVar[bool] = True  # a part ~ elsewhere in a path would be read as that
    keeps_names: ClassVar[bool] = True  # a file may have any name there

    def __post_init__(self) -> None:
        """Raise LocationError for a text that names no such endpoint."""

    @property
    def display(self) -> str:
        """Return the name that a person knows: as typed, if that is known."""
        return self.typed or self.text

    def write(self, path: str) -> str:
        """Return the location of a path on it, as text."""
        return f"{self.text}:{path}"

    def show(self, path: str) -> str:
        """Return the location of a path on it as a person knows it: with what was typed for the endpoint."""
        return f"{self.display}:{path}"

    def reaches(self, other: Endpoint) -> bool:
        """Return True if files can go from this endpoint to another, and back, without the job's directory between."""
        return self.exchanges and type(self) is type(other)

    def path_problem(self, path: str) -> Problem | None:
        """Return what is wrong with this path on it alone, though the path is one."""
        return url_problem(self.text, path) if path.startswith("//") else None

    def target_problem(self, path: str) -> Problem | None:
        """Return what is wrong with writing something at this path, which is more than what is wrong with it."""
        return self.path_problem(path)

    def __str__(self) -> str:
        return self.text


class GlobusEndpoint(Endpoint):
    """A collection: by its UUID, or by a name that is not resolved yet.  Raises LocationError for a bad name."""

    kind: ClassVar[str] = "globus"
    key: ClassVar[str] = "id"
    form: ClassVar[str] = "UUID"
    title: ClassVar[str] = "a Globus collection"
    is_globus: ClassVar[bool] = True
    serves_jobs: ClassVar[bool] = True
    exchanges: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if problem := endpoint_problem(self.text):
            raise LocationError(problem)

    @property
    def is_resolved(self) -> bool:
        """True if it is named by its id."""
        return is_uuid(self.text)


class UrlEndpoint(Endpoint):
    """A server that a URL names, ``text`` without a path; a subclass gives its scheme and the port that it leaves out.

    Two ways to write one server give one ``text``: in small letters, without the default port, an IPv6 address in its
    short form.  Raises LocationError for what names no server.
    """

    scheme: ClassVar[str] = ""
    default_port: ClassVar[int] = 0
    misspelt: ClassVar[frozenset[str]] = frozenset()  # what people write for the scheme
    key: ClassVar[str] = "url"
    needs_proxy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if problem := endpoint_problem(self.text):
            raise LocationError(problem)
        found = _SERVER.fullmatch(self.text, len(self.scheme)) if self.text.startswith(self.scheme) else None
        host = _plain_host(found[1]) if found else ""
        port = int(found[2] or self.default_port) if found else 0
        if not host or not 0 < port < 65536:
            raise LocationError(Problem(f"the host is not {self.form}", "write a port from 1 to 65535, or none"))
        text = f"{self.scheme}{host}" + ("" if port == self.default_port else f":{port}")
        object.__setattr__(self, "text", text)

    @property
    def host(self) -> str:
        """Return the server's name or address, an IPv6 address without its brackets."""
        return self._server[1].strip("[]")

    @property
    def port(self) -> int:
        """Return the server's port."""
        return int(self._server[2] or self.default_port)

    @property
    def _server(self) -> re.Match[str]:
        found = _SERVER.fullmatch(self.text, len(self.scheme))
        assert found is not None, "the text was checked when the endpoint was made"
        return found

    def write(self, path: str) -> str:
        """Return the URL of a path on it."""
        return f"{self.text}{path}"

    def show(self, path: str) -> str:
        """Return the location with the name that was typed for the server, or the URL."""
        return f"{self.typed}:{path}" if self.typed else self.write(path)


def _plain_host(host: str) -> str:
    """Return a host in the one form that all ways to write it have in common; the empty string for a wrong address."""
    if not host.startswith("["):
        return host.lower()
    import ipaddress  # 4 ms, which only a server without a name costs

    try:
        return f"[{ipaddress.IPv6Address(host[1:-1])}]"
    except ValueError:
        return ""


class GridftpEndpoint(UrlEndpoint):
    """A GridFTP server, ``gsiftp://host`` or ``gsiftp://host:port``."""

    scheme: ClassVar[str] = "gsiftp://"
    default_port: ClassVar[int] = 2811
    misspelt: ClassVar[frozenset[str]] = frozenset({"gridftp", "gsi-ftp", "gftp", "gsi"})
    form: ClassVar[str] = "gsiftp://host[:port]"
    title: ClassVar[str] = "a GridFTP server"
    kind: ClassVar[str] = "gridftp"
    serves_jobs: ClassVar[bool] = True
    exchanges: ClassVar[bool] = True


class WebdavEndpoint(UrlEndpoint):
    """A WebDAV server, ``davs://host`` or ``davs://host:port``; its paths are absolute."""

    scheme: ClassVar[str] = "davs://"
    default_port: ClassVar[int] = 443
    misspelt: ClassVar[frozenset[str]] = frozenset({"dav", "webdav", "webdavs", "davs+https", "https+davs"})
    form: ClassVar[str] = "davs://host[:port]"
    title: ClassVar[str] = "a WebDAV server"
    kind: ClassVar[str] = "webdav"
    serves_jobs: ClassVar[bool] = True
    has_home: ClassVar[bool] = False
    reads_home: ClassVar[bool] = False
    keeps_names: ClassVar[bool] = False

    def path_problem(self, path: str) -> Problem | None:
        """Return what is wrong with a path that has a ``?``: servers cut the name there (xrootd 5.5)."""
        if "?" in path:
            return Problem("a WebDAV server cuts a name at a ?", "give the file a name without it")
        return super().path_problem(path)

    def target_problem(self, path: str) -> Problem | None:
        """Return what is wrong with a path that not every server keeps when a file gets its name by a MOVE.

        xrootd 5.5 does not decode the header that has it, and knows ASCII only there; a header ends before its blanks.
        """
        name = path.rstrip("/")
        bad = "a blank at its end" if name.endswith(" ") else ""
        if not path.isascii():
            bad = next(character for character in path if not character.isascii())
        if bad:
            what = f"not every WebDAV server keeps {bad} in a name that is written there"
            return Problem(what, "give it another name: of ASCII, without a blank at its end")
        return self.path_problem(path)


class JobDirectory(Endpoint):
    """Job's own directory on the worker node, whose root ``/`` is that directory."""

    is_remote: ClassVar[bool] = False
    has_home: ClassVar[bool] = False

    def write(self, path: str) -> str:
        """Return the path, relative to the directory."""
        return path[1:]

    def show(self, path: str) -> str:
        """Return the path, relative to the directory."""
        return path[1:]


class NodeFiles(Endpoint):
    """Worker node's own file system, from and to which the mode ``local`` copies."""

    is_remote: ClassVar[bool] = False
    has_home: ClassVar[bool] = False

    def write(self, path: str) -> str:
        """Return the URL of a path on the node."""
        return f"{self.text}{path}"

    def show(self, path: str) -> str:
        """Return the URL of a path on the node."""
        return self.write(path)


JOB = JobDirectory("")
NODE = NodeFiles("file://")
URL_ENDPOINTS: tuple[type[UrlEndpoint], ...] = (GridftpEndpoint, WebdavEndpoint)
SCHEMES = tuple(kind.scheme for kind in URL_ENDPOINTS)
URL_FORMS = " or ".join(kind.form for kind in URL_ENDPOINTS)  # for messages


Catalogue = Mapping[str, Endpoint]  # endpoints that have a name, by it; each is shown with it


def read_endpoint(text: str, typed: str = "") -> Endpoint:
    """Return the endpoint that a record, or the catalogue, writes so: a server's URL, or a collection's id or name.

    Raises LocationError with the reason.
    """
    return _read_endpoint(text, "" if typed == text else typed)


@lru_cache(4096)  # thousands of files are on a few endpoints
def _read_endpoint(text: str, typed: str) -> Endpoint:
    if text == NODE.text:
        return NODE
    for kind in URL_ENDPOINTS:
        if text.startswith(kind.scheme):
            return kind(text, typed)
    return GlobusEndpoint(text.lower() if is_uuid(text) else text, typed)
