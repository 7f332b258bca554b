"""The Globus Transfer service in miniature: it takes transfers and deletions, each once."""

from __future__ import annotations

import time
import uuid

from werkzeug.wrappers import Response

from goclient.sandbox.globus.paths import usable
from goclient.sandbox.globus.task_document import read_time
from goclient.sandbox.http import Document, TransferError, answer
from goclient.sandbox.routes import Call, Routes
from goclient.sandbox.state import compact_json

DEFAULT_DEADLINE = 86_400  # seconds
MAX_LABEL = 128
_MESSAGES = {
    "Accepted": "The {} has been accepted and a task has been created and queued for execution",
    "Duplicate": "The {} has already been submitted with this submission id",
}

routes = Routes("/v0.10")


@routes.on("GET", "/submission_id")
def submission_id(call: Call) -> Document:
    """Give a new submission id."""
    owner = call.transfer_user()["id"]
    value = str(uuid.uuid4())
    call.state.insert("submissions", {"id": value, "owner": owner})
    return {"DATA_TYPE": "submission_id", "value": value}


@routes.on("POST", "/transfer")
def transfer(call: Call) -> Response:
    """Accept a transfer; one sent again under the same submission id is the same task."""
    return _submit(call, "TRANSFER", ("source_endpoint", "destination_endpoint"))


@routes.on("POST", "/delete")
def delete(call: Call) -> Response:
    """Accept the removal of paths; one sent again under the same submission id is the same task."""
    return _submit(call, "DELETE", ("endpoint",))


def _submit(call: Call, kind: str, ends: tuple[str, ...]) -> Response:
    owner, wanted, word = call.transfer_user()["id"], call.document(), kind.lower()
    submission = str(wanted.get("submission_id"))
    check_label(wanted.get("label"))
    for end in ends:
        usable(call, str(wanted.get(end)))
    with call.state.transaction():
        known = call.state.row("select * from submissions where id = ? and owner = ?", submission, owner)
        if known is None:
            raise TransferError(400, "BadRequest", f"No such submission id '{submission}'")
        code = "Duplicate" if known["task_id"] else "Accepted"
        task_id = known["task_id"] or _store(call, owner, kind=kind, ends=[wanted[end] for end in ends])
        call.state.run("update submissions set task_id = ? where id = ?", task_id, submission)
    call.sandbox.new_task.set()
    href = f"/v0.10/task/{task_id}?format=json"
    link = {"DATA_TYPE": "link", "href": href, "rel": "related", "resource": "task", "title": "related task"}
    accepted = call.result(code, _MESSAGES[code].format(word), kind=f"{word}_result")
    return answer({**accepted, "task_id": task_id, "submission_id": submission, "task_link": link}, 202)


def check_label(label: object) -> None:
    """Raise what Transfer answers to a label that is too long."""
    if len(str(label or "")) > MAX_LABEL:
        raise TransferError(400, "ClientError.BadRequest.LabelTooLong", "label is too long")


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
