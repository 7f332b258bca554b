"""The Globus Transfer service in miniature: tasks, shown, changed and ended."""

from __future__ import annotations

import time
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.globus.mover import Mover
from goclient.sandbox.globus.submission import MAX_LABEL
from goclient.sandbox.globus.task_document import described, event, moment, moved, passes
from goclient.sandbox.http import answer, body, globus_identity, number, result, transfer_error
from goclient.sandbox.state import State


class Tasks:
    """The routes of the Transfer service that show, change and end one's own tasks."""

    def __init__(self, state: State, mover: Mover) -> None:
        self._state = state
        self._mover = mover

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        routes = [
            ("GET", "/task_list", self.task_list),
            ("GET", "/task/<id>", self.task),
            ("PUT", "/task/<id>", self.update),
            ("POST", "/task/<id>/cancel", self.cancel),
            ("GET", "/task/<id>/event_list", self.event_list),
            ("GET", "/task/<id>/successful_transfers", self.successful_transfers),
            ("GET", "/task/<id>/skipped_errors", self.skipped_errors),
            ("GET", "/task/<id>/pause_info", self.pause_info),
        ]
        return [Rule(f"/v0.10{path}", endpoint=handler, methods=[method]) for method, path, handler in routes]

    def _task(self, request: Request, id: str) -> dict[str, Any]:
        owner = globus_identity(self._state, request)["id"]
        row = self._state.row("select * from tasks where task_id = ? and owner = ?", id, owner)
        if row is None:
            raise transfer_error(404, "TaskNotFound", f"No task found with id '{id}'", request.path)
        return row

    def task(self, request: Request, id: str) -> Response:
        """The document of a task."""
        return answer(described(self._state, self._task(request, id)))

    def task_list(self, request: Request) -> Response:
        """One's own tasks, newest first unless ordered, filtered by type, status, label, task id and times."""
        owner = globus_identity(self._state, request)["id"]
        order = "asc" if "ASC" in request.args.get("orderby", "").upper() else "desc"
        rows = self._state.rows(f"select * from tasks where owner = ? order by request_time {order}", owner)
        documents = [described(self._state, row) for row in rows]
        try:
            found = [one for one in documents if passes(one, request.args.get("filter", ""))]
        except ValueError as error:
            raise transfer_error(400, "ClientError.BadRequest", f"filter: {error}", request.path) from error
        limit, offset = number(request, "limit", 10), number(request, "offset", 0)
        return answer(
            {
                "DATA_TYPE": "task_list",
                "length": len(found[offset : offset + limit]),
                "limit": limit,
                "offset": offset,
                "total": len(found),
                "DATA": found[offset : offset + limit],
            }
        )

    def update(self, request: Request, id: str) -> Response:
        """Gives a task that is not done another label or deadline."""
        row = self._task(request, id)
        wanted = body(request)
        if row["status"] != "ACTIVE":
            raise transfer_error(409, "Conflict", "The task is complete", request.path)
        label = wanted.get("label", row["label"])
        if len(str(label or "")) > MAX_LABEL:
            raise transfer_error(400, "ClientError.BadRequest.LabelTooLong", "label is too long", request.path)
        deadline = row["deadline"]
        if wanted.get("deadline"):
            deadline = _moment(request, str(wanted["deadline"]))
        self._state.run("update tasks set label = ?, deadline = ? where task_id = ?", label, deadline, id)
        return answer(result("result", "Updated", "Updated task deadline and/or label successfully", request.path))

    def cancel(self, request: Request, id: str) -> Response:
        """Ends a task that is not done."""
        row = self._task(request, id)
        if row["status"] != "ACTIVE":
            text = "The task completed before the cancel request was processed."
            return answer(result("result", "TaskComplete", text, request.path))
        self._mover.end(id, "FAILED", {"code": "CANCELED", "description": "The task was canceled by its owner"})
        return answer(result("result", "Canceled", "The task has been cancelled successfully.", request.path))

    def event_list(self, request: Request, id: str) -> Response:
        """The events of a task, newest first."""
        self._task(request, id)
        only = {"is_error:1": " and is_error = 1", "is_error:0": " and is_error = 0"}
        chosen = only.get(request.args.get("filter", ""), "")
        rows = self._state.rows(f"select * from events where task_id = ?{chosen} order by number desc", id)
        limit, offset = number(request, "limit", 10), number(request, "offset", 0)
        events = [event(row) for row in rows[offset : offset + limit]]
        page = {"length": len(events), "limit": limit, "offset": offset, "total": len(rows)}
        return answer({"DATA_TYPE": "event_list", "DATA": events, **page})

    def successful_transfers(self, request: Request, id: str) -> Response:
        """The files that a finished task has moved."""
        row = self._task(request, id)
        if row["status"] == "ACTIVE":
            raise transfer_error(409, "Conflict", "The task is not complete", request.path)
        rows = self._state.rows("select * from transferred where task_id = ? order by rowid", id)
        first, limit = number(request, "marker", 0), number(request, "limit", 100)
        following = first + limit if first + limit < len(rows) else None
        page = {"marker": first, "next_marker": following}
        data = [moved(one) for one in rows[first : first + limit]]
        return answer({"DATA_TYPE": "successful_transfers", "DATA": data, **page})

    def skipped_errors(self, request: Request, id: str) -> Response:
        """Nothing: no task skips anything here."""
        self._task(request, id)
        return answer({"DATA_TYPE": "skipped_errors", "DATA": [], "marker": 0, "next_marker": None})

    def pause_info(self, request: Request, id: str) -> Response:
        """No rules: nobody pauses tasks here."""
        self._task(request, id)
        messages = dict.fromkeys(("source_pause_message", "destination_pause_message"))
        return answer({"DATA_TYPE": "pause_info_limited", "pause_rules": [], **messages})


def _moment(request: Request, text: str) -> float:
    try:
        seconds = moment(text)
    except ValueError as error:
        raise transfer_error(400, "ClientError.BadRequest", "deadline is not a time", request.path) from error
    if seconds <= time.time():
        raise transfer_error(400, "ClientError.BadRequest", "deadline is over", request.path)
    return seconds
