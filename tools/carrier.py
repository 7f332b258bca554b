"""Cost of a carrier on its node, as docs/figures.md has it."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from measure import row, shown

from goclient.carrier.build import build
from tests.carrier.carried import CarriedJob, pythons
from tests.carrier.test_https import job
from tests.sandboxes import sandbox_in

RUNS = 11
LARGEST = 300  # kB
# A small process starts it: the memory that the kernel tells of a child is at least that of its parent.
_START = """
import json, os, sys, time
start, nothing = time.monotonic(), [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
_, status, used = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=nothing), 0)
wall = time.monotonic() - start
print(json.dumps([wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)]))
"""


class Cost(NamedTuple):
    """Seconds on the clock, seconds of a core, and the largest memory in MB, of a carrier and all below it."""

    wall: float
    cpu: float
    memory: float


def cost(carried: CarriedJob, python: str) -> Cost:
    """Return what a job costs."""
    words = [sys.executable, "-I", "-S", "-c", _START, *carried.words(python)]
    done = subprocess.run(words, cwd=carried.directory, env=carried.environment, capture_output=True, check=True)
    *found, code = json.loads(done.stdout)
    assert code == 0, carried.directory
    return Cost(*found)


def rows() -> list[list[str]]:
    """Return a row for the size of a carrier, and two for its cost on each Python."""
    size = len(build()) / 1000
    found = [row("the carrier, kB", f"{size:.0f}", f"≤ {LARGEST}", size <= LARGEST, "one file")]
    with tempfile.TemporaryDirectory() as folder, sandbox_in(Path(folder)) as sandbox:
        for number, python in enumerate(pythons()):
            directories = (Path(folder, f"{number}-{run}") for run in range(RUNS))
            costs = [cost(job(sandbox, one, one.name), python) for one in directories]
            wall, cpu, memory = (statistics.median(values) for values in zip(*costs, strict=True))
            what = f"a job's input and output by HTTPS, 2 kB each, {_name(python)}"
            is_pypy = "pypy" in python  # which has a compiler in its memory
            found += [
                row(f"{what}: seconds of a core", f"{cpu:.2f}", "≤ 1", cpu <= 1.0, f"{wall:.2f} s on the clock"),
                row(f"{what}: MB", f"{memory:.0f}", "none" if is_pypy else "≤ 40", is_pypy or memory <= 40, "largest"),
            ]
    return found


def _name(python: str) -> str:
    code = "import platform; print(platform.python_implementation(), platform.python_version())"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(shown(rows()))
