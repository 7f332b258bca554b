"""Replies of a GridFTP server, and what its refusals mean."""

from __future__ import annotations

import errno
import os
import re
from typing import NamedTuple

from goclient.errors import EndpointError
from goclient.errors.conditions import (
    CertificateRefused,
    NotADirectory,
    NotMapped,
    PathExists,
    PathNotFound,
    SessionClosed,
    StorageDenied,
)
from goclient.errors.wording import cite, quote

_FIRST = re.compile(rb"([1-6][0-9]{2})([ -])")  # RFC 959, 4.2; RFC 2228 has the codes from 600
_ERRNO = re.compile(r"GridFTP-Errno: ([0-9]{1,5})")
_UNMAPPED = re.compile(r"(?:Gridmap lookup failure|could not map)(?:.*?map (/[^;]*))?", re.IGNORECASE)


class Malformed(ValueError):
    """Something that a server has sent is not a reply."""


class Reply(NamedTuple):
    """One reply: its code, and its lines as they came, without their ends."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def is_preliminary(self) -> bool:
        """Return True if another reply to the same command follows."""
        return self.code < 200

    @property
    def is_good(self) -> bool:
        """Return True if the server did what it was told, or waits for the next command of a sequence."""
        return 200 <= self.code < 400

    @property
    def text(self) -> str:
        """Return what it says, without codes, on one line."""
        words = (re.sub(rb"^[0-9]{3}[ -]|^ ", b"", line).strip() for line in self.lines)
        return "; ".join(decode(one).strip() for one in words if one and one != b"End.")

    @property
    def content(self) -> tuple[bytes, ...]:
        """Return the lines between the first and the last."""
        return self.lines[1:-1]


def decode(data: bytes) -> str:
    """Return a path, or a text with one, as Python has paths: bytes that are not UTF-8 are kept."""
    return data.decode("utf-8", "surrogateescape")


class Lines:
    """Bytes of a control channel, put together to replies."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self._code = b""
        self.size = 0  # bytes of the reply that is not whole yet

    def feed(self, data: bytes) -> list[Reply]:
        """Return the replies that are whole with some more bytes; raise Malformed."""
        self.size += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = [reply for line in lines if (reply := self._line(line.removesuffix(b"\r")))]
        if found:
            self.size = len(self._rest)
        return found

    def _line(self, line: bytes) -> Reply | None:
        if not self._code:
            first = _FIRST.match(line)
            if not first:
                raise Malformed(f"something else than a reply: {quote(decode(line[:40]))}")
            if first[2] == b" ":
                return Reply(int(first[1]), (line,))
            self._code = first[1]
        self._lines.append(line)
        if len(self._lines) == 1 or not (line[:3] == self._code and line[3:4] in (b" ", b"")):
            return None
        reply = Reply(int(self._code), tuple(self._lines))
        self._lines, self._code = [], b""
        return reply


# --- refusals ---------------------------------------------------------------------------------------------------


class _Meaning(NamedTuple):
    """Meaning of an error's number at a server: the class of our error, why, and what to do."""

    kind: type[EndpointError]
    why: str
    hint: str
    code: str = ""
    transient: bool = False


