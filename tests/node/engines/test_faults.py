"""Every engine says what is wrong, in time, and harms no file: the table of faults, on each of them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from goclient.node import delivery
from goclient.node.engines import background, globus_task
from goclient.services.https import client
from tests.node.engines import faults
from tests.node.engines.benches import (
    Bench,
    CollectionBench,
    GlobusBench,
    GridftpBench,
    LocalBench,
    PairBench,
    WebdavBench,
)
from tests.node.engines.conftest import REAL, prepare

ENGINES = {"local": LocalBench, "globus": GlobusBench, "https": CollectionBench, "webdav": WebdavBench,
           "gridftp": GridftpBench, "gridftp-pair": PairBench}  # fmt: skip
LEAST = 200


def test_the_table_is_large_enough_for_each_engine() -> None:
    counts = {name: sum(fault.needs <= kind.has for fault in faults.TABLE) for name, kind in ENGINES.items()}
    assert min(counts.values()) >= LEAST, counts


@pytest.mark.parametrize(("group", "way"), faults.GROUPS)
@pytest.mark.parametrize(
    "kind",
    [pytest.param(one, marks=pytest.mark.conformance if one in REAL else ()) for one in ENGINES.values()],
    ids=ENGINES,
)
def test_a_fault_is_told_in_time_and_no_file_is_harmed(
    kind: type[Bench],
    group: str,
    way: faults.Way,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    if not (chosen := faults.of(kind, group, way)):
        return
    prepare(kind, request)
    for module, name in ((background, "AGAIN"), (client, "_PAUSES"), (globus_task, "POLL"), (delivery, "_AGAIN")):
        monkeypatch.setattr(module, name, (0.01, 0.2 if module is delivery else 1.0))
    numbers = itertools.count()

    def make() -> Bench:
        top = tmp_path / str(next(numbers))
        top.mkdir()
        return kind(top)

    problems = [problem for fault in chosen for problem in fault.problems(make)]
    assert problems == [], "\n".join(problems)
