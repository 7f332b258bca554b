"""Metrics of a job, as a pilot of goclient has reported them: seconds of its phases, and its transfers.

``pilot/metrics.py`` writes them, docs/sites.md has the form.  Any pilot, and any job, can write anything there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from goclient.model.endpoint import is_uuid
from goclient.model.records.answers import JobState
from goclient.model.remote import TaskState

VERSION = "goclient=v1"
PHASES = ("stage-in", "payload", "stage-out", "output", "total")
_SECONDS = re.compile(r"([a-z-]+)\.s=([0-9]{1,9}(?:\.[0-9]{1,3})?)")
_COUNT = re.compile(r"([a-z-]+)\.(files|bytes|faults)=([0-9]{1,18})")
_TASK = re.compile(r"([a-z-]+)\.task=([^,]+),([0-9]{1,18}),([0-9]{1,18}),(done|failed)")


def seconds_of(job: JobState) -> Mapping[str, float]:
    """Return the seconds of each phase, of the payload and of it all, as far as they are told."""
    found = (_SECONDS.fullmatch(word) for word in _words(job))
    return {one[1]: float(one[2]) for one in found if one and one[1] in PHASES}


def transfers_told(job: JobState) -> Iterator[TaskState]:
    """Yield the transfers of each phase: its tasks, and one without an id for what no task is told of."""
    words = _words(job)
    left: dict[str, dict[str, int]] = {}
    for one in filter(None, map(_COUNT.fullmatch, words)):
        left.setdefault(one[1], dict.fromkeys(("files", "bytes", "faults"), 0))[one[2]] = int(one[3])
    tasks = [one for one in map(_TASK.fullmatch, words) if one and one[1] in left and is_uuid(one[2])]
    for phase, rest in left.items():
        label = f"goclient {job.panda_id} {phase}"
        own = [one for one in tasks if one[1] == phase]
        for one in own:
            files, size = int(one[3]), int(one[4])
            rest["files"], rest["bytes"] = rest["files"] - files, rest["bytes"] - size
            status = "SUCCEEDED" if one[5] == "done" else "FAILED"
            yield TaskState(one[2], label, status, files, size, faults=0, reason="")
        if not own or rest["files"] > 0:
            failed = job.state == "failed" and job.reason.startswith(phase)
            counts = (max(rest["files"], 0), max(rest["bytes"], 0), rest["faults"])
            yield TaskState("", label, "FAILED" if failed else "SUCCEEDED", *counts, reason="")


def _words(job: JobState) -> list[str]:
    words = job.metrics.split()
    return words if words[:1] == [VERSION] else []
