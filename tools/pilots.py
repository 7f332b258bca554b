"""How pilots that are killed or stopped fare: what docs/figures.md says of them.

Each case that was run with the same code is kept in .figures/pilots.jsonl, so that what was interrupted goes on.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from measure import row, shown

from tests.pilot.call_faults import call_faults, meet
from tests.pilot.kills import Choice, cases, run_case, run_together
from tests.pilot.trial import Case
from tests.sandboxes import sandbox_in
from tests.trouble import FAULTS

ALL = Choice(points=30, seeds=20, random=200, signals=10)
KEPT = Path(".figures", "pilots.jsonl")
SEED = 2026
PILOTS = 20


def rows(choice: Choice = ALL, *, code: str = "") -> list[list[str]]:
    """Return a row for pilots that were killed, and one for pilots that were stopped; ``code`` names what is tried."""
    found = list(_results(choice, code))
    killed = [one for one in found if one["number"] == signal.SIGKILL]
    stopped = [one for one in found if one["number"] != signal.SIGKILL]
    return [
        _row("SIGKILL of a pilot, then another one", killed),
        _row("seven signals to a pilot", stopped),
    ]


def _row(name: str, found: list[dict[str, Any]]) -> list[str]:
    wrong = [one for one in found if one["wrong"]]
    met = sum(one["met"] for one in found)
    detail = f"{met} of {len(found)} pilots got their signal before they ended by themselves"
    return row(f"{name}: lost, twice or left behind", f"{len(wrong)} of {len(found)}", "0", not wrong, detail)


def together() -> list[list[str]]:
    """Return the row of twenty pilots on one node, with as many jobs."""
    with tempfile.TemporaryDirectory() as folder, sandbox_in(Path(folder)) as sandbox:
        started = time.monotonic()
        wrong = run_together(sandbox, PILOTS)
        seconds = time.monotonic() - started
    name = f"{PILOTS} pilots on one node, with as many jobs: collisions"
    return [row(name, str(len(wrong)), "0", not wrong, f"{seconds:.0f} s; {'; '.join(wrong)}")]


def faults() -> list[list[str]]:
    """Return the row of faults at the calls of a pilot, each at the first, the middle and the last call of a route."""
    with tempfile.TemporaryDirectory() as folder, sandbox_in(Path(folder)) as sandbox:
        found = call_faults(sandbox, "gc")
        wrong = []
        for number, fault in enumerate(found, start=1):
            wrong += meet(sandbox, fault, number=number, mode="gc")
    for one in wrong:
        print(one, file=sys.stderr)
    routes = len({one.point.route for one in found})
    name = "a fault at a call of a pilot: hangs, tracebacks, things left"
    detail = f"{routes} routes, each with {len(FAULTS)} faults"
    return [row(name, f"{len(wrong)} of {len(found)}", "0", not wrong, detail)]


def _results(choice: Choice, code: str) -> Iterator[dict[str, Any]]:
    """Yield what became of each case, and say so at once if it is not well."""
    KEPT.parent.mkdir(exist_ok=True)
    lines = [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() and code else []
    known = [one for one in lines if one["code"] == code]
    done = {one["name"]: one for one in known if "name" in one}
    with tempfile.TemporaryDirectory() as folder, sandbox_in(Path(folder)) as sandbox, KEPT.open("a") as kept:
        chosen = [Case(**one) for one in next((one["cases"] for one in known if "cases" in one), [])]
        if not chosen:  # else these cases were begun with
            chosen = list(cases(sandbox, choice, seed=SEED))
            kept.write(json.dumps({"code": code, "cases": [asdict(one) for one in chosen]}) + "\n")
        for case in chosen:
            if case.name not in done:
                finding = run_case(sandbox, case)
                done[case.name] = {
                    "code": code,
                    "name": case.name,
                    "number": case.number,
                    "wrong": finding.wrong,
                    "met": finding.met,
                }
                kept.write(json.dumps(done[case.name]) + "\n")
                kept.flush()
                if finding.wrong:
                    print(case.name, *finding.wrong, file=sys.stderr, flush=True)
            yield done[case.name]


if __name__ == "__main__":
    sys.exit(shown(rows(Choice(*map(int, sys.argv[1:])) if len(sys.argv) > 1 else ALL)))
