"""The Globus Transfer service in miniature: tasks, shown, changed and ended."""

from __future__ import annotations

from goclient.sandbox.globus.items import TaskError
from goclient.sandbox.globus.mover import end_task
from goclient.sandbox.globus.submission import check_label
from goclient.sandbox.globus.task_document import describe, describe_event, describe_file, passes, read_time
from goclient.sandbox.http import BadRequest, Document, TransferError
from goclient.sandbox.routes import Call, Routes
from goclient.sandbox.state import Row

routes = Routes("/v0.10")


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
    return _page(call, "event_list", [describe_event(row) for row in rows])


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
    check_label(label)
    until = read_time(str(deadline), "deadline", future=True) if deadline else row["deadline"]
    call.state.run("update tasks set label = ?, deadline = ? where task_id = ?", label, until, id)
    return call.result("Updated", "Updated task deadline and/or label successfully")


@routes.on("POST", "/task/<id>/cancel")
def cancel(call: Call, id: str) -> Document:
    """End a task that is not done."""
    if _find_task(call, id)["status"] != "ACTIVE":
        return call.result("TaskComplete", "The task completed before the cancel request was processed.")
    end_task(call.state, id, TaskError("CANCELED", "The task was canceled by its owner"))
    return call.result("Canceled", "The task has been cancelled successfully.")


@routes.on("GET", "/task/<id>/successful_transfers")
def successful_transfers(call: Call, id: str) -> Document:
    """List the files that a finished task has transferred."""
    if _find_task(call, id)["status"] == "ACTIVE":
        raise TransferError(409, "Conflict", "The task is not complete")
    rows = call.state.rows("select * from transferred where task_id = ? order by rowid", id)
    first, limit = call.number("marker", 0), call.number("limit", 100)
    following = first + limit if first + limit < len(rows) else None
    data = [describe_file(one) for one in rows[first : first + limit]]
    return {"DATA_TYPE": "successful_transfers", "DATA": data, "marker": first, "next_marker": following}


@routes.on("GET", "/task/<id>/skipped_errors")
def skipped_errors(call: Call, id: str) -> Document:
    """List nothing: no task skips anything here."""
    _find_task(call, id)
    return {"DATA_TYPE": "skipped_errors", "DATA": [], "marker": 0, "next_marker": None}


@routes.on("GET", "/task/<id>/pause_info")
def pause_info(call: Call, id: str) -> Document:
    """Show no rules: nobody pauses tasks here."""
    _find_task(call, id)
    messages = dict.fromkeys(("source_pause_message", "destination_pause_message"))
    return {"DATA_TYPE": "pause_info_limited", "pause_rules": [], **messages}
