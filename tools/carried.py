"""Measure the submission of jobs that bring their own transfers beside that of other jobs: rows for figures.py."""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path

from measure import ratio, row, shown

from tests.sandboxes import Sandbox, sandbox_in

MOVES = ("--StageinGOsrc=GUEST1:/campaign/in/0064.file", "--Data=hits.${SN}", "--OutputGO=GUEST1:/campaign/out/")
MORE = 1.3  # times as long as without --goCarry
MANY = 1000


def rows() -> list[list[str]]:
    """Return the rows: how long a submission takes, of one job and of a thousand, and what goes to PanDA."""
    with tempfile.TemporaryDirectory() as folder, sandbox_in(Path(folder)) as sandbox:
        Path(folder, "run.sh").write_text("#!/bin/sh\n")
        sandbox.cwd = Path(folder)
        found = [
            ratio(
                f"`sendJob.py --goCarry` with {count} {'jobs' if count > 1 else 'job'}, checked and sent",
                lambda count=count: seconds(sandbox, "--goCarry", f"--njobs={count}"),  # type: ignore[misc]
                lambda count=count: seconds(sandbox, "--goVia=https", f"--njobs={count}"),  # type: ignore[misc]
                "without",
                MORE,
                runs,
            )
            for count, runs in ((1, 15), (MANY, 7))
        ]
        return [*found, task_row(sandbox), sent_row(sandbox)]


def task_row(sandbox: Sandbox) -> list[str]:
    """Return the row of a task of prun, which panda-client packs, uploads and sends."""
    numbers = itertools.count()

    def task(*words: str) -> float:
        needed = (f"--outDS=user.jdoe.t{next(numbers)}", "--noBuild", "--exec=run.sh", "--site=TEST1", "--nJobs=3")
        moves = ("--StageinGOsrc=GUEST1:/campaign/in/0064.file", "--outputs=a", "--Data=a")
        began = time.monotonic()
        result = sandbox.run("goclient", "prun", *needed, *moves, "--OutputGO=GUEST1:/campaign/out/", *words)
        assert result.code == 0, result.err
        return time.monotonic() - began

    return ratio(
        "`goclient prun --goCarry` of three jobs, checked and sent",
        lambda: task("--goCarry"), lambda: task("--goVia=https"), "without", MORE, 15,
    )  # fmt: skip


def seconds(sandbox: Sandbox, *words: str) -> float:
    """Return how long one submission takes."""
    began = time.monotonic()
    result = sandbox.submit(*MOVES, "--goOverwrite", *words)
    assert result.code == 0, result.err
    return time.monotonic() - began


def sent_row(sandbox: Sandbox) -> list[str]:
    """Return the row of what a thousand jobs send before them."""
    before = counts(sandbox)
    seconds(sandbox, "--goCarry", f"--njobs={MANY}")
    archives, secrets = (after - old for after, old in zip(counts(sandbox), before, strict=True))
    figure = f"{archives} and {secrets}"
    met = archives == 1 and counts(sandbox)[1] == 1
    return row(
        f"archives and new secrets of {MANY} more jobs", figure, "1 and 0", met, "one secret for all submissions"
    )


def counts(sandbox: Sandbox) -> tuple[int, int]:
    """Return how many archives, and how many secrets, the PanDA server of a sandbox has."""
    archives = sandbox.rows("select count(*) as number from cache_files")[0]["number"]
    return archives, len(sandbox.rows("select * from secrets"))


if __name__ == "__main__":
    raise SystemExit(shown(rows()))
