"""Measures the page about jobs: its size, how long it takes to make, and when a browser has painted it."""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from measure import row, shown

from goclient.jobs.page import write_page
from tests.chromium import chromium_in
from tests.jobs.pages import NOW, campaign, followed

JOBS = 10_000
RUNS = 9
LARGEST = 5_000_000  # bytes
FIRST_PAINT = 1.0  # seconds
_PAINT = """new Promise(done => new PerformanceObserver(list => list.getEntriesByName("first-contentful-paint")
    .forEach(one => done(one.startTime))).observe({type: "paint", buffered: true}))"""


def rows() -> list[list[str]]:
    """Return the rows of the page in the table of figures."""
    jobs = followed(campaign(JOBS))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "page.html"
        began = time.perf_counter()
        write_page(str(path), jobs, now=NOW)
        seconds = time.perf_counter() - began
        size = path.stat().st_size
        found = [
            row(f"page of {JOBS:,} jobs: bytes", f"{size / 1e6:.2f} MB", f"≤ {LARGEST / 1e6:.0f} MB", size <= LARGEST,
                f"{size // JOBS} bytes a job, of which each has two transfers; made in {seconds:.2f} s")
        ]  # fmt: skip
        if shutil.which("chromium"):
            found += _painted(path, Path(folder) / "profile")
        return found


def _painted(path: Path, profile: Path) -> list[list[str]]:
    """Return when a browser without a window has painted first, at the width of a desk and of a phone."""
    found = []
    with chromium_in(profile) as browser:
        for width in (1280, 360):
            paints, ends = [], []
            for _ in range(RUNS):
                tab = browser.open(path.as_uri(), width=width)
                paints.append(tab.run(_PAINT) / 1000)
                ends.append(tab.run("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000)
            paint, ready = statistics.median(paints), statistics.median(ends)
            found.append(
                row(
                    f"first paint of it, {width} px wide",
                    f"{paint:.2f} s",
                    f"≤ {FIRST_PAINT:.0f} s",
                    paint <= FIRST_PAINT,
                    f"median of {RUNS}, the longest {max(paints):.2f} s; its table is there after {ready:.2f} s",
                )
            )
    return found


if __name__ == "__main__":
    sys.exit(shown(rows()))
