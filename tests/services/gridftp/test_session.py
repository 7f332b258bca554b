"""Sessions and verbs against a server that answers what a test says: what no real one does on demand."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial

import pytest

from goclient.errors import EndpointError, GoclientError
from goclient.errors.conditions import (
    CertificateRefused,
    NotADirectory,
    NotMapped,
    PathNotFound,
    SessionClosed,
    StorageDenied,
    TooLarge,
)
from goclient.model.endpoint import GridftpEndpoint
from goclient.services.contents import FarFile
from goclient.services.deadline import Deadline
from goclient.services.gridftp import channel
from goclient.services.gridftp.copies import get, put
from goclient.services.gridftp.data import Watch
from goclient.services.gridftp.files import GridftpFiles
from goclient.services.gridftp.session import Session, open_session
from goclient.services.gridftp.third_party import Copy, third_party
from goclient.services.gsi.tls import Credential, Trust
from tests.myproxy_grid import USER, Grid
from tests.servers.scripted_gridftp import CLEAR, ScriptedServer

PATIENCE = 20.0
READY = dict.fromkeys((b"TYPE", b"MODE", b"DCSC", b"DCAU", b"TREV", b"PORT", b"EPRT"), b"200 ok")
MISSING = b"550-GlobusError: v=1 c=PATH_NOT_FOUND\r\n550-GridFTP-Errno: 2\r\n550 End."


@contextmanager
def files_of(grid: Grid, server: ScriptedServer) -> Iterator[GridftpFiles]:
    credential = Credential(grid.identity(USER))
    with GridftpFiles(lambda: credential, Trust(grid.authorities), lambda: Deadline(PATIENCE)) as files:
        yield files


def failure(grid: Grid, answers: Mapping[bytes, bytes], call: Callable[[GridftpFiles, ScriptedServer], object],
            *, greeting: bytes = b"220 scripted") -> GoclientError:  # fmt: skip
    """How a call fails at a server with these answers."""
    with (
        ScriptedServer(grid, answers, greeting=greeting) as server,
        files_of(grid, server) as files,
        pytest.raises(GoclientError) as raised,
    ):
        call(files, server)
    return raised.value


def look(files: GridftpFiles, server: ScriptedServer) -> None:
    files.listing(server.endpoint, "/a/")


LOGINS: dict[str, tuple[dict[bytes, bytes], bytes, type[GoclientError], str]] = {
    "is full": ({}, b"421 too many", SessionClosed, "gridftp-closed"),
    "is no server of FTP": ({}, b"SSH-2.0-x", EndpointError, "gridftp-garbage"),
    "takes no certificates": ({b"AUTH": b"502 no"}, b"220 hello", EndpointError, "gridftp-garbage"),
    "knows nobody": (
        {b"PASS": b"530 Gridmap lookup failure: Could not map /CN=x"}, b"220 hi", NotMapped, "gridftp-unmapped",
    ),
    "lets nobody in": ({b"USER": b"530 no"}, b"220-a\r\n220 b", CertificateRefused, "gridftp-identity-refused"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGINS)
def test_a_login_that_fails_says_why(grid: Grid, name: str) -> None:
    answers, greeting, kind, code = LOGINS[name]
    error = failure(grid, answers, look, greeting=greeting)
    assert (type(error), error.code) == (kind, code)


@pytest.mark.parametrize("answer", [b"250 taken", b"250-x\r\n Type=file; evil\r\n250 End.", b"no reply"])
def test_what_did_not_come_through_tls_is_not_believed(grid: Grid, answer: bytes) -> None:
    error = failure(grid, {b"MLSC": CLEAR + answer}, look)
    assert isinstance(error, EndpointError)
    assert error.code in ("gridftp-closed", "gridftp-garbage")


def test_an_answer_without_end_is_cut(grid: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MAX_REPLY", 1 << 16)
    assert isinstance(failure(grid, {b"MLSC": b"250-" + b"x" * (1 << 19)}, look), TooLarge)


@pytest.mark.parametrize("line", [b" Type=file;Size=1; " + b"a" * 100, b""], ids=["entries", "empty lines"])
def test_an_answer_in_parts_without_end_is_cut(grid: Grid, monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    monkeypatch.setattr(channel, "MAX_REPLY", 1 << 16)
    part = b"150-Begin\r\n" + (line + b"\r\n") * 100 + b"150 End.\r\n"
    assert isinstance(failure(grid, {b"MLSC": part * 500 + b"250 End."}, look), TooLarge)


def test_a_long_listing_comes_in_two_replies(grid: Grid) -> None:
    answer = b"150-Begin\r\n Type=file;Size=1; a\r\n150 End.\r\n250-Rest\r\n Type=dir; b\r\n250 End."
    with ScriptedServer(grid, {b"MLSC": answer}) as server, files_of(grid, server) as files:
        assert set(files.listing(server.endpoint, "/a/")) == {"a", "b"}
        assert files.account(server.endpoint) == "wdeng"


def test_a_name_that_ends_a_reply_ends_the_session(grid: Grid) -> None:
    answer = b"250-Begin\r\n Type=file;Size=1; a\n250 End.\r\n250 End."
    assert "a reply to no command" in failure(grid, {b"MLSC": answer}, look).message


def test_a_port_where_nobody_greets_may_be_a_webdav_server_s(grid: Grid) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = GridftpEndpoint(f"gsiftp://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(EndpointError, match=r"before its greeting.*davs://") as raised:
            open_session(endpoint, Credential(grid.identity(USER)), Trust(grid.authorities), deadline=Deadline(0.2))
    assert raised.value.code == "gridftp-silent"


def test_a_file_that_is_listed_is_not_a_directory(grid: Grid) -> None:
    answers = {
        b"MLSC": b"250-Begin\r\n Type=file;Size=1; a\r\n250 End.",
        b"MLST": b"250-Begin\r\n Type=file;Size=1; /a\r\n250 End.",
    }
    assert isinstance(failure(grid, answers, look), NotADirectory)


VERBS: dict[str, tuple[dict[bytes, bytes], Callable[[GridftpFiles, ScriptedServer], object], type[GoclientError]]] = {
    "entry": ({b"MLST": MISSING}, lambda f, s: f.entry(s.endpoint, "/a"), PathNotFound),
    "empty": ({b"MLST": b"250 End."}, lambda f, s: f.entry(s.endpoint, "/a"), EndpointError),
    "listing": ({b"MLSC": b"500 Path not allowed."}, look, StorageDenied),
    "checksum": ({b"MLST": MISSING, b"CKSM": MISSING}, lambda f, s: f.checksum(s.endpoint, "/a"), PathNotFound),
    "mkdir": ({b"MKD": MISSING}, lambda f, s: f.mkdir(s.endpoint, "/a"), PathNotFound),
    "taken": (
        {b"MKD": b"553-GridFTP-Errno: 17\r\n553 End.", b"MLST": b"250-x\r\n Type=file; a\r\n250 End."},
        lambda f, s: f.mkdir(s.endpoint, "/a"), NotADirectory,
    ),
    "rename": ({b"MLST": b"500 Path not allowed."}, lambda f, s: f.rename(s.endpoint, "/a", "/b"), StorageDenied),
    "second": (
        {b"MLST": MISSING, b"RNFR": b"350 go", b"RNTO": b"500 Path not allowed."},
        lambda f, s: f.rename(s.endpoint, "/a", "/b"), StorageDenied,
    ),
    "replace": ({b"RNFR": MISSING, b"RNTO": b"501 no"}, lambda f, s: f.replace(s.endpoint, "/a", "/b"), PathNotFound),
    "remove": ({}, lambda f, s: f.remove(s.endpoint, "/a"), EndpointError),
}  # fmt: skip


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_that_is_refused_says_why(grid: Grid, name: str) -> None:
    answers, call, kind = VERBS[name]
    assert isinstance(failure(grid, answers, call), kind)


def copy_once(grid: Grid, kind: str, files: GridftpFiles, server: ScriptedServer) -> None:
    with logged_in(grid, server) as session, logged_in(grid, server) as other:
        if kind == "get":
            get(session, FarFile("/a", io.BytesIO()), watch=Watch(lambda _: None, 2))
        elif kind == "put":
            put(session, io.BytesIO(), "/a", watch=Watch(lambda _: None, 2))
        else:
            third_party(session, other, [Copy("/a", "/b")], watch=Watch(lambda _: None, 2))


def logged_in(grid: Grid, server: ScriptedServer) -> closing[Session]:
    credential, trust = Credential(grid.identity(USER)), Trust(grid.authorities)
    return closing(open_session(server.endpoint, credential, trust, deadline=Deadline(PATIENCE)))


CHANNELS = {
    "no key": ({b"DCSC": b"500 unknown"}, "gridftp-data-channel"),
    "no authentication": ({b"DCAU": b"504 no"}, "gridftp-data-channel"),
    "no address": ({b"PASV": b"227 ok"}, "gridftp-data-channel"),
    "a wrong address": ({b"PASV": b"227 (999,0,0,1,0,1)"}, "gridftp-data-channel"),
    "a busy server": ({b"PASV": b"425 later"}, "gridftp-data-channel"),
    "a dead address": ({b"PASV": b"227 (127,0,0,1,0,1)"}, "gridftp-unreachable"),
}


@pytest.mark.parametrize("kind", ["get", "put"])
@pytest.mark.parametrize("name", CHANNELS)
def test_without_a_safe_data_channel_nothing_is_copied(grid: Grid, name: str, kind: str) -> None:
    answers, code = CHANNELS[name]
    with ScriptedServer(grid, {**READY, **answers}) as server, files_of(grid, server) as files:
        with pytest.raises(EndpointError) as raised:
            copy_once(grid, kind, files, server)
        assert raised.value.code == code
        sent = [command.split(b" ")[0] for command in server.commands]
        assert b"DCAU N" not in server.commands
        assert not {b"RETR", b"STOR"} & set(sent)


def test_a_source_that_takes_no_address_is_told(grid: Grid) -> None:
    answers = {**READY, b"PASV": b"227 (127,0,0,1,0,1)", b"PORT": b"500 no"}
    error = failure(grid, answers, partial(copy_once, grid, "third party"))
    assert error.code == "gridftp-data-channel"
