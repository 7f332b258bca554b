"""Tasks of the PanDA server in miniature: all that prun, pathena and pbook ask of it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from goclient.sandbox.http import Document
from goclient.sandbox.panda import builds, jedi, jobs
from goclient.sandbox.panda.api import Api, Caller, in_range, refusal, success
from goclient.sandbox.panda.outputs import KINDS
from goclient.sandbox.state import Row, State, compact_json

# Codes of insertTaskParamsPanda, which panda-client is given as ``data``.
DUPLICATE, UNREGISTERED = 2, 4
ENDED = ("done", "finished", "failed", "aborted")
UNSUCCESSFUL = ("failed", "cancelled", "closed")
TIME = "%Y-%m-%d %H:%M:%S"

routes = Api()


# --- submission ---


@routes.method("task/submit", "POST")
def submit(caller: Caller, task_parameters: dict[str, Any], parent_tid: int | None = None) -> Document:
    """Take a task and make its jobs at once; what the real JEDI would find wrong later is said now."""
    state, name = caller.state, task_parameters.get("taskName")
    if not isinstance(name, str):
        return refusal("failed to register task", UNREGISTERED)
    prefix = f"user.{caller.username.partition('@')[0]}."
    if not name.startswith(prefix) and not caller.is_production:
        return refusal(f"taskName={name} is not yours: it must begin with {prefix}", UNREGISTERED)
    try:
        task = jedi.refine(task_parameters, site=_choose_site(state, task_parameters), url=state.fact("url"))
        with state.transaction():
            if task_parameters.get("uniqueTaskName") is True and (known := _duplicate(caller, name)):
                return refusal(known, DUPLICATE)
            now = time.time()
            values = {"owner": caller.id, "name": name, "parameters": compact_json(task_parameters)}
            task_id = state.insert("jedi_tasks", {**values, "created": now, "changed": now})
            library = None
            if task.build is not None:
                library = builds.Library.new(task_id)
                job = jedi.build_job(task, task.build, library, task_id)
                _store(caller, job, task_id)
            for record, job in enumerate(jedi.jobs_of(task, task_id, library), 1):
                _store(caller, job, task_id, record=record, waits=library is not None)
    except jedi.TaskRefused as error:
        return refusal(str(error), UNREGISTERED)
    return success(task_id, f"succeeded. new jediTaskID={task_id}")


def _store(caller: Caller, job: dict[str, Any], task_id: int, **more: Any) -> None:
    """Store a job of a task; raise TaskRefused if the database refuses its row."""
    if jobs.store(caller, job, task=task_id, **more) is None:
        raise jedi.TaskRefused("failed to generate jobs: a value is too long for its column, or has a NUL")


def _choose_site(state: State, parameters: dict[str, Any]) -> str:
    """Return the queue that the task's jobs go to; raise TaskRefused if there is none."""
    rows = state.rows("select name from queues where status = 'online' order by rowid")
    queues = [row["name"] for row in rows]
    excluded = parameters.get("excludedSite") or []
    wanted = [parameters["site"]] if parameters.get("site") else parameters.get("includedSite") or queues
    found = [one for one in wanted if one in queues and one not in excluded]
    if not found:
        raise jedi.TaskRefused(f"no candidates: no queue of {', '.join(map(str, wanted))} is online")
    return str(found[0])


def _duplicate(caller: Caller, name: str) -> str:
    """Return why a name cannot be used again, or the empty string."""
    query = "select * from jedi_tasks where owner = ? and name = ? order by task_id desc limit 1"
    row = caller.state.row(query, caller.id, name)
    if row is None:
        return ""
    status = status_of(caller.state, row)
    told = f"jediTaskID={row['task_id']} is in the {status} state for outDS={name}. "
    if status in ENDED:
        return f"{told}The sandbox does not execute a task again: use another outDS"
    return (
        f"{told}You can re-submit the task with new parameters for the same or another input "
        "once it goes into finished/failed/done. "
        "Or you can retry the task once it goes into running/finished/failed/done. "
    )


# --- questions ---


@routes.method("task/get_status", "GET")
def get_status(caller: Caller, task_id: int) -> Document:
    """Tell the status of a task."""
    row = find_task(caller.state, task_id)
    return refusal("Task not found") if row is None else success(status_of(caller.state, row))


@routes.method("task/get_details", "GET")
def get_details(
    caller: Caller, task_id: int, include_parameters: bool = False, include_status: bool = False
) -> Document:
    """Tell the data sets, jobs and figures of a task."""
    row = find_task(caller.state, task_id)
    if row is None:
        return refusal("Task not found or error retrieving the details")
    parameters, found = json.loads(row["parameters"]), [one for one in jobs_of(caller.state, task_id) if one["record"]]
    log = parameters.get("log", [])
    items = [*parameters["jobParameters"], *(log if isinstance(log, list) else [log])]
    datasets = [item["dataset"] for item in items if item.get("param_type") in KINDS]
    statuses = [job["status"] for job in found]
    details: dict[str, Any] = {
        "inDS": "",
        "outDS": ",".join(dict.fromkeys(datasets)),
        "statistics": ",".join(f"{one}*{statuses.count(one)}" for one in dict.fromkeys(statuses)),
        "PandaID": [job["panda_id"] for job in found],
        "mergeStatus": None,
        "mergePandaID": [],
    }
    details |= {"status": status_of(caller.state, row)} if include_status else {}
    return success(details | ({"cliParams": parameters.get("cliParams", "")} if include_parameters else {}))


