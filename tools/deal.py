"""Measures files that are dealt to jobs: the submission beside panda-client's, and the requests of the preflight."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests
from measure import paired, row, shown

from tests.sandboxes import Sandbox, sandbox_in

JOBS, EACH, DIRECTORIES, RUNS = 1_000, 25, 20, 5
ENDPOINTS = {"SITE1": "/home/osg_data/panda", "mxp#MXP_OU_TEST": "/home/usatlas1"}
BIN = Path(sys.executable).parent
WORDS = ("--computingSite=TEST1", f"--nFilesPerJob={EACH}", "--Data=a.${SN}.dat",
         "--OutputGO=SITE1:/home/osg_data/panda/")  # fmt: skip

# The same records, whose parts are known, submitted by panda-client.
PEER = """
import json, sys
from pandaclient import Client
from pandaclient.FileSpec import FileSpec
from pandaclient.JobSpec import JobSpec
jobs = []
for number, text in enumerate(open(sys.argv[1]).read().splitlines()):
    job = JobSpec()
    job.transformation, job.computingSite, job.prodSourceLabel = "https://example.org/a.sh", "TEST1", "user"
    job.destinationSE, job.destinationDBlock, job.jobDefinitionID = "local", "panda.destDB.0", 7
    job.currentPriority, job.jobName, job.jobParameters = 1000, f"20261129-010203.{'0' * 36}_{number}", text
    log = FileSpec()
    log.lfn, log.type = job.jobName + ".job.log.tgz", "log"
    log.dataset = log.destinationDBlock = job.destinationDBlock
    job.addFile(log)
    jobs.append(job)
status, taken = Client.submitJobs(jobs)
assert status == 0 and len(taken) == len(jobs), taken
"""


def rows() -> list[list[str]]:
    """Return the rows of this chapter."""
    with tempfile.TemporaryDirectory() as folder, sandbox_in(Path(folder)) as sandbox:
        names = Path(folder, "names")
        names.write_text("\n".join(fill(sandbox)))
        payload = f"--transformation={sandbox.url}/transformations/datatransfer.sh"
        words = ("sendJob.py", *WORDS, payload, f"--StageinGOsrc=@{names}")
        texts, peer = Path(folder, "texts"), Path(folder, "peer.py")
        peer.write_text(PEER)
        dry = run(sandbox, str(BIN / words[0]), *words[1:], "--noSubmit", "--noCheck")
        texts.write_text("".join(line.partition("jobParameters=")[2] + "\n" for line in dry.splitlines()))
        times, ours, theirs = paired(
            lambda: seconds(sandbox, str(BIN / words[0]), *words[1:], "--noCheck"),
            lambda: seconds(sandbox, sys.executable, str(peer), str(texts)),
            RUNS,
        )
        requests.delete(f"{sandbox.url}/sandbox/requests", timeout=60)
        run(sandbox, str(BIN / "goclient"), "check", *words[1:], "--goTimeout=600")
        asked = [one["path"] for one in requests.get(f"{sandbox.url}/sandbox/requests", timeout=60).json()["requests"]]
    listings = sum("/ls" in path for path in asked)
    found = sum("/endpoint/" in path and "/operation/" not in path for path in asked)
    most = DIRECTORIES + 1 + len(ENDPOINTS)
    return [
        row(f"{JOBS:,} jobs of {EACH} files, `--nFilesPerJob --noCheck`, submitted, of panda-client's of equal bytes",
            f"{times:.2f}", "≤ 1.5", times <= 1.5, f"{ours * 1e3:.0f} ms, panda-client {theirs * 1e3:.0f} ms"),
        row(f"their preflight: collections and listings, in {DIRECTORIES} directories of {len(ENDPOINTS)} endpoints",
            f"{listings + found}", f"≤ {most}", listings + found <= most,
            f"{listings} listings, {found} collections, {len(asked)} requests in all"),
    ]  # fmt: skip


def fill(sandbox: Sandbox) -> list[str]:
    """Make the files, in some directories of each endpoint; return their locations."""
    names = []
    for number in range(JOBS * EACH):
        directory = number % DIRECTORIES
        end, top = list(ENDPOINTS.items())[directory % len(ENDPOINTS)]
        names.append(f"{end}:{top}/run{directory}/AOD.{number:06d}.root")
        path = sandbox.path(end, f"{top}/run{directory}/AOD.{number:06d}.root")
        if number < DIRECTORIES:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return names


def run(sandbox: Sandbox, *command: str) -> str:
    """Return what a command prints; raise if it fails."""
    return subprocess.run(command, env=sandbox.env, check=True, stdout=subprocess.PIPE, text=True).stdout


def seconds(sandbox: Sandbox, *command: str) -> float:
    """Return how many seconds a command takes."""
    start = time.perf_counter()
    with open(os.devnull, "wb") as nothing:
        subprocess.run(command, env=sandbox.env, check=True, stdout=nothing, stderr=nothing)
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(shown(rows()))
