"""The Globus Transfer service in miniature: collections, paths, and tasks that the mover carries out."""

from __future__ import annotations

import fnmatch
import json
import secrets
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox import storage
from goclient.sandbox.http import answer, globus_identity, transfer_error
from goclient.sandbox.mover import Mover
from goclient.sandbox.state import State, dumped
from goclient.sandbox.storage import PERSONAL, StorageError, local_path

SCOPE = "urn:globus:auth:scope:transfer.api.globus.org:all"
DEFAULT_DEADLINE = 86_400  # seconds
MAX_LABEL = 128

# The status and the code of each trouble with a path, as the service words them.
_PATH_ERRORS = {
    "NotFound": (404, "ClientError.NotFound"),
    "PermissionDenied": (403, "EndpointPermissionDenied"),
    "NotDirectory": (502, "ExternalError.DirListingFailed.NotDirectory"),
    "GCDisconnected": (502, "ExternalError.DirListingFailed.GCDisconnected"),
    "Exists": (502, "ExternalError.MkdirFailed.Exists"),
}


class Transfer:
    """The routes of the Transfer service."""

    def __init__(self, state: State, mover: Mover) -> None:
        self._state = state
        self._mover = mover

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        routes = [
            ("GET", "/endpoint/<id>", self.show),
            ("POST", "/endpoint", self.create),
            ("DELETE", "/endpoint/<id>", self.delete),
            ("GET", "/endpoint_search", self.search),
            ("GET", "/operation/endpoint/<id>/ls", self.ls),
            ("GET", "/operation/endpoint/<id>/stat", self.stat),
            ("POST", "/operation/endpoint/<id>/mkdir", self.mkdir),
            ("GET", "/submission_id", self.submission_id),
            ("POST", "/transfer", self.submit),
            ("GET", "/task_list", self.task_list),
            ("GET", "/task/<id>", self.task),
            ("POST", "/task/<id>/cancel", self.cancel),
            ("GET", "/task/<id>/event_list", self.event_list),
            ("GET", "/task/<id>/successful_transfers", self.successful_transfers),
        ]
        return [Rule(f"/v0.10{path}", endpoint=handler, methods=[method]) for method, path, handler in routes]

    # --- collections ---

    def show(self, request: Request, id: str) -> Response:
        """The document of a collection."""
        identity = globus_identity(self._state, request)
        return answer(self._document(self._collection(request, identity, id)))

    def create(self, request: Request) -> Response:
        """A new Globus Connect Personal collection, with a setup key that works once."""
        identity = globus_identity(self._state, request)
        wanted = _body(request)
        if not wanted.get("is_globus_connect") or not wanted.get("display_name"):
            raise transfer_error(400, "BadRequest", "Only Globus Connect Personal endpoints can be made", request.path)
        values = {
            "id": str(uuid.uuid4()),
            "display_name": str(wanted["display_name"]),
            "owner": identity["id"],
            "entity_type": PERSONAL,
            "setup_key": str(uuid.uuid4()),
        }
        self._state.insert("collections", values)
        return answer(
            {
                "DATA_TYPE": "endpoint_create_result",
                "code": "Created",
                "message": "Endpoint created successfully",
                "id": values["id"],
                "globus_connect_setup_key": values["setup_key"],
                "resource": "/endpoint",
                "request_id": secrets.token_hex(5),
            },
            201,
        )

    def delete(self, request: Request, id: str) -> Response:
        """Removes a collection that one owns."""
        identity = globus_identity(self._state, request)
        collection = self._collection(request, identity, id)
        if collection["owner"] != identity["id"]:
            raise transfer_error(403, "PermissionDenied", "You are not an administrator of it", request.path)
        self._state.run("delete from collections where id = ?", id)
        return answer(_result("endpoint_delete", "Deleted", "Endpoint deleted successfully"))

    def search(self, request: Request) -> Response:
        """The collections in whose names every word of ``filter_fulltext`` begins a word, or is one."""
        identity = globus_identity(self._state, request)
        words = request.args.get("filter_fulltext", "").lower().split()
        limit, offset = _number(request, "limit", 25), _number(request, "offset", 0)
        documents = [
            self._document(one)
            for one in self._state.rows("select * from collections order by rowid")
            if one["entity_type"] != PERSONAL or one["owner"] == identity["id"]
        ]
        found = [d for d in documents if all(w in f"{d['display_name']} {d['canonical_name']}".lower() for w in words)]
        return answer(
            {
                "DATA_TYPE": "endpoint_list",
                "DATA": found[offset : offset + limit],
                "limit": limit,
                "offset": offset,
                "has_next_page": offset + limit < len(found),
            }
        )

    def _collection(self, request: Request, identity: dict[str, Any], id: str) -> dict[str, Any]:
        row = self._state.row("select * from collections where id = ?", id)
        if row is None or (row["entity_type"] == PERSONAL and row["owner"] != identity["id"]):
            raise transfer_error(404, "EndpointNotFound", f"No such endpoint '{id}'", request.path)
        return row

    def _document(self, row: dict[str, Any]) -> dict[str, Any]:
        personal = row["entity_type"] == PERSONAL
        owner = self._state.row("select * from identities where id = ?", row["owner"])
        return {
            "DATA_TYPE": "endpoint",
            "id": row["id"],
            "display_name": row["display_name"],
            "canonical_name": row["display_name"] if "#" in row["display_name"] else f"{row['owner']}#{row['id']}",
            "entity_type": row["entity_type"],
            "is_globus_connect": personal,
            "gcp_connected": storage.is_connected(row) if personal else None,
            "gcp_paused": False if personal else None,
            "globus_connect_setup_key": None,
            "high_assurance": False,
            "non_functional": False,
            "public": not personal,
            "owner_id": row["owner"],
            "owner_string": owner["username"] if owner else None,
            "default_directory": "/~/",
            "description": None,
            "host_endpoint_id": None,
            "subscription_id": None,
        }

    # --- paths ---

    def _usable(self, request: Request, id: str) -> dict[str, Any]:
        """The collection, if the token carries the consent that its data asks for."""
        identity = globus_identity(self._state, request)
        row = self._collection(request, identity, id)
        consent = f"https://auth.globus.org/scopes/{id}/data_access"
        if row["asks_consent"] and consent not in identity["scope"]:
            raise transfer_error(
                403,
                "ConsentRequired",
                "Missing required data_access consent",
                request.path,
                required_scopes=[f"{SCOPE}[*{consent}]"],
            )
        return row

    def ls(self, request: Request, id: str) -> Response:
        """The entries of a directory."""
        row = self._usable(request, id)
        path = request.args.get("path") or "/~/"
        try:
            found = storage.entries(local_path(row, path))
        except StorageError as error:
            raise _path_error(request, error, path) from error
        if request.args.get("show_hidden") in ("0", "false", "False"):
            found = [one for one in found if not one["name"].startswith(".")]
        limit, offset = _number(request, "limit", 100_000), _number(request, "offset", 0)
        return answer(
            {
                "DATA_TYPE": "file_list",
                "endpoint": id,
                "path": path.rstrip("/") + "/",
                "absolute_path": path,
                "rename_supported": True,
                "total": len(found),
                "offset": offset,
                "limit": limit,
                "DATA": found[offset : offset + limit],
            }
        )

    def stat(self, request: Request, id: str) -> Response:
        """One entry."""
        row = self._usable(request, id)
        path = request.args.get("path") or "/~/"
        try:
            return answer(storage.describe(local_path(row, path)))
        except StorageError as error:
            if error.kind == "NotFound":
                raise transfer_error(404, "NotFound", f"Path not found: '{path}'", request.path) from error
            raise _path_error(request, error, path) from error

    def mkdir(self, request: Request, id: str) -> Response:
        """Makes one directory; its parent must exist."""
        row = self._usable(request, id)
        path = str(_body(request).get("path", ""))
        try:
            try:
                local_path(row, path).mkdir()
            except FileExistsError as error:
                raise StorageError("Exists", "Path already exists") from error
            except FileNotFoundError as error:
                raise StorageError("NotFound", "Parent directory not found") from error
            except OSError as error:
                raise StorageError("PermissionDenied", str(error.strerror)) from error
        except StorageError as error:
            raise _path_error(request, error, path) from error
        return answer(_result("mkdir_result", "DirectoryCreated", "The directory was created successfully"), 202)

    # --- tasks ---

    def submission_id(self, request: Request) -> Response:
        """A new submission id."""
        owner = globus_identity(self._state, request)["id"]
        value = str(uuid.uuid4())
        self._state.insert("submissions", {"id": value, "owner": owner})
        return answer({"DATA_TYPE": "submission_id", "value": value})

    def submit(self, request: Request) -> Response:
        """Accepts a transfer; one sent again under the same submission id is the same task."""
        identity = globus_identity(self._state, request)
        wanted = _body(request)
        submission = str(wanted.get("submission_id"))
        label = wanted.get("label")
        if label is not None and len(str(label)) > MAX_LABEL:
            raise transfer_error(400, "ClientError.BadRequest.LabelTooLong", "label is too long", request.path)
        for end in ("source_endpoint", "destination_endpoint"):
            self._usable(request, str(wanted.get(end)))
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
        limit, offset = _number(request, "limit", 10), _number(request, "offset", 0)
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
            return answer(_result("result", "TaskComplete", "The task completed before the cancel request"))
        self._mover.end(id, "FAILED", {"code": "CANCELED", "description": "The task was canceled by its owner"})
        return answer(_result("result", "Canceled", "The task has been cancelled successfully."))

    def event_list(self, request: Request, id: str) -> Response:
        """The events of a task, newest first."""
        self._task(request, id)
        only = " and is_error = 1" if "is_error:1" in request.args.get("filter", "") else ""
        rows = self._state.rows(f"select * from events where task_id = ?{only} order by number desc", id)
        limit, offset = _number(request, "limit", 10), _number(request, "offset", 0)
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


