"""Faults of servers and networks: each ends in time, with an error that says it, and nothing is taken for whole."""

from __future__ import annotations

import io
import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from goclient.errors import EndpointError, GoclientError
from goclient.errors.conditions import IdentityError, SessionClosed, SourceChanged
from goclient.model.endpoint import GridftpEndpoint
from goclient.services.deadline import Deadline
from goclient.services.gridftp import data
from goclient.services.gridftp.copies import get, put
from goclient.services.gridftp.data import Watch
from goclient.services.gridftp.files import GridftpFiles
from goclient.services.gridftp.session import open_session
from goclient.services.gridftp.third_party import Copy, third_party
from goclient.services.gsi.dial import dial
from goclient.services.gsi.server import GRIDFTP, Server
from tests.myproxy_grid import free_port
from tests.servers.between import Between, Fault
from tests.servers.gridftp import GridftpServers
from tests.services.gridftp.test_copies import checksum, ignore

CUTS = 30
KINDS = ("close", "reset")
SIZE = 3_000_000
QUICK = 1.0  # seconds that a server may be silent here
IN_TIME = 8.0  # seconds for QUICK on a machine that is busy


def at(port: int) -> GridftpEndpoint:
    return GridftpEndpoint(f"gsiftp://localhost:{port}")


def asked(gridftp: GridftpServers, endpoint: GridftpEndpoint, path: str) -> GoclientError:
    """How asking a server for a listing fails, in time."""
    started = time.monotonic()
    with gridftp.files(seconds=QUICK) as files, pytest.raises(EndpointError) as raised:
        files.listing(endpoint, path)
    assert time.monotonic() - started < IN_TIME
    return raised.value


