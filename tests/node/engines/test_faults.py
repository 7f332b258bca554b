"""Every engine says what is wrong, in time, and harms no file: the table of faults, on each of them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from goclient.node.engines import background
from goclient.services.https import client
from tests.node.engines import faults
from tests.node.engines.benches import Bench, CollectionBench, GridftpBench, LocalBench, PairBench, WebdavBench
from tests.node.engines.conftest import REAL, prepare

ENGINES = {"local": LocalBench, "https": CollectionBench, "webdav": WebdavBench, "gridftp": GridftpBench,
           "gridftp-pair": PairBench}  # fmt: skip
LEAST = {"webdav": 200, "gridftp": 200, "gridftp-pair": 200, "https": 200, "local": 35}


def test_the_table_is_large_enough_for_each_engine() -> None:
    counts = {name: sum(fault.needs <= kind.has for fault in faults.TABLE) for name, kind in ENGINES.items()}
    assert {name for name, least in LEAST.items() if counts[name] < least} == set(), counts


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
    for module, name in ((background, "AGAIN"), (client, "_PAUSES")):
        monkeypatch.setattr(module, name, (0.02, 1.0))
    numbers = itertools.count()

    def make() -> Bench:
        top = tmp_path / str(next(numbers))
        top.mkdir()
        return kind(top)

    problems = [problem for fault in chosen for problem in fault.problems(make)]
    assert problems == [], "\n".join(problems)
