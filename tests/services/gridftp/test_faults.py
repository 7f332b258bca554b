"""Faults that the table of all engines (tests/node/engines/faults.py) has not: of single calls of the client."""

from __future__ import annotations

import io
import os
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from goclient.errors import EndpointError
from goclient.errors.conditions import SessionClosed, SourceChanged
from goclient.errors.myproxy import IdentityError
from goclient.model.endpoint import GridftpEndpoint
from goclient.services.contents import FarFile
from goclient.services.deadline import Deadline
from goclient.services.gridftp.copies import get, put
from goclient.services.gridftp.data import Watch
from goclient.services.gridftp.files import GridftpFiles
from goclient.services.gridftp.third_party import Copy, third_party
from tests.servers.gridftp import GridftpServers
from tests.services.gridftp.test_copies import ignore

SIZE = 3_000_000


def test_a_full_disk_is_told_and_stays_refused(gridftp: GridftpServers) -> None:
    with gridftp.session(gridftp.first) as session, pytest.raises(EndpointError, match="no space is left") as raised:
        put(session, io.BytesIO(bytes(SIZE)), "/dev/full", watch=Watch(ignore))
    assert (raised.value.code, raised.value.transient) == ("no-space", False)
    copy = Copy(gridftp.second.write("fills", bytes(SIZE)), "/dev/full")
    with gridftp.session(gridftp.second) as source, gridftp.session(gridftp.first) as destination:
        third_party(source, destination, [copy], watch=Watch(ignore))
    assert copy.error is not None
    assert copy.error.code == "no-space"


def test_a_file_that_shrinks_or_grows_has_another_checksum(gridftp: GridftpServers) -> None:
    path = gridftp.first.write("changes", bytes(SIZE))

    def change(count: int) -> None:
        if count:
            Path(path).write_bytes(b"changed")

    with gridftp.session(gridftp.first) as session, gridftp.files() as files:
        found = get(session, FarFile(path, io.BytesIO()), watch=Watch(change))
        assert found != files.checksum(gridftp.first.endpoint, path)


def test_more_bytes_than_were_listed_are_not_taken(gridftp: GridftpServers, tmp_path: Path) -> None:
    path = gridftp.first.write("grows", bytes(SIZE))
    with open(tmp_path / "part", "w+b") as file, gridftp.session(gridftp.first) as session:
        with pytest.raises(SourceChanged, match="more than the 2000000 bytes came"):
            get(session, FarFile(path, file, 2_000_000), watch=Watch(ignore))
        assert session.is_closed
        assert file.seek(0, os.SEEK_END) <= 2_000_000


@pytest.mark.parametrize("then", [b"", bytes(SIZE * 2)], ids=["shrinks", "grows"])
def test_a_file_that_changes_while_it_is_sent_is_told(gridftp: GridftpServers, tmp_path: Path, then: bytes) -> None:
    (tmp_path / "own").write_bytes(bytes(SIZE))
    changes = iter([(tmp_path / "own").write_bytes])

    def change(count: int) -> None:
        if count:
            for write in changes:
                write(then)

    with (
        gridftp.session(gridftp.first) as session,
        open(tmp_path / "own", "rb") as file,
        pytest.raises(SourceChanged, match="changed while it was copied"),
    ):
        put(session, file, gridftp.first.path("changes-here"), watch=Watch(change))


def test_however_large_a_file_is_said_to_be_its_checksum_has_a_day(
    gridftp: GridftpServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ends = gridftp.first.write("summed"), list[float]()
    with gridftp.files(seconds=5.0) as files:
        real = files._sessions.ask

        def ask(endpoint: GridftpEndpoint, commands: Sequence[str], *, end: Callable[[], Deadline]) -> object:
            ends.append(end().seconds)
            return real(endpoint, commands, end=end)

        monkeypatch.setattr(files._sessions, "ask", ask)
        for size in (0, 500_000_000, 1 << 60):
            files.checksums(gridftp.first.endpoint, [path], largest=size)
    assert ends == [30.0, 40.0, 86_430.0]


def test_a_proxy_that_ends_meanwhile_ends_no_session(gridftp: GridftpServers) -> None:
    proxy = gridftp.proxy(seconds=3)
    credential = gridftp.credential(proxy)
    path = gridftp.first.write("outlives", b"data")
    files = GridftpFiles(lambda: credential, gridftp.trust, lambda: Deadline(30))
    with files, gridftp.session(gridftp.first, proxy) as session:
        files.account(gridftp.first.endpoint)
        time.sleep(max(credential.identity.end - time.time(), 0) + 0.1)
        assert get(session, FarFile(path, io.BytesIO()), watch=Watch(ignore)) == f"{zlib.adler32(b'data'):08x}"
        assert files.checksum(gridftp.first.endpoint, path) == f"{zlib.adler32(b'data'):08x}"
        with pytest.raises(IdentityError, match="expired"):
            files.account(gridftp.second.endpoint)


def test_closing_ends_what_other_threads_ask(gridftp: GridftpServers) -> None:
    files = gridftp.files()
    files.account(gridftp.first.endpoint)
    files.close()
    with pytest.raises(SessionClosed):
        files.listing(gridftp.first.endpoint, gridftp.first.path("nothing"))
