"""How carried jobs fare that are killed or go wrong: what docs/figures.md says of them.

    PYTHONPATH=. .venv/bin/python tools/carrier_kills.py [small]

Each case that was run with the same code is kept in .figures/carrier_kills.jsonl, so that what was interrupted goes on.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from measure import row, shown

from tests.carrier.faulty import Known, kills, meet
from tests.carrier.trial import Trial
from tests.commands import started_quickly
from tests.sandboxes import sandbox_in

POINTS, TIMES, FAULTY = 30, 10, 500
PARTS = 2  # of each kind, side by side: a case waits more than it works
KEPT = Path(".figures", "carrier_kills.jsonl")
SEED = 2026
EARLY = "it ended before"


def rows(*, small: bool = False, code: str = "") -> list[list[str]]:
    """Return the rows of carried jobs, ``PARTS`` of each kind at a time; ``code`` names what is tried."""
    points, times, faulty = (6, 2, 10) if small else (POINTS, TIMES, FAULTY)
    with tempfile.TemporaryDirectory() as folder, started_quickly(Path(folder)), ThreadPoolExecutor(2 * PARTS) as pool:
        ends, faults = [], []
        for part in range(PARTS):
            ends.append(pool.submit(_kill, Path(folder, f"kills-{part}"), points, times, part=part, code=code))
            faults.append(pool.submit(_meet, Path(folder, f"faults-{part}"), range(part, faulty, PARTS), code=code))
        killed = [found for one in ends for found in one.result()]
        early = sum(one == [EARLY] for one in killed)
        wrong = sum(one not in ([], [EARLY]) for one in killed)
        seen = sum(bool(found) for one in faults for found in one.result())
    many = f"{points} points, {times} times each"
    return [
        row(f"carried jobs killed by their user or the batch system, at {many}: endpoints, tasks, processes, "
            "tokens, secrets left", f"{wrong} of {points * times}", "0", not wrong, f"{early} ended before"),
        row("carried jobs that go wrong: secrets or anything else left", f"{seen} of {faulty}", "0", not seen,
            "faults of calls, kills, programs that fail; files, log archives, environments, arguments, outputs"),
    ]  # fmt: skip


def _kill(folder: Path, points: int, times: int, *, part: int, code: str) -> list[list[str]]:
    """Return what is wrong after each job of a part that was killed."""
    folder.mkdir()
    with sandbox_in(folder) as sandbox:
        killed = list(kills(Known.of(sandbox), points, times, seed=SEED))

        def kill(number: int) -> list[str]:
            trial = Trial(sandbox, killed[number])
            trial.submit()
            trial.run()
            return [*trial.wrong(), *trial.leaks(), *[EARLY] * (not trial.is_killed)]

        return kept("kill", range(part, len(killed), PARTS), kill, code=code)


def _meet(folder: Path, numbers: Iterable[int], *, code: str) -> list[list[str]]:
    """Return what is wrong after each job that went wrong."""
    folder.mkdir()
    with sandbox_in(folder) as sandbox:
        known = Known.of(sandbox)
        return kept("fault", numbers, lambda seed: meet(sandbox, known, seed), code=code)


def kept(kind: str, numbers: Iterable[int], find: Callable[[int], list[str]], *, code: str) -> list[list[str]]:
    """Return what each case of a kind found, those of the same code as they were kept."""
    KEPT.parent.mkdir(exist_ok=True)
    lines = [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() and code else []
    found = {one["name"]: one["wrong"] for one in lines if one["code"] == code}
    with KEPT.open("a") as kept:
        names = {number: f"{kind} {number}" for number in numbers}
        for number, name in names.items():
            if name not in found:
                found[name] = find(number)
                kept.write(json.dumps({"code": code, "name": name, "wrong": found[name]}) + "\n")
                kept.flush()
                if found[name]:
                    print(name, *found[name], file=sys.stderr, flush=True)
    return [found[name] for name in names.values()]


if __name__ == "__main__":
    sys.exit(shown(rows(small=len(sys.argv) > 1)))
