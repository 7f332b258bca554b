"""The HTTPS server of a collection in miniature, over a directory of this machine: what a test breaks, it breaks."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import RawIOBase
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import unquote

from goclient.sandbox.globus.https import ESTABLISHED

TOKEN = "a-token"
_emptying = Lock()


@dataclass
class CollectionServer:
    """A server that runs at ``url``; ``asked`` are the requests that it got.

    ``cuts``: bytes of bodies after which it hangs up.  ``ranges``: it knows them.  ``redirect``: where it leads.
    ``conditions``: it knows If-None-Match.  ``chunked``: it does not tell how long its answers are.
    ``refuses``: with this status, whatever is read or written.  ``strays``: with these, what follows a request for a
    checksum on its connection.
    """

    top: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    redirect: str = ""
    spoils: bool = False  # what it gets
    token: str = TOKEN
    conditions: bool = True
    chunked: bool = False
    refuses: int = 0
    strays: list[int] = field(default_factory=list)


@contextmanager
def collection_server(top: Path) -> Iterator[CollectionServer]:
    """Run a server over a directory."""
    state = CollectionServer(top)

    class Handler(_Handler):
        server_state = state

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: CollectionServer
    has_summed = False  # with the last request of the connection

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _path(self) -> Path | None:
        """Return the path that is asked for; answer, and return None, for who may not."""
        state, follows_sum = self.server_state, self.has_summed
        state.asked.append(f"{self.command} {self.path}")
        self.has_summed = "Want-Digest" in self.headers
        if follows_sum and state.strays:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self._say(state.strays.pop(0))
        elif state.redirect:
            self._say(302, Location=state.redirect)
        elif self.headers["Authorization"] != f"Bearer {state.token}":
            self._say(401 if self.headers["X-Requested-With"] else 302)
        else:
            path = state.top / unquote(self.path, errors="surrogateescape").lstrip("/")
            with suppress(OSError):
                path.exists()
                return path
            self._say(400)  # it is too long
        self.close_connection = True
        return None

    def _say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        path, state = self._path(), self.server_state
        if path is None:
            return
        if state.refuses or not path.is_file():
            self._say(state.refuses or 404)
            return
        content, first, status = path.read_bytes(), 0, 200
        more = {"ETag": f'"{path.stat().st_mtime_ns}"'}
        asked = re.fullmatch(r"bytes=([0-9]+)-[0-9]+", self.headers["Range"] or "")
        if asked and state.ranges:
            first, status = int(asked[1]), 206
            more["Content_Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        rest = content[first:]
        if state.chunked and self.command == "GET":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("ETag", more["ETag"])
            self.end_headers()
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))
            return
        if state.cuts and self.command == "GET":
            cut = state.cuts.pop(0)
            self.send_response(status)
            for name, value in {"Content_Length": str(len(rest)), **more}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(rest[:cut])
            self.close_connection = True
            return
        self._say(status, rest, **more)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        path, state = self._path(), self.server_state
        if path is None:
            return
        if state.refuses or path.is_dir() or not path.parent.is_dir():
            self.rfile.read(int(self.headers["Content-Length"]))
            self._say(state.refuses or (409 if path.is_dir() else 404))
            return
        length = int(self.headers["Content-Length"])
        if state.conditions and self.headers["If-None-Match"] == "*" and path.exists():
            self.rfile.read(length)
            self._say(412)
            return
        cut = state.cuts.pop(0) if state.cuts else length
        file = self._emptied(path)
        if file is not None:
            with file:
                content = self.rfile.read(min(cut, length))
                file.write(content[::-1] if state.spoils else content)
        if file is None or cut < length:
            self.close_connection = True
        else:
            self._say(200)

    def _emptied(self, path: Path) -> RawIOBase | None:
        """Open a file, None if the client has gone: a late handler could empty what the next request has written."""
        with _emptying:
            if self.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED:
                return None
            return open(path, "wb", buffering=0)

    def do_DELETE(self) -> None:
        path = self._path()
        if path is not None:
            found = path.is_file()
            path.unlink(missing_ok=True)
            self._say(200 if found else 404)
