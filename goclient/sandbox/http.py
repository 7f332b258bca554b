"""Answers of the sandbox's services: JSON documents, and errors in each service's own form."""

from __future__ import annotations

import json
import math
import uuid
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

Document = dict[str, Any]


def answer(document: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(json.dumps(document), status, content_type="application/json")


class ServiceError(Exception):
    """An error that a service answers with: an HTTP status, and a document or a text."""

    def __init__(self, status: int, document: Document | str) -> None:
        super().__init__(str(document))
        self.status = status
        self.document = document

    def response(self, path: str) -> Response:
        """Return the error as a response to a request of ``path``: JSON for a document, plain text for a text."""
        if isinstance(self.document, str):
            kind = "text/html" if self.document.startswith("<") else "text/plain"
            return Response(self.document, self.status, content_type=kind)
        return answer(self.document, self.status)


class TransferError(ServiceError):
    """An error as the Transfer service words it: its document names the path of the request."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(status, message)
        self._named = {"code": code, "message": message, "request_id": uuid.uuid4().hex[:9]}
        self._more = more

    def response(self, path: str) -> Response:
        """Return the error as a response to a request of ``path``."""
        return answer({**self._named, "resource": path, **self._more}, self.status)


class BadRequest(TransferError):
    """A request that the Transfer service does not take."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "ClientError.BadRequest", message)


class TooManyRequests(TransferError):
    """A request that Transfer does not take now, because its sender has sent too many."""

    def __init__(self, wait: float) -> None:
        super().__init__(429, "TooManyRequests", "Too many requests")  # the status is the service's, the words are ours
        self._wait = wait

    def response(self, path: str) -> Response:
        """Return the error, with the whole seconds to wait."""
        response = super().response(path)
        response.headers["Retry-After"] = str(math.ceil(self._wait))
        return response


class AuthError(ServiceError):
    """An error as the API of Globus Auth words it."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        title = code.replace("_", " ").title()
        one = {"id": str(uuid.uuid4()), "status": str(status), "code": code, "title": title, "detail": detail}
        super().__init__(status, {"errors": [one], "error": code.lower(), "error_description": title})


def failure(path: str, status: int) -> ServiceError:
    """Return the error of a service that does not work, in the form of the service that a path has."""
    code = {401: "AuthenticationFailed", 429: "TooManyRequests"}.get(status, "ServiceUnavailable")
    if path.startswith(("/api/", "/server/")):
        return ServiceError(status, "ERROR : Fault on demand")
    if path.startswith("/https/"):
        return ServiceError(status, "Fault on demand\n")
    if path.startswith("/v2/"):
        return AuthError(status, code, "Fault on demand")
    return TransferError(status, code, "Fault on demand")


def not_found(path: str, error: HTTPException) -> Response:
    """Return what the real service of a path answers where it has no such route."""
    status = error.code or 404
    if path.startswith(("/api/", "/server/")):
        return Response(f"ERROR : method {path.rsplit('/', 1)[-1]} is forbidden", 403, content_type="text/plain")
    if path.startswith("/v0.10/"):
        code = "ClientError.NotFound" if status == 404 else "ClientError.MethodNotAllowed"
        return TransferError(status, code, error.description or "no such resource").response(path)
    if path.startswith("/v2/"):
        detail = {"status": str(error.code), "code": "NOT_FOUND", "title": error.name, "detail": error.description}
        return answer({"errors": [detail], "error": "not_found", "error_description": error.name}, status)
    return Response(f"{error.code} {error.name}\n", status, content_type="text/plain")
