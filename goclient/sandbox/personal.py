"""The side of Globus that a Globus Connect Personal talks to: set-up with a one-time key, start."""

from __future__ import annotations

import json
import secrets

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.http import ServiceError, answer
from goclient.sandbox.state import State, dumped


class Personal:
    """The routes of the stand-in for Globus Connect Personal."""

    def __init__(self, state: State) -> None:
        self._state = state

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        return [
            Rule("/connect/setup", endpoint=self.setup, methods=["POST"]),
            Rule("/connect/start", endpoint=self.start, methods=["POST"]),
        ]

    def setup(self, request: Request) -> Response:
        """Turns a setup key, once, into the secret with which the endpoint is started."""
        key = str(json.loads(request.get_data()).get("setup_key"))
        secret = secrets.token_urlsafe(24)
        with self._state.transaction():
            row = self._state.row("select id from collections where setup_key = ?", key)
            if row is None:
                raise ServiceError(403, {"error": "the setup key is not valid, or was used before"})
            self._state.run("update collections set setup_key = null, secret = ? where id = ?", secret, row["id"])
        return answer({"id": row["id"], "secret": secret})

    def start(self, request: Request) -> Response:
        """Notes where a started endpoint's lock is, and which paths it shares."""
        given = json.loads(request.get_data())
        changed = self._state.run(
            "update collections set lock_file = ?, allowed = ? where id = ? and secret = ?",
            str(given.get("lock_file")),
            dumped(given.get("allowed")),
            str(given.get("id")),
            str(given.get("secret")),
        )
        if not changed:
            raise ServiceError(403, {"error": "the endpoint is gone, or its secret is wrong"})
        return answer({})
