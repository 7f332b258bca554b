"""A web proxy stands before a service if the variables say so; it sees where a connection goes, and nothing more."""

from __future__ import annotations

import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from goclient.errors.conditions import GlobusUnreachable
from goclient.secrets import hide
from goclient.services.globus.json_service import Manner
from goclient.services.globus.rest import RestTransfer
from goclient.services.https.proxies import ProxiedTls, web_proxy
from tests import faults
from tests.faults import FaultyServer

HOST = "127.0.0.9"  # which nothing listens at, and which no rule excepts
ID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"
NAMES = [name for one in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY") for name in (one, one.lower())]
PASSWORD = "p%40ss-word-of-squid"


class Proxy:
    """A web proxy that sends all that it is asked for to one server, or refuses it; it keeps what it was asked."""

    def __init__(self, port: int, status: bytes) -> None:
        self._port, self._status = port, status
        self.heads: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        """Serve until the socket is closed."""
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._one, args=(client,), daemon=True).start()

    def _one(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            self.heads.append(head)
            client.sendall(self._status)
            if b" 200 " not in self._status:
                return
            with socket.create_connection(("127.0.0.1", self._port)) as server:
                back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
                back.start()
                _pass_on(client, server)
                back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def proxied(
    server: FaultyServer, status: bytes = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"
) -> Iterator[Proxy]:
    """Run a proxy before a server."""
    proxy = Proxy(server.port, status)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.listener.shutdown(socket.SHUT_RDWR)
        proxy.listener.close()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FaultyServer]:
    """Transfer, with a certificate for HOST."""
    made = faults.certificate(tmp_path, host=HOST)
    with FaultyServer(faults.replies(faults.document({"value": ID})), tls=made.context) as running:
        yield running


def ask(tmp_path: Path, *bundles: str) -> str:
    """Ask the service at HOST, whose authority is in a bundle."""
    manner = Manner(timeout=10.0, tls=partial(ProxiedTls, *(bundles or (str(tmp_path / "certificates"),))))
    return RestTransfer(f"https://{HOST}/", lambda *, refused="", scopes=(): "token", manner).submission_id()


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_service_is_reached_through_the_proxy_of_the_variables(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, scheme: str
) -> None:
    with proxied(server) as proxy:
        monkeypatch.setenv(name, f"{scheme}{proxy.address}")
        assert ask(tmp_path) == ID
    assert proxy.heads == [f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode()]
    assert server.requests[0].headers["authorization"] == "Bearer token"


def test_a_proxy_is_told_who_asks_and_its_password_is_hidden(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxied(server) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://node:{PASSWORD}@{proxy.address}")
        assert ask(tmp_path) == ID
    words = b64encode(b"node:p@ss-word-of-squid")
    assert b"\r\nProxy-Authorization: Basic " + words + b"\r\n" in proxy.heads[0]
    assert PASSWORD not in hide(f"{PASSWORD} p@ss-word-of-squid")
    assert words.decode() not in hide(words.decode())


REFUSALS = {
    "it wants a password": (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407"),
    "it forbids": (b"HTTP/1.0 403 Forbidden\r\n\r\n<html>", "403"),
    "it hangs up": (b"", "answers"),
    "it is none": (b"SSH-2.0-OpenSSH\r\n\r\n", "SSH-2.0"),
    "it goes on for ever": (b"HTTP/1.1 2" + b"x" * (1 << 15), "answers"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_proxy_that_refuses_is_named_with_its_words(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    status, said = REFUSALS[name]
    monkeypatch.setattr("goclient.services.globus.json_service.RETRIES", 0)
    with proxied(server, status) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        with pytest.raises(GlobusUnreachable, match=f"through the web proxy: {proxy.address} answers .*{said}|{said}"):
            ask(tmp_path)
    assert server.connections == 0


@pytest.mark.parametrize("url", ["https://proxy.example.org", "socks5://127.0.0.1:1080", "http://[::1", "http://x:y"])
def test_a_proxy_that_cannot_be_used_is_named(
    tmp_path: Path, server: FaultyServer, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr("goclient.services.globus.json_service.RETRIES", 0)
    monkeypatch.setenv("HTTPS_PROXY", url)
    with pytest.raises(GlobusUnreachable, match="web proxy") as raised:
        ask(tmp_path)
    assert raised.value.hint == "look at the variables HTTPS_PROXY and NO_PROXY"


def test_a_server_that_is_not_itself_gets_nothing_behind_a_proxy_either(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goclient.services.globus.json_service.RETRIES", 0)
    (tmp_path / "other").mkdir()
    other = faults.certificate(tmp_path / "other", host=HOST)
    with proxied(server) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        with pytest.raises(GlobusUnreachable, match="not trusted"):
            ask(tmp_path, str(other.trusting))
    assert server.requests == []


@pytest.mark.parametrize(
    ("host", "no_proxy", "is_proxied"),
    [
        ("transfer.api.globus.org", "", True),
        ("transfer.api.globus.org", "globus.org", False),
        ("transfer.api.globus.org", ".globus.org,cern.ch", False),
        ("transfer.api.globus.org", "us.org", True),
        ("transfer.api.globus.org", "*", False),
        ("localhost", "", False),
        ("127.0.0.1", "", False),
        ("::1", "", False),
    ],
)
def test_no_proxy_stands_before_what_is_excepted(
    monkeypatch: pytest.MonkeyPatch, host: str, no_proxy: str, is_proxied: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://squid:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert web_proxy(host) == ("http://squid:3128" if is_proxied else "")