_OWNER = "ask the server's operators for the right to use this path"
_MEANINGS = {
    errno.ENOENT: _Meaning(PathNotFound, "nothing is there", "check the path"),
    errno.ENOTDIR: _Meaning(NotADirectory, "it is not a directory, or a part of its path is not", "check the path"),
    errno.EEXIST: _Meaning(PathExists, "it exists already", "choose another name"),
    errno.EISDIR: _Meaning(EndpointError, "it is a directory", "check the path", "is-a-directory"),
    errno.EACCES: _Meaning(StorageDenied, "the storage denies it", _OWNER),
    errno.EPERM: _Meaning(StorageDenied, "the storage denies it", _OWNER),
    errno.EROFS: _Meaning(StorageDenied, "its storage is read-only", _OWNER),
    errno.ENOSPC: _Meaning(EndpointError, "no space is left there", "make space there", "no-space"),
    errno.EDQUOT: _Meaning(EndpointError, "the quota is used up there", "make space there", "no-space"),
    errno.ENAMETOOLONG: _Meaning(EndpointError, "the name is too long", "choose a shorter name", "name-too-long"),
    errno.ENOTEMPTY: _Meaning(EndpointError, "it is not empty", "remove what is in it first", "not-empty"),
    errno.ELOOP: _Meaning(EndpointError, "too many links are on its way", "name the file itself", "links"),
}
_PASSING = (errno.ECONNRESET, errno.EPIPE, errno.ETIMEDOUT, errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH)
_TEXTS = {os.strerror(number): number for number in (*_MEANINGS, *_PASSING)}
# A server says the same of a path outside its tree, and of one that may be read only (its -restrict-paths).
_NOT_ALLOWED = _Meaning(
    StorageDenied,
    "the server allows nobody to use this path in this way",
    "choose another path, or ask the server's operators to allow it",
)
_BROKEN = _Meaning(EndpointError, "the connection for the data broke", "", "gridftp-broken", transient=True)
_CUT_SHORT = (425, 426)  # RFC 959: the connection for the data cannot be opened; it was closed


def refusal(reply: Reply, subject: str) -> EndpointError:
    """Return what a refusal means for a path, whose location ``subject`` is.

    Names are refused with a number of Unix, but a transfer only with the words of that number.
    """
    meaning = _meaning(reply)
    if meaning is None:
        passing = 400 <= reply.code < 500
        return EndpointError(
            f"{quote(subject)}: the server refuses it: {cite(reply.text)}",
            hint="ask the server's operators", code="gridftp-refused", subject=subject, transient=passing,
        )  # fmt: skip
    why = meaning.why if meaning is not _BROKEN else f"{meaning.why}: {cite(reply.text, 200)}"
    return meaning.kind(
        f"{quote(subject)}: {why}", hint=meaning.hint, code=meaning.code, subject=subject, transient=meaning.transient
    )


def _meaning(reply: Reply) -> _Meaning | None:
    text = reply.text
    if found := _ERRNO.search(text):
        return _MEANINGS.get(int(found[1]))
    if "Path not allowed" in text:
        return _NOT_ALLOWED
    numbers = [number for words, number in _TEXTS.items() if words in text]
    for number in numbers:
        if number in _MEANINGS:
            return _MEANINGS[number]
    return _BROKEN if numbers or reply.code in _CUT_SHORT or "end-of-file" in text.lower() else None


def is_missing(reply: Reply) -> bool:
    """Return True if a reply says that nothing is at the path which it is about."""
    found = None if reply.is_good else _ERRNO.search(reply.text)
    return found is not None and int(found[1]) == errno.ENOENT


def login_refusal(reply: Reply, *, server: str, subject: str, dn: str) -> EndpointError:
    """Return why a server did not log us in; ``dn`` is whose certificate it was shown."""
    if reply.code == 421:
        return closing(reply, server=server, subject=subject)
    if found := _UNMAPPED.search(reply.text):
        seen = (found[1] or dn).strip()
        return NotMapped(
            f"the {server} has no account for {quote(seen)}",
            hint=f"ask the server's operators to map this DN to an account: {seen}",
            code="gridftp-unmapped", subject=subject,
        )  # fmt: skip
    return CertificateRefused(
        f"the {server} does not accept the credential of {quote(dn)}: {cite(reply.text, 300)}",
        hint="look at its dates and its CA: grid-proxy-info; ask the server's operators whether they know that CA",
        code="gridftp-identity-refused", subject=subject,
    )  # fmt: skip


def closing(reply: Reply, *, server: str, subject: str) -> SessionClosed:
    """Return the error of a server that ends the session, because it is stopped or has too many."""
    return SessionClosed(
        f"the {server} ends the session: {cite(reply.text, 200)}",
        hint="type the command again later", code="gridftp-closed", subject=subject, transient=True,
    )  # fmt: skip
