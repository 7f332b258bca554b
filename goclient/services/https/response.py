"""An answer of an HTTP server, whose head is read here: the parser of the standard library is one of e-mail.

That one takes as long for a head as a server on the same machine takes for a small file.
Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import http.client
from typing import IO

_MOST_HEADER = 1 << 16  # bytes of one line
_MOST_HEADERS = 100
_EMPTY = (http.client.NO_CONTENT, http.client.NOT_MODIFIED)


class Headers(dict[str, str]):
    """Headers of an answer, the first of each name; ``get`` finds a name however its letters are written."""

    @classmethod
    def read(cls, lines: IO[bytes]) -> Headers:
        """Return the headers that lines have up to an empty one; raise HTTPException, or OSError if they end before."""
        found, name = cls(), ""
        for _ in range(_MOST_HEADERS):
            line = lines.readline(_MOST_HEADER + 1)
            if len(line) > _MOST_HEADER:
                raise http.client.LineTooLong("header line")
            if not line.endswith(b"\n"):  # what a length has lost at its end is a length, too
                raise ConnectionAbortedError
            text = line.decode("latin-1").rstrip("\r\n")
            if not text:
                return found
            if text[0] in " \t":  # it goes on (RFC 9112, 5.2)
                if name:
                    found[name] += f" {text.strip()}"
                continue
            before, colon, value = text.partition(":")
            name = before.lower()
            if not colon or name in found:
                name = ""
            else:
                found[name] = value.strip(" \t")
        raise http.client.HTTPException(f"got more than {_MOST_HEADERS} headers")

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]  # nobody asks for another default
        """Return the value of a header."""
        return super().get(name.lower(), default)


class Response(http.client.HTTPResponse):
    """An answer as the standard library reads it, but for its head."""

    headers: Headers  # type: ignore[assignment]  # what is asked of it is ``get``
    _method: str

    def begin(self) -> None:
        """Read the head; raise HTTPException."""
        status: int = http.client.CONTINUE
        while status == http.client.CONTINUE:
            version, status, reason = self._read_status()  # type: ignore[attr-defined]  # typeshed has public names only
            headers = Headers.read(self.fp)
        if not version.startswith("HTTP/1."):
            raise http.client.UnknownProtocol(version)
        self.version = 10 if version == "HTTP/1.0" else 11
        self.status = status
        self.reason = reason.strip()
        self.headers = headers
        self.chunked = headers.get("transfer-encoding").lower() == "chunked"
        self.chunk_left = None
        self.will_close = self._check_close()  # type: ignore[attr-defined]
        length = headers.get("content-length")
        self.length = int(length) if length.isascii() and length.isdigit() and not self.chunked else None
        if self._method == "HEAD" or status < 200 or status in _EMPTY:
            self.length = 0
        if self.length is None and not self.chunked:
            self.will_close = True
