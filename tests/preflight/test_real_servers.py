"""The checks of real GridFTP servers, from the command lines of a user who has a proxy and a real deposit."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.myproxy_grid import OTHER_USER, USER
from tests.sandboxes import Sandbox
from tests.servers.gridftp import GridftpServers
from tests.servers.users import NOWHERE, GridftpUser, cost_of_many, gridftp_user, told, wrong


@pytest.fixture(scope="module")
def user(gridftp: GridftpServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GridftpUser]:
    with gridftp_user(gridftp, tmp_path_factory.mktemp("user")) as made:
        yield made


def test_a_job_between_two_servers_is_right_without_any_globus(user: GridftpUser) -> None:
    user.servers.first.write("right/hits.root", b"7 bytes")
    user.servers.second.write("right/out/other")
    result = user.check(f"--StageinGOsrc={user.url('right/hits.root')}", "--Data=new.root",
                        f"--OutputGO={user.url('right/out/', second=True)}")  # fmt: skip
    assert (result.code, wrong(result)) == (0, []), told(result)
    assert f"servers are asked as {USER} (X509_USER_PROXY)" in told(result)
    assert "is a GridFTP server, where you have the account" in told(result)
    assert "hits.root is there, 7 bytes" in told(result)
    assert "nothing is in the way of" in told(result)


MISTAKES = [
    pytest.param("hist.root", "path-not-found", 'did you mean "hits.root"', id="a near name"),
    pytest.param("no/such/a", "path-not-found", 'there is no directory "no"', id="a wrong directory"),
    pytest.param("hits.root/", "not-a-directory", "leave out the final /", id="a file as a directory"),
    pytest.param("hits.root/x", "not-a-directory", "a file has nothing in it", id="a file in the middle"),
    pytest.param("hits.root/x/y", "not-a-directory", "a file has nothing in it", id="a file further above"),
    pytest.param("secret", "permission", "cannot be read", id="no right to read"),
]


@pytest.fixture(scope="module")
def data(user: GridftpUser) -> GridftpUser:
    first = user.servers.first
    for name in ("hits.root", "secret", "out/there", "full/there"):
        first.write(f"data/{name}")
    (first.directory / "data/secret").chmod(0)
    (first.directory / "data/full").chmod(0o555)
    return user


@pytest.mark.parametrize(("name", "code", "says"), MISTAKES)
def test_a_source_that_cannot_be_brought_stops_a_submission(data: GridftpUser, name: str, code: str, says: str) -> None:
    result = data.check(f"--StageinGOsrc={data.url(f'data/{name}')}")
    assert (result.code, wrong(result)) == (40, [("error", code)]), told(result)
    assert says in told(result)


TARGETS = [
    pytest.param("out/", ["--Data=there"], ("error", "exists"), id="something in the way"),
    pytest.param("full/", ["--Data=new"], ("error", "not-writable"), id="no right to write"),
    pytest.param("full/", ["--Data=new", "--goProbe"], ("warning", "not-writable"), id="no right, but root's"),
    pytest.param("new/", ["--Data=new"], ("warning", "no-folder"), id="a new directory"),
    pytest.param("out/", ["--Data=there", "--goOverwrite"], None, id="overwriting"),
    pytest.param("out/", ["--Data=new", "--goProbe"], None, id="a probe"),
]


@pytest.mark.parametrize(("directory", "words", "found"), TARGETS)
def test_a_destination_is_judged_as_far_as_can_be_seen(
    data: GridftpUser, directory: str, words: list[str], found: tuple[str, str] | None
) -> None:
    before = sorted(data.servers.first.directory.rglob("*"))
    result = data.check(*words, f"--OutputGO={data.url(f'data/{directory}')}")
    assert wrong(result) == ([found] if found else []), told(result)
    assert sorted(data.servers.first.directory.rglob("*")) == before, "a check leaves nothing"


def test_what_is_exported_read_only_is_shown_by_a_probe(data: GridftpUser) -> None:
    there = data.servers.first.endpoint.write(f"{data.servers.first.directory.parent}/read-only/")
    assert wrong(data.check("--Data=new", f"--OutputGO={there}")) == []
    result = data.check("--Data=new", f"--OutputGO={there}", "--goProbe")
    ((level, code),) = wrong(result)
    assert (level, code.partition(":")[0], result.code) == ("error", "probe", 40), told(result)
    (found,) = (one for one in result.json["findings"] if one["level"] == "error")
    assert "the server allows nobody to use this path in this way" in found["message"]  # everybody may read there
    assert found["hint"] == "choose another path, or ask the server's operators to allow it"


def test_directories_are_made_on_demand(data: GridftpUser) -> None:
    result = data.check("--Data=new", f"--OutputGO={data.url('data/made/deep/')}", "--goMkdir")
    assert wrong(result) == [], told(result)
    assert (data.servers.first.directory / "data/made/deep").is_dir()


def test_a_server_without_an_account_for_the_user_says_so(data: GridftpUser) -> None:
    result = data.check(f"--StageinGOsrc={data.url('data/hits.root')}", proxy=data.servers.proxy(OTHER_USER))
    assert ("error", "gridftp-unmapped") in wrong(result), told(result)
    assert OTHER_USER in told(result)


def test_a_server_that_is_somebody_else_gets_no_answer(data: GridftpUser) -> None:
    url = f"gsiftp://127.0.0.1:{data.servers.first.endpoint.port}/x"
    result = data.check(f"--StageinGOsrc={url}")
    assert (result.code, wrong(result)) == (40, [("error", "gridftp-name")]), told(result)


def test_a_dead_server_is_found_at_once_beside_one_that_answers(data: GridftpUser) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    result = data.check(f"--StageinGOsrc=gsiftp://localhost:{port}/a,{data.url('data/hist.root')}")
    assert wrong(result) == [("error", "gridftp-unreachable"), ("error", "path-not-found")], told(result)


def test_a_silent_server_ends_with_the_time_that_the_user_gives(data: GridftpUser) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        url = f"gsiftp://localhost:{one.getsockname()[1]}/a"
        result = data.check(f"--StageinGOsrc={url},{data.url('data/hits.root')}", "--goTimeout=3")
    assert [level for level, _ in wrong(result)] == ["error"], told(result)
    assert "hits.root is there" in told(result)
    assert "Globus" not in told(result)


def test_an_expired_proxy_is_an_error_and_a_limited_one_a_warning(data: GridftpUser) -> None:
    source = f"--StageinGOsrc={data.url('data/hits.root')}"
    expired = data.check(source, proxy=data.servers.proxy(seconds=-30))
    assert (expired.code, wrong(expired)) == (80, [("error", "proxy-expired")]), told(expired)
    limited = data.check(source, proxy=data.servers.proxy(limited=True))
    assert (limited.code, wrong(limited)[0]) == (0, ("warning", "proxy-limited")), told(limited)
    assert "hits.root is there" in told(limited)


def test_without_a_proxy_a_warning_says_what_to_type(data: GridftpUser) -> None:
    source = f"--StageinGOsrc={data.url('data/none')}"
    for result in (data.check(source, proxy=Path("/none")), data.check(source, X509_USER_PROXY="")):
        assert wrong(result) == [("warning", "unchecked"), ("warning", "identity-missing")], told(result)
        assert (result.code, "grid-proxy-init" in told(result)) == (0, True)
    assert data.check(source, "--deposit", X509_USER_PROXY="").code == 80


def test_collections_and_servers_are_checked_side_by_side(data: GridftpUser, sandbox: Sandbox) -> None:
    globus = {name: value for name, value in sandbox.env.items() if name.startswith(("GLOBUS_", "GOCLIENT_"))}
    sources = f"SITE1:/home/osg_data/panda/0064.fil,{data.url('data/hist.root')}"
    result = data.check(f"--StageinGOsrc={sources}", "--Data=new", f"--OutputGO={data.url('data/out/')}", **globus)
    assert wrong(result) == [("error", "path-not-found")] * 2, told(result)
    assert 'did you mean "0064.file"' in told(result)
    assert 'did you mean "hits.root"' in told(result)


def test_send_job_reports_the_same_and_sends_nothing(data: GridftpUser) -> None:
    words = ("--computingSite=TEST1", f"--transformation={NOWHERE}/x.sh", "--noSubmit")
    stopped = data.run("sendJob.py", *words, f"--StageinGOsrc={data.url('data/hist.root')}")
    assert (stopped.code, stopped.json["error"]["code"]) == (40, "path-not-found")
    right = data.run("sendJob.py", *words, f"--StageinGOsrc={data.url('data/hits.root')}")
    assert right.code == 0, right.err
    assert data.url("data/hits.root") in right.json["record"]


def test_a_thousand_files_on_ten_servers_take_ten_sessions_and_six_round_trips(user: GridftpUser) -> None:
    cost = cost_of_many(user)
    assert wrong(cost.result) == [], told(cost.result)[-2000:]
    assert "1000 files of 7000 bytes" in told(cost.result)
    assert cost.sessions == [1] * 10, "one session a server"
    assert cost.round_trips <= 6
