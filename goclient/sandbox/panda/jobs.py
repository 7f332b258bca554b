"""Store, describe and kill the jobs of the PanDA server in miniature."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from goclient.model.records.panda_job import FILE_ATTRIBUTES, JOB_ATTRIBUTES, LOG, WIDTHS
from goclient.sandbox.panda.api import Caller
from goclient.sandbox.panda.builds import WAITING
from goclient.sandbox.state import Row, State, compact_json

DONE = ("finished", "failed", "cancelled", "closed")
TO_BE_KILLED = "tobekilled"  # the command to a job's pilot
KILLED = 100  # EC_Kill of taskbuffer/ErrorCode.py
OF_USERS = ("user", "panda")  # labels of jobs that a role of production does not kill
UNKNOWN_QUEUE = 100  # EC_Setupper of dataservice/ErrorCode.py: setupper_atlas_plugin.py
FILE_WIDTHS = {"lfn": 4000, "dataset": 255, "destinationDBlock": 255, "type": 20}


def store(
    caller: Caller, job: dict[str, Any], *, task: int | None = None, record: int | None = None, waits: bool = False
) -> int | None:
    """Store a job; return its PandaID, or None if the database refuses its row.

    ``task`` is its JEDI task, ``record`` the number of the input record that it is for; it ``waits`` for a build.
    """
    state, files = caller.state, job["Files"]
    fits = all(len(str(job.get(name, ""))) <= width for name, width in WIDTHS.items())
    fits &= all(len(str(file.get(name, ""))) <= width for file in files for name, width in FILE_WIDTHS.items())
    if not fits or any("\0" in value for value in job.values() if isinstance(value, str)):
        return None
    site, now = str(job.get("computingSite")), time.time()
    known = state.row("select 1 from queues where name = ?", site)
    if not known:
        told = f"computingSite:{job.get('computingSite')} is unknown"
        job |= {"ddmErrorCode": UNKNOWN_QUEUE, "ddmErrorDiag": told}
    values = {
        "owner": caller.id,
        "status": "failed" if not known else WAITING if waits else "activated",
        "site": site,
        "attributes": "{}",
        "changed": now,
        "task": task,
        "record": record,
    }
    panda_id = state.insert("jobs", values)
    # What only the server knows is filled in, as by insertNewJob of 1.0.4.
    for holder, name in ((job, "jobParameters"), *((file, "lfn") for file in files)):
        text = str(holder.get(name, "")).replace("$JOBSETID", "000000")
        holder[name] = text.replace("$JEDITASKID", "" if task is None else str(task))
    for file in files:
        file["PandaID"] = panda_id
        file["GUID"] = str(uuid.uuid4()) if file.get("type") == LOG else file.get("GUID")
        file["lfn"] = file["lfn"].replace("$PANDAID", f"{panda_id:05d}")
    job["jobName"] = str(job.get("jobName", "")).replace("$ORIGINPANDAID", str(panda_id))
    job |= {"PandaID": panda_id, "prodUserID": caller.subject, "creationTime": moment(now)}
    job["attemptNr"] = int(job.get("attemptNr") or 0) if task else 0  # JEDI counts from 1, the server from 0
    job["maxAttempt"] = job["attemptNr"] + 2
    state.run("update jobs set attributes = ? where panda_id = ?", compact_json(job), panda_id)
    return panda_id


def describe(state: State, panda_id: int) -> dict[str, Any] | None:
    """Return every attribute of a job and of its files, None for a job that is not known."""
    row = state.row("select * from jobs where panda_id = ?", panda_id)
    if row is None:
        return None
    job = {**json.loads(row["attributes"]), "jobStatus": row["status"]}
    files = [{name: file.get(name) for name in FILE_ATTRIBUTES} for file in job["Files"]]
    return {**{name: job.get(name) for name in JOB_ATTRIBUTES}, "Files": files}


def moment(seconds: float) -> dict[str, str]:
    """Return a time as the server's JSON has it, in UTC (encode_special_cases in panda.py of 1.0.4)."""
    return {"__datetime__": datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec="seconds")}


def kill(state: State, row: Row, by: str) -> bool:
    """Stop a job, as killJob of server 1.0.4: its pilot, if a node runs it, is told to; else it is cancelled at once.

    Return False if it is over, or was told before.
    """
    if row["status"] in DONE or row["command"] == TO_BE_KILLED:
        return False
    job = {**json.loads(row["attributes"]), "taskBufferErrorDiag": f"killed by {by}"}
    status = "running" if row["status"] == "running" else "cancelled"
    if status == "cancelled":
        job |= {"taskBufferErrorCode": KILLED, "endTime": moment(time.time())}
    change = "update jobs set command = ?, status = ?, attributes = ?, changed = ? where panda_id = ?"
    state.run(change, TO_BE_KILLED, status, compact_json(job), time.time(), row["panda_id"])
    return True


def kill_own(caller: Caller, panda_id: int) -> bool:
    """Stop a job of the caller's; return False for others, also of those with the role of production."""
    row = caller.state.row("select * from jobs where panda_id = ? and owner = ?", panda_id, caller.id)
    if row is None or (caller.is_production and json.loads(row["attributes"]).get("prodSourceLabel") in OF_USERS):
        return False
    return kill(caller.state, row, caller.subject)
