"""Files of a collection's HTTPS server: resumed after a break, compared, and the token goes to that server alone."""

from __future__ import annotations

import io
import os
import socket
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from goclient.errors import EndpointError
from goclient.errors.conditions import ChecksumDiffers, PathExists, PathNotFound, PermissionDenied, SourceChanged
from goclient.errors.myproxy import NoUserProxy
from goclient.model.endpoint import GlobusEndpoint
from goclient.services.https.client import HttpFiles, Place
from goclient.services.https.collection import CollectionHttps
from goclient.services.https.connection import LONGEST_CHECKSUM, Connection, Request
from tests.sandbox.waiting import until
from tests.servers.collection import TOKEN, CollectionServer, collection_server

CONTENT = os.urandom(300_000)
SITE = GlobusEndpoint("11111111-1111-4111-8111-111111111111", "SITE1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CollectionServer]:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_bytes(CONTENT)
    with collection_server(tmp_path / "there") as made:
        yield made


def client(server: CollectionServer, *, patience: float = 5.0, token: str = TOKEN) -> CollectionHttps:
    return CollectionHttps(SITE, server.url, lambda: token, HttpFiles(patience=patience))


def nothing(_: int) -> None:
    pass


def test_a_file_costs_two_requests_in_and_two_out(server: CollectionServer, tmp_path: Path) -> None:
    https, file = client(server), io.BytesIO()
    assert https.get("/file", file, moved=nothing).adler32 == f"{zlib.adler32(CONTENT):08x}"
    assert file.getvalue() == CONTENT
    assert server.asked == ["GET /file", "HEAD /file"]
    server.asked.clear()
    with open(server.top / "file", "rb") as source:
        https.put(source, "/new", moved=nothing)
    assert (server.top / "new").read_bytes() == CONTENT
    assert server.asked == ["PUT /new", "GET /new"]  # without its checksum the content is read back


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_behind_a_checksum_may_be_of_that_and_is_asked_for_again_elsewhere(
    server: CollectionServer, status: int
) -> None:
    https, file = client(server), io.BytesIO()
    https.get("/file", io.BytesIO(), moved=nothing)
    server.asked.clear()
    server.strays = [status]
    https.get("/file", file, moved=nothing)
    assert file.getvalue() == CONTENT
    assert server.asked == ["GET /file", "GET /file", "HEAD /file"]


@pytest.mark.parametrize(("status", "kind"), [(403, PermissionDenied), (404, PathNotFound)])
def test_a_collection_s_refusal_to_write_is_final(
    server: CollectionServer, status: int, kind: type[EndpointError]
) -> None:
    https = client(server)
    https.get("/file", io.BytesIO(), moved=nothing)
    server.strays = [status]
    with open(server.top / "file", "rb") as source, pytest.raises(kind) as caught:
        https.put(source, "/new", moved=nothing)
    assert not caught.value.transient
    assert not (server.top / "new").exists()


def test_what_is_refused_without_patience_is_refused(server: CollectionServer) -> None:
    https = client(server, patience=0.0)
    https.get("/file", io.BytesIO(), moved=nothing)
    with pytest.raises(PathNotFound) as caught:
        https.get("/nothing", io.BytesIO(), moved=nothing)
    assert not caught.value.transient


def test_what_is_refused_on_a_new_connection_is_refused(server: CollectionServer) -> None:
    https = client(server)
    https.get("/file", io.BytesIO(), moved=nothing)
    server.asked.clear()
    with pytest.raises(PathNotFound) as caught:
        https.get("/nothing", io.BytesIO(), moved=nothing)
    assert server.asked == ["GET /nothing"] * 2
    assert not caught.value.transient


@pytest.mark.conformance  # it takes long
def test_a_read_goes_on_where_it_broke_off(server: CollectionServer) -> None:
    for cut in [*range(0, 300_000, 10_001), 299_999]:
        file = io.BytesIO()
        server.cuts = [cut, 1]
        client(server).get("/file", file, moved=nothing)
        assert file.getvalue() == CONTENT


def test_a_server_without_ranges_is_read_from_the_beginning(server: CollectionServer) -> None:
    server.ranges, server.cuts, file = False, [200_000, 100_000], io.BytesIO()
    client(server).get("/file", file, moved=nothing)
    assert file.getvalue() == CONTENT


def test_a_file_that_changes_while_it_is_read_is_an_error(server: CollectionServer) -> None:
    server.cuts = [100_000]

    def change(count: int) -> None:
        if count:
            (server.top / "file").write_bytes(CONTENT[::-1])

    with pytest.raises(SourceChanged, match="changed while it was copied"):
        client(server).get("/file", io.BytesIO(), moved=change)


def test_a_write_that_breaks_off_is_made_again(server: CollectionServer) -> None:
    server.cuts = [1000, 200_000]
    with open(server.top / "file", "rb") as source:
        client(server).put(source, "/new", moved=nothing)
    assert (server.top / "new").read_bytes() == CONTENT


def test_a_file_that_changes_while_it_is_sent_is_an_error(server: CollectionServer, tmp_path: Path) -> None:
    path = tmp_path / "own"
    path.write_bytes(CONTENT)

    def change(_: int) -> None:
        path.write_bytes(CONTENT[:1000])

    with open(path, "rb") as source, pytest.raises((SourceChanged, ChecksumDiffers)):
        client(server, patience=0.0).put(source, "/new", moved=change)


def test_a_new_file_takes_no_name_that_somebody_has_by_now(server: CollectionServer) -> None:
    (server.top / "new").write_text("theirs")
    with open(server.top / "file", "rb") as source, pytest.raises(PathExists, match="412"):
        client(server).put_new(source, "/new", moved=nothing)
    assert (server.top / "new").read_text() == "theirs"


def test_a_new_file_that_breaks_off_is_sent_again_over_its_own_part(server: CollectionServer) -> None:
    server.cuts = [1000, 200_000]
    with open(server.top / "file", "rb") as source:
        client(server).put_new(source, "/new", moved=nothing)
    assert (server.top / "new").read_bytes() == CONTENT


def test_a_new_file_that_fails_is_deleted_again_only_if_it_was_begun(server: CollectionServer) -> None:
    server.cuts = [1000]
    with open(server.top / "file", "rb") as source, pytest.raises(EndpointError):
        client(server, patience=0.0).put_new(source, "/new", moved=nothing)
    assert not (server.top / "new").exists()
    (server.top / "theirs").write_text("theirs")
    with open(server.top / "file", "rb") as source, pytest.raises(EndpointError, match="line break"):
        client(server, token="a\nb").put_new(source, "/theirs", moved=nothing)
    assert (server.top / "theirs").read_text() == "theirs"


@pytest.mark.parametrize("chunked", [True, False])
def test_more_bytes_than_were_listed_are_not_taken(server: CollectionServer, chunked: bool) -> None:
    server.chunked, file = chunked, io.BytesIO()
    with pytest.raises(SourceChanged, match="more than the 200000 bytes came"):
        client(server).get("/file", file, size=200_000, moved=nothing)
    assert len(file.getvalue()) <= 200_000
    client(server).get("/file", file, size=0, moved=nothing)  # its size was not told
    assert file.getvalue() == CONTENT


def test_however_large_a_file_is_said_to_be_its_checksum_has_a_day(
    server: CollectionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    https, seconds = client(server), list[float]()
    real = https.http.answer

    def asked(place: Place, request: Request) -> AbstractContextManager[Connection]:
        seconds.append(request.seconds)
        return real(place, request)

    monkeypatch.setattr(https.http, "answer", asked)
    https.get("/file", io.BytesIO(), size=1 << 60, moved=nothing)
    https.http.tell(https.place("/file"), size=1 << 60)
    https.http.close()
    assert max(seconds) == LONGEST_CHECKSUM == 86_400.0


def test_the_query_of_a_redirect_is_in_no_message(server: CollectionServer) -> None:
    server.redirect = "https://elsewhere.example/file?X-Amz-Signature=a-signature"
    with pytest.raises(EndpointError, match=r'leads to "https://elsewhere\.example/file"') as caught:
        client(server).get("/file", io.BytesIO(), moved=nothing)
    assert "a-signature" not in f"{caught.value}{caught.value.hint}{caught.value.subject}"


def test_what_the_server_keeps_otherwise_is_an_error(server: CollectionServer) -> None:
    server.spoils = True
    with open(server.top / "file", "rb") as source, pytest.raises(ChecksumDiffers, match="adler32"):
        client(server).put(source, "/new", moved=nothing)


def test_what_is_not_there_is_not_found(server: CollectionServer) -> None:
    with pytest.raises(PathNotFound, match="404 Not Found"):
        client(server).get("/nothing", io.BytesIO(), moved=nothing)
    assert client(server).is_free("/nothing")
    assert not client(server).is_free("/file")


def test_a_client_that_is_closed_asks_nothing_more(server: CollectionServer) -> None:
    https = client(server)
    https.http.close()
    with pytest.raises(EndpointError):
        https.get("/file", io.BytesIO(), moved=nothing)


@contextmanager
def answers(*connections: Sequence[bytes]) -> Iterator[str]:
    """A server that gives the requests of each connection these answers, and hangs up; yield its URL."""

    def serve() -> None:
        for one in connections:
            with suppress(TimeoutError), listener.accept()[0] as sock, sock.makefile("rb") as asked:
                for answer in one:
                    while asked.readline().strip():
                        pass
                    sock.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10.0)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://localhost:{listener.getsockname()[1]}"
        finally:
            thread.join()


def test_a_server_that_loses_its_place_in_a_connection_is_asked_again_over_another_one() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    with answers([head + b"hello", b"hello" + head], [head]) as url:  # GET, and twice HEAD
        https, file = CollectionHttps(SITE, url, lambda: TOKEN, HttpFiles(patience=5.0)), io.BytesIO()
        https.get("/file", file, moved=nothing)
    assert file.getvalue() == b"hello"


def test_what_never_answers_as_http_is_asked_once() -> None:
    with (
        answers([b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n"]) as url,
        pytest.raises(EndpointError, match="does not speak HTTP"),
    ):
        CollectionHttps(SITE, url, lambda: TOKEN, HttpFiles(patience=5.0)).get("/file", io.BytesIO(), moved=nothing)


# --- a file that is asked for ahead ---


def expect(https: CollectionHttps, path: str) -> None:
    """Have the next file asked for."""
    https.http.expect(https.place(path), size=0)


def test_a_file_that_is_expected_is_asked_for_at_once_and_only_once(server: CollectionServer) -> None:
    https, file = client(server), io.BytesIO()
    https.is_free("/none")  # there is a connection
    server.asked.clear()
    expect(https, "/file")
    until(lambda: server.asked)
    assert server.asked == ["GET /file"]
    https.get("/file", file, moved=nothing)
    assert file.getvalue() == CONTENT
    assert server.asked == ["GET /file", "HEAD /file"]


def test_another_file_than_the_expected_one_is_read_all_the_same(server: CollectionServer) -> None:
    (server.top / "other").write_bytes(b"other")
    https, file = client(server), io.BytesIO()
    expect(https, "/file")
    https.get("/other", file, moved=nothing)
    assert file.getvalue() == b"other"
    https.get("/file", again := io.BytesIO(), moved=nothing)
    assert again.getvalue() == CONTENT


@pytest.mark.parametrize("cut", [0, 1, 100_000])
def test_an_expected_file_that_breaks_off_goes_on(server: CollectionServer, cut: int) -> None:
    https, file = client(server), io.BytesIO()
    server.cuts = [cut]
    expect(https, "/file")
    https.get("/file", file, moved=nothing)
    assert file.getvalue() == CONTENT


def test_what_is_wrong_with_an_expected_file_is_told_when_it_is_read(server: CollectionServer) -> None:
    https = client(server)
    expect(https, "/none")
    with pytest.raises(PathNotFound):
        https.get("/none", io.BytesIO(), moved=nothing)
    away = client(server, patience=0.0)
    away.http.close()
    expect(away, "/file")  # says nothing
    with pytest.raises(EndpointError):
        away.get("/file", io.BytesIO(), moved=nothing)


def test_a_token_that_does_not_come_for_an_expected_file_is_asked_for_when_it_is_read(server: CollectionServer) -> None:
    away = [NoUserProxy("no answer", hint="wait", transient=True)]

    def token() -> str:
        if away:
            raise away.pop()
        return TOKEN

    https, file = CollectionHttps(SITE, server.url, token, HttpFiles(patience=5.0)), io.BytesIO()
    expect(https, "/file")  # says nothing
    assert server.asked == []
    https.get("/file", file, moved=nothing)
    assert file.getvalue() == CONTENT


# --- a credential that does not come at once ---


def test_a_credential_whose_server_is_away_is_waited_for(server: CollectionServer) -> None:
    away = [NoUserProxy("no answer", hint="wait", transient=True)] * 2

    def token() -> str:
        if away:
            raise away.pop()
        return TOKEN

    for patience in (5.0, 0.0):
        https, file = CollectionHttps(SITE, server.url, token, HttpFiles(patience=patience)), io.BytesIO()
        https.get("/file", file, moved=nothing)
        assert file.getvalue() == CONTENT


def test_what_is_taken_back_without_a_credential_is_left_in_silence(server: CollectionServer) -> None:
    def token() -> str:
        raise NoUserProxy("the deposit has expired", hint="deposit again")

    https = CollectionHttps(SITE, server.url, token, HttpFiles(patience=0.0))
    https.http.take_back(https.place("/file"))
    assert (server.top / "file").exists()
