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


def prepare(kind: type[Bench], request: pytest.FixtureRequest) -> None:
    """Have the server that a bench needs."""
    if kind is WebdavBench:
        WebdavBench.server = request.getfixturevalue("webdav")
    elif kind in REAL:
        GridftpBench.servers = request.getfixturevalue("gridftp")
    elif kind is SandboxBench:
        SandboxBench.sandbox = request.getfixturevalue("shared_sandbox")
        for name, value in SandboxBench.sandbox.env.items():
            if name.startswith("GLOBUS_SDK_"):
                request.getfixturevalue("monkeypatch").setenv(name, value)


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
    prepare(request.param, request)
    made: Bench = request.param(tmp_path)
    with made.stack:
        yield made
