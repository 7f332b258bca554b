"""The Globus Transfer service in miniature: tasks, which the mover carries out."""

from __future__ import annotations

import fnmatch
import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.http import answer, body, globus_identity, number, result, transfer_error
from goclient.sandbox.mover import Mover
from goclient.sandbox.state import State, dumped
from goclient.sandbox.transfer import Transfer

DEFAULT_DEADLINE = 86_400  # seconds
MAX_LABEL = 128


class Tasks:
    """The routes of the Transfer service that take, show and end tasks."""

    def __init__(self, state: State, transfer: Transfer, mover: Mover) -> None:
        self._state = state
        self._transfer = transfer
        self._mover = mover

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        routes = [
            ("GET", "/submission_id", self.submission_id),
            ("POST", "/transfer", self.submit),
            ("GET", "/task_list", self.task_list),
            ("GET", "/task/<id>", self.task),
            ("POST", "/task/<id>/cancel", self.cancel),
            ("GET", "/task/<id>/event_list", self.event_list),
            ("GET", "/task/<id>/successful_transfers", self.successful_transfers),
        ]
        return [Rule(f"/v0.10{path}", endpoint=handler, methods=[method]) for method, path, handler in routes]

    def submission_id(self, request: Request) -> Response:
        """A new submission id."""
        owner = globus_identity(self._state, request)["id"]
        value = str(uuid.uuid4())
        self._state.insert("submissions", {"id": value, "owner": owner})
        return answer({"DATA_TYPE": "submission_id", "value": value})

    def submit(self, request: Request) -> Response:
        """Accepts a transfer; one sent again under the same submission id is the same task."""
        identity = globus_identity(self._state, request)
        wanted = body(request)
        submission = str(wanted.get("submission_id"))
        label = wanted.get("label")
        if label is not None and len(str(label)) > MAX_LABEL:
            raise transfer_error(400, "ClientError.BadRequest.LabelTooLong", "label is too long", request.path)
        for end in ("source_endpoint", "destination_endpoint"):
            self._transfer.usable(request, str(wanted.get(end)))
        with self._state.transaction():
            known = self._state.row("select * from submissions where id = ? and owner = ?", submission, identity["id"])
            if known is None:
                raise transfer_error(400, "BadRequest", f"No such submission id '{submission}'", request.path)
            if known["task_id"]:
                return answer(_accepted(known["task_id"], submission, "Duplicate"), 202)
            task_id = self._store(request, identity["id"], wanted)
            self._state.run("update submissions set task_id = ? where id = ?", task_id, submission)
        self._mover.wake()
        return answer(_accepted(task_id, submission, "Accepted"), 202)

    def _store(self, request: Request, owner: str, wanted: dict[str, Any]) -> str:
        items = wanted.get("DATA")
        if not isinstance(items, list) or not items:
            raise transfer_error(400, "ClientError.BadRequest", "A transfer has at least one item", request.path)
        values = {
            "task_id": str(uuid.uuid4()),
            "owner": owner,
            "label": wanted.get("label"),
            "status": "ACTIVE",
            "source": wanted["source_endpoint"],
            "destination": wanted["destination_endpoint"],
            "request_time": time.time(),
            "deadline": _deadline(request, wanted.get("deadline")),
            "items": dumped(items),
            "options": dumped({key: value for key, value in wanted.items() if key != "DATA"}),
        }
        self._state.insert("tasks", values)
        return str(values["task_id"])

    def _task(self, request: Request, id: str) -> dict[str, Any]:
        owner = globus_identity(self._state, request)["id"]
        row = self._state.row("select * from tasks where task_id = ? and owner = ?", id, owner)
        if row is None:
            raise transfer_error(404, "TaskNotFound", f"No task found with id '{id}'", request.path)
        return row

    def task(self, request: Request, id: str) -> Response:
        """The document of a task."""
        return answer(self._task_document(self._task(request, id)))

    def task_list(self, request: Request) -> Response:
        """One's own tasks, newest first unless ordered, filtered by type, status, label and task id."""
        owner = globus_identity(self._state, request)["id"]
        order = "asc" if "ASC" in request.args.get("orderby", "").upper() else "desc"
        rows = self._state.rows(f"select * from tasks where owner = ? order by request_time {order}", owner)
        documents = [self._task_document(row) for row in rows]
        found = [one for one in documents if _passes(one, request.args.get("filter", ""))]
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

    def cancel(self, request: Request, id: str) -> Response:
        """Ends a task that is not done."""
        row = self._task(request, id)
        if row["status"] != "ACTIVE":
            return answer(result("result", "TaskComplete", "The task completed before the cancel request"))
        self._mover.end(id, "FAILED", {"code": "CANCELED", "description": "The task was canceled by its owner"})
        return answer(result("result", "Canceled", "The task has been cancelled successfully."))

    def event_list(self, request: Request, id: str) -> Response:
        """The events of a task, newest first."""
        self._task(request, id)
        only = " and is_error = 1" if "is_error:1" in request.args.get("filter", "") else ""
        rows = self._state.rows(f"select * from events where task_id = ?{only} order by number desc", id)
        limit, offset = number(request, "limit", 10), number(request, "offset", 0)
        events = [
            {
                "DATA_TYPE": "event",
                "code": row["code"],
                "is_error": bool(row["is_error"]),
                "description": row["description"],
                "details": row["details"],
                "time": _iso(row["time"]),
            }
            for row in rows[offset : offset + limit]
        ]
        return answer({"DATA_TYPE": "event_list", "DATA": events, "limit": limit, "offset": offset, "total": len(rows)})

    def successful_transfers(self, request: Request, id: str) -> Response:
        """The files that a finished task has moved."""
        row = self._task(request, id)
        if row["status"] == "ACTIVE":
            raise transfer_error(409, "Conflict", "The task is not complete", request.path)
        rows = self._state.rows("select * from transferred where task_id = ? order by rowid", id)
        data = [
            {
                "DATA_TYPE": "successful_transfer",
                "source_path": one["source_path"],
                "destination_path": one["destination_path"],
                "checksum": one["checksum"],
                "checksum_algorithm": "MD5",
            }
            for one in rows
        ]
        return answer({"DATA_TYPE": "successful_transfers", "DATA": data, "marker": 0, "next_marker": None})

    def _task_document(self, row: dict[str, Any]) -> dict[str, Any]:
        options = json.loads(row["options"])
        active = row["status"] == "ACTIVE"
        troubled = active and row["nice_status"] not in ("OK", "Queued")
        seconds = max((row["completion_time"] or time.time()) - row["request_time"], 0.001)
        names = {
            end: (self._state.row("select display_name from collections where id = ?", row[end]) or {}).get(
                "display_name"
            )
            for end in ("source", "destination")
        }
        return {
            "DATA_TYPE": "task",
            "task_id": row["task_id"],
            "type": "TRANSFER",
            "status": row["status"],
            "label": row["label"],
            "owner_id": row["owner"],
            "request_time": _iso(row["request_time"]),
            "completion_time": _iso(row["completion_time"]),
            "deadline": _iso(row["deadline"]),
            "source_endpoint_id": row["source"],
            "source_endpoint_display_name": names["source"],
            "destination_endpoint_id": row["destination"],
            "destination_endpoint_display_name": names["destination"],
            "files": row["files"],
            "directories": row["directories"],
            "files_transferred": row["files_transferred"],
            "files_skipped": 0,
            "bytes_transferred": row["bytes_transferred"],
            "effective_bytes_per_second": int(row["bytes_transferred"] / seconds),
            "faults": row["faults"],
            "is_paused": False,
            "is_ok": not troubled if active else None,
            "nice_status": row["nice_status"] if active else None,
            "nice_status_short_description": row["nice_status"].lower().replace("_", " ") if troubled else None,
            "nice_status_details": None,
            "fatal_error": json.loads(row["fatal"]) if row["fatal"] else None,
            "encrypt_data": bool(options.get("encrypt_data")),
            "verify_checksum": bool(options.get("verify_checksum")),
            "sync_level": options.get("sync_level"),
            "history_deleted": False,
        }


