"""Contents of files on their way to and from a server: in pieces, with their checksum.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import http.client
import re
import zlib
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from goclient.errors import EndpointError
from goclient.errors.conditions import NodeFault
from goclient.errors.wording import quote
from goclient.services.contents import Moved, Source, explain_change, grown
from goclient.services.https.connection import PIECE, Body

_RANGE = re.compile(r"bytes ([0-9]{1,19})-[0-9]{1,19}/([0-9]{1,19})")
_ADLER32 = re.compile(r"(?:^|,)\s*adler32\s*=\s*([0-9a-f]{1,8})\s*(?:$|,)", re.IGNORECASE)


def _part(response: http.client.HTTPResponse) -> re.Match[str] | None:
    """Return the first byte and the whole size of the part that an answer says it has; None if it says nothing."""
    told = response.headers.get("Content-Range", "")
    return _RANGE.fullmatch(told) if told else None


class FileState(NamedTuple):
    """State of a file as its server describes it: size, adler32 of the content, and the mark of its version."""

    size: int | None
    adler32: str | None
    version: str

    @classmethod
    def read(cls, response: http.client.HTTPResponse) -> FileState:
        """Return what an answer says of the whole file; of one part of it, too (RFC 3230, 4.3.2)."""
        headers = response.headers
        part = _part(response)
        length = part[2] if part else headers.get("Content-Length", "")
        size = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None
        digest = _ADLER32.search(headers.get("Digest", ""))
        version = headers.get("ETag") or headers.get("Last-Modified") or ""
        return cls(size, digest[1].lower().rjust(8, "0") if digest else None, version)


class Incoming:
    """A content of ``most`` bytes at most that is written to a file, from its beginning; after a break it goes on.

    Without a ``file`` it is only read.
    """

    def __init__(self, file: BinaryIO | None, what: str, moved: Moved, *, most: int) -> None:
        self._file, self._what, self._moved, self._most = file, what, moved, most
        self.told: FileState | None = None
        self.offset, self._sum = 0, 1
        self._buffer = memoryview(bytearray(max(min(most, PIECE), 1)))

    def _restart(self) -> None:
        self.offset, self._sum = 0, 1
        if self._file is not None and self._file.tell():  # ext4 writes what was truncated to the disk when it is closed
            self._file.seek(0)
            self._file.truncate()

    @property
    def adler32(self) -> str:
        """Return the checksum of what has come so far."""
        return f"{self._sum:08x}"

    def begin(self, response: http.client.HTTPResponse) -> FileState:
        """Return what an answer says of the file; raise SourceChanged if it is another than before the break."""
        told, before = FileState.read(response), self.told
        if before is not None and (before.size, before.version) != (told.size, told.version):
            raise explain_change(self._what)
        self.told = told
        if response.status != http.client.PARTIAL_CONTENT:
            self._restart()  # the first time, and from a server without ranges
        elif (part := _part(response)) is None or int(part[1]) != self.offset:
            hint = "tell the server's operators"
            raise EndpointError(f"{quote(self._what)}: its server sent another part than was asked for", hint=hint)
        return told

    def read(self, response: http.client.HTTPResponse, allow: Callable[[], None]) -> None:
        """Read the rest; ``allow`` is called before each piece.  Raise EndpointError if it ends too early."""
        while True:
            allow()
            count = response.readinto(self._buffer)
            if self.offset + count > self._most:
                raise grown(self._what, self._most)
            piece = self._buffer[:count]
            self._sum = zlib.adler32(piece, self._sum)
            if self._file is not None:
                self._write(piece)
            self.offset += count
            self._moved(count)
            if not count or response.isclosed():  # all of it was read
                break
        if response.length:
            raise EndpointError(
                f"{quote(self._what)}: its server closed the connection {response.length} bytes before the end",
                hint="type the command again", code="broken", subject=self._what, transient=True,
            )  # fmt: skip

    def _write(self, piece: memoryview) -> None:
        assert self._file is not None
        try:
            self._file.write(piece)
        except OSError as error:
            raise NodeFault(
                f"{quote(self._what)}: it cannot be written on this node: {error.strerror}",
                hint="look at the node's disk", code="node-disk", subject=self._what,
            ) from error  # fmt: skip


class Outgoing(Body):
    """A file that is sent, from its beginning; raise SourceChanged if somebody writes to it meanwhile.

    ``is_begun`` tells whether any server may have something of it.
    """

    def __init__(self, file: BinaryIO, what: str, moved: Moved) -> None:
        self._file, self._what, self.moved = file, what, moved
        self._source = Source(file, what)
        assert self._source.size is not None, "it is a file"
        self.size = self._source.size
        self.adler32 = ""
        self.is_begun = False

    def send(self, write: Callable[[bytes | memoryview], None]) -> None:
        """Write all of it."""
        self.is_begun = True
        self._file.seek(0)
        found, left = 1, self.size
        while left:
            piece = self._file.read(min(PIECE, left))
            if not piece:
                raise explain_change(self._what)
            found = zlib.adler32(piece, found)
            write(piece)
            left -= len(piece)
            self.moved(len(piece))
        self.adler32 = f"{found:08x}"
        self.check()

    def check(self) -> None:
        """Check that the file is as it was."""
        self._source.check()