def _body(request: Request) -> dict[str, Any]:
    try:
        document = json.loads(request.get_data())
    except ValueError as error:
        raise transfer_error(400, "ClientError.BadRequest", "The body is not JSON", request.path) from error
    if not isinstance(document, dict):
        raise transfer_error(400, "ClientError.BadRequest", "The body is not an object", request.path)
    return document


def _number(request: Request, name: str, default: int) -> int:
    try:
        return max(int(request.args.get(name, default)), 0)
    except ValueError as error:
        raise transfer_error(400, "ClientError.BadRequest", f"{name} is not a number", request.path) from error


def _path_error(request: Request, error: StorageError, path: str) -> Exception:
    status, code = _PATH_ERRORS[error.kind]
    return transfer_error(status, code, f"{error} (path '{path}')", request.path)


def _result(kind: str, code: str, message: str) -> dict[str, Any]:
    return {"DATA_TYPE": kind, "code": code, "message": message, "request_id": secrets.token_hex(5), "resource": "/"}


def _accepted(task_id: str, submission_id: str, code: str) -> dict[str, Any]:
    message = {
        "Accepted": "The transfer has been accepted and a task has been created and queued for execution",
        "Duplicate": "The transfer has already been submitted with this submission id",
    }[code]
    return {**_result("transfer_result", code, message), "task_id": task_id, "submission_id": submission_id}


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
