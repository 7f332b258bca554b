"""Globus Auth in miniature: tokens for service clients."""

from __future__ import annotations

import secrets
import time
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.http import ServiceError, answer
from goclient.sandbox.state import State

LIFETIME = 172_800  # seconds, as the service's
AUTH = "auth.globus.org"


class Auth:
    """The routes of Globus Auth."""

    def __init__(self, state: State) -> None:
        self._state = state

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        return [Rule("/v2/oauth2/token", endpoint=self.token, methods=["POST"])]

    def token(self, request: Request) -> Response:
        """Tokens for a client that shows its secret, one for each resource server that its scopes name."""
        given = request.authorization
        client = self._state.row("select * from identities where client_id = ?", given.username if given else "")
        if client is None or not secrets.compare_digest(client["client_secret"], str(given and given.password)):
            raise ServiceError(401, {"error": "invalid_client"})
        if request.form.get("grant_type") != "client_credentials":
            raise ServiceError(400, {"error": "unsupported_grant_type"})
        by_server: dict[str, list[str]] = {}
        for scope in request.form.get("scope", "").split(" "):
            if scope:
                by_server.setdefault(_resource_server(scope), []).append(scope)
        if not by_server:
            raise ServiceError(400, {"error": "invalid_scope"})
        first, *others = [self._issue(client["id"], server, scopes) for server, scopes in by_server.items()]
        return answer({**first, "other_tokens": others})

    def _issue(self, identity: str, server: str, scopes: list[str]) -> dict[str, Any]:
        scope = " ".join(scopes)
        token = "sandbox." + secrets.token_urlsafe(32)
        values = {"access_token": token, "identity": identity, "scope": scope, "expires": time.time() + LIFETIME}
        self._state.insert("tokens", values)
        granted = " ".join(one.partition("[")[0] for one in scopes)
        return {
            "access_token": token,
            "scope": granted,
            "expires_in": LIFETIME,
            "token_type": "Bearer",
            "resource_server": server,
        }


def _resource_server(scope: str) -> str:
    if scope.startswith("urn:globus:auth:scope:"):
        return scope.split(":")[4]
    return AUTH
