"""Globus Transfer in miniature: take tasks, each once, show, change and end them."""

from __future__ import annotations

import time
import uuid

from werkzeug.wrappers import Response

from goclient.sandbox.globus.items import TaskEvent
from goclient.sandbox.globus.mover import end_task
from goclient.sandbox.globus.paths import usable
from goclient.sandbox.globus.task_document import describe, iso, passes, read_time
from goclient.sandbox.http import BadRequest, Document, TransferError, answer
from goclient.sandbox.routes import Call, Routes
from goclient.sandbox.state import Row, compact_json

DEFAULT_DEADLINE = 86_400  # seconds
MAX_LABEL = 128
_ENDS = {"transfer": ("source_endpoint", "destination_endpoint"), "delete": ("endpoint",)}
_MESSAGES = {
    "Accepted": "The {} has been accepted and a task has been created and queued for execution",
    "Duplicate": "The {} has already been submitted with this submission id",
}

routes = Routes("/v0.10")


# --- submission ---


@routes.on("GET", "/submission_id")
def submission_id(call: Call) -> Document:
    """Give a new submission id."""
    owner = call.transfer_user()["id"]
    value = str(uuid.uuid4())
    call.state.insert("submissions", {"id": value, "owner": owner})
    return {"DATA_TYPE": "submission_id", "value": value}


@routes.on("POST", "/<any(transfer, delete):word>")
def submit(call: Call, word: str) -> Response:
    """Accept a transfer, or the removal of paths; one sent again under the same submission id is the same task."""
    owner, wanted = call.transfer_user()["id"], call.document()
    ends = _ENDS[word]
    submission = str(wanted.get("submission_id"))
    _check_label(wanted.get("label"))
    for end in ends:
        usable(call, str(wanted.get(end)))
    with call.state.transaction():
        known = call.state.row("select * from submissions where id = ? and owner = ?", submission, owner)
        if known is None:
            raise TransferError(400, "BadRequest", f"No such submission id '{submission}'")
        code = "Duplicate" if known["task_id"] else "Accepted"
        if not known["task_id"]:
            _check_pending(call, owner)
        task_id = known["task_id"] or _store(call, owner, kind=word.upper(), ends=[wanted[end] for end in ends])
        call.state.run("update submissions set task_id = ? where id = ?", task_id, submission)
    call.sandbox.new_task.set()
    href = f"/v0.10/task/{task_id}?format=json"
    link = {"DATA_TYPE": "link", "href": href, "rel": "related", "resource": "task", "title": "related task"}
    accepted = call.result(code, _MESSAGES[code].format(word), kind=f"{word}_result")
    whole = {**accepted, "task_id": task_id, "submission_id": submission, "task_link": link}
    return answer(whole, 202 if code == "Accepted" else 200)


def _check_label(label: object) -> None:
    """Raise what Transfer answers to a label that is too long."""
    if len(str(label or "")) > MAX_LABEL:
        raise TransferError(400, "ClientError.BadRequest.LabelTooLong", "label is too long")


def _check_pending(call: Call, owner: str) -> None:
    """Raise what Transfer answers to somebody who has as many tasks that are not done as one may have."""
    row = call.state.row("select count(*) as pending from tasks where owner = ? and status = 'ACTIVE'", owner)
    if row and row["pending"] >= call.sandbox.tuning.now.pending_tasks:
        text = "You have too many pending tasks; wait for some to complete"  # the code is the service's
        raise TransferError(409, "ClientError.Conflict.TooManyPendingJobs", text)


def _store(call: Call, owner: str, *, kind: str, ends: list[str]) -> str:
    """Store a new task; return its id; raise what Transfer answers to one without items, or with a wrong deadline."""
    wanted = call.document()
    items, deadline = wanted.get("DATA"), wanted.get("deadline")
    if not isinstance(items, list) or not items:
        code = f"ClientError.BadRequest.No{kind.capitalize()}Items"
        raise TransferError(400, code, f"A {kind.lower()} requires at least one item")
    task_id = str(uuid.uuid4())
    values = {
        "task_id": task_id,
        "owner": owner,
        "type": kind,
        "label": wanted.get("label"),
        "status": "ACTIVE",
        "source": ends[0],
        "destination": ends[-1],
        "request_time": time.time(),
        "deadline": read_time(str(deadline), "deadline") if deadline else time.time() + DEFAULT_DEADLINE,
        "items": compact_json(items),
        "options": compact_json({key: value for key, value in wanted.items() if key != "DATA"}),
    }
    call.state.insert("tasks", values)
    return task_id


# --- one's own tasks ---


