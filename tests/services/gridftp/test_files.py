"""The verbs of GridFTP servers, on two real ones."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goclient.errors import EndpointError
from goclient.errors.conditions import (
    CertificateRefused,
    NotADirectory,
    NotALocation,
    NotMapped,
    PathExists,
    PathNotFound,
    SessionClosed,
    StorageDenied,
)
from goclient.errors.myproxy import IdentityError
from goclient.model.endpoint import GridftpEndpoint
from goclient.sandbox.myproxy.authority import Authority
from goclient.sandbox.myproxy.grid import Credential as Issued
from goclient.services.deadline import Deadline
from goclient.services.gridftp.files import GridftpFiles, wire_path
from goclient.services.gridftp.replies import Reply
from goclient.services.gridftp.session import Session, open_session
from goclient.services.gsi.identity import Search, find_identity
from goclient.services.gsi.tls import Credential, Trust
from tests.myproxy_grid import OTHER_USER, USER
from tests.servers.gridftp import PATIENCE, GridftpServers
from tests.strategies import LONG


def _is_name(name: bytes) -> bool:
    return name not in (b".", b"..") and not set(name) & set(b"/\0\r\n")


def test_a_listing_has_types_sizes_links_and_rights(gridftp: GridftpServers) -> None:
    server = gridftp.first
    server.write("listing/a b", b"hello")
    server.write("listing/d/x")
    (server.directory / "listing" / "link").symlink_to("a b")
    with gridftp.files() as files:
        found = files.listing(server.endpoint, server.path("listing/"))
    assert set(found) == {"a b", "d", "link"}
    assert (found["a b"].size, found["a b"].is_directory, found["a b"].mode) == (5, False, 0o644)
    assert found["d"].is_directory
    assert set(found["a b"].rights or "") == set("awr")
    assert found["link"].link_target.endswith("/listing/a b")


def test_what_cannot_be_listed_says_why(gridftp: GridftpServers) -> None:
    server = gridftp.first
    file = server.write("unlisted")
    wanted = [server.path(""), f"{file}/", server.path("nothing/"), "/root/"]
    with gridftp.files() as files:
        found = files.listings(server.endpoint, wanted)
        assert [type(found[one]) for one in wanted[1:]] == [NotADirectory, PathNotFound, StorageDenied]
        assert files.is_empty(server.endpoint, f"{server.directory.parent}/read-only/")


# As typed: nothing is decoded, quoted or left out on the way.
NAMES = [
    " begins and ends ", "a%20b", "a%41b", "#hash", "what?", "semi;colon", "star*", "[x]", '"quoted"', "back\\slash",
    "~tilde", "-dash", "tab\there", "Jürgen 林", "\udce9\udcff not UTF-8", "Type=dir;Size=1; x",
]  # fmt: skip


def test_names_arrive_as_typed(gridftp: GridftpServers) -> None:
    server = gridftp.first
    with gridftp.files() as files:
        files.mkdir(server.endpoint, server.path("names"), *(server.path(f"names/{name}") for name in NAMES))
        assert set(os.listdir(server.directory / "names")) == set(NAMES)
        assert set(files.listing(server.endpoint, server.path("names/"))) == set(NAMES)
        paths = [server.path(f"names/{name}") for name in NAMES]
        found = files.entries(server.endpoint, paths)
        assert {path: getattr(one, "name", one) for path, one in found.items()} == dict(zip(paths, NAMES, strict=True))
        assert not files.renames(server.endpoint, [(path, f"{path}2") for path in paths])
        files.remove(server.endpoint, *(f"{path}2" for path in paths))
        assert files.is_empty(server.endpoint, server.path("names"))


@settings(max_examples=80 if LONG else 5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(min_size=1, max_size=60).filter(_is_name), min_size=100, max_size=400, unique=True))
def test_generated_names_arrive_as_typed(gridftp: GridftpServers, names: list[bytes]) -> None:
    server = gridftp.second
    typed = [name.decode("utf-8", "surrogateescape") for name in names]
    with gridftp.files() as files:
        files.mkdir(server.endpoint, server.path("generated"), *(server.path(f"generated/{name}") for name in typed))
        assert set(os.listdir(os.fsencode(server.directory / "generated"))) == set(names)
        found = files.listing(server.endpoint, server.path("generated/"))
        assert {name.encode("utf-8", "surrogateescape") for name in found} == set(names)
        files.remove(server.endpoint, server.path("generated"))


def test_a_line_break_in_a_path_is_refused(gridftp: GridftpServers) -> None:
    with gridftp.files() as files, pytest.raises(NotALocation):
        files.delete(gridftp.first.endpoint, "/a\r\nDELE /b")


def test_the_home_directory_is_the_account_s(gridftp: GridftpServers) -> None:
    gridftp.first.write("at home", b"x")
    with gridftp.files() as files:
        assert files.entry(gridftp.first.endpoint, "/~/at home").size == 1
        assert "at home" in files.listing(gridftp.first.endpoint, "/~/")


def test_a_directory_is_made_once_and_nothing_is_replaced(gridftp: GridftpServers) -> None:
    server = gridftp.first
    file, other = server.write("change/file", b"old"), server.write("change/other", b"new")
    with gridftp.files() as files:
        for _ in range(2):
            files.mkdir(server.endpoint, server.path("change/made/"))
        with pytest.raises(NotADirectory):
            files.mkdir(server.endpoint, file)
        with pytest.raises(PathExists):
            files.rename(server.endpoint, other, file)
        with pytest.raises(PathNotFound):
            files.rename(server.endpoint, server.path("change/nothing"), server.path("change/new"))
        assert os.listdir(server.directory / "change" / "made") == []
        files.rename(server.endpoint, other, server.path("change/made/other"))
        assert files.checksum(server.endpoint, file) == f"{zlib.adler32(b'old'):08x}"
        files.delete(server.endpoint, file, server.path("change/nothing"))
        assert os.listdir(server.directory / "change") == ["made"]


def test_links_are_removed_and_not_followed(gridftp: GridftpServers) -> None:
    server = gridftp.first
    server.write("kept/file")
    server.write("gone/file")
    (server.directory / "gone" / "link").symlink_to("../kept")
    (server.directory / "gone" / "dangling").symlink_to("nowhere")
    with gridftp.files() as files:
        files.remove(server.endpoint, server.path("gone"), server.path("nothing"))
    assert not (server.directory / "gone").exists()
    assert (server.directory / "kept" / "file").exists()


def test_a_thousand_entries_come_in_one_question(gridftp: GridftpServers) -> None:
    server = gridftp.first
    paths = [server.write(f"long/{'n' * 150}{number}") for number in range(1000)]
    with gridftp.files() as files:
        found = files.entries(server.endpoint, paths)
        assert len(files.listing(server.endpoint, server.path("long"))) == 1000
    assert all(getattr(one, "size", None) == 7 for one in found.values())


def test_threads_share_a_session_and_all_are_answered(gridftp: GridftpServers) -> None:
    server = gridftp.first
    path = server.write("shared", b"12345")
    logins = []

    def credential() -> Credential:
        logins.append(1)
        return gridftp.credential()

    with GridftpFiles(credential, gridftp.trust, lambda: Deadline(PATIENCE)) as files, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: files.entry(server.endpoint, path).size, range(40))) == {5}
    assert len(logins) == 1


# --- who may come ---------------------------------------------------------------------------------------------------


def test_the_account_is_told_and_the_log_has_the_user(gridftp: GridftpServers) -> None:
    with gridftp.files(gridftp.proxy()) as files:
        assert files.account(gridftp.first.endpoint) == pwd.getpwuid(os.getuid()).pw_name
    assert f"{USER} successfully authorized" in gridftp.first.log.read_text(errors="replace")


def test_a_limited_proxy_may_look(gridftp: GridftpServers) -> None:
    with gridftp.files(gridftp.proxy(limited=True)) as files:
        assert files.account(gridftp.first.endpoint)


def test_a_dn_without_an_account_is_told(gridftp: GridftpServers) -> None:
    with gridftp.files(gridftp.proxy(OTHER_USER)) as files, pytest.raises(NotMapped, match=OTHER_USER) as raised:
        files.account(gridftp.first.endpoint)
    assert raised.value.code == "gridftp-unmapped"


def test_a_server_with_another_name_is_not_trusted(gridftp: GridftpServers) -> None:
    other = GridftpEndpoint(f"gsiftp://127.0.0.1:{gridftp.first.endpoint.port}")
    with gridftp.files() as files, pytest.raises(EndpointError, match='is for "localhost", not for "127') as raised:
        files.account(other)
    assert raised.value.code == "gridftp-name"


def test_a_proxy_that_has_expired_is_not_shown(gridftp: GridftpServers) -> None:
    credential = gridftp.credential(gridftp.proxy())
    credential.identity = credential.identity._replace(end=1_000_000_000)
    with pytest.raises(IdentityError, match="expired on 2001-09-09"):
        open_session(gridftp.first.endpoint, credential, gridftp.trust, deadline=Deadline(PATIENCE))


def test_a_certificate_of_a_foreign_authority_is_refused(gridftp: GridftpServers, tmp_path: Path) -> None:
    foreign = Authority.make(tmp_path / "foreign", subject="/C=US/O=Elsewhere/CN=CA")
    own = foreign.issue("/C=US/O=Elsewhere/CN=Somebody", into=tmp_path, name="own", names=())
    identity = find_identity(Search({}, tmp_path, os.getuid(), str(own.certificate), str(own.key)))
    with pytest.raises(CertificateRefused, match="does not accept"):
        open_session(gridftp.first.endpoint, Credential(identity), gridftp.trust, deadline=Deadline(PATIENCE))


def test_a_server_of_a_foreign_authority_is_not_trusted(gridftp: GridftpServers, tmp_path: Path) -> None:
    Authority.make(tmp_path / "foreign", subject="/C=US/O=Elsewhere/CN=CA")
    trust = Trust(tmp_path / "foreign")
    with pytest.raises(EndpointError, match="its CA is not in the directory") as raised:
        open_session(gridftp.first.endpoint, gridftp.credential(), trust, deadline=Deadline(PATIENCE))
    assert raised.value.code == "gridftp-name"


def test_a_server_whose_certificate_was_taken_back_is_not_trusted(gridftp: GridftpServers, tmp_path: Path) -> None:
    lists = tmp_path / "lists"
    shutil.copytree(gridftp.grid.authorities, lists)
    host = gridftp.grid.folder / "host.pem"
    replace(gridftp.grid.authority, directory=lists).revoke(Issued(host, host.with_suffix(".key"), ""))
    with pytest.raises(EndpointError, match="its certificate is revoked") as raised:
        open_session(gridftp.first.endpoint, gridftp.credential(), Trust(lists), deadline=Deadline(PATIENCE))
    assert raised.value.code == "gridftp-name"


def test_a_ca_without_a_list_of_what_it_revoked_is_fine(gridftp: GridftpServers, tmp_path: Path) -> None:
    shutil.copytree(gridftp.grid.authorities, tmp_path / "mixed")
    (tmp_path / "mixed" / gridftp.grid.authority.file("r0").name).rename(tmp_path / "mixed" / "00000000.r0")
    trust = Trust(tmp_path / "mixed")
    open_session(gridftp.first.endpoint, gridftp.credential(), trust, deadline=Deadline(PATIENCE)).close()


def test_a_session_that_the_server_has_ended_is_opened_again(gridftp: GridftpServers) -> None:
    server = gridftp.first
    with gridftp.files() as files:
        files.account(server.endpoint)
        (slot,) = files._sessions._slots.values()
        assert slot.session is not None
        slot.session.commands(["NOOP"], lambda: Deadline(PATIENCE))
        slot.session._socket.shutdown(socket.SHUT_RDWR)
        assert files.listing(server.endpoint, server.path("")) is not None


def test_a_thousand_files_are_renamed_in_one_call_and_each_is_looked_up_right_before(
    gridftp: GridftpServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = gridftp.first
    (server.directory / "renamed").mkdir()
    pairs = [(server.write(f"to-rename/{number}"), server.path(f"renamed/{number}")) for number in range(1000)]
    turns: list[list[str]] = []
    real = Session.commands

    def commands(session: Session, commands: Sequence[str], end: Callable[[], Deadline]) -> list[Reply]:
        turns.append([*commands])
        return real(session, commands, end)

    monkeypatch.setattr(Session, "commands", commands)
    beats: list[int] = []
    with gridftp.files() as files:
        files.account(server.endpoint)
        turns.clear()
        assert files.renames(server.endpoint, pairs, lambda: beats.append(1)) == []
        looked, named = (
            [{one.partition(" ")[2] for one in turn if one.startswith(word)} for turn in turns]
            for word in ("MLST", "RNTO")
        )
        assert named[1:] == looked[:-1]
        assert len(turns) == 21, "one batch is looked up while another gets its names"
        assert len(beats) >= 20
        assert len(set(files.checksums(server.endpoint, [new for _, new in pairs]).values())) == 1
    assert len(os.listdir(server.directory / "renamed")) == 1000


LOSSES = [(0, False), (2, False), (6, False), (0, True), (2, True), (6, True)]


@pytest.mark.parametrize(("heard", "replace"), LOSSES)
def test_a_rename_whose_answer_is_lost_is_done_once(
    gridftp: GridftpServers, monkeypatch: pytest.MonkeyPatch, heard: int, replace: bool
) -> None:
    server, top = gridftp.first, f"lost-{heard}-{replace}"
    pairs = [(server.write(f"{top}/old-{n}", b"new"), server.path(f"{top}/new-{n}")) for n in range(3)]
    if replace:
        server.write(f"{top}/new-1", b"old")
    lose(monkeypatch, heard)
    with gridftp.files() as files:
        assert files.renames(server.endpoint, pairs, replace=replace) == []
    assert sorted(os.listdir(server.directory / top)) == ["new-0", "new-1", "new-2"]
    assert all(Path(new).read_bytes() == b"new" for _, new in pairs)


def test_a_name_that_is_taken_while_an_answer_is_lost_is_kept(
    gridftp: GridftpServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = gridftp.first
    pair = server.write("taken/old", b"new"), server.path("taken/new")
    lose(monkeypatch, 0, lambda: server.write("taken/new", b"somebody else's"))
    with gridftp.files() as files:
        (failure,) = files.renames(server.endpoint, [pair])
    assert isinstance(failure, PathExists)
    assert Path(pair[1]).read_bytes() == b"somebody else's"


def lose(monkeypatch: pytest.MonkeyPatch, heard: int, meanwhile: Callable[[], object] = lambda: None) -> None:
    """End a session when it renames, once: the server hears so many of the commands, and nobody its answers."""
    real, losses = Session.commands, iter([True])

    def commands(session: Session, commands: Sequence[str], end: Callable[[], Deadline]) -> list[Reply]:
        if not commands[-1].startswith("RNTO") or not next(losses, False):
            return real(session, commands, end)
        real(session, commands[:heard], end)
        meanwhile()
        session.close()
        raise SessionClosed("the connection was cut", transient=True)

    monkeypatch.setattr(Session, "commands", commands)


WIRE = {"/~/a b": "~/a b", "/~": "~", "/~/": "~", "/~x/y": "/~x/y", "/": "/", "/a/": "/a", "/a/~/b": "/a/~/b"}


@pytest.mark.parametrize("path", WIRE)
def test_a_path_is_sent_as_servers_have_it(path: str) -> None:
    assert wire_path(path) == WIRE[path]
