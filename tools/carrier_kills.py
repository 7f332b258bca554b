"""How carried jobs fare that are killed or go wrong: what docs/figures.md says of them.

    PYTHONPATH=. .venv/bin/python tools/carrier_kills.py [small]

Each case that was run with the same code is kept in .figures/carrier_kills.jsonl, so that what was interrupted goes on.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from measure import row, shown

from tests.carrier.faulty import Known, kills, meet
from tests.carrier.trial import Trial
from tests.commands import started_quickly
from tests.sandboxes import sandbox_in

POINTS, TIMES, FAULTY = 30, 10, 500
KEPT = Path(".figures", "carrier_kills.jsonl")
SEED = 2026


def rows(*, small: bool = False, code: str = "") -> list[list[str]]:
    """Return the rows of carried jobs; ``code`` names what is tried."""
    points, times, faulty = (6, 2, 10) if small else (POINTS, TIMES, FAULTY)
    with (
        tempfile.TemporaryDirectory() as folder,
        started_quickly(Path(folder)),
        sandbox_in(Path(folder)) as sandbox,
    ):
        known = Known.of(sandbox)
        killed = {case.name: case for case in kills(known, points, times, seed=SEED)}

        def kill(name: str) -> list[str]:
            trial = Trial(sandbox, killed[name])
            trial.submit()
            trial.run()
            return [*trial.wrong(), *trial.leaks(), *["it ended before"] * (not trial.is_killed)]

        ends = _kept([*killed], kill, code)
        faults = _kept([*map(str, range(faulty))], lambda seed: meet(sandbox, known, int(seed)), code)
        early = sum(one == ["it ended before"] for one in ends.values())
        wrong = sum(one not in ([], ["it ended before"]) for one in ends.values())
        seen = sum(bool(one) for one in faults.values())
        many = f"{points} points, {times} times each"
        return [
            row(f"carried jobs killed by their user or the batch system, at {many}: endpoints, tasks, processes, "
                "tokens, secrets left", f"{wrong} of {len(ends)}", "0", not wrong, f"{early} ended before"),
            row("carried jobs that go wrong: secrets or anything else left", f"{seen} of {len(faults)}", "0", not seen,
                "faults of calls, kills, programs that fail; files, log archives, environments, arguments, outputs"),
        ]  # fmt: skip


def _kept(names: list[str], find: Callable[[str], list[str]], code: str) -> dict[str, list[str]]:
    """Return what each case found, those of the same code as they were kept."""
    KEPT.parent.mkdir(exist_ok=True)
    lines = [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() and code else []
    found = {one["name"]: one["wrong"] for one in lines if one["code"] == code}
    with KEPT.open("a") as kept:
        for name in names:
            if name not in found:
                found[name] = find(name)
                kept.write(json.dumps({"code": code, "name": name, "wrong": found[name]}) + "\n")
                kept.flush()
                if found[name]:
                    print(name, *found[name], file=sys.stderr, flush=True)
    return {name: found[name] for name in names}


if __name__ == "__main__":
    sys.exit(shown(rows(small=len(sys.argv) > 1)))
