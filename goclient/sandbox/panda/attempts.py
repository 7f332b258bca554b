"""Further attempts of jobs: a plain job keeps its PandaID, a job of a task has another job after it, which JEDI makes.

The conditions and what is reset are those of ``retryJob`` of server 1.0.4, for a plain job, and of JEDI's
``JobGenerator`` for a task: each further job has the next ``${SN}``, and the other numbers of its input record.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import Any

from goclient.model.records.panda_job import LOG
from goclient.sandbox.panda import builds, jedi
from goclient.sandbox.panda import jobs as stored
from goclient.sandbox.panda.api import Caller
from goclient.sandbox.state import Row, State, compact_json

OF_AN_ATTEMPT = re.compile(r".*Error(Code|Diag)|transExitCode|batchID|startTime|endTime")
MORE_ATTEMPTS = 5  # that a retry of a task allows: retryTask_JEDI
LOST = 100  # EC_Watcher of jobdispatcher/ErrorCode.py
RETRIED_ERRORS = ("1200", "1201", "1213")  # of the pilot: killed by the batch system, lost, too long


def end(caller: Caller, row: Row, status: str, job: dict[str, Any]) -> None:
    """End a job, as the server's Adder does, or let it be tried again."""
    state, now, settings = caller.state, time.time(), caller.tuning.now
    killed = row["command"] == stored.TO_BE_KILLED
    if status == "failed" and killed:
        status = "cancelled"
    job.setdefault("endTime", stored.moment(now))
    store = "update jobs set attributes = ?, status = ?, ending = '', changed = ? where panda_id = ?"
    state.run(store, compact_json(job), status, now, row["panda_id"])
    if row["task"] is not None and row["record"] is None:
        builds.end(state, row, status, at=stored.moment(now))
        return
    if status != "failed":
        return
    if row["task"] is not None:
        task = state.row("select retries from jedi_tasks where task_id = ? and command = ''", row["task"])
        if task is not None and job["attemptNr"] < settings.task_attempts + MORE_ATTEMPTS * task["retries"]:
            add_job(state, row)
    elif _is_retried(job) and job["attemptNr"] < settings.plain_retries:
        reset(state, row["panda_id"])


def _is_retried(job: dict[str, Any]) -> bool:
    """Return True if the server tries a plain job again by itself."""
    tests = ("gangarobot", "hammercloud")
    return (
        job.get("prodSourceLabel") in ("user", "panda")
        and job.get("pilotErrorCode") in RETRIED_ERRORS
        and not str(job.get("processingType", "")).startswith(tests)
        and not str(job.get("computingSite", "")).startswith("ANALY_LONG_")
    )


def reset(state: State, panda_id: int) -> int:
    """Activate a plain job again, whatever becomes of its last attempt; return the number of the new one."""
    row = state.rows("select * from jobs where panda_id = ?", panda_id)[0]
    job = json.loads(row["attributes"])
    job["attemptNr"] = number = job["attemptNr"] + 1
    for name in filter(OF_AN_ATTEMPT.fullmatch, list(job)):
        del job[name]
    for file in job["Files"]:
        if file.get("type") not in ("output", LOG):
            continue
        if file["type"] == LOG:
            file["GUID"] = str(uuid.uuid4())
        old = file["lfn"]
        file["lfn"] = new = f"{re.sub(r'[.][0-9]+$', '', old)}.{number}"
        named = rf"""('|"|%20|:){re.escape(old)}('|"|%20| )"""
        job["jobParameters"] = re.sub(named, rf"\g<1>{new}\g<2>", job["jobParameters"])
    values = "attributes = ?, status = 'activated', command = '', ending = '', changed = ?"
    change = f"update jobs set {values} where panda_id = ?"
    state.run(change, compact_json(job), time.time(), panda_id)
    return int(number)


def add_job(state: State, row: Row) -> int:
    """Make one more job for the input record of a task's job; return its PandaID."""
    task = state.rows("select * from jedi_tasks where task_id = ?", row["task"])[0]
    counted = "select count(*) as jobs from jobs where task = ? and record is not null"  # a build has no number
    serial = state.rows(counted, row["task"])[0]["jobs"] + 1
    owner = state.rows("select * from identities where id = ?", row["owner"])[0]
    refined = jedi.refine(json.loads(task["parameters"]), site=row["site"], url=state.fact("url"))
    attempt = json.loads(row["attributes"])["attemptNr"] + 1
    place = jedi.Place(task["task_id"], record=row["record"], serial=serial, attempt=attempt)
    caller = Caller(state, owner["id"], owner["username"], owner["subject"])
    files = json.loads(row["attributes"])["Files"]
    library = next((builds.Library(one["lfn"], one["dataset"]) for one in files if one["type"] == "input"), None)
    job = jedi.make_job(refined, place, library)
    made = stored.store(caller, job, task=task["task_id"], record=row["record"])
    assert made is not None, "the first one fitted"
    return made


def attempt_again(state: State, panda_id: int) -> dict[str, int] | None:
    """Try a job again now, also while its last attempt still runs; return the new attempt, None for an unknown job.

    A job of a task that has not ended is failed first, as if its heartbeat was lost.
    """
    row = state.row("select * from jobs where panda_id = ?", panda_id)
    if row is None:
        return None
    if row["task"] is None:
        return {"PandaID": panda_id, "attemptNr": reset(state, panda_id)}
    if row["status"] not in stored.DONE:
        fail(state, row, code=LOST, diagnosis="lost heartbeat")
    made = add_job(state, row)
    attributes = state.rows("select attributes from jobs where panda_id = ?", made)[0]["attributes"]
    return {"PandaID": made, "attemptNr": json.loads(attributes)["attemptNr"]}


def fail(state: State, row: Row, *, code: int, diagnosis: str) -> dict[str, Any]:
    """Fail a job for the server's own reasons; return its attributes."""
    job: dict[str, Any] = json.loads(row["attributes"])
    job |= {"jobDispatcherErrorCode": code, "jobDispatcherErrorDiag": diagnosis}
    job.setdefault("endTime", stored.moment(time.time()))
    change = "update jobs set attributes = ?, status = 'failed', ending = '', changed = ? where panda_id = ?"
    state.run(change, compact_json(job), time.time(), row["panda_id"])
    return job
