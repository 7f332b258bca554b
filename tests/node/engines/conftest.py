"""A bench for each engine, with the real server of its kind where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.engines.benches import (
    Bench,
    CollectionBench,
    GlobusBench,
    GridftpBench,
    LocalBench,
    PairBench,
    SandboxBench,
    WebdavBench,
)

REAL = {WebdavBench: "webdav", GridftpBench: "gridftp", PairBench: "gridftp"}


@pytest.fixture(
    params=[
        LocalBench,
        GlobusBench,
        SandboxBench,
        CollectionBench,
        *(pytest.param(one, marks=pytest.mark.conformance) for one in REAL),
    ],
    ids=["local", "globus", "sandbox", "https", *("webdav", "gridftp", "gridftp-pair")],
)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param is WebdavBench:
        WebdavBench.server = request.getfixturevalue("webdav")
    elif request.param in REAL:
        GridftpBench.servers = request.getfixturevalue("gridftp")
    elif request.param is SandboxBench:
        SandboxBench.sandbox = request.getfixturevalue("shared_sandbox")
        for name, value in SandboxBench.sandbox.env.items():
            if name.startswith("GLOBUS_SDK_"):
                request.getfixturevalue("monkeypatch").setenv(name, value)
    made: Bench = request.param(tmp_path)
    with made.stack:
        yield made
