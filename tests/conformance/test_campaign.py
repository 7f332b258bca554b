"""A campaign of 200 jobs, 20 of which fail in four ways: brought, run, followed, mended, delivered by six commands."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from goclient.config.connections import Connections
from goclient.errors.findings import ExitCode
from goclient.model.planner import plan
from goclient.model.records.registry import decode
from goclient.node.engines.base import Heartbeat
from goclient.node.engines.copier import Copier
from tests.sandboxes import Sandbox

JOBS, SOURCES, SITE, DESTINATIONS = (
    200,
    ("SITE1", "mxp#MXP_OU_TEST"),
    "mxp#MXP_BNL_TEST",
    ("wdeng#ANLHEP_ATLAS8", "SITE1"),
)
BROKEN = """#!/bin/sh
[ "$1" -le 5 ] && exit 3
[ "$1" -le 10 ] || cat in.*.dat > out.txt
cat in.*.dat in.*.dat > twice.txt
"""
MENDED = BROKEN.replace('[ "$1" -le 5 ] && exit 3\n', "").replace('[ "$1" -le 10 ] || ', "")


def content(serial: int) -> str:
    return f"the input of job {serial}\n"


class Quick(Heartbeat):
    """Heartbeat of a node that nobody watches."""

    def send(self) -> None:
        return


def run_by_pilots(sandbox: Sandbox, count: int) -> None:
    """Run so many jobs by our pilot, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: sandbox.pilot().code == ExitCode.NO_JOB, range(count))) == [False] * count


def run_by_copies(sandbox: Sandbox, folder: Path) -> None:
    """Run all jobs that wait as a pilot does, in this process: their copies on the node, and their payload between."""
    server = Connections(environ=sandbox.env).panda(pilot=True)
    for number in itertools.count():
        if (job := server.acquire("TEST1", node="here")) is None:
            return
        (directory := folder / str(number)).mkdir(parents=True)
        decoded = decode(job.parameters)
        before, after = plan(decoded.spec)
        node = Copier(directory, overwrite=decoded.spec.overwrite, own=(), heartbeat=Quick())
        server.update(job.panda_id, "running", attempt_number=job.attempt)
        node.run(before)
        script = sandbox.root / "transformations" / job.transformation.rpartition("/")[2]
        subprocess.run(["sh", str(script), *decoded.payload.split()], cwd=directory, check=True)
        node.run(after)
        server.update(job.panda_id, "finished", attempt_number=job.attempt)


def states(sandbox: Sandbox) -> Counter[str]:
    return Counter(row["status"] for row in sandbox.rows("select status from jobs"))


def test_a_campaign_is_brought_run_followed_mended_and_delivered_by_six_commands(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    staging, words = sandbox.path(SITE, "staging"), []
    staging.mkdir()
    for serial in range(1, JOBS + 1):
        source = SOURCES[serial > JOBS // 2]
        (directory := sandbox.path(source, "home/data")).mkdir(parents=True, exist_ok=True)
        (directory / f"in.{serial:06d}.dat").write_text(content(serial))
        words.append(f"{source}:/home/data/in.{serial:06d}.dat")
    (sandbox.cwd / "inputs.txt").write_text("\n".join(words))
    for destination in DESTINATIONS:
        sandbox.path(destination, "out").mkdir()
    (collection,) = sandbox.rows("select id from collections where display_name = ?", SITE)
    with (sandbox.root / "settings.toml").open("a") as file:
        file.write(f'[site.TEST1]\ncollection = "{collection["id"]}"\ndirectory = "/staging"\nnode = "{staging}"\n')
    payload = sandbox.payload("work.sh", BROKEN)
    began = time.monotonic()

    # 1: bring, and send
    sent = sandbox.run(
        *("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", "--jobParameters=${SN}"),
        *("--goVia=site", "--campaign=scan", "--nFilesPerJob=1", "--StageinGOsrc=@inputs.txt"),
        "--StageoutGOsrc=out.txt,twice.txt",
        f"--StageoutGOdest={DESTINATIONS[0]}:/out/out.${{SN}}.txt,{DESTINATIONS[1]}:/out/twice.${{SN}}.txt",
    )
    assert (sent.code, sent.out.count("PandaID=")) == (0, JOBS), sent.err
    print(f"sent after {time.monotonic() - began:.1f} s")
    lost = [next(staging.rglob(f"in.{serial:06d}.dat")) for serial in range(11, 16)]
    for path in lost:  # somebody tidies up
        path.unlink()
    sandbox.rows(  # the batch system stops jobs
        "update jobs set status = 'failed', attributes = json_set(attributes, '$.pilotErrorCode', 1201) "
        "where panda_id between 16 and 20"
    )
    run_by_pilots(sandbox, 15)  # those that will fail
    run_by_copies(sandbox, tmp_path)
    print(f"run after {time.monotonic() - began:.1f} s", states(sandbox))
    assert states(sandbox) == {"finished": JOBS - 20, "failed": 20}

    # 2: follow
    followed = sandbox.run("goclient", "status", "--campaign=scan", "--exit-status")
    assert followed.code != 0
    assert followed.out.count("5 jobs:") >= 3, followed.out

    # 3: deliver what is there, and try again what that cures
    delivered = sandbox.run("goclient", "advance", "scan")
    assert "5 jobs sent again" in delivered.err, delivered.err
    run_by_pilots(sandbox, 5)

    # 4: mend
    sandbox.payload("work.sh", MENDED)
    for path in lost:
        path.write_text(content(int(path.name.split(".")[1])))
    mended = sandbox.run("goclient", "retry", "--campaign=scan")
    assert (mended.code, mended.out.count(".try2")) == (0, 15), mended.err
    run_by_pilots(sandbox, 15)

    # 5: deliver the rest, and clean up
    done = sandbox.run("goclient", "advance", "scan", "--wait")
    assert (done.code, done.out) == (0, f"scan: all is done: {JOBS} of {JOBS} jobs have delivered\n"), done.err

    # 6: nothing is left to do
    last = sandbox.run("goclient", "status", "--campaign=scan", "--json")
    assert len({one["jobName"].removesuffix(".try2") for one in last.json if one["state"] == "finished"}) == JOBS

    for destination, name, times in ((DESTINATIONS[0], "out", 1), (DESTINATIONS[1], "twice", 2)):
        found = {one.name: one.read_text() for one in sandbox.path(destination, "out").iterdir()}
        assert found == {f"{name}.{n}.txt": content(n) * times for n in range(1, JOBS + 1)}
    written = Counter(row["destination_path"] for row in sandbox.rows("select destination_path from transferred"))
    assert set(written.values()) == {1}, "each file was transferred once"
    assert not list(staging.iterdir())
    tasks = Counter(row["label"] for row in sandbox.rows("select label from tasks where type = 'TRANSFER'"))
    assert tasks["goclient scan bring"] == len(SOURCES)
    assert tasks["goclient scan deliver"] <= 2 * len(DESTINATIONS)
    print(f"done after {time.monotonic() - began:.1f} s")