@contextmanager
def data_through(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> Iterator[None]:
    """Run the body, in which a data channel of the node fails so."""
    relays: list[Between] = []

    def through(server: Server, deadline: Deadline) -> object:
        relays.append(Between(server.port, fault).__enter__())
        return dial(Server("127.0.0.1", relays[-1].port, GRIDFTP), deadline)

    with monkeypatch.context() as patched:
        patched.setattr(data, "dial", through)
        try:
            yield
        finally:
            for one in relays:
                one.__exit__(None, None, None)


# --- a server that fails while it is asked --------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "code"), [("silent", "silent"), ("drip", "silent"), ("reset", "closed")])
@pytest.mark.parametrize("after", [0, 600, 6000])
def test_a_failing_server_is_told_in_time(gridftp: GridftpServers, kind: str, code: str, after: int) -> None:
    with Between(gridftp.first.endpoint.port, Fault(after, kind)) as relay:
        error = asked(gridftp, at(relay.port), gridftp.first.path(""))
    assert (error.code, error.transient) == (f"gridftp-{code}", True)


def test_a_dead_server_and_an_unknown_host_are_told(gridftp: GridftpServers) -> None:
    for endpoint in (at(free_port()), GridftpEndpoint("gsiftp://no-such-host.invalid")):
        assert asked(gridftp, endpoint, "/a").code == "gridftp-unreachable"


def test_a_session_that_is_cut_anywhere_is_told(gridftp: GridftpServers) -> None:
    path = gridftp.first.path("")
    with Between(gridftp.first.endpoint.port) as relay, gridftp.files() as files:
        files.listing(at(relay.port), path)
        whole = relay.relayed
    for number in range(CUTS):
        fault = Fault(whole * number // CUTS, KINDS[number % 2])
        with Between(gridftp.first.endpoint.port, fault) as relay:
            assert asked(gridftp, at(relay.port), path).transient


# --- copies ---------------------------------------------------------------------------------------------------------


def test_a_get_that_is_cut_goes_on(gridftp: GridftpServers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = os.urandom(SIZE)
    path = gridftp.first.write("cut-get", content)
    failures = []
    for number in range(CUTS):
        fault = Fault(SIZE * number // CUTS, KINDS[number % 2])
        with open(tmp_path / "part", "w+b") as file:
            with (
                data_through(monkeypatch, fault),
                gridftp.session(gridftp.first) as session,
            ):
                try:
                    get(session, path, file, size=SIZE, watch=Watch(ignore, 10))
                except EndpointError as error:
                    failures.append(error)
            offset = file.tell()
            assert offset < SIZE
            with gridftp.session(gridftp.first) as session:
                assert get(session, path, file, watch=Watch(ignore)) == checksum(content)
            assert Path(file.name).stat().st_size == SIZE
    assert all(one.transient for one in failures)
    assert len(failures) == CUTS


def test_a_put_that_is_cut_goes_on(gridftp: GridftpServers, monkeypatch: pytest.MonkeyPatch) -> None:
    content = os.urandom(SIZE)
    path = gridftp.first.path("cut-put")
    failures = []
    for number in range(CUTS):
        fault = Fault(SIZE * number // CUTS, KINDS[number % 2])
        Path(path).unlink(missing_ok=True)
        with data_through(monkeypatch, fault), gridftp.session(gridftp.first) as session:
            try:
                put(session, io.BytesIO(content), path, watch=Watch(ignore, 10))
            except EndpointError as error:
                failures.append(error)
        with gridftp.files() as files:
            found = files.entries(gridftp.first.endpoint, [path])[path]
            offset = 0 if isinstance(found, GoclientError) else found.size
        with gridftp.session(gridftp.first) as session:
            assert put(session, io.BytesIO(content), path, offset=offset, watch=Watch(ignore)) == checksum(content)
        assert Path(path).read_bytes() == content
    assert all(one.transient for one in failures)


@pytest.mark.parametrize("kind", ["silent", "drip"])
def test_a_data_channel_that_is_silent_is_given_up(
    gridftp: GridftpServers, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = gridftp.first.write("silent", os.urandom(SIZE))
    for after in (0, 100, SIZE // 2):
        started = time.monotonic()
        with data_through(monkeypatch, Fault(after, kind)), gridftp.session(gridftp.first) as session:
            with pytest.raises(EndpointError) as caught:
                get(session, path, io.BytesIO(), watch=Watch(lambda _: None, QUICK))
            assert caught.value.code == "gridftp-silent"
            assert session.is_closed
        assert time.monotonic() - started < IN_TIME


def test_third_party_copies_that_are_cut_go_on(gridftp: GridftpServers) -> None:
    content = os.urandom(SIZE)
    path = gridftp.first.write("cut-third", content)
    started = time.monotonic()
    with Between(gridftp.first.endpoint.port) as relay:
        _copy_through(gridftp, relay, gridftp.second.endpoint.port, [Copy(path, gridftp.second.path("whole"))])
        whole = relay.relayed
    for number in range(CUTS):
        copies = [Copy(path, gridftp.second.path(f"cut-third-{number}-{n}")) for n in range(2)]
        fault = Fault(whole * number // CUTS, KINDS[number % 2])
        first, second = (gridftp.first.endpoint.port, gridftp.second.endpoint.port)
        if number % 3:
            with Between(first, fault, times=1) as relay:
                _copy_through(gridftp, relay, second, copies)
        else:
            with Between(second, fault, times=1) as relay:
                _copy_through(gridftp, relay, first, copies, reverse=True)
        assert all(checksum(Path(copy.destination).read_bytes()) == checksum(content) for copy in copies)
    assert time.monotonic() - started < CUTS * IN_TIME


def _copy_through(
    gridftp: GridftpServers, relay: Between, port: int, copies: list[Copy], *, reverse: bool = False
) -> None:
    """Copy from the first server to the second; each break is one that may pass."""
    ends = [at(relay.port), at(port)][:: -1 if reverse else 1]
    failures: list[EndpointError] = []
    while any(not copy.is_over for copy in copies):
        try:
            with (
                open_session(ends[0], gridftp.credential(), gridftp.trust, deadline=Deadline(10)) as source,
                open_session(ends[1], gridftp.credential(), gridftp.trust, deadline=Deadline(10)) as destination,
            ):
                third_party(source, destination, copies, watch=Watch(ignore, 10))
        except EndpointError as error:
            failures.append(error)
    assert all(copy.done for copy in copies)
    assert all(one.transient for one in failures)


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
        found = get(session, path, io.BytesIO(), watch=Watch(change))
        assert found != files.checksum(gridftp.first.endpoint, path)


def test_more_bytes_than_were_listed_are_not_taken(gridftp: GridftpServers, tmp_path: Path) -> None:
    path = gridftp.first.write("grows", bytes(SIZE))
    with open(tmp_path / "part", "w+b") as file, gridftp.session(gridftp.first) as session:
        with pytest.raises(SourceChanged, match="more than the 2000000 bytes came"):
            get(session, path, file, size=2_000_000, watch=Watch(ignore))
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
        assert get(session, path, io.BytesIO(), watch=Watch(ignore)) == f"{zlib.adler32(b'data'):08x}"
        assert files.checksum(gridftp.first.endpoint, path) == f"{zlib.adler32(b'data'):08x}"
        with pytest.raises(IdentityError, match="expired"):
            files.account(gridftp.second.endpoint)


def test_closing_ends_what_other_threads_ask(gridftp: GridftpServers) -> None:
    files = gridftp.files()
    files.account(gridftp.first.endpoint)
    files.close()
    with pytest.raises(SessionClosed):
        files.listing(gridftp.first.endpoint, gridftp.first.path("nothing"))