def _accepted(task_id: str, submission_id: str, code: str) -> dict[str, Any]:
    message = {
        "Accepted": "The transfer has been accepted and a task has been created and queued for execution",
        "Duplicate": "The transfer has already been submitted with this submission id",
    }[code]
    return {**result("transfer_result", code, message), "task_id": task_id, "submission_id": submission_id}


def _deadline(request: Request, text: Any) -> float:
    if not text:
        return time.time() + DEFAULT_DEADLINE
    try:
        parsed = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise transfer_error(400, "ClientError.BadRequest", "deadline is not a time", request.path) from error
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _passes(task: dict[str, Any], filters: str) -> bool:
    """Whether a task passes a filter ``field:value,…/field:value,…``; ``~`` marks a pattern, ``!`` a negation."""
    for part in filter(None, filters.split("/")):
        field, _, values = part.partition(":")
        known = {"type": "type", "status": "status", "label": "label", "task_id": "task_id"}.get(field)
        if known and not any(_matches(str(task[known] or ""), value) for value in values.split(",")):
            return False
    return True


def _matches(text: str, value: str) -> bool:
    if value.startswith("!"):
        return not _matches(text, value[1:])
    if value.startswith("~"):
        return fnmatch.fnmatch(text.lower(), value[1:].lower())
    return text == value.removeprefix("=")
