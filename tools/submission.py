"""Kill sendJob.py at many of its steps, and type the same command again: a row for figures.py."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from measure import row

from tests.commands import clean_environment, started_quickly
from tests.killed import CARRIED, Outcome, kill_at, points, sample

POINTS, TIMES = 30, 20
CORES = 2
SEED = 2026


def rows() -> list[list[str]]:
    """Return the rows of submissions that were killed, also of jobs that bring their own transfers."""
    return [killed_row("`sendJob.py`", ()), killed_row("`sendJob.py --goCarry`, its archive and its secret", CARRIED)]


def killed_row(name: str, more: tuple[str, ...]) -> list[str]:
    """Return the row of a command that was killed."""
    with tempfile.TemporaryDirectory() as folder, started_quickly(Path(folder)):
        env = clean_environment(Path(folder))
        names = points(Path(folder), env, *more)
        chosen = sample(len(names), POINTS, SEED)

        def kill(number: int) -> Outcome:
            return kill_at(chosen[number % len(chosen)], Path(folder, str(number)), env, *more)

        with ThreadPoolExecutor(CORES) as pool:
            outcomes = list(pool.map(kill, range(len(chosen) * TIMES)))
    twice, unknown = sum(one.is_twice for one in outcomes), sum(one.is_unknown for one in outcomes)
    alive = sum(not one.is_killed for one in outcomes)
    stopped = sum(one.again == 10 for one in outcomes)
    return row(
        f"{name}, killed at {len(chosen)} points, {TIMES} times each, and typed again: sent twice, and sent "
        "unknown to `goclient journal`",
        f"{twice}, {unknown}",
        "0, 0",
        not (twice or unknown or alive),
        f"of {len(names)} points; {stopped} of {len(outcomes)} second commands stopped",
    )


if __name__ == "__main__":
    for cells in rows():
        print(" | ".join(cells))
