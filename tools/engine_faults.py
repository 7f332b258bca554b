"""Plays the table of faults of tests/node/engines/faults.py at each engine, at other moments; rows for figures.py.

    PYTHONPATH=. .venv/bin/python tools/engine_faults.py [ENGINE …]

The figures count faults that end in each of the ways in which none may.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path
from typing import get_args

import pytest
from measure import row, shown

from tests.node.engines import faults
from tests.node.engines.benches import Bench, GridftpBench, WebdavBench
from tests.node.engines.test_faults import ENGINES, LEAST
from tests.servers.gridftp import gridftp_servers
from tests.servers.webdav import webdav_server

SEED, LATER = 14, 500  # bytes that a fault of the network comes later than the table has it, at most


def played(name: str, kind: type[Bench], folder: Path) -> list[str]:
    """Return the row of an engine; say what is wrong at once."""
    chance, make, begun = random.Random(SEED), faults.in_folders_of(kind, folder), time.perf_counter()
    met = faults.met_by(kind)
    found: list[faults.Wrong] = []
    for fault in met:
        problems = fault.problems(make, later=chance.randrange(LATER))
        for problem in problems:
            print(f"{name}: {problem.text}", file=sys.stderr, flush=True)
        found += {problem.kind for problem in problems}
    wrong = [(one, found.count(one)) for one in get_args(faults.Wrong)]
    figure = ", ".join(str(count) for _, count in wrong)
    what = f"{name}: {len(met)} faults: {', '.join(one for one, _ in wrong)}"
    detail = f"over time is {faults.IN_TIME:.0f} s; all in {time.perf_counter() - begun:.0f} s"
    return row(what, figure, "0, 0, 0, 0", len(met) >= LEAST and not found, detail)


def rows(*names: str) -> list[list[str]]:
    """Return the rows of all engines, or of those that are named."""
    with (
        tempfile.TemporaryDirectory() as name,
        gridftp_servers(Path(name)) as gridftp,
        webdav_server() as webdav,
        pytest.MonkeyPatch.context() as patched,
    ):
        GridftpBench.servers, WebdavBench.server = gridftp, webdav
        faults.hurry(patched)
        chosen = {one: kind for one, kind in ENGINES.items() if not names or one in names}
        return [played(one, kind, Path(tempfile.mkdtemp(dir=name))) for one, kind in chosen.items()]


if __name__ == "__main__":
    sys.exit(shown(rows(*sys.argv[1:])))
