"""The grid of the tests of MyProxy, and the real server of Debian on a free port."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest

from goclient.sandbox.authority import Authority
from tests.services.myproxy.myproxy_grid import CONFIGURATION, PROGRAMS, Grid, RealServer, free_port, is_open


@pytest.fixture(scope="session")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    folder = tmp_path_factory.mktemp("grid")
    return Grid(folder, Authority.make(folder / "certificates"))


@pytest.fixture(scope="session")
def real(grid: Grid) -> Iterator[RealServer]:
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: apt-get install myproxy myproxy-server globus-proxy-utils")
    folder = grid.folder / "server"
    store = folder / "store"
    store.mkdir(parents=True, mode=0o700)
    (folder / "conf").write_text(CONFIGURATION)
    host = grid.authority.issue("/C=TW/O=Test Grid/CN=localhost", into=folder, name="host", names=("localhost",))
    port = free_port()
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "X509_CERT_DIR": str(grid.authorities),
        "X509_USER_CERT": str(host.certificate), "X509_USER_KEY": str(host.key), "TMPDIR": str(folder),
    }  # fmt: skip
    words = ["myproxy-server", "-c", str(folder / "conf"), "-l", "127.0.0.1", "-p", str(port), "-s", str(store)]
    log = folder / "log"
    with open(log, "wb") as output:
        subprocess.run([*words, "-P", str(folder / "pid")], env=env, stdout=output, stderr=output, check=True)
    until = time.monotonic() + 10
    while not (folder / "pid").exists() or not is_open(port):
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.02)
    yield RealServer(grid, port, store, log)
    os.kill(int((folder / "pid").read_text()), 15)
