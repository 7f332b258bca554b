"""Bench of each engine, with the real server of its kind where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.engines.benches import BENCHES, Bench


@pytest.fixture(
    params=[
        pytest.param(kind, id=name, marks=[pytest.mark.conformance] if kind.is_real else [])
        for name, kind in BENCHES.items()
    ]
)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    request.param.prepare(request)
    made: Bench = request.param(tmp_path)
    with made.stack:
        yield made
