"""Measures ``--goVia site``: seconds of a slot that go to transfers, and the transfer tasks of a thousand jobs."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from measure import row, shown

from tests.commands import completed
from tests.sandboxes import Sandbox, sandbox_in

LINK = 10_000_000  # bytes a second
SIZE, INPUTS, PAYLOAD = 20_000_000, 10, 60  # bytes of a file, files of a job, seconds of its payload
JOBS, FILES = 1_000, 25
SITE, SOURCES, DESTINATION = "mxp#MXP_BNL_TEST", ("SITE1", "mxp#MXP_OU_TEST"), "wdeng#ANLHEP_ATLAS8"
LIMIT = 0.05


def rows() -> list[list[str]]:
    """Return the rows of this chapter."""
    with tempfile.TemporaryDirectory() as folder, sandbox_in(Path(folder)) as sandbox:
        site(sandbox)
        in_job, staged = slot(sandbox, "in-job"), slot(sandbox, "staged", "--goVia=site")
        sandbox.set()
        tasks, seconds = thousand(sandbox)
    pairs = len(SOURCES) + 1
    files = f"{INPUTS} files of {SIZE // 10**6} MB in, one out, a payload of {PAYLOAD} s"
    return [
        row("--goVia site: seconds of a slot in transfers, a second of payload", f"{staged:.3f}", f"≤ {LIMIT}",
            staged <= LIMIT, f"at {LINK // 10**6} MB/s; in the job, through Globus Connect, {in_job:.3f}; {files}"),
        row(f"--goVia site: transfer tasks of {JOBS:,} jobs of {FILES} files", str(tasks), f"≤ {2 * pairs}",
            tasks <= 2 * pairs, f"{pairs} pairs of endpoints; sent in {seconds:.0f} s, without the copies"),
    ]  # fmt: skip


def site(sandbox: Sandbox) -> None:
    """Let the nodes of a queue see a directory of a collection."""
    staging = sandbox.path(SITE, "staging")
    staging.mkdir()
    (found,) = sandbox.rows("select id from collections where display_name = ?", SITE)
    with (sandbox.root / "settings.toml").open("a") as file:
        file.write(f'[site.TEST1]\ncollection = "{found["id"]}"\ndirectory = "/staging"\nnode = "{staging}"\n')


def slot(sandbox: Sandbox, campaign: str, *words: str) -> float:
    """Return the seconds in transfers of a job's slot, for each second of its payload."""
    sandbox.set(bytes_per_second=LINK)
    source = sandbox.path(SOURCES[0], "home/large")
    source.mkdir(exist_ok=True)
    names = [f"{number}.root" for number in range(INPUTS)]
    for name in names:
        (source / name).write_bytes(bytes(SIZE))
    payload = sandbox.payload("long.sh", f"#!/bin/sh\nsleep {PAYLOAD}\ncp 0.root out.root\n")
    sent = sandbox.run(
        *("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", f"--campaign={campaign}"),
        *("--StageinGOsrc=" + ",".join(f"{SOURCES[0]}:/home/large/{name}" for name in names), "--Data=out.root"),
        *(f"--OutputGO={DESTINATION}:/atlas/dq2/test/{campaign}/", *words),
    )
    assert sent.code == 0, sent.err
    line = ("goclient", "pilot", "--site=TEST1", "--once")
    ran = completed(line, env=sandbox.env, cwd=sandbox.cwd, timeout=10 * PAYLOAD)
    assert ran.code == 0, ran.err
    (job,) = sandbox.rows("select attributes from jobs order by panda_id desc limit 1")
    words_of = dict(one.split("=", 1) for one in json.loads(job["attributes"])["jobMetrics"].split() if "=" in one)
    spent = {name: float(words_of.get(f"{name}.s", 0)) for name in ("stage-in", "payload", "stage-out", "output")}
    return (sum(spent.values()) - spent["payload"]) / spent["payload"]


def thousand(sandbox: Sandbox) -> tuple[int, float]:
    """Return the transfer tasks of a campaign of many jobs from two endpoints, and the seconds until it is sent."""
    names = [f"{SOURCES[number % 2]}:/home/small/{number}.root" for number in range(JOBS * FILES)]
    (sandbox.cwd / "inputs.txt").write_text("\n".join(names))
    sandbox.set(running_tasks=0)  # to copy that many files one by one takes the sandbox ten minutes
    began = time.monotonic()
    sent = sandbox.run(
        *("sendJob.py", "--computingSite=TEST1", "--transformation=/bin/true", "--goVia=site", "--campaign=thousand"),
        *(f"--nFilesPerJob={FILES}", "--StageinGOsrc=@inputs.txt", "--StageoutGOsrc=out.root", "--noCheck", "--detach"),
        f"--StageoutGOdest={DESTINATION}:/atlas/dq2/test/thousand/${{SN}}.root",
    )
    assert sent.code == 0, sent.err
    sandbox.rows("update tasks set status = 'SUCCEEDED', completion_time = ? where status = 'ACTIVE'", time.time())
    sandbox.set()
    advance(sandbox, f"{JOBS} waiting or running")
    seconds = time.monotonic() - began
    for first, last in ((1, JOBS // 2), (JOBS // 2 + 1, JOBS)):
        finish(sandbox, first, last)
        advance(sandbox, f"{last} have delivered" if last < JOBS else "all is done")
    found = sandbox.rows("select label from tasks where type = 'TRANSFER' and label like 'goclient thousand %'")
    return len(found), seconds


def advance(sandbox: Sandbox, told: str) -> None:
    """Advance the campaign until that is told."""
    for _ in range(1_000):
        found = sandbox.run("goclient", "advance", "thousand")
        assert found.code == 0, found.err
        if told in found.out:
            return
        time.sleep(1)
    raise AssertionError(f"{told}: it does not come to that")


def finish(sandbox: Sandbox, first: int, last: int) -> None:
    """Let jobs be finished, with their outputs at the site."""
    (job,) = sandbox.rows("select attributes ->> 'jobName' as name from jobs order by panda_id desc limit 1")
    area = sandbox.path(SITE, f"staging/{job['name'][: len('thousand.') + 8]}")
    (area / "out").mkdir(parents=True, exist_ok=True)
    for serial in range(first, last + 1):
        (area / "out" / f"{serial:06d}.1").write_text(f"of job {serial}")
    (before,) = sandbox.rows(
        "select min(panda_id) - 1 as last from jobs where attributes ->> 'jobName' like 'thousand.%'"
    )
    query = "update jobs set status = 'finished' where panda_id between ? and ?"
    sandbox.rows(query, before["last"] + first, before["last"] + last)


if __name__ == "__main__":
    raise SystemExit(shown(rows()))
