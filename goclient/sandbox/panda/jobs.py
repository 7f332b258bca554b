"""The jobs of the PanDA server in miniature: how they are stored, and what is told of them."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from goclient.model.records.panda_job import FILE_ATTRIBUTES, JOB_ATTRIBUTES, LOG, WIDTHS
from goclient.sandbox.state import State, dumped

DONE = ("finished", "failed", "cancelled", "closed")
FILE_WIDTHS = {"lfn": 4000, "dataset": 255, "destinationDBlock": 255, "type": 20}


def store(state: State, owner: dict[str, Any], job: dict[str, Any], *, task: int | None = None) -> int | None:
    """The PandaID of a job that is stored now, or None if the database refuses its row; ``task`` is its JEDI task."""
    if not _fits(job):
        return None
    site = str(job.get("computingSite"))
    known = state.row("select 1 from queues where name = ?", site)
    if not known:
        job["taskBufferErrorDiag"] = f"computingSite:{job.get('computingSite')} is unknown"
    values = {
        "owner": owner["id"],
        "status": "activated" if known else "failed",
        "site": site,
        "attributes": "{}",
        "changed": time.time(),
        "task": task,
    }
    panda_id = state.insert("jobs", values)
    _fill(job, panda_id, "" if task is None else str(task))
    job |= {"PandaID": panda_id, "prodUserID": owner["subject"], "attemptNr": 1}
    state.run("update jobs set attributes = ? where panda_id = ?", dumped(job), panda_id)
    return panda_id


def _fill(job: dict[str, Any], panda_id: int, task: str) -> None:
    """None, once what only the server knows is in the names and parameters of a job (insertNewJob of 1.0.4)."""

    def filled(text: str) -> str:
        return text.replace("$JOBSETID", "000000").replace("$JEDITASKID", task)

    for file in job["Files"]:
        file["PandaID"] = panda_id
        file["GUID"] = str(uuid.uuid4()) if file.get("type") == LOG else file.get("GUID")
        file["lfn"] = filled(str(file.get("lfn", "")).replace("$PANDAID", f"{panda_id:05d}"))
    job["jobName"] = str(job.get("jobName", "")).replace("$ORIGINPANDAID", str(panda_id))
    job["jobParameters"] = filled(str(job.get("jobParameters", "")))


def _fits(job: dict[str, Any]) -> bool:
    """Whether the database takes the row: widths, and no NUL."""
    texts = [value for value in job.values() if isinstance(value, str)]
    if any("\0" in text for text in texts):
        return False
    files_fit = all(len(str(file.get(n, ""))) <= w for file in job["Files"] for n, w in FILE_WIDTHS.items())
    return files_fit and all(len(str(job.get(name, ""))) <= width for name, width in WIDTHS.items())


def described(state: State, panda_id: int) -> dict[str, Any] | None:
    """Every attribute of a job and of its files, None for a job that is not known."""
    row = state.row("select * from jobs where panda_id = ?", panda_id)
    if row is None:
        return None
    job = {**json.loads(row["attributes"]), "jobStatus": row["status"]}
    files = [{name: file.get(name) for name in FILE_ATTRIBUTES} for file in job["Files"]]
    return {**{name: job.get(name) for name in JOB_ATTRIBUTES}, "Files": files}


def set_status(state: State, panda_id: int, status: str) -> None:
    """None, once the job has the status."""
    state.run("update jobs set status = ?, changed = ? where panda_id = ?", status, time.time(), panda_id)


def kill(state: State, owner: dict[str, Any], panda_id: int) -> None:
    """None, once the pilot of one's own job is to stop; a job that no pilot has yet is cancelled."""
    mine, values = "panda_id = ? and owner = ?", (panda_id, owner["id"])
    state.run(f"update jobs set command = 'tobekilled' where {mine}", *values)
    state.run(f"update jobs set status = 'cancelled' where {mine} and status = 'activated'", *values)
