"""Reach of a thief of carried jobs' logs, and the fate of secrets at one moment, as docs/figures.md has them.

    PYTHONPATH=. .venv/bin/python tools/theft.py [small]

Each round that was played with the same code is kept in .figures/carrier_kills.jsonl, so that what was interrupted goes
on.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from carrier_kills import kept
from measure import row, shown

from tests.carrier.theft import Round
from tests.commands import Result, started_quickly
from tests.sandboxes import Sandbox, sandbox_in

RUNS, JOBS = 500, 5  # of each kind in a round
AT_ONCE = 20
PARTS = 3  # sandboxes, in each of which a round follows another
CARRIED = ("sendJob.py", "--goCarry", "--goCredential=token", "--computingSite=TEST1", "--transformation=./run.sh")
MOVES = ("--StageinGOsrc=GUEST1:/campaign/in/0064.file", "--StageoutGOsrc=a", "--json")


def rows(*, small: bool = False, code: str = "") -> list[list[str]]:
    """Return the rows of theft, and of submissions at one moment; ``code`` names what is tried."""
    rounds = 2 if small else RUNS // (2 * JOBS)
    with tempfile.TemporaryDirectory() as folder, started_quickly(Path(folder)), ThreadPoolExecutor(PARTS) as pool:
        parts = [
            pool.submit(play, Path(folder, f"part-{part}"), range(part, rounds, PARTS), code=code)
            for part in range(PARTS)
        ]
        wrong = [one for part in parts for lines in part.result() for one in lines]
        after = [one for one in wrong if "after the end" in one]
        runs = f"of {rounds * 2 * JOBS} runs"
        lost = lose(Path(folder, "at-once"))
    what = "a thief of all logs, archives, secrets and environments"
    return [
        row(f"{what} {runs}: directories reached beyond those that were granted", f"{len(wrong) - len(after)}", "0",
            len(wrong) == len(after), "a pilot that logs secrets; half with a service client, half with tokens; "
            "jobs that end well, fail, and are killed"),
        row(f"{what} {runs}: anything that is good after `goclient credential revoke`", f"{len(after)}", "0", not after,
            "tokens, client secrets, permissions, secrets at PanDA"),
        row(f"secrets lost or mixed by {AT_ONCE} submissions at once", str(lost), "0", not lost, "of one user"),
    ]  # fmt: skip


def play(folder: Path, rounds: Iterable[int], *, code: str) -> list[list[str]]:
    """Return what is wrong after each round, in a sandbox of their own."""
    folder.mkdir()
    with sandbox_in(folder) as sandbox:
        return kept("theft", rounds, lambda number: Round(sandbox, number, jobs=JOBS).play(), code=code)


def lose(folder: Path) -> int:
    """Return how many of the secrets of submissions at one moment are not at PanDA, or not those of their jobs."""
    folder.mkdir()
    with sandbox_in(folder) as sandbox:
        return lost_in(sandbox)


def lost_in(sandbox: Sandbox) -> int:
    """Return how many of them are not there in a new sandbox."""
    (sandbox.cwd / "run.sh").write_text("#!/bin/sh\n")
    sandbox.set(secret_seconds=0.02)  # between PanDA's reading and its writing

    def submit(number: int) -> Result:
        return sandbox.run(*CARRIED, *MOVES, f"--StageoutGOdest=GUEST1:/campaign/out/at-once-{number}")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        sent = list(pool.map(submit, range(AT_ONCE)))
    sandbox.set()
    assert all(one.code == 0 for one in sent), [one.err for one in sent if one.code]
    (row,) = sandbox.rows("select data from secrets")
    there = {key.rpartition(":")[2]: value for key, value in json.loads(row["data"]).items()}
    tokens = [_token(there.get(one.json["carried"]["secret"], "")) for one in sent]
    good = {one for one in tokens if sandbox.rows("select 1 from tokens where access_token = ?", one)}
    return AT_ONCE - len(good)


def _token(value: str) -> str:
    """Return the one token in a secret, empty if there is none."""
    tokens = json.loads(base64.b64decode(value) or b"{}").get("tokens", {})
    return str(next(iter(tokens.values()), ""))


if __name__ == "__main__":
    sys.exit(shown(rows(small=len(sys.argv) > 1)))
