"""API of Globus Auth in miniature: identities, consents and clients."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import Any

from werkzeug.wrappers import Response

from goclient.sandbox.globus import consents, scopes
from goclient.sandbox.globus.auth import find_client
from goclient.sandbox.globus.oidc import PROVIDER, claims_of
from goclient.sandbox.http import AuthError, Document, ServiceError, answer
from goclient.sandbox.routes import Call, Routes
from goclient.sandbox.state import Row

IDENTITY_SET = "urn:globus:auth:scope:auth.globus.org:view_identity_set"

routes = Routes("/v2")


@routes.on("GET", "/oauth2/userinfo")
def userinfo(call: Call) -> Document:
    """Tell who has logged in, and under which other identities with the consent to know them."""
    row = _token_holder(call)
    held = scopes.outermost(row["scope"])
    if "openid" not in held:
        raise AuthError(403, "FORBIDDEN", "The token lacks the scope openid")
    claims = claims_of(row)
    if IDENTITY_SET in held:
        claims["identity_set"] = [{**claims_of(row), "username": row["username"]}]
    return claims


@routes.on("GET", "/api/identities")
def identities(call: Call) -> Document:
    """Show the identities with these user names or ids; leave out unknown ones."""
    _authenticate(call)
    field = "username" if "usernames" in call.args else "id"
    wanted = call.args.get("usernames", call.args.get("ids", ""))
    if not wanted:
        raise AuthError(400, "BAD_REQUEST", "Either usernames or ids is needed")
    rows = [call.state.row(f"select * from identities where {field} = ?", one) for one in wanted.split(",")]
    return {"identities": [_describe(row) for row in rows if row]}


@routes.on("GET", "/api/identities/<id>")
def identity(call: Call, id: str) -> Document:
    """Show one identity."""
    _authenticate(call)
    row = call.state.row("select * from identities where id = ?", id)
    if row is None:
        raise AuthError(404, "NOT_FOUND", f"No identity has the id {id}")
    return {"identity": _describe(row)}


@routes.on("GET", "/api/identities/<id>/consents")
def list_consents(call: Call, id: str) -> Document:
    """Show what an identity has allowed the client whose token asks."""
    row = _token_holder(call)
    if row["id"] != id:
        raise AuthError(403, "FORBIDDEN", "Only one's own consents are shown")
    return {"consents": consents.describe(call.state, id, row["client"])}


@routes.on("POST", "/api/clients")
def create_client(call: Call) -> Response:
    """Make a client for one installation of a program, as the globus command does for itself."""
    wanted = call.document().get("client") or {}
    values = {"id": str(uuid.uuid4()), "name": str(wanted.get("name")), "secret": secrets.token_urlsafe(32)}
    call.state.insert("clients", values)
    credential = {"id": str(uuid.uuid4()), "client": values["id"], "secret": values["secret"], "name": "default"}
    shown = {"id": values["id"], "name": values["name"], "public_client": False, "created": time.time()}
    return answer({"client": shown, "included": {"client_credential": credential}}, 201)


@routes.on("DELETE", "/api/clients/<id>")
def delete_client(call: Call, id: str) -> Document:
    """Remove a client that shows its own secret, with its tokens."""
    if find_client(call)["client_id"] != id:
        raise AuthError(403, "FORBIDDEN", "A client can remove itself only")
    call.state.run("delete from tokens where client = ?", id)
    call.state.run("delete from clients where id = ?", id)
    return {"client": {"id": id}}


def _token_holder(call: Call) -> Row:
    """Return the identity behind a token for Auth; raise what Auth answers to others."""
    row = call.token_holder()
    if row is None:
        raise AuthError(401, "UNAUTHORIZED", "Call must be authenticated")
    if not any(scopes.resource_server(one) == scopes.AUTH for one in scopes.outermost(row["scope"])):
        raise AuthError(403, "FORBIDDEN", "The token is not for Globus Auth")
    return row


def _authenticate(call: Call) -> None:
    """Raise what Auth answers if neither a token's holder nor a client asks."""
    if call.authorization is None or call.authorization.type != "basic":
        _token_holder(call)
        return
    try:
        find_client(call)
    except ServiceError as error:
        raise AuthError(401, "UNAUTHORIZED", "Call must be authenticated") from error


def _describe(row: Row) -> dict[str, Any]:
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
