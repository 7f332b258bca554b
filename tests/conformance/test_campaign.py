"""A campaign of 200 jobs, 20 of which fail in four ways: brought, run, followed, mended, delivered by six commands."""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.commands import TIMEOUT, started
from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

JOBS, SOURCES, SITE, DESTINATIONS = (
    200,
    ("SITE1", "mxp#MXP_OU_TEST"),
    "mxp#MXP_BNL_TEST",
    ("wdeng#ANLHEP_ATLAS8", "SITE1"),
)
# What an earlier try leaves in the directory must not come with that of a later one.
BROKEN = """#!/bin/sh
mkdir -p made/deep && [ "$1" -gt 10 ] || echo "an earlier try" > made/left
[ "$1" -le 5 ] && exit 3
[ "$1" -le 10 ] || cat in.*.dat > out.txt
cat in.*.dat in.*.dat > twice.txt
cat in.*.dat > made/one && cat in.*.dat in.*.dat in.*.dat > made/deep/three
"""
MENDED = re.sub(r'\[ "\$1" -le (5 \] && exit 3\n|10 \] \|\| )', "", BROKEN).replace("-gt 10", "-gt 0")


def content(serial: int) -> str:
    return f"the input of job {serial}\n"


def run_by_pilots(sandbox: Sandbox) -> None:
    """Run all jobs that wait, by two of our pilots that run on."""
    words, env = ["goclient", "pilot", "--site=TEST1"], sandbox.env
    pilots = [started(words, env=env, cwd=sandbox.cwd, stdout=-3, stderr=-3) for _ in range(2)]
    while (found := states(sandbox)).keys() - {"finished", "failed"}:
        until(lambda: states(sandbox) != found)
    for one in pilots:
        one.terminate()
    assert all(one.wait(TIMEOUT) for one in pilots), "they were stopped"


def checksums(directory: Path) -> dict[str, str]:
    """Return the checksum of each file below a directory, by its path there."""
    files = (one for one in directory.rglob("*") if one.is_file())
    return {str(one.relative_to(directory)): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


def expected(kind: Callable[[int], dict[str, str]]) -> dict[str, str]:
    """Return the checksum of each file that the jobs have made, by its path."""
    made = {name: text for serial in range(1, JOBS + 1) for name, text in kind(serial).items()}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in made.items()}


def states(sandbox: Sandbox) -> Counter[str]:
    return Counter(row["status"] for row in sandbox.rows("select status from jobs"))


def test_a_campaign_is_brought_run_followed_mended_and_delivered_by_six_commands(
    sandbox: Sandbox,
) -> None:
    staging, words = sandbox.path(SITE, "staging"), []
    staging.mkdir()
    for serial in range(1, JOBS + 1):
        source = SOURCES[serial > JOBS // 2]
        (directory := sandbox.path(source, "home/data")).mkdir(parents=True, exist_ok=True)
        (directory / f"in.{serial:06d}.dat").write_text(content(serial))
        words.append(f"{source}:/home/data/in.{serial:06d}.dat")
    (sandbox.cwd / "inputs.txt").write_text("\n".join(words))
    for destination, name in ((DESTINATIONS[0], "out"), (DESTINATIONS[1], "out"), (DESTINATIONS[1], "made")):
        sandbox.path(destination, name).mkdir()
    (collection,) = sandbox.rows("select id from collections where display_name = ?", SITE)
    with (sandbox.root / "settings.toml").open("a") as file:
        file.write(f'[site.TEST1]\ncollection = "{collection["id"]}"\ndirectory = "/staging"\nnode = "{staging}"\n')
    payload = sandbox.payload("work.sh", BROKEN)
    began = time.monotonic()

    # 1: bring, and send
    sent = sandbox.run(
        *("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", "--jobParameters=${SN}"),
        *("--goVia=site", "--campaign=scan", "--nFilesPerJob=1", "--StageinGOsrc=@inputs.txt"),
        "--StageoutGOsrc=out.txt,twice.txt,made/",
        f"--StageoutGOdest={DESTINATIONS[0]}:/out/out.${{SN}}.txt,{DESTINATIONS[1]}:/out/twice.${{SN}}.txt",
        f"--StageoutGOdest={DESTINATIONS[1]}:/made/job.${{SN}}/",
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
    run_by_pilots(sandbox)
    print(f"run after {time.monotonic() - began:.1f} s", states(sandbox))
    assert states(sandbox) == {"finished": JOBS - 20, "failed": 20}

    # 2: follow
    followed = sandbox.run("goclient", "status", "--campaign=scan", "--exit-status")
    assert followed.code != 0
    assert followed.out.count("5 jobs:") >= 3, followed.out

    # 3: deliver what is there, and try again what that cures
    delivered = sandbox.run("goclient", "advance", "scan")
    assert "5 jobs sent again" in delivered.err, delivered.err
    run_by_pilots(sandbox)

    # 4: mend
    sandbox.payload("work.sh", MENDED)
    for path in lost:
        path.write_text(content(int(path.name.split(".")[1])))
    mended = sandbox.run("goclient", "retry", "--campaign=scan")
    assert (mended.code, mended.out.count(".try2")) == (0, 15), mended.err
    run_by_pilots(sandbox)

    # 5: deliver the rest, and clean up
    done = sandbox.run("goclient", "advance", "scan", "--wait")
    assert (done.code, done.out) == (0, f"scan: all is done: {JOBS} of {JOBS} jobs have delivered\n"), done.err

    # 6: nothing is left to do
    last = sandbox.run("goclient", "status", "--campaign=scan", "--json")
    assert len({one["jobName"].removesuffix(".try2") for one in last.json if one["state"] == "finished"}) == JOBS

    first, second = (sandbox.path(one) for one in DESTINATIONS)
    assert checksums(first / "out") == expected(lambda n: {f"out.{n}.txt": content(n)})
    assert checksums(second / "out") == expected(lambda n: {f"twice.{n}.txt": content(n) * 2})
    made = expected(lambda n: {f"job.{n}/made/one": content(n), f"job.{n}/made/deep/three": content(n) * 3})
    assert checksums(second / "made") == made
    written = Counter(row["destination_path"] for row in sandbox.rows("select destination_path from transferred"))
    assert set(written.values()) == {1}, "each file was transferred once"
    assert not list(staging.iterdir())
    tasks = Counter(row["label"] for row in sandbox.rows("select label from tasks where type = 'TRANSFER'"))
    assert tasks["goclient scan bring"] == len(SOURCES)
    assert tasks["goclient scan deliver"] <= 2 * len(DESTINATIONS)
    print(f"done after {time.monotonic() - began:.1f} s")
