"""How jobs fare whose first attempts die: what docs/figures.md says of them.

Each job that was run with the same code is kept in .figures/attempts.jsonl, so that what was interrupted goes on.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from measure import row, shown

from tests.pilot.attempts import find_wrong
from tests.sandboxes import sandbox_in

JOBS = 200
KEPT = Path(".figures", "attempts.jsonl")


def rows(jobs: int = JOBS, *, code: str = "") -> list[list[str]]:
    """Return the row of jobs whose attempts die while others take names; ``code`` names what is tried."""
    KEPT.parent.mkdir(exist_ok=True)
    lines = [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() and code else []
    found = {one["seed"]: one["wrong"] for one in lines if one["code"] == code}
    with tempfile.TemporaryDirectory() as folder, sandbox_in(Path(folder)) as sandbox, KEPT.open("a") as kept:
        for seed in range(jobs):
            if seed not in found:
                found[seed] = find_wrong(sandbox, seed)
                kept.write(json.dumps({"code": code, "seed": seed, "wrong": found[seed]}) + "\n")
                kept.flush()
                if found[seed]:
                    print(seed, *found[seed], file=sys.stderr, flush=True)
    wrong = sum(bool(found[seed]) for seed in range(jobs))
    return [
        row("jobs whose attempts die: own files in the way, others' touched", f"{wrong} of {jobs}", "0", not wrong, "")
    ]


if __name__ == "__main__":
    sys.exit(shown(rows(int(sys.argv[1]) if len(sys.argv) > 1 else JOBS)))
