"""Faults that the table of all engines (tests/node/engines/faults.py) has not: of single calls of the WebDAV client."""

from __future__ import annotations

import io
import os
import ssl
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from goclient.errors import EndpointError, GoclientError, RequestError
from goclient.errors.conditions import (
    ChecksumDiffers,
    NotADirectory,
    PathExists,
    PathNotFound,
    PermissionDenied,
    ServerFailed,
    SourceChanged,
)
from goclient.model.endpoint import WebdavEndpoint
from goclient.services.deadline import Deadline
from goclient.services.gsi.server import Server
from goclient.services.https import client
from goclient.services.https import webdav as webdav_module
from goclient.services.https.connection import Limits, Tls
from goclient.services.https.multistatus import Resource
from goclient.services.https.webdav import WebdavFiles

if TYPE_CHECKING:
    from tests.servers.webdav import WebdavServer

SIZE = 200_000
NEW, OLD = os.urandom(SIZE), os.urandom(SIZE)
QUICK = Limits(connect=1.0, answer=0.5, silent=0.5)  # for servers that never get on
OFFSETS = [*range(0, 2_000, 200), *range(2_000, SIZE, 10_000)]  # in the handshake, in the headers, in the content
IN_TIME = 8.0  # seconds, on a busy machine
ODD = (
    "a b", "a%20b", "#x", "x;y", "a*b", "[x]", 'q"q', "back\\slash", "~x", "-x", " lead", "trail ", "é林", "a&b<c>",
    "+", "x" * 200,
)  # fmt: skip


class Place:
    """A directory of a server with an old file."""

    def __init__(self, server: WebdavServer) -> None:
        self.server, self.endpoint = server, server.endpoint
        self.there = server.make(os.urandom(8).hex())
        (self.there / "file").write_bytes(OLD)
        server.give(self.there)
        self.clients: list[WebdavFiles] = []

    def path(self, name: str) -> str:
        return f"/{self.there.name}/{name}"

    def files(self) -> WebdavFiles:
        self.clients.append(WebdavFiles(self.server.tls()))
        return self.clients[-1]

    def get(self, name: str = "file") -> bytes:
        file = io.BytesIO()
        self.files().get(self.endpoint, self.path(name), file, size=SIZE, moved=lambda _: None)
        return file.getvalue()


@pytest.fixture
def place(webdav: WebdavServer) -> Iterator[Place]:
    made = Place(webdav)
    yield made
    for one in made.clients:
        one.close()


class NoTls(Tls):
    """TLS with a server that nobody is to ask."""

    def secure(self, server: Server, deadline: Deadline) -> ssl.SSLSocket:
        raise AssertionError("nobody asks it")


def test_a_path_that_is_longer_than_any_server_takes_is_refused_before_anybody_is_asked() -> None:
    files, endpoint = WebdavFiles(NoTls()), WebdavEndpoint("davs://localhost:1")
    assert files.place(endpoint, f"/{'ä' * 2047}").path
    with pytest.raises(RequestError, match="its path has 4,096 bytes, and Linux takes no more than 4,095"):
        files.listing(endpoint, f"/{'ä' * 2047}a")


