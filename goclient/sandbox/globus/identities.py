"""The API of Globus Auth in miniature: who one is, who others are, what one has consented to, clients."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.globus import consents, scopes
from goclient.sandbox.globus.auth import known_client
from goclient.sandbox.http import ServiceError, answer, auth_error, body, token_holder
from goclient.sandbox.panda.oidc import PROVIDER, claims_of
from goclient.sandbox.state import State

IDENTITY_SET = "urn:globus:auth:scope:auth.globus.org:view_identity_set"


class Identities:
    """The routes of Globus Auth that tell of identities, consents and clients."""

    def __init__(self, state: State) -> None:
        self._state = state

    def rules(self) -> list[Rule]:
        """The routes and their handlers."""
        routes = [
            ("GET", "/oauth2/userinfo", self.userinfo),
            ("GET", "/api/identities", self.identities),
            ("GET", "/api/identities/<id>", self.identity),
            ("GET", "/api/identities/<id>/consents", self.consents),
            ("POST", "/api/clients", self.create_client),
            ("DELETE", "/api/clients/<id>", self.delete_client),
        ]
        return [Rule(f"/v2{path}", endpoint=handler, methods=[method]) for method, path, handler in routes]

    def _holder(self, request: Request) -> dict[str, Any]:
        """Whoever has a token for Auth; raises what Auth answers to others."""
        row = token_holder(self._state, request)
        if row is None:
            raise auth_error(401, "UNAUTHORIZED", "Call must be authenticated")
        if not any(scopes.resource_server(one) == scopes.AUTH for one in scopes.outermost(row["scope"])):
            raise auth_error(403, "FORBIDDEN", "The token is not for Globus Auth")
        return row

    def userinfo(self, request: Request) -> Response:
        """Who has logged in, and under which other identities with the consent to know them."""
        row = self._holder(request)
        held = scopes.outermost(row["scope"])
        if "openid" not in held:
            raise auth_error(403, "FORBIDDEN", "The token lacks the scope openid")
        claims = claims_of(row)
        if IDENTITY_SET in held:
            claims["identity_set"] = [{**claims_of(row), "username": row["username"]}]
        return answer(claims)

    def identities(self, request: Request) -> Response:
        """The identities with these user names or ids; unknown ones are left out."""
        self._authenticated(request)
        field = "username" if "usernames" in request.args else "id"
        wanted = request.args.get("usernames", request.args.get("ids", ""))
        if not wanted:
            raise auth_error(400, "BAD_REQUEST", "Either usernames or ids is needed")
        rows = [self._state.row(f"select * from identities where {field} = ?", one) for one in wanted.split(",")]
        return answer({"identities": [_identity(row) for row in rows if row]})

    def identity(self, request: Request, id: str) -> Response:
        """One identity."""
        self._authenticated(request)
        row = self._state.row("select * from identities where id = ?", id)
        if row is None:
            raise auth_error(404, "NOT_FOUND", f"No identity has the id {id}")
        return answer({"identity": _identity(row)})

    def _authenticated(self, request: Request) -> None:
        """None, if a token's holder or a client asks; raises what Auth answers to others."""
        if request.authorization is not None and request.authorization.type == "basic":
            try:
                known_client(self._state, request)
            except ServiceError as error:
                raise auth_error(401, "UNAUTHORIZED", "Call must be authenticated") from error
            return
        self._holder(request)

    def consents(self, request: Request, id: str) -> Response:
        """What an identity has allowed the client whose token asks."""
        row = self._holder(request)
        if row["id"] != id:
            raise auth_error(403, "FORBIDDEN", "Only one's own consents are shown")
        return answer({"consents": consents.listed(self._state, id, row["client"])})

    def create_client(self, request: Request) -> Response:
        """A client for one installation of a program, as the globus command makes it for itself."""
        wanted = body(request).get("client") or {}
        values = {"id": str(uuid.uuid4()), "name": str(wanted.get("name")), "secret": secrets.token_urlsafe(32)}
        self._state.insert("clients", values)
        credential = {"id": str(uuid.uuid4()), "client": values["id"], "secret": values["secret"], "name": "default"}
        shown = {"id": values["id"], "name": values["name"], "public_client": False, "created": time.time()}
        return answer({"client": shown, "included": {"client_credential": credential}}, 201)

    def delete_client(self, request: Request, id: str) -> Response:
        """Removes a client that shows its own secret, with its tokens."""
        if known_client(self._state, request)["client_id"] != id:
            raise auth_error(403, "FORBIDDEN", "A client can remove itself only")
        self._state.run("delete from tokens where client = ?", id)
        self._state.run("delete from clients where id = ?", id)
        return answer({"client": {"id": id}})


def _identity(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "username": row["username"],
        "name": row["subject"].rpartition("=")[2],
        "email": row["username"],
        "organization": "Sandbox",
        "identity_provider": PROVIDER,
        "identity_type": "login",
        "status": "used",
    }
