"""Declare a route of a service: above the function that answers it, and nowhere else.

A module with routes has an object ``routes``, which ``server.py`` lists::

    routes = Routes("/v0.10")

    @routes.on("GET", "/endpoint/<id>")
    def show(call: Call, id: str) -> Document:
        ...

The function gets the call and the parts of the path that are in angle brackets (as werkzeug reads them); it returns a
document, which is sent as JSON, or a whole response, or raises a :class:`ServiceError`.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.faults import Faults
from goclient.sandbox.globus.scopes import TRANSFER_SCOPE
from goclient.sandbox.http import BadRequest, Document, TransferError
from goclient.sandbox.recorder import Recorder
from goclient.sandbox.settings import Meter, Tuning
from goclient.sandbox.state import Row, State

Handler = TypeVar("Handler", bound=Callable[..., Document | Response])


@dataclass(frozen=True, slots=True)
class Sandbox:
    """State that the services of a running sandbox share."""

    state: State
    faults: Faults = field(default_factory=Faults)
    recorder: Recorder = field(default_factory=Recorder)
    tuning: Tuning = field(default_factory=Tuning)
    meter: Meter = field(default_factory=Meter)
    new_task: threading.Event = field(default_factory=threading.Event)  # set: a transfer waits to be carried out


class Call(Request):
    """A request to a service: who sends it, what it brings, and the sandbox that it came to."""

    def __init__(self, environ: dict[str, Any], sandbox: Sandbox) -> None:
        super().__init__(environ)
        self.sandbox = sandbox
        self.state = sandbox.state

    @property
    def bearer(self) -> str:
        """Return the token of the request, or the empty string."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def token_holder(self) -> Row | None:
        """Return the identity behind a Globus token, with the token's scope, client and kind; None if it is invalid."""
        row = self.state.row(
            "select i.*, t.scope, t.expires, t.client, t.person from tokens t join identities i on i.id = t.identity "
            "where t.access_token = ? and not t.refreshes",
            self.bearer,
        )
        return row if row is not None and row["expires"] >= time.time() else None

    def transfer_user(self) -> Row:
        """Return the identity behind a token for Transfer; raise what Transfer answers without one."""
        row = self.token_holder()
        if row is None or TRANSFER_SCOPE not in row["scope"]:
            raise TransferError(401, "AuthenticationFailed", "Token is not valid")
        return row

    def panda_user(self) -> Row | None:
        """Return the identity behind a token of PanDA, None if it is not one."""
        return self.state.row("select * from identities where token = ?", self.bearer)

    def document(self) -> Document:
        """Return the JSON object that the request brings; raise what Transfer answers if it brings none."""
        try:
            document = json.loads(self.get_data())
        except ValueError as error:
            raise BadRequest("The body is not JSON") from error
        if not isinstance(document, dict):
            raise BadRequest("The body is not an object")
        return document

    def number(self, name: str, default: int) -> int:
        """Return a number of the query string, or the default; raise what Transfer answers to anything else."""
        try:
            return max(int(self.args.get(name, default)), 0)
        except ValueError as error:
            raise BadRequest(f"{name} is not a number") from error

    def result(self, code: str, message: str, *, kind: str = "result") -> Document:
        """Return a result as Transfer words it."""
        told = {"code": code, "message": message, "request_id": secrets.token_hex(5), "resource": self.path}
        return {"DATA_TYPE": kind, **told}


class Routes:
    """Routes of one service: each a method, a path below the prefix, and the function that answers."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._known: list[tuple[str, str, Callable[..., Any]]] = []

    def on(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """Declare that the function below answers a method on a path."""

        def declare(handler: Handler) -> Handler:
            self._known.append((method, f"{self._prefix}{path}", handler))
            return handler

        return declare

    def rules(self) -> list[Rule]:
        """Return the routes as werkzeug takes them."""
        return [Rule(path, endpoint=handler, methods=[method]) for method, path, handler in self._known]
