"""The checks of a real WebDAV server, from the command line of a user who has a proxy and a real deposit."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.servers.proxies import make_proxy
from tests.servers.users import User, told, user_of, wrong
from tests.servers.webdav import UNMAPPED, USER, WebdavServer


@pytest.fixture(scope="module")
def user(webdav: WebdavServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    own, home = webdav.people[USER], tmp_path_factory.mktemp("user")
    with user_of(webdav.authority, own, proxy=webdav.proxy, home=home) as made:
        top = webdav.make("checked")
        for name in ("hits.root", "out/there"):
            (top / name).parent.mkdir(exist_ok=True)
            (top / name).write_bytes(b"content")
        webdav.give(top)
        yield made


def url(webdav: WebdavServer, name: str) -> str:
    return webdav.endpoint.write(f"/checked/{name}")


def test_a_job_at_a_webdav_server_is_right_without_any_globus(user: User, webdav: WebdavServer) -> None:
    result = user.check(f"--StageinGOsrc={url(webdav, 'hits.root')}", "--Data=new", f"--OutputGO={url(webdav, 'out/')}",
                        "--goProbe")  # fmt: skip
    assert (result.code, wrong(result)) == (0, []), told(result)
    assert f"servers are asked as {USER} (X509_USER_PROXY)" in told(result)
    assert f"davs://localhost:{webdav.port} is a WebDAV server" in told(result)
    assert "hits.root is there, 7 bytes" in told(result)
    assert "can be written: a directory was made there, and removed" in told(result)
    assert [one.name for one in (webdav.data / "checked/out").iterdir()] == ["there"]


MISTAKES = [
    pytest.param(
        "--StageinGOsrc=", "checked/hist.root", "path-not-found", 'did you mean "hits.root"', id="a near name"
    ),
    pytest.param("--StageinGOsrc=", "chekced/a", "path-not-found", 'did you mean "checked"', id="a near directory"),
    pytest.param("--StageinGOsrc=", "checked/hits.root/", "not-a-directory", "leave out the final /", id="a file"),
    pytest.param("--StageinGOsrc=", "checked/hits.root/x", "not-a-directory", "has nothing in it", id="a file above"),
    pytest.param("--StageinGOsrc=", "checked/hits.root/x/y", "not-a-directory", "has nothing", id="further above"),
    pytest.param("--Data=there --OutputGO=", "checked/out/", "exists", "--goOverwrite", id="something in the way"),
]


@pytest.mark.parametrize(("option", "path", "code", "says"), MISTAKES)
def test_a_mistake_stops_a_submission(
    user: User, webdav: WebdavServer, option: str, path: str, code: str, says: str
) -> None:
    result = user.check(*f"{option}{webdav.endpoint.write(f'/{path}')}".split())
    assert (result.code, wrong(result)) == (40, [("error", code)]), told(result)
    assert says in told(result)


def test_a_probe_shows_that_nothing_can_be_written(user: User, webdav: WebdavServer) -> None:
    there = f"--OutputGO={webdav.endpoint.write('/readonly/')}"
    assert wrong(user.check("--Data=new", there)) == [], "WebDAV tells no rights"
    result = user.check("--Data=new", there, "--goProbe")
    ((level, code),) = wrong(result)
    assert (level, code.partition(":")[0], result.code) == ("error", "probe", 40), told(result)


def test_directories_are_made_on_demand(user: User, webdav: WebdavServer) -> None:
    result = user.check("--Data=new", f"--OutputGO={url(webdav, 'made/deep/')}", "--goMkdir")
    assert wrong(result) == [], told(result)
    assert (webdav.data / "checked/made/deep").is_dir()


def test_a_server_that_is_somebody_else_gets_no_answer(user: User, webdav: WebdavServer) -> None:
    result = user.check(f"--StageinGOsrc=davs://127.0.0.1:{webdav.port}/x")
    assert (result.code, wrong(result)) == (40, [("error", "webdav-name")]), told(result)


def test_a_silent_server_keeps_no_other_from_its_answers(user: User, webdav: WebdavServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        silent = f"davs://localhost:{one.getsockname()[1]}"
        result = user.check(f"--StageinGOsrc={silent}/a/b,{silent}/c/d,{url(webdav, 'hits.root')}", "--goTimeout=2")
    assert [level for level, _ in wrong(result)] == ["error"], told(result)
    assert silent.removeprefix("davs://") in told(result)
    assert "hits.root is there, 7 bytes" in told(result)
    assert "Globus" not in told(result)


def test_a_user_without_rights_is_told(user: User, webdav: WebdavServer) -> None:
    proxy = make_proxy(webdav.people[UNMAPPED], webdav.top / "unmapped.pem")
    result = user.check(f"--StageinGOsrc={url(webdav, 'hits.root')}", proxy=proxy)
    assert ("error", "permission") in wrong(result), told(result)
