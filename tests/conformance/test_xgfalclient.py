"""A client that is not ours, xgfalclient, reads back what ours have written to real servers."""

from __future__ import annotations

import io
import os
import subprocess
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest

from goclient.model.endpoint import Endpoint
from goclient.services.gridftp.copies import put
from goclient.services.gridftp.data import Watch
from goclient.services.https.webdav import WebdavFiles
from tests.node.engines.benches import WebdavBench
from tests.node.engines.test_conformance import ODD
from tests.servers.gridftp import GridftpServers
from tests.servers.webdav import WebdavServer

CONTENT = bytes(range(256)) * 5000
NAMES = ("plain.root", "a b", "p%41q", "a#b", "semi;colon", "[1]", "'quoted'")


@pytest.fixture(scope="module")
def programs() -> Path:
    """The directory of its commands, in a virtual environment of its own; ``make conformance`` makes that."""
    named = os.environ.get("GOCLIENT_TEST_XGFALCLIENT", "")
    if not named:
        pytest.skip("GOCLIENT_TEST_XGFALCLIENT does not name its commands: make conformance sets it up")
    return Path(named)


def read(programs: Path, words: list[str], *, proxy: Path, authorities: Path, home: Path) -> bytes:
    """Return what one of the commands prints, as the owner of a proxy."""
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "X509_CERT_DIR": str(authorities)}
    done = subprocess.run(
        [programs / words[0], *words[1:]], env={**env, "X509_USER_PROXY": str(proxy)}, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def url(endpoint: Endpoint, path: str) -> str:
    """The URL of a path as this client takes it, which decodes percent signs."""
    return f"{endpoint}{quote(path)}"


@pytest.mark.parametrize("name", NAMES)
def test_what_was_put_on_a_gridftp_server_is_there(
    gridftp: GridftpServers, programs: Path, tmp_path: Path, name: str
) -> None:
    server, proxy = gridftp.first, gridftp.proxy()
    with gridftp.session(server) as session:
        put(session, io.BytesIO(CONTENT), server.path(name), watch=Watch(lambda _: None))
    where = url(server.endpoint, server.path(name))
    known = {"proxy": proxy, "authorities": Path(gridftp.grid.authorities), "home": tmp_path}
    assert read(programs, ["gfal-cat", "-b", where], **known) == CONTENT
    assert read(programs, ["gfal-sum", where, "ADLER32"], **known).split()[-1] == b"%08x" % zlib.adler32(CONTENT)


def test_what_was_put_on_a_webdav_server_is_there(webdav: WebdavServer, programs: Path, tmp_path: Path) -> None:
    directory = webdav.make(f"read-back-{os.getpid()}")
    (tmp_path / "content").write_bytes(CONTENT)
    files = WebdavFiles(webdav.tls(), patience=5.0)
    names = ["plain.root", *(name for name in ODD if name not in WebdavBench.refused)]
    known = {"proxy": webdav.proxy, "authorities": webdav.authority.directory, "home": tmp_path}
    wrong = {}
    for name in names:
        with open(tmp_path / "content", "rb") as file:
            files.put(webdav.endpoint, file, f"/{directory.name}/{name}", moved=lambda _: None)
        content = read(programs, ["gfal-cat", "-b", url(webdav.endpoint, f"/{directory.name}/{name}")], **known)
        if content != CONTENT:
            wrong[name] = content[:100]
    files.close()
    assert wrong == {}
