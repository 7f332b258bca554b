"""Commands to tasks of the PanDA server in miniature: all that a user may have JEDI do."""

from __future__ import annotations

import time
from typing import Any

from goclient.sandbox.http import Document
from goclient.sandbox.panda import attempts, builds, jobs
from goclient.sandbox.panda.api import Api, Caller, in_range, refusal, success
from goclient.sandbox.panda.tasks import ENDED, UNSUCCESSFUL, find_task, jobs_of, status_of

FAILED, NOT_FOUND, IRRELEVANT = 1, 2, 4  # codes of sendCommandTaskPanda, which panda-client is given as ``data``
NOT_OWNER = "not the task owner or no production role"
RETRIED, RETRIED_WHILE = ("finished", "failed"), ("running", "scouting", "pending")

routes = Api()


@routes.method("task/kill", "POST")
def kill(caller: Caller, task_id: int, broadcast: bool = False) -> Document:
    """End a task of one's own: no job of it starts any more, and the pilots of the others are told to stop."""
    return _end(caller, in_range(task_id), "kill")


@routes.method("task/finish", "POST")
def finish(caller: Caller, task_id: int, soft: bool = False, broadcast: bool = False) -> Document:
    """Do the same; ``soft`` lets the jobs that run go on."""
    return _end(caller, in_range(task_id), "finish", soft=soft)


def _end(caller: Caller, task_id: int, command: str, *, soft: bool = False) -> Document:
    state, row = caller.state, find_task(caller.state, task_id)
    if not caller.is_production and (row is None or row["owner"] != caller.id):
        return refusal(NOT_OWNER)
    if row is None:
        return refusal(f"jediTaskID={task_id} not found", NOT_FOUND)
    status = status_of(state, row)
    if status in ENDED:
        told = f"Command rejected: the {command} command is not accepted if the task is in {status} status "
        return refusal(told, IRRELEVANT)
    with state.transaction():
        query = "update jedi_tasks set command = ?, changed = ? where task_id = ?"
        state.run(query, command, time.time(), task_id)
        for job in jobs_of(state, task_id):
            if job["status"] in ("activated", builds.WAITING) or not soft:
                jobs.kill(state, job, "JEDI")
    return success(0, f"command={command} is registered for task ID {task_id}. will be executed in a few minutes")


@routes.method("task/retry", "POST")
def retry(
    caller: Caller,
    task_id: int,
    new_parameters: dict[str, Any] | None = None,
    no_child_retry: bool = False,
    discard_events: bool = False,
    disable_staging_mode: bool = False,
    keep_gshare_priority: bool = False,
    ignore_hard_exhausted: bool = False,
) -> Document:
    """Make another job for each input record of a task of one's own whose last job failed; a refusal is a code."""
    state, row = caller.state, find_task(caller.state, in_range(task_id))
    if not caller.is_production and (row is None or row["owner"] != caller.id):
        return refusal(NOT_OWNER)
    if row is None:
        return success(NOT_FOUND, f"jediTaskID={task_id} not found")
    if new_parameters:
        return success(FAILED, "new parameter conversion failed with: the sandbox retries a task as it is")
    status = status_of(state, row)
    if status not in RETRIED and status not in RETRIED_WHILE:
        told = f"Command rejected: the retry command is not accepted if the task is in {status} status "
        return success(IRRELEVANT, told)
    with state.transaction():
        query = "update jedi_tasks set command = '', retries = retries + 1, changed = ? where task_id = ?"
        state.run(query, time.time(), task_id)
        last = {job["record"]: job for job in jobs_of(state, task_id) if job["record"]}
        for job in (one for one in last.values() if one["status"] in UNSUCCESSFUL):
            attempts.add_job(state, job)
    if status in RETRIED_WHILE:
        return success(0, f"retry has been triggered for failed jobs while the task is still {status}")
    return success(0, f"command=retry is registered for task ID {task_id}. will be executed in a few minutes")
