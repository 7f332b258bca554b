"""Common parts of all figures: a ratio of pairs, and the cells of a row."""

from __future__ import annotations

import statistics
from collections.abc import Callable

RUNS = 31


def paired(ours: Callable[[], float], peer: Callable[[], float], runs: int = RUNS) -> tuple[float, float, float]:
    """Return the median ratio of ours to the peer, and the median seconds of each, taken in turn after one of each."""
    ours(), peer()
    pairs = [(ours(), peer()) for _ in range(runs)]
    return (
        statistics.median(a / b for a, b in pairs),
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
    )


def row(name: str, figure: str, goal: str, met: bool, detail: str) -> list[str]:
    """Return the cells of one row."""
    return [name, figure, goal, "yes" if met else "**no**", detail]


def ratio(
    name: str, ours: Callable[[], float], peer: Callable[[], float], peer_name: str, limit: float, runs: int = RUNS
) -> list[str]:
    """Return the row of one thing beside another, each of which gives the seconds that it takes."""
    found, a, b = paired(ours, peer, runs)
    return row(name, f"{found:.2f}", f"≤ {limit}", found <= limit, f"{a * 1e3:.0f} ms, {peer_name} {b * 1e3:.0f} ms")


def shown(rows: list[list[str]]) -> int:
    """1 if a goal is missed, 0 if none is; prints the rows."""
    for cells in rows:
        print(" | ".join(cells))
    return int(any("no" in cells[3] for cells in rows))