def _find_task(call: Call, id: str) -> Row:
    """Return one of the caller's own tasks; raise what Transfer answers if there is none."""
    owner = call.transfer_user()["id"]
    row = call.state.row("select * from tasks where task_id = ? and owner = ?", id, owner)
    if row is None:
        raise TransferError(404, "TaskNotFound", f"No task found with id '{id}'")
    return row


@routes.on("GET", "/task/<id>")
def show(call: Call, id: str) -> Document:
    """Show a task."""
    return describe(call.state, _find_task(call, id))


@routes.on("GET", "/task_list")
def task_list(call: Call) -> Document:
    """List one's own tasks, newest first unless ordered, filtered by type, status, label, task id and times."""
    owner = call.transfer_user()["id"]
    order = "asc" if "ASC" in call.args.get("orderby", "").upper() else "desc"
    rows = call.state.rows(f"select * from tasks where owner = ? order by request_time {order}", owner)
    documents = [describe(call.state, row) for row in rows]
    try:
        found = [one for one in documents if passes(one, call.args.get("filter", ""))]
    except ValueError as error:
        raise BadRequest(f"filter: {error}") from error
    return _page(call, "task_list", found)


@routes.on("GET", "/task/<id>/event_list")
def event_list(call: Call, id: str) -> Document:
    """List the events of a task, newest first."""
    _find_task(call, id)
    only = {"is_error:1": " and is_error = 1", "is_error:0": " and is_error = 0"}
    chosen = only.get(call.args.get("filter", ""), "")
    rows = call.state.rows(f"select * from events where task_id = ?{chosen} order by number desc", id)
    events = []
    for row in rows:
        told = {name: row[name] for name in ("code", "description", "details")}
        flags = {"is_error": bool(row["is_error"]), "time": iso(row["time"])}
        events.append({"DATA_TYPE": "event", **told, **flags})
    return _page(call, "event_list", events)


def _page(call: Call, kind: str, found: list[Document]) -> Document:
    """Return the part of a list that the query asks for."""
    limit, offset = call.number("limit", 10), call.number("offset", 0)
    data = found[offset : offset + limit]
    page = {"length": len(data), "limit": limit, "offset": offset, "total": len(found)}
    return {"DATA_TYPE": kind, **page, "DATA": data}


@routes.on("PUT", "/task/<id>")
def update(call: Call, id: str) -> Document:
    """Give a task that is not done another label or deadline."""
    row = _find_task(call, id)
    wanted = call.document()
    if row["status"] != "ACTIVE":
        raise TransferError(409, "Conflict", "The task is complete")
    label, deadline = wanted.get("label", row["label"]), wanted.get("deadline")
    _check_label(label)
    until = read_time(str(deadline), "deadline", future=True) if deadline else row["deadline"]
    call.state.run("update tasks set label = ?, deadline = ? where task_id = ?", label, until, id)
    return call.result("Updated", "Updated task deadline and/or label successfully")


@routes.on("POST", "/task/<id>/cancel")
def cancel(call: Call, id: str) -> Document:
    """End a task that is not done."""
    if _find_task(call, id)["status"] != "ACTIVE":
        return call.result("TaskComplete", "The task completed before the cancel request was processed.")
    end_task(call.state, id, TaskEvent("CANCELED", "The task was canceled by its owner"))
    return call.result("Canceled", "The task has been cancelled successfully.")


@routes.on("GET", "/task/<id>/successful_transfers")
def successful_transfers(call: Call, id: str) -> Document:
    """List the files that a finished task has transferred."""
    if _find_task(call, id)["status"] == "ACTIVE":
        raise TransferError(409, "Conflict", "The task is not complete")
    rows = call.state.rows("select * from transferred where task_id = ? order by rowid", id)
    first, limit = call.number("marker", 0), call.number("limit", 100)
    following = first + limit if first + limit < len(rows) else None
    same: Document = {"DATA_TYPE": "successful_transfer", "checksum_algorithm": "MD5", "dynamic": False}
    names = ("source_path", "destination_path", "size", "checksum")
    data = [{**same, **{name: row[name] for name in names}} for row in rows[first : first + limit]]
    return {"DATA_TYPE": "successful_transfers", "DATA": data, "marker": first, "next_marker": following}


@routes.on("GET", "/task/<id>/skipped_errors")
def list_skipped(call: Call, id: str) -> Document:
    """List nothing: no task skips anything here."""
    _find_task(call, id)
    return {"DATA_TYPE": "skipped_errors", "DATA": [], "marker": 0, "next_marker": None}


@routes.on("GET", "/task/<id>/pause_info")
def pause_info(call: Call, id: str) -> Document:
    """Show no rules: nobody pauses tasks here."""
    _find_task(call, id)
    messages = dict.fromkeys(("source_pause_message", "destination_pause_message"))
    return {"DATA_TYPE": "pause_info_limited", "pause_rules": [], **messages}
