"""Listings of WebDAV servers (RFC 4918, 13): what a server sends is read with care.

No document type, so no entity, is taken; sizes, depth and number are bounded; names that lead elsewhere are left out.
Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit
from xml.parsers import expat

from goclient.errors.wording import quote

MOST_ENTRIES = 200_000
MOST_BYTES = 256 << 20  # of a listing: that many entries as xrootd writes them
_MOST_DEPTH = 30
_MOST_TEXT = 1 << 14  # characters of one value: a path has 4,096 bytes at most
_DAV = "DAV: "
_HREF, _SIZE = f"{_DAV}href", f"{_DAV}getcontentlength"
_TEXTS = (_HREF, _SIZE)  # elements whose text matters
_RESPONSE, _RESOURCETYPE, _COLLECTION = f"{_DAV}response", f"{_DAV}resourcetype", f"{_DAV}collection"
_NOT_IN_URLS = re.compile(r"%(?![0-9A-Fa-f]{2})|[^!#$%&'()*+,./0-9:;=?@A-Z_a-z~\[\]-]")  # RFC 3986
PROPERTIES = (  # body of a request for the kind and the size of an entry
    b'<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/></prop>'
    b"</propfind>"
)


class BadListing(ValueError):
    """A listing that no WebDAV server sends."""


class Resource(NamedTuple):
    """An entry: its path as the server has it, in ``href``; its size in bytes, 0 where it says none."""

    href: str
    is_directory: bool
    size: int


class MultiStatus:
    """Read a multi-status document piece by piece; ``found`` is called with each resource."""

    def __init__(self, found: Callable[[Resource], object]) -> None:
        self._found = found
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self._parser.buffer_text = True
        self._names: list[str] = []
        self._text = ""
        self._bytes = self._count = 0
        self._forget()

    def feed(self, piece: bytes, *, last: bool = False) -> None:
        """Read a piece; raise BadListing for any other document, and for a very large one."""
        self._bytes += len(piece)
        if self._bytes > MOST_BYTES:
            raise BadListing(f"it has more than {MOST_BYTES >> 20} MiB")
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            raise BadListing(f"it is not XML: {expat.ErrorString(error.code)}, line {error.lineno}") from None

    def _forget(self) -> None:
        self._href, self._is_directory, self._size = "", False, 0

    def _refuse(self, *_: object) -> None:
        raise BadListing("it has a document type, which WebDAV has not")

    def _start(self, name: str, _: object) -> None:
        if not self._names and name != f"{_DAV}multistatus":
            raise BadListing("it is not a listing of WebDAV")
        if len(self._names) >= _MOST_DEPTH:
            raise BadListing("it is nested too deep")
        self._names.append(name)
        if name in _TEXTS:  # there is a text between each two elements, which nothing looks at
            self._text, self._parser.CharacterDataHandler = "", self._data
        elif name == _COLLECTION and self._names[-2] == _RESOURCETYPE:
            self._is_directory = True

    def _data(self, text: str) -> None:
        self._text += text
        if len(self._text) > _MOST_TEXT:
            raise BadListing("it has a value that is too long")

    def _end(self, name: str) -> None:
        self._names.pop()
        if name in _TEXTS:
            self._parser.CharacterDataHandler = None
            text, self._text = self._text, ""  # a path may begin or end with a blank
            if name == _HREF and self._names[-1:] == [_RESPONSE]:
                self._href = text
            elif name == _SIZE and text.isascii() and text.isdigit() and len(text) < 20:
                self._size = int(text)
        elif name == _RESPONSE:
            self._count += 1
            if self._count > MOST_ENTRIES:
                raise BadListing(f"it has more than {MOST_ENTRIES} entries")
            if self._href:
                self._found(Resource(self._href, self._is_directory, self._size))
            self._forget()


def is_plain(hrefs: Iterable[str]) -> bool:
    """Return True if paths are written as they are, as xrootd does, and not encoded: no URL has these characters."""
    return any(_NOT_IN_URLS.search(href) for href in hrefs)


def path_of(href: str, *, plain: bool) -> bytes:
    """Return the path that an href stands for: a URL or a path, encoded unless it is ``plain``."""
    if plain:
        return os.fsencode(href)
    href = href.strip()
    return unquote_to_bytes(urlsplit(href).path if "://" in href[:9] else href)


def name_below(directory: str, path: bytes) -> str:
    """Return the name of an entry of a directory, empty for the directory itself; raise BadListing for another path."""
    top, below = os.fsencode(directory).strip(b"/"), path.strip(b"/")
    if below == top:
        return ""
    rest = below[len(top) + 1 :] if top else below
    is_below = not top or below.startswith(top + b"/")
    if not is_below or b"/" in rest or b"\0" in rest or rest in (b"", b".", b".."):
        raise BadListing(f"it has {quote(os.fsdecode(path))}, which is not in it")
    return os.fsdecode(rest)
