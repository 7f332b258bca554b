"""Reports of pilots, taken as ``updateJobStatus`` and ``AdderGen`` of server 1.0.4 take them."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from goclient.model.records.answers import DIAGNOSES
from goclient.model.records.panda_job import UNSET
from goclient.sandbox.panda import attempts
from goclient.sandbox.panda import jobs as stored
from goclient.sandbox.panda.api import Caller
from goclient.sandbox.state import Row, compact_json

STATES = ("running", "failed", "finished", "holding", "starting", "transferring")
ENDS = ("failed", "finished")
POST_PROCESSING = ("holding", "transferring")
# Commands to the pilot: a stale attempt is told the same as that of a job which is in the archive.
GONE, ENDED_ALREADY = "tobekilled", "alreadydone"
METADATA = "metadata"  # an attribute without a width
OWN_DIAGNOSIS = "jobDispatcherErrorDiag"
# The attributes of a job by the arguments of update_job.
_DETAILS = {
    "trans_exit_code": "transExitCode",
    "pilot_error_code": "pilotErrorCode",
    "pilot_error_diag": DIAGNOSES[0],
    "exe_error_code": "exeErrorCode",
    "exe_error_diag": DIAGNOSES[1],
    "job_metrics": "jobMetrics",
    "node": "modificationHost",
    "job_output_report": METADATA,
    "meta_data": METADATA,  # the report of the transformation, which counts more
}


def take(caller: Caller, panda_id: int, status: str, *, attempt: int | None, details: dict[str, Any]) -> str:
    """Take a report of a job's attempt (None: of any); return the command to the pilot."""
    state = caller.state
    with state.transaction():
        row = state.row("select * from jobs where panda_id = ?", panda_id)
        if row is None or row["status"] in stored.DONE:  # it is in the archive
            return GONE
        job: dict[str, Any] = json.loads(row["attributes"])
        if attempt is not None and attempt != job["attemptNr"]:
            return GONE
        command: str = row["command"] or UNSET
        ends, old = status in ENDS, row["status"]
        new = "holding" if ends else status
        by_server = not job.get(OWN_DIAGNOSIS)  # the pilot did not set this status
        if new == "holding" and by_server and (old == "transferring" or (old == "holding" and ends)):
            return ENDED_ALREADY
        late = old in POST_PROCESSING and new in ("running", "starting")
        if late or (old == "holding" and new in POST_PROCESSING and not ends):
            return command
        if old == "running" and new == "starting":
            new = old
        _note_times(job, old, new)
        for argument, attribute in _DETAILS.items():
            is_dropped = argument == "meta_data" and status == "failed"  # addMetadata of 1.0.4
            if details.get(argument) not in (None, "") and not is_dropped:
                job[attribute] = str(details[argument])[: None if attribute == METADATA else 500]
        job.pop(OWN_DIAGNOSIS, None)
        if not ends and new in POST_PROCESSING:
            job[OWN_DIAGNOSIS] = f"set to {new} by the pilot at {datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
        change = "update jobs set attributes = ?, status = ?, ending = ?, changed = ? where panda_id = ?"
        state.run(change, compact_json(job), new, status if ends else "", time.time(), panda_id)
        if ends and not caller.tuning.now.adder_seconds:
            attempts.end(caller, row, status, job)
    return command


def _note_times(job: dict[str, Any], old: str, new: str) -> None:
    """Set the time of a job's start, or end, as updateJobStatus of server 1.0.4 does."""
    if old in ("sent", "starting") and new == "running":
        job["startTime"] = stored.moment(time.time())
    elif new == "holding" or (new == "transferring" and old == "running"):
        job.setdefault("endTime", stored.moment(time.time()))


def end_reported(caller: Caller, row: Row) -> None:
    """End a job whose final report was taken a while ago."""
    attempts.end(caller, row, row["ending"], json.loads(row["attributes"]))
