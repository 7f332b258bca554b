"""Measures ``goclient status``: requests, time and memory of many jobs, and what watching takes of a core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection, connect
from typing import Any

import requests
from measure import row, shown

from goclient.model.campaign import campaign_of, job_label
from tests.sandboxes import Sandbox, sandbox_in

GOCLIENT = [sys.executable, "-m", "goclient", "status"]
FEW, MANY = 1_000, 10_000
FILES = 25  # a job
WATCHED = 90.0  # seconds
PAGE = os.sysconf("SC_CLK_TCK")
COLUMNS = ("task_id", "owner", "label", "status", "source", "destination", "request_time", "deadline", "items",
           "options", "files_transferred", "bytes_transferred", "retry_at")  # fmt: skip


def rows() -> list[list[str]]:
    """Return the rows of this chapter."""
    with tempfile.TemporaryDirectory() as folder, sandbox_in(Path(folder)) as sandbox:
        fill(sandbox)
        few, few_seconds, _ = status(sandbox, FEW)
        _, many_seconds, memory = status(sandbox, MANY)
        share = watch(sandbox)
    times = many_seconds / few_seconds
    limit = MANY / FEW * 1.1
    return [
        row(f"status of {FEW:,} jobs of {FILES} files, 3 of 10 of which run: requests", f"{few}", "≤ 4", few <= 4,
            "to PanDA and Transfer, without the login; jobs that are over have told their transfers"),
        row(f"status of {MANY:,} jobs, as many times longer than of {FEW:,}", f"{times:.1f}", f"≤ {limit:.0f}",
            times <= limit, f"{many_seconds:.1f} s, {few_seconds:.1f} s, the sandbox's own time in both"),
        row(f"status of {MANY:,} jobs: memory", f"{memory:.0f} MB", "≤ 200 MB", memory <= 200, "at its peak"),
        row(f"status --watch of {FEW:,} jobs that run: share of a core", f"{share:.1%}", "≤ 2 %", share <= 0.02,
            f"from the first picture on, {WATCHED:.0f} s"),
    ]  # fmt: skip


def fill(sandbox: Sandbox) -> None:
    """Submit jobs, and let them be where jobs of a campaign are: finished, failed, and running with transfers."""
    sources = ",".join(f"SITE1:/data/run0042/AOD.{number:06d}.pool.root" for number in range(FILES))
    for start in range(0, MANY, FEW):
        words = ("--njobs", str(FEW), f"--campaign=c{start // FEW}", f"--StageinGOsrc={sources}", "--noCheck")
        sent = sandbox.submit(*words)
        assert sent.code == 0, sent.err
    with closing(connect(sandbox.root / "sandbox.sqlite", timeout=60)) as connection, connection:
        (owner,) = connection.execute("select id from identities where username like 'jdoe%'").fetchone()
        (site,) = connection.execute("select id from collections where display_name = 'SITE1'").fetchone()
        for panda_id, attributes in connection.execute("select panda_id, attributes from jobs").fetchall():
            end(connection, panda_id, json.loads(attributes), owner=owner, site=site)


def end(connection: Connection, panda_id: int, job: dict[str, Any], *, owner: str, site: str) -> None:
    """Give one job a state: six of ten are finished, one has failed, three run."""
    kind, size, now = panda_id % 10, FILES * 100_000_000, time.time()
    state = "finished" if kind < 6 else "failed" if kind == 6 else "running"
    job["startTime"] = job["creationTime"]
    if state == "running":
        label, later = job_label(panda_id, campaign_of(job["jobName"]), "stage-in"), now + 86400
        values = (str(uuid.uuid4()), owner, label, "ACTIVE", site, site, now, later, "[1]", "{}", 3, size, later)
        marks = ",".join("?" * len(values))
        connection.execute(f"insert into tasks ({','.join(COLUMNS)}) values ({marks})", values)
    else:
        told = f"stage-in.s=60.0 stage-in.files={FILES} stage-in.bytes={size} stage-in.faults=0 payload.s=600.0"
        job["jobMetrics"] = f"goclient=v1 {told} total.s=700.0 stage-in.task={uuid.uuid4()},{FILES},{size},done"
        job["endTime"] = job["creationTime"]
    if state == "failed":
        job |= {"pilotErrorCode": 1137, "pilotErrorDiag": f"output: SITE1:/out/{panda_id}.root: no room"}
    change = "update jobs set status = ?, attributes = ? where panda_id = ?"
    connection.execute(change, (state, json.dumps(job), panda_id))


def status(sandbox: Sandbox, jobs: int) -> tuple[int, float, float]:
    """Return the requests, seconds and megabytes of one status of so many jobs."""
    secret = {"Authorization": f"Bearer {sandbox.env['SANDBOX_SECRET']}"}
    requests.delete(f"{sandbox.url}/sandbox/requests", headers=secret, timeout=10)
    start = time.perf_counter()
    process = subprocess.Popen([*GOCLIENT, f"1-{jobs}"], env=environment(sandbox), stdout=subprocess.PIPE)
    assert process.stdout is not None
    text = process.stdout.read()
    _, code, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    assert code == 0, text[-500:]
    assert text.count(b"\n") > jobs
    asked = requests.get(f"{sandbox.url}/sandbox/requests", headers=secret, timeout=10).json()["requests"]
    own = [one for one in asked if one["path"].startswith(("/api/v1/", "/v0.10/"))]
    return len(own), seconds, used.ru_maxrss / 1024


def watch(sandbox: Sandbox) -> float:
    """Return which share of a core it takes to watch jobs that all run."""
    with closing(connect(sandbox.root / "sandbox.sqlite", timeout=60)) as connection, connection:
        connection.execute("update jobs set status = 'running' where panda_id <= ?", (FEW,))
    words = [*GOCLIENT, f"1-{FEW}", "--watch"]
    with subprocess.Popen(words, env=environment(sandbox), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        before = used_by(process.pid)
        time.sleep(WATCHED)
        used = used_by(process.pid) - before
        process.kill()
    return used / WATCHED


def used_by(pid: int) -> float:
    """Return the seconds of processor that a process has used (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / PAGE


def environment(sandbox: Sandbox) -> dict[str, str]:
    """Return the environment of a user of the sandbox who has this goclient."""
    return {**sandbox.env, "PYTHONPATH": str(Path(__file__).parent.parent)}


if __name__ == "__main__":
    raise SystemExit(shown(rows()))
