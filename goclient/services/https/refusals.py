"""Answers of HTTP servers that are errors, as goclient's conditions: by their status alone, never by their words.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from goclient.errors import EndpointError
from goclient.errors.conditions import CertificateRefused, PathExists, PathNotFound, PermissionDenied, ServerFailed
from goclient.errors.wording import cite, quote
from goclient.services.gsi.server import Server
from goclient.services.retry import explain_limit

MOST_WORDS = 1 << 11  # bytes of what a server says in an error
_MAY_PASS = (
    HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.LOCKED, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT,
)  # fmt: skip
_DOUBTFUL = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR)
_CHECK = "check the name, and list the directory"
_KINDS: dict[int, tuple[type[EndpointError], str, str]] = {  # the class, its code if it is another, and a hint
    HTTPStatus.UNAUTHORIZED: (CertificateRefused, "credential-refused", "ask who runs the server who may use it"),
    HTTPStatus.FORBIDDEN: (PermissionDenied, "", "ask who runs the server for the right, or name another directory"),
    HTTPStatus.NOT_FOUND: (PathNotFound, "", _CHECK),
    HTTPStatus.GONE: (PathNotFound, "", _CHECK),
    HTTPStatus.PRECONDITION_FAILED: (PathExists, "", "submit again with another destination, or with --goOverwrite"),
    HTTPStatus.INSUFFICIENT_STORAGE: (EndpointError, "full", "make room there, or name another server"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (EndpointError, "too-large", "name another server, or make the file smaller"),
    HTTPStatus.CONFLICT: (EndpointError, "conflict", "a directory above it is not there, or it is a directory itself"),
    HTTPStatus.INTERNAL_SERVER_ERROR: (ServerFailed, "", "check the path, then ask who runs the server"),
}
_OF_METHOD: dict[tuple[str, int], type[EndpointError]] = {  # RFC 4918, 9.3.1
    ("MKCOL", HTTPStatus.METHOD_NOT_ALLOWED): PathExists,
    ("MKCOL", HTTPStatus.CONFLICT): PathNotFound,
}


class Refused(NamedTuple):
    """A request that a server has refused; ``what`` is the location that it was about."""

    server: Server
    method: str
    what: str
    path: str


def refusal(
    refused: Refused, status: int, headers: Mapping[str, str], words: bytes, *, is_doubtful: bool = False
) -> EndpointError:
    """Return the error that a status stands for; ``words`` are the server's own.

    ``is_doubtful``: it may be an answer to the request before this one.
    """
    server, what = refused.server, refused.what
    text = words.decode("utf-8", "replace").strip()
    text = "" if "<" in text else cite(text, 300)  # a page for browsers
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    reason = "; ".join(filter(None, (text, explain_limit(status, headers))))
    message = f"{quote(what)}: the {server.named} answers {phrase} to {refused.method}{f': {reason}' if reason else ''}"
    kind, code, hint = _KINDS.get(status, (EndpointError, f"{server.kind.code}-refused", _CHECK))
    if (special := _OF_METHOD.get((refused.method, status))) is not None:
        kind, code = special, ""
    if 300 <= status < 400:
        leads = headers.get("Location", "").partition("?")[0]  # a query may be signed
        message += f", and leads to {quote(leads)}, where no credential is sent"
        code, hint = f"{server.kind.code}-redirect", "name the server to which it leads, if you trust that one"
    may_pass = status in _MAY_PASS or (is_doubtful and status in _DOUBTFUL)
    return kind(message, hint=hint, code=code, subject=refused.path, transient=may_pass)
