"""A real WebDAV server behind a door that sends everything on to it, as those of dCache and EOS do."""

from __future__ import annotations

import io
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from goclient.errors import EndpointError
from goclient.model.endpoint import WebdavEndpoint
from goclient.services.https.webdav import WebdavFiles
from tests.servers.webdav import WebdavServer

SIZES = (10, 3_000_000)  # a small one goes out with its request


@contextmanager
def door_of(webdav: WebdavServer, host: str) -> Iterator[WebdavEndpoint]:
    """A server with TLS that sends everything on to the port of another one."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def send_on(self) -> None:
            self.send_response(307)
            self.send_header("Location", f"https://{host}:{webdav.port}{self.path}")
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")  # the body may not be read
            self.end_headers()
            self.close_connection = True

        def handle_expect_100(self) -> bool:
            return True  # it is answered at once

        do_GET = do_PUT = do_HEAD = send_on

        def log_message(self, format: str, *args: object) -> None:
            return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(webdav.top / "host.pem", webdav.top / "host.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield WebdavEndpoint(f"davs://localhost:{server.server_address[1]}")
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("size", SIZES)
def test_what_a_door_sends_on_within_its_site_is_got_and_put(webdav: WebdavServer, tmp_path: Path, size: int) -> None:
    there, content = webdav.make(f"door{size}"), os.urandom(size)
    (there / "in").write_bytes(content)
    webdav.give(there)
    (tmp_path / "out").write_bytes(content)
    files, got = WebdavFiles(webdav.tls()), io.BytesIO()
    with door_of(webdav, "localhost") as door:
        files.http.read(files.place(door, f"/{there.name}/in"), got, size=size, moved=lambda _: None)
        with open(tmp_path / "out", "rb") as file:
            files.http.write(file, files.place(door, f"/{there.name}/out"), moved=lambda _: None)
    files.close()
    assert got.getvalue() == content
    assert (there / "out").read_bytes() == content


def test_a_door_that_leads_out_of_its_site_is_not_followed(webdav: WebdavServer) -> None:
    there = webdav.make("elsewhere")
    (there / "in").write_bytes(b"content")
    webdav.give(there)
    files, got = WebdavFiles(webdav.tls()), io.BytesIO()
    with door_of(webdav, "127.0.0.1") as door, pytest.raises(EndpointError, match="no credential is sent") as raised:
        files.http.read(files.place(door, f"/{there.name}/in"), got, size=7, moved=lambda _: None)
    files.close()
    assert raised.value.code == "webdav-redirect"
    assert not got.getvalue()