@pytest.mark.parametrize("file_at", [0, 3, 17])
def test_a_server_that_fails_at_thirty_directories_is_asked_for_a_few_of_them(
    file_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def fails(_: object, place: client.Place, *, depth: int) -> list[Resource]:
        asked.append(place.path.rstrip("/").count("/"))
        if asked[-1] > (file_at or 17):
            raise ServerFailed("it failed", hint="wait")
        return [Resource(place.path, is_directory=asked[-1] != file_at, size=0)]

    monkeypatch.setattr(webdav_module, "find_resources", fails)
    files = WebdavFiles(NoTls())
    with pytest.raises(NotADirectory if file_at else ServerFailed):
        files.listing(WebdavEndpoint("davs://localhost:1"), "/d" * 30 + "/")
    assert len(asked) <= 2 + 5, asked


def test_a_name_that_is_not_the_certificate_s_is_not_trusted(place: Place) -> None:
    with pytest.raises(EndpointError, match=r'is for "localhost", not for "127\.0\.0\.1"') as caught:
        place.files().account(WebdavEndpoint(f"davs://127.0.0.1:{place.server.port}"))
    assert caught.value.code == "webdav-name"


def test_a_server_that_does_not_speak_tls_is_told_so(place: Place) -> None:
    from tests.web_server import saying, serving

    with serving(saying(b"hello")) as asked, pytest.raises(EndpointError, match="does not speak TLS"):
        place.files().account(WebdavEndpoint(f"davs://localhost:{asked.url.rpartition(':')[2]}"))


@pytest.mark.parametrize(("method", "call"), [("_send", 1), ("_entry", 1), ("_send", 2)])
def test_a_look_at_how_a_server_moves_leaves_nothing_however_it_ends(
    place: Place, monkeypatch: pytest.MonkeyPatch, method: str, call: int
) -> None:
    files, calls = place.files(), iter(range(1, 9))
    moves = files._moves()
    asked = getattr(moves, method)

    def breaks(*words: object, **more: str) -> None:
        is_lost = next(calls) == call
        with suppress(PathNotFound) if is_lost else nullcontext():
            asked(*words, **more)
        if is_lost:
            raise EndpointError("the answer was lost", transient=True)

    monkeypatch.setattr(moves, method, breaks)
    with suppress(EndpointError):
        moves.move(place.endpoint, place.path("file"), place.path("a b"), overwrite="F")
    assert next(calls) > call
    assert [one.name for one in place.there.iterdir() if ".goclient" in one.name] == []


def test_paths_and_rights_that_are_wrong_are_told_apart(place: Place) -> None:
    files, at, own = place.files(), place.endpoint, io.BytesIO
    with pytest.raises(PathNotFound):
        place.get("nothing")
    with pytest.raises(PathNotFound):
        files.listing(at, place.path("nothing/"))
    with pytest.raises(NotADirectory):
        files.listing(at, place.path("file"))
    with pytest.raises(PermissionDenied, match="permission denied"):
        files.get(at, "/secret/x", own(), moved=lambda _: None)
    with open(place.there / "file", "rb") as source, pytest.raises(PermissionDenied, match="permission denied"):
        files.put(at, source, "/readonly/x", moved=lambda _: None)
    with pytest.raises(PermissionDenied):
        files.mkdir(at, "/readonly/x")
    with pytest.raises(NotADirectory):
        files.mkdir(at, place.path("file"))
    with pytest.raises(PathExists):
        files.rename(at, place.path("nothing"), place.path("file"))
    with pytest.raises(PathNotFound):
        files.rename(at, place.path("nothing"), place.path("other"))
    assert (place.there / "file").read_bytes() == OLD


def test_a_source_that_changes_during_the_copy_is_an_error(place: Place, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_bytes(NEW)

    def change(_: int) -> None:
        own.write_bytes(NEW[:1000])

    with open(own, "rb") as source, pytest.raises(SourceChanged):
        place.files().put(place.endpoint, source, place.path("changing"), moved=change)


def test_a_listing_that_is_old_is_made_anew_and_not_each_name_looked_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webdav_module, "LISTED_WITHIN", 0.5)
    files, at = place.files(), place.endpoint
    for number in range(5):
        (place.there / f"old-{number}").write_bytes(b"x")
    place.server.give(place.there)
    files.listing(at, place.path(""))
    files.rename(at, place.path("old-0"), place.path("new-0"))  # and it is known how the server reads a path
    time.sleep(0.6)
    before = files.http.requests
    for number in range(1, 4):
        files.rename(at, place.path(f"old-{number}"), place.path(f"new-{number}"))
    assert files.http.requests - before == 1 + 3
    (place.there / "taken").touch()
    time.sleep(0.6)
    with pytest.raises(PathExists):
        files.rename(at, place.path("old-4"), place.path("taken"))


def test_a_content_that_differs_is_transferred_once_more(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").write_bytes(NEW)
    compare, left = client._compare, 0

    def differs(*words: Any) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise ChecksumDiffers("its adler32 differs")
        compare(*words)

    monkeypatch.setattr(client, "_compare", differs)
    with open(tmp_path / "own", "rb") as source:
        left = 1
        place.files().put(place.endpoint, source, place.path("new"), moved=lambda _: None)
        assert (place.there / "new").read_bytes() == NEW
        left = 1
        assert place.get() == OLD
        left = 2
        with pytest.raises(ChecksumDiffers):
            place.get()


def test_odd_names_arrive_as_they_are_and_are_listed_so(place: Place, tmp_path: Path) -> None:
    (tmp_path / "own").write_bytes(NEW[:10])
    files = place.files()
    files.mkdir(place.endpoint, place.path("odd"))
    for name in ODD:
        with open(tmp_path / "own", "rb") as source:
            files.put(place.endpoint, source, place.path(f"odd/{name}"), moved=lambda _: None)
    assert sorted(os.listdir(place.there / "odd")) == sorted(ODD)
    assert sorted(files.listing(place.endpoint, place.path("odd/"))) == sorted(ODD)
    for name in ODD:
        assert place.get(f"odd/{name}") == NEW[:10]
    files.mkdir(place.endpoint, place.path("percent"))
    with open(tmp_path / "own", "rb") as source:
        files.put(place.endpoint, source, place.path("percent/a%20b"), moved=lambda _: None)
    assert list(files.listing(place.endpoint, place.path("percent/"))) == ["a%20b"]
    for name in ODD:
        if name.endswith(" ") or not name.isascii():  # xrootd 5.5 does not decode the path that a MOVE leads to
            with pytest.raises(GoclientError, match="not every WebDAV server keeps"):
                files.rename(place.endpoint, place.path(f"odd/{name}"), place.path(f"moved {name}"))
            continue
        files.rename(place.endpoint, place.path(f"odd/{name}"), place.path(f"moved {name}"))
        files.rename(place.endpoint, place.path(f"moved {name}"), place.path(name))
        assert (place.there / name).read_bytes() == NEW[:10]
        files.delete(place.endpoint, place.path(name))
    files.remove(place.endpoint, place.path("odd"), place.path("percent"), place.path("nothing"))
    assert os.listdir(place.there) == ["file"]
    for bad in ("a?b", "a\nb", "a\rb", "a\0b", "\udcff", "\ufffe", "a\uffff"):
        with pytest.raises(GoclientError, match="not every WebDAV server keeps"):
            files.entry(place.endpoint, place.path(bad))
