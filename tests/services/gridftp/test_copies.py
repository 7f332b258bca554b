"""Copies from, to and between two real GridFTP servers."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from goclient.errors import EndpointError, GoclientError
from goclient.errors.conditions import PathNotFound, SessionClosed, StorageDenied
from goclient.services.contents import FarFile
from goclient.services.deadline import Deadline
from goclient.services.gridftp.copies import get, put
from goclient.services.gridftp.data import Watch
from goclient.services.gridftp.session import Session, open_session
from goclient.services.gridftp.third_party import Copy, third_party
from goclient.services.gsi.tls import Trust
from tests.servers.gridftp import PATIENCE, GridftpServers, gridftp_server
from tests.services.gridftp.test_files import NAMES

LARGE = 64 << 20


def ignore(_: int) -> None:
    """Tell nobody of the progress."""


def checksum(data: bytes) -> str:
    return f"{zlib.adler32(data):08x}"


def copy_all(gridftp: GridftpServers, copies: list[Copy], moved: Callable[[int], object] = ignore) -> None:
    """Copy from the first server to the second, with new sessions as often as that is needed."""
    while any(not copy.is_over for copy in copies):
        with gridftp.session(gridftp.first) as source, gridftp.session(gridftp.second) as destination:
            third_party(source, destination, copies, watch=Watch(moved, 30.0))


@pytest.mark.parametrize("markers", [True, False])
def test_files_without_markers_arrive_and_each_of_them_is_progress(gridftp: GridftpServers, markers: bool) -> None:
    top, told = f"markers-{markers}", list[int]()
    gridftp.second.write(f"{top}/other")
    copies = [Copy(gridftp.first.write(f"{top}/f{n}"), gridftp.second.path(f"{top}/f{n}")) for n in range(100)]
    with gridftp.session(gridftp.first) as source, gridftp.session(gridftp.second) as destination:
        third_party(source, destination, copies, watch=Watch(told.append, 30.0), markers=markers)
    assert [Path(one.destination).read_bytes() for one in copies] == [b"content"] * 100
    assert sum(count == len(b"content") for count in told) == (100 if markers else 0)
    assert sum(count == 1 for count in told) == 100


@pytest.fixture(scope="module")
def large(gridftp: GridftpServers) -> tuple[str, str]:
    """The path of a large file at the first server, and its checksum."""
    data = os.urandom(1 << 20) * (LARGE >> 20)
    return gridftp.first.write("large", data), checksum(data)


# --- the node and a server ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1])
def test_files_go_there_and_back_in_one_session(gridftp: GridftpServers, size: int) -> None:
    data, path = os.urandom(size), gridftp.first.path(f"there-{size}")
    moved: list[int] = []
    with gridftp.session(gridftp.first) as session:
        assert put(session, io.BytesIO(data), path, watch=Watch(moved.append)) == checksum(data)
        assert sum(moved) == size
        back = io.BytesIO()
        assert get(session, FarFile(path, back), watch=Watch(moved.append)) == checksum(data)
    assert (back.getvalue(), sum(moved)) == (data, 2 * size)


def test_the_channel_of_the_next_copy_is_asked_for_ahead_and_is_nobody_elses(gridftp: GridftpServers) -> None:
    paths = {name: gridftp.first.write(f"ahead-{name}", name.encode()) for name in "abc"}
    with gridftp.session(gridftp.first) as session:
        for name, others in (("a", True), ("b", True), ("c", False)):
            back = io.BytesIO()
            get(session, FarFile(paths[name], back, 1), watch=Watch(ignore), others=others)
            assert back.getvalue() == name.encode()
        assert session.commands(["NOOP"], lambda: Deadline(PATIENCE))[0].is_good
        get(session, FarFile(paths["a"], io.BytesIO()), watch=Watch(ignore), others=True)
        with pytest.raises(EndpointError, match="a reply to no command"):
            session.commands(["NOOP"], lambda: Deadline(PATIENCE))
        assert session.is_closed


def test_a_copy_goes_on_where_it_broke(gridftp: GridftpServers) -> None:
    data = os.urandom(100_000)
    path = gridftp.first.write("half", data[:60_000])
    with gridftp.session(gridftp.first) as session:
        assert put(session, io.BytesIO(data), path, offset=60_000, watch=Watch(ignore)) == checksum(data)
        assert Path(path).read_bytes() == data
        part = io.BytesIO(data[:30_000])
        assert get(session, FarFile(path, part), watch=Watch(ignore)) == checksum(data)
    assert part.getvalue() == data


@pytest.mark.parametrize("name", NAMES)
def test_files_with_odd_names_go_both_ways(gridftp: GridftpServers, name: str) -> None:
    path = gridftp.first.path(f"odd-{name}")
    with gridftp.session(gridftp.first) as session:
        put(session, io.BytesIO(b"odd"), path, watch=Watch(ignore))
        back = io.BytesIO()
        get(session, FarFile(path, back), watch=Watch(ignore))
    assert back.getvalue() == b"odd"
    assert Path(path).read_bytes() == b"odd"


def test_a_refused_copy_says_why(gridftp: GridftpServers) -> None:
    def failure(call: Callable[[Session], object]) -> GoclientError:
        with gridftp.session(gridftp.first) as session, pytest.raises(EndpointError) as raised:
            call(session)
        assert not raised.value.transient
        return raised.value

    def get_into_memory(session: Session, path: str) -> str:
        return get(session, FarFile(path, io.BytesIO()), watch=still)

    first, still = gridftp.first, Watch(ignore)
    read_only = f"{first.directory.parent}/read-only/new"
    assert isinstance(failure(lambda s: get_into_memory(s, first.path("nothing"))), PathNotFound)
    assert isinstance(failure(lambda s: put(s, io.BytesIO(b"x"), first.path("no/dir"), watch=still)), PathNotFound)
    assert isinstance(failure(lambda s: put(s, io.BytesIO(b"x"), read_only, watch=still)), StorageDenied)
    (first.directory / "is-a-directory").mkdir()
    assert "directory" in failure(lambda s: get_into_memory(s, first.path("is-a-directory"))).message
    assert "name" in failure(lambda s: put(s, io.BytesIO(b"x"), first.path("n" * 300), watch=still)).message


def test_what_is_raised_meanwhile_ends_a_copy(gridftp: GridftpServers, large: tuple[str, str]) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with gridftp.session(gridftp.first) as session:
        with pytest.raises(KeyboardInterrupt):
            get(session, FarFile(large[0], io.BytesIO()), watch=Watch(stop))
        assert session.is_closed


def test_a_full_disk_of_the_node_is_told(gridftp: GridftpServers, large: tuple[str, str]) -> None:
    with (
        gridftp.session(gridftp.first) as session,
        open("/dev/full", "r+b", buffering=0) as full,
        pytest.raises(EndpointError, match="No space left") as raised,
    ):
        get(session, FarFile(large[0], full), watch=Watch(ignore))
    assert raised.value.code == "node-file"


def test_a_file_that_is_shorter_than_it_was_has_broken_off(gridftp: GridftpServers) -> None:
    path = gridftp.first.write("short", b"12345")
    with gridftp.session(gridftp.first) as session, pytest.raises(EndpointError, match="5 of 6 bytes") as raised:
        get(session, FarFile(path, io.BytesIO(), 6), watch=Watch(ignore))
    assert raised.value.transient


# --- from one server to another -------------------------------------------------------------------------------------


def test_many_files_go_from_server_to_server(gridftp: GridftpServers) -> None:
    names = [f"many-{number}" for number in range(100)] + NAMES
    for name in names:
        gridftp.first.write(f"out/{name}", name.encode("utf-8", "surrogateescape"))
    (gridftp.second.directory / "in").mkdir()
    copies = [Copy(gridftp.first.path(f"out/{name}"), gridftp.second.path(f"in/{name}")) for name in names]
    copy_all(gridftp, copies)
    assert all(copy.done for copy in copies)
    for name in names:
        assert (gridftp.second.directory / "in" / name).read_bytes() == name.encode("utf-8", "surrogateescape")


class Late(Watch):
    """Wait until both servers have said all that they will."""

    def wait(
        self, reads: Sequence[Session | socket.socket], writes: Sequence[Session | socket.socket] = ()
    ) -> list[Session | socket.socket]:
        time.sleep(0.0 if writes else 0.5)
        return super().wait(reads, writes)


def test_a_refusal_that_comes_together_with_good_replies_is_seen(gridftp: GridftpServers) -> None:
    copies = [Copy(gridftp.first.write(f"late-{n}", b"late"), gridftp.second.path(f"late-{n}")) for n in range(6)]
    copies[3].destination = gridftp.second.path("no/directory")
    with gridftp.session(gridftp.first) as source, gridftp.session(gridftp.second) as destination:
        third_party(source, destination, copies, watch=Late(ignore, 5.0))
    assert [copy.done for copy in copies] == [True] * 3 + [False] * 3
    assert isinstance(copies[3].error, PathNotFound)


def test_one_refused_file_does_not_stop_the_others(gridftp: GridftpServers) -> None:
    (gridftp.second.directory / "some").mkdir()
    copies = [Copy(gridftp.first.path(f"some-{n}"), gridftp.second.path(f"some/{n}")) for n in range(30)]
    for number in range(30):
        gridftp.first.write(f"some-{number}", str(number).encode())
    (gridftp.first.directory / "some-7").unlink()
    copies[20].destination = gridftp.second.path("no/directory")
    copy_all(gridftp, copies)
    assert {n for n, copy in enumerate(copies) if copy.error} == {7, 20}
    assert all(isinstance(copies[n].error, PathNotFound) for n in (7, 20))
    for number in set(range(30)) - {7, 20}:
        assert (gridftp.second.directory / "some" / str(number)).read_bytes() == str(number).encode()


def test_a_large_file_goes_on_from_the_last_marker(gridftp: GridftpServers, large: tuple[str, str]) -> None:
    copy = Copy(large[0], gridftp.second.path("large"), arrived=f"0-{LARGE // 2}")
    Path(copy.destination).write_bytes(Path(large[0]).read_bytes()[: LARGE // 2])
    copy_all(gridftp, [copy])
    assert copy.done
    assert checksum(Path(copy.destination).read_bytes()) == large[1]


def test_another_thread_cancels_a_copy(gridftp: GridftpServers, large: tuple[str, str]) -> None:
    copies = [Copy(large[0], gridftp.second.path("cancelled")) for _ in range(200)]
    with gridftp.session(gridftp.first) as source, gridftp.session(gridftp.second) as destination:
        timer = threading.Timer(0.2, source.cancel)
        timer.start()
        with pytest.raises(SessionClosed):
            third_party(source, destination, copies, watch=Watch(ignore))
        timer.join()


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="this machine has no IPv6")
def test_files_go_over_ipv6(gridftp: GridftpServers) -> None:
    trust = Trust(gridftp.grid.authorities, "/C=TW/O=Test Grid/CN=localhost")  # there is no name for the address
    with gridftp_server(gridftp.grid, "ipv6", address="::1") as server:
        path, credential = server.path("six"), gridftp.credential()

        def session() -> closing[Session]:
            return closing(open_session(server.endpoint, credential, trust, deadline=Deadline(PATIENCE)))

        with session() as one:
            assert put(one, io.BytesIO(b"six"), path, watch=Watch(ignore)) == checksum(b"six")
        copy = Copy(path, server.path("seven"))
        with session() as one, session() as other:
            third_party(one, other, [copy], watch=Watch(ignore))
        assert copy.done
        assert Path(copy.destination).read_bytes() == b"six"
