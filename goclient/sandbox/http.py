"""How the sandbox's services speak HTTP: a request's identity, answers, and errors in each service's own form."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from goclient.sandbox.globus.scopes import TRANSFER_SCOPE
from goclient.sandbox.state import State


def answer(document: Any, status: int = 200) -> Response:
    """A JSON response."""
    return Response(json.dumps(document), status, content_type="application/json")


class ServiceError(Exception):
    """An error that a service answers with: an HTTP status and a document."""

    def __init__(self, status: int, document: dict[str, Any] | str) -> None:
        super().__init__(str(document))
        self.status = status
        self.document = document

    def response(self) -> Response:
        """The error as a response: JSON for a document, plain text for a string."""
        if isinstance(self.document, str):
            return Response(self.document, self.status, content_type="text/plain")
        return answer(self.document, self.status)


def transfer_error(status: int, code: str, message: str, resource: str, **more: Any) -> ServiceError:
    """An error as the Transfer service words it."""
    request_id = uuid.uuid4().hex[:9]
    return ServiceError(
        status, {"code": code, "message": message, "request_id": request_id, "resource": resource, **more}
    )


def auth_error(status: int, code: str, detail: str) -> ServiceError:
    """An error as the API of Globus Auth words it."""
    title = code.replace("_", " ").title()
    one = {"id": str(uuid.uuid4()), "status": str(status), "code": code, "title": title, "detail": detail}
    return ServiceError(status, {"errors": [one], "error": code.lower(), "error_description": title})


def bearer(request: Request) -> str:
    """The token of a request, or the empty string."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def token_holder(state: State, request: Request) -> dict[str, Any] | None:
    """The identity behind a Globus token, with the token's scope, client and kind; None without a valid one."""
    row = state.row(
        "select i.*, t.scope, t.expires, t.client, t.person from tokens t join identities i on i.id = t.identity "
        "where t.access_token = ? and not t.refreshes",
        bearer(request),
    )
    return row if row is not None and row["expires"] >= time.time() else None


def globus_identity(state: State, request: Request) -> dict[str, Any]:
    """The identity behind a token for Transfer; raises what Transfer answers without one."""
    row = token_holder(state, request)
    if row is None or TRANSFER_SCOPE not in row["scope"]:
        raise transfer_error(401, "AuthenticationFailed", "Token is not valid", request.path)
    return row


def caller(state: State, request: Request) -> str:
    """The user name of whoever sends a request, with a token of Globus or of PanDA; the empty string for nobody."""
    row = token_holder(state, request) or state.row("select username from identities where token = ?", bearer(request))
    return str(row["username"]) if row else ""


def not_found(request: Request, error: HTTPException) -> Response:
    """What the real service of a path answers where it has no such route."""
    path = request.path
    if path.startswith(("/api/", "/server/")):
        return Response(f"ERROR : method {path.rsplit('/', 1)[-1]} is forbidden", 403, content_type="text/plain")
    if path.startswith("/v0.10/"):
        status = error.code or 404
        code = "ClientError.NotFound" if status == 404 else "ClientError.MethodNotAllowed"
        return transfer_error(status, code, error.description or "no such resource", path).response()
    if path.startswith("/v2/"):
        detail = {"status": str(error.code), "code": "NOT_FOUND", "title": error.name, "detail": error.description}
        return answer({"errors": [detail], "error": "not_found", "error_description": error.name}, error.code or 404)
    return Response(f"{error.code} {error.name}\n", error.code or 404, content_type="text/plain")


def body(request: Request) -> dict[str, Any]:
    """The JSON object that a request brings; raises what Transfer answers if it brings none."""
    try:
        document = json.loads(request.get_data())
    except ValueError as error:
        raise transfer_error(400, "ClientError.BadRequest", "The body is not JSON", request.path) from error
    if not isinstance(document, dict):
        raise transfer_error(400, "ClientError.BadRequest", "The body is not an object", request.path)
    return document


def number(request: Request, name: str, default: int) -> int:
    """A number of the query string, or the default."""
    try:
        return max(int(request.args.get(name, default)), 0)
    except ValueError as error:
        raise transfer_error(400, "ClientError.BadRequest", f"{name} is not a number", request.path) from error


def result(kind: str, code: str, message: str, resource: str = "/") -> dict[str, Any]:
    """A result document as Transfer words it."""
    return {
        "DATA_TYPE": kind,
        "code": code,
        "message": message,
        "request_id": secrets.token_hex(5),
        "resource": resource,
    }
