"""A collection's HTTPS server is shown a token, and nobody else is."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from goclient.errors import EndpointError
from goclient.errors.conditions import CertificateRefused
from goclient.services.https.client import HttpFiles
from goclient.services.https.collection import CollectionHttps
from tests import faults
from tests.faults import FaultyServer
from tests.servers.collection import TOKEN, CollectionServer, collection_server
from tests.services.https.test_client import CONTENT, SITE, client, nothing


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CollectionServer]:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_bytes(CONTENT)
    with collection_server(tmp_path / "there") as made:
        yield made


def test_no_redirect_is_followed_with_a_token(server: CollectionServer, tmp_path: Path) -> None:
    with collection_server(server.top) as other:
        server.redirect = f"{other.url}/file"
        with pytest.raises(EndpointError, match="where no credential is sent") as caught:
            client(server).get("/file", io.BytesIO(), moved=nothing)
        assert caught.value.code == "https-redirect"
        assert other.asked == []


def test_a_token_that_is_not_taken_is_told_so_and_is_in_no_message(server: CollectionServer) -> None:
    with pytest.raises(CertificateRefused, match="401 Unauthorized") as caught:
        client(server, token="secret-words").get("/file", io.BytesIO(), moved=nothing)
    assert "secret-words" not in str(caught.value) + caught.value.hint
    with pytest.raises(EndpointError, match="line break"):
        client(server, token="a\r\nX: y").get("/file", io.BytesIO(), moved=nothing)


@pytest.mark.parametrize("url", ["http://example.org", "ftp://127.0.0.1/", "https://", "file:///etc/passwd"])
def test_a_token_is_sent_over_https_only(url: str) -> None:
    with pytest.raises(EndpointError, match="not a URL of HTTPS"):
        CollectionHttps(SITE, url, lambda: TOKEN, HttpFiles())


@pytest.mark.parametrize(
    ("host", "is_known"),
    [pytest.param("127.0.0.9", True, id="another name"), pytest.param("127.0.0.1", False, id="a CA of nobody")],
)
def test_a_server_that_does_not_prove_its_name_gets_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, is_known: bool
) -> None:
    made = faults.certificate(tmp_path, host=host)
    if is_known:
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "certificates"))
    with FaultyServer(tls=made.context) as server:
        files = CollectionHttps(SITE, server.url, lambda: TOKEN, HttpFiles())
        with pytest.raises(EndpointError, match=r"not trusted|does not match|mismatch") as caught:
            files.get("/file", io.BytesIO(), moved=nothing)
        assert (caught.value.code, caught.value.transient) == ("https-name", False)
        assert server.requests == []
