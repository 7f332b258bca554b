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
    WebdavBench,
)

REAL = {WebdavBench: "webdav", GridftpBench: "gridftp", PairBench: "gridftp"}


@pytest.fixture(
    params=[
        LocalBench,
        GlobusBench,
        CollectionBench,
        *(pytest.param(one, marks=pytest.mark.conformance) for one in REAL),
    ],
    ids=["local", "globus", "https", *("webdav", "gridftp", "gridftp-pair")],
)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param is WebdavBench:
        WebdavBench.server = request.getfixturevalue("webdav")
    elif request.param in REAL:
        GridftpBench.servers = request.getfixturevalue("gridftp")
    made: Bench = request.param(tmp_path)
    with made.stack:
        yield made
