"""The Globus Transfer service in miniature: it takes transfers and deletions, each once."""

from __future__ import annotations

import time
import uuid
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.globus.mover import Mover
from goclient.sandbox.globus.paths import Paths
from goclient.sandbox.globus.task_document import moment
from goclient.sandbox.http import answer, body, globus_identity, result, transfer_error
from goclient.sandbox.state import State, dumped

DEFAULT_DEADLINE = 86_400  # seconds
MAX_LABEL = 128


class Submission:
    """The routes of the Transfer service that take tasks."""

    def __init__(self, state: State, paths: Paths, mover: Mover) -> None:
        self._state = state
        self._paths = paths
        self._mover = mover

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        routes = [
            ("GET", "/submission_id", self.submission_id),
            ("POST", "/transfer", self.transfer),
            ("POST", "/delete", self.delete),
        ]
        return [Rule(f"/v0.10{path}", endpoint=handler, methods=[method]) for method, path, handler in routes]

    def submission_id(self, request: Request) -> Response:
        """A new submission id."""
        owner = globus_identity(self._state, request)["id"]
        value = str(uuid.uuid4())
        self._state.insert("submissions", {"id": value, "owner": owner})
        return answer({"DATA_TYPE": "submission_id", "value": value})

    def transfer(self, request: Request) -> Response:
        """Accepts a transfer; one sent again under the same submission id is the same task."""
        return self._submit(request, "TRANSFER", ("source_endpoint", "destination_endpoint"))

    def delete(self, request: Request) -> Response:
        """Accepts the removal of paths; one sent again under the same submission id is the same task."""
        return self._submit(request, "DELETE", ("endpoint",))

    def _submit(self, request: Request, kind: str, ends: tuple[str, ...]) -> Response:
        identity = globus_identity(self._state, request)
        wanted = body(request)
        submission = str(wanted.get("submission_id"))
        label = wanted.get("label")
        if label is not None and len(str(label)) > MAX_LABEL:
            raise transfer_error(400, "ClientError.BadRequest.LabelTooLong", "label is too long", request.path)
        for end in ends:
            self._paths.usable(request, str(wanted.get(end)))
        with self._state.transaction():
            known = self._state.row("select * from submissions where id = ? and owner = ?", submission, identity["id"])
            if known is None:
                raise transfer_error(400, "BadRequest", f"No such submission id '{submission}'", request.path)
            code = "Duplicate" if known["task_id"] else "Accepted"
            task_id = known["task_id"] or self._store(request, identity["id"], kind, [wanted[end] for end in ends])
            self._state.run("update submissions set task_id = ? where id = ?", task_id, submission)
        self._mover.wake()
        return answer(_accepted(kind, task_id, submission, code), 202)

    def _store(self, request: Request, owner: str, kind: str, ends: list[str]) -> str:
        wanted = body(request)
        items = wanted.get("DATA")
        if not isinstance(items, list) or not items:
            text = f"A {kind.lower()} requires at least one item"
            code = f"ClientError.BadRequest.No{kind.capitalize()}Items"
            raise transfer_error(400, code, text, request.path)
        values = {
            "task_id": str(uuid.uuid4()),
            "owner": owner,
            "type": kind,
            "label": wanted.get("label"),
            "status": "ACTIVE",
            "source": ends[0],
            "destination": ends[-1],
            "request_time": time.time(),
            "deadline": _deadline(request, wanted.get("deadline")),
            "items": dumped(items),
            "options": dumped({key: value for key, value in wanted.items() if key != "DATA"}),
        }
        self._state.insert("tasks", values)
        return str(values["task_id"])


def _accepted(kind: str, task_id: str, submission_id: str, code: str) -> dict[str, Any]:
    word = kind.lower()
    message = {
        "Accepted": f"The {word} has been accepted and a task has been created and queued for execution",
        "Duplicate": f"The {word} has already been submitted with this submission id",
    }[code]
    link = {
        "DATA_TYPE": "link",
        "href": f"/v0.10/task/{task_id}?format=json",
        "rel": "related",
        "resource": "task",
        "title": "related task",
    }
    answered = result(f"{word}_result", code, message, f"/v0.10/{word}")
    return {**answered, "task_id": task_id, "submission_id": submission_id, "task_link": link}


def _deadline(request: Request, text: Any) -> float:
    if not text:
        return time.time() + DEFAULT_DEADLINE
    try:
        return moment(str(text))
    except ValueError as error:
        raise transfer_error(400, "ClientError.BadRequest", "deadline is not a time", request.path) from error
