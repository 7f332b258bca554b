"""Builds of tasks: a job before all others makes the library that these get.

It is as in ``doGenerateBuild`` of JEDI's JobGenerator and ``archiveJob`` of server 1.0.4.  JEDI would build again when
a build has failed, and take the library of an earlier task of the same name: the sandbox does neither.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from goclient.sandbox.state import Row, State, compact_json

WAITING = "defined"  # the state of jobs that wait for their library
KILLED, UPSTREAM = 100, "killed by Panda server : upstream job failed"  # EC_Kill of taskbuffer/ErrorCode.py
NAME = "buildGen-00-00-01"
_NEEDED = ("archiveName", "jobParameters", "prodSourceLabel")


@dataclass(frozen=True, slots=True)
class Build:
    """Build of a task: the archive of its sources, the words of the build, and its prodSourceLabel."""

    archive: str
    parameters: str
    label: str

    def words(self, library: str, source_url: str) -> str:
        """Return the jobParameters of the build (``makeBuildJobParameters``)."""
        filled = self.parameters
        for name, value in {"OUT": library, "IN": self.archive, "SURL": source_url}.items():
            filled = filled.replace(f"${{{name}}}", value)
        return filled


@dataclass(frozen=True, slots=True)
class Library:
    """Library of a task: its name, and its dataset."""

    name: str
    dataset: str

    @classmethod
    def new(cls, task_id: int) -> Library:
        """Return the library that the build of a task will make; the last number is the file's, which JEDI fills in."""
        now = datetime.now(UTC)
        dataset = f"panda.{now:%m%d%H%M%S}.{now.microsecond}.lib._{task_id:06d}"
        return cls(f"{dataset}.{time.time_ns() % 10**9}.lib.tgz", dataset)

    def file(self, kind: str) -> dict[str, Any]:
        """Return the file of a job that makes it (``output``), or needs it (``input``)."""
        place = "destinationDBlock" if kind == "output" else "dispatchDBlock"
        return {"lfn": self.name, "type": kind, "dataset": self.dataset, place: self.dataset, "scope": "panda"}

    @property
    def log(self) -> dict[str, Any]:
        """Return the log of the job that makes it."""
        return {**self.file("output"), "lfn": self.name.replace(".lib.tgz", ".log.tgz"), "type": "log"}


def read(given: Any) -> Build | None:
    """Return the build that a task's parameters ask for, None without one; raise ValueError for one that cannot be."""
    if given is None:
        return None
    if not isinstance(given, dict) or any(not isinstance(given.get(name), str) for name in _NEEDED):
        raise ValueError(f"buildSpec needs {', '.join(_NEEDED)}")
    if given.get("tarBallViaDDM") or "--useAthenaPackages" in given["jobParameters"]:
        raise ValueError("buildSpec: the sandbox has no data sets and no Athena: add --noBuild")
    return Build(given["archiveName"], given["jobParameters"], given["prodSourceLabel"])


def make_job(build: Build, library: Library, *, common: Mapping[str, Any], url: str) -> dict[str, Any]:
    """Return the job that makes a library; ``common`` are the attributes of the task's jobs, ``url`` the sources'."""
    base = str(common["transformation"]).rpartition("/")[0]
    return {
        **common,
        "transformation": f"{base}/{NAME}",
        "prodSourceLabel": build.label,
        "specialHandling": None,
        "attemptNr": 1,
        "destinationDBlock": library.dataset,
        "jobParameters": build.words(library.name, url),
        "Files": [library.file("output"), library.log],
    }


def end(state: State, row: Row, status: str, *, at: dict[str, str]) -> None:
    """Let the jobs of a task run that wait for a build, or cancel them if that failed; ``at`` is the time."""
    waiting = state.rows("select * from jobs where task = ? and status = ?", row["task"], WAITING)
    now = time.time()
    for one in waiting:
        job = json.loads(one["attributes"])
        if status != "finished":
            job |= {"taskBufferErrorCode": KILLED, "taskBufferErrorDiag": UPSTREAM, "endTime": at}
        change = "update jobs set attributes = ?, status = ?, changed = ? where panda_id = ?"
        state.run(change, compact_json(job), "activated" if status == "finished" else "cancelled", now, one["panda_id"])
