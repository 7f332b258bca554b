"""``goclient prun`` against stock prun, as processes, to one loopback server; rows for figures.py.

PYTHONPATH=. .venv/bin/python tools/panda_tasks.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure
from measure import ratio

from tests.recording import STOCK, Tool, tool_in

GOCLIENT = str(Path(sys.executable).parent / "goclient")
TASK = ["--outDS=user.jdoe.test", "--exec=run.sh", "--noBuild", "--outputs=out.dat"]
OURS = ["--useGOForOutput=8b5eb87a-10b2-4626-96dc-d9ab00c6942a:/data/${SN/P}/", "--noCheck"]
# What our process does beside: it parses with argparse_dataclass, and makes a model.
PEER = (
    "import argparse_dataclass, pydantic\nclass Two(pydantic.BaseModel):\n    a: int\n    b: str\nTwo(a=1, b='b')\n"
    + STOCK["prun"]
)


def seconds(tool: Tool, words: list[str]) -> float:
    """Return what a process takes; fails if it fails."""
    start = time.perf_counter()
    done = subprocess.run(
        words, env=tool.env, cwd=tool.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    taken = time.perf_counter() - start
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return taken


def rows() -> list[list[str]]:
    """Return the rows of prun in the table of figures."""
    with tempfile.TemporaryDirectory() as name, tool_in(Path(name)) as tool:
        stock = [sys.executable, "-W", "ignore", "-c"]

        def beside(name: str, ours: list[str], theirs: list[str], limit: float) -> list[str]:
            return ratio(name, lambda: seconds(tool, ours), lambda: seconds(tool, theirs), "prun", limit)

        sent = beside(
            "`goclient prun` with our options and `--noCheck`, of stock prun after a pydantic model",
            [GOCLIENT, "prun", *TASK, *OURS], [*stock, PEER, *TASK], 1.25,
        )  # fmt: skip
        assert any("goclient=v1" in str(task) for task in tool.server.tasks)
        assert not all("goclient=v1" in str(task) for task in tool.server.tasks)
        shown = beside(
            "`goclient prun -h`, of `prun -h`", [GOCLIENT, "prun", "-h"], [*stock, STOCK["prun"], "-h"], 1.35
        )
    return [sent, shown]


if __name__ == "__main__":
    sys.exit(measure.shown(rows()))