@routes.method("task/get_detailed_info", "GET")
def get_detailed_info(caller: Caller, task_id: int) -> Document:
    """Tell all that is known of a task."""
    row = find_task(caller.state, task_id)
    if row is None:
        return refusal("Task not found or error retrieving task info")
    return success(_describe(caller.state, row))


@routes.method("task/get_tasks_detailed_info_since", "GET")
def get_tasks_detailed_info_since(
    caller: Caller, since: str | None = None, filters: str | None = None, n_tasks: int = 500
) -> Document:
    """Tell all that is known of the caller's own tasks, youngest first: those with these values, changed since then."""
    try:
        wanted = json.loads(filters) if filters else {}
        start = datetime.strptime(since, TIME).replace(tzinfo=UTC).timestamp() if since else 0.0
    except ValueError:
        return refusal("filters is not valid JSON, or since no time")
    if not isinstance(wanted, dict):
        return refusal("filters must be a JSON object")
    state = caller.state
    rows = state.rows("select * from jedi_tasks where owner = ? order by task_id desc", caller.id)
    infos = [_describe(state, row) for row in rows if _last_change(state, row) > start]
    found = [one for one in infos if all(str(one.get(name, "")) == str(value) for name, value in wanted.items())]
    return success(found[: max(n_tasks, 0)])


@routes.method("task/get_task_parameters", "GET", secure=False)
def get_task_parameters(caller: Caller, task_id: int) -> Document:
    """Tell what a task was submitted with."""
    row = find_task(caller.state, task_id)
    return refusal("Task not found") if row is None else success(json.loads(row["parameters"]))


@routes.method("task/get_job_ids", "GET")
def get_job_ids(caller: Caller, task_id: int) -> Document:
    """Tell the PandaIDs of a task's jobs."""
    return success([job["panda_id"] for job in jobs_of(caller.state, in_range(task_id))])


@routes.method("task/get_job_descriptions", "GET")
def get_job_descriptions(caller: Caller, task_id: int, unsuccessful_only: bool = False) -> Document:
    """Tell every attribute of a task's jobs."""
    found = jobs_of(caller.state, in_range(task_id))
    chosen = [job for job in found if not unsuccessful_only or job["status"] in UNSUCCESSFUL]
    return success([jobs.describe(caller.state, job["panda_id"]) for job in chosen])


# --- what is known ---


def find_task(state: State, task_id: int) -> Row | None:
    """Return a task, None if it is not known."""
    return state.row("select * from jedi_tasks where task_id = ?", in_range(task_id))


def jobs_of(state: State, task_id: int) -> list[Row]:
    """Return the jobs of a task, the oldest first."""
    return state.rows("select * from jobs where task = ? order by panda_id", task_id)


def status_of(state: State, row: Row) -> str:
    """Return the status of a task, which is that of the last job of each input record."""
    statuses = _latest(state, row)
    if any(status not in jobs.DONE for status in statuses):
        return "ready" if set(statuses) <= {"activated", builds.WAITING} else "running"
    if row["command"] == "kill":
        return "aborted"
    good = statuses.count("finished")
    return "done" if good == len(statuses) else "finished" if good else "failed"


def _latest(state: State, row: Row) -> list[str]:
    """Return the status of the last job of each input record; a build is for none."""
    return list({job["record"]: job["status"] for job in jobs_of(state, row["task_id"]) if job["record"]}.values())


def _last_change(state: State, row: Row) -> float:
    """Return when a task, or a job of it, was changed last, in seconds."""
    return max(float(one["changed"]) for one in (row, *jobs_of(state, row["task_id"])))


def _describe(state: State, row: Row) -> dict[str, Any]:
    """Return the attributes of a task by which pbook shows it, under the server's names."""
    parameters, status = json.loads(row["parameters"]), status_of(state, row)
    statuses = _latest(state, row)
    good, bad = statuses.count("finished"), sum(statuses.count(one) for one in UNSUCCESSFUL)
    owner = state.row("select subject from identities where id = ?", row["owner"]) or {"subject": ""}
    same = ("prodSourceLabel", "vo", "processingType", "transUses", "transHome", "architecture", "site")
    return {
        **{name: parameters.get(name) for name in same},
        "jediTaskID": row["task_id"],
        "reqID": row["task_id"],
        "taskName": row["name"],
        "userName": owner["subject"].rpartition("=")[2],
        "taskType": "anal",
        "creationDate": jobs.moment(row["created"]),
        "modificationTime": jobs.moment(_last_change(state, row)),
        "status": status,
        "superStatus": status,
        "nFiles": len(statuses),
        "nFilesFinished": good,
        "nFilesFailed": bad,
        "pctFinished": 100 * good // len(statuses),
        "pctFailed": 100 * bad // len(statuses),
        "task_creation_arguments": parameters.get("cliParams"),
    }
