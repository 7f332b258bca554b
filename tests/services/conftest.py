"""The grid of the tests of MyProxy, and the real server of Debian on a free port."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from goclient.sandbox.myproxy.authority import Authority
from tests.myproxy_grid import Grid, RealServer
from tests.myproxy_servers import real_server


@pytest.fixture(scope="session")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    folder = tmp_path_factory.mktemp("grid")
    return Grid(folder, Authority.make(folder / "certificates"))


@pytest.fixture(scope="session")
def real(grid: Grid) -> Iterator[RealServer]:
    host = grid.authority.issue("/C=TW/O=Test Grid/CN=localhost", into=grid.folder, name="host", names=("localhost",))
    env = {
        "PATH": os.environ["PATH"], "HOME": str(grid.folder), "X509_CERT_DIR": str(grid.authorities),
        "X509_USER_CERT": str(host.certificate), "X509_USER_KEY": str(host.key), "TMPDIR": str(grid.folder),
    }  # fmt: skip
    with real_server(grid.folder / "server", env, more='authorized_renewers "none"\nmax_cred_lifetime 200\n') as port:
        yield RealServer(grid, port)
