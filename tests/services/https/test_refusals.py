"""The status of an answer says which error it is; the server's words are shown, and never decide."""

from __future__ import annotations

import pytest

from goclient.errors import EndpointError
from goclient.errors.conditions import CertificateRefused, PathExists, PathNotFound, PermissionDenied, ServerFailed
from goclient.services.gsi.server import WEBDAV, Server
from goclient.services.https.refusals import Refused, refusal

DOOR = Server("door.example.org", 443, WEBDAV)


def refused(status: int, *, method: str = "GET", words: bytes = b"", **headers: str) -> EndpointError:
    return refusal(Refused(DOOR, method, "davs://door.example.org/a", "/a"), status, headers, words)


@pytest.mark.parametrize(
    ("method", "status", "kind", "code"),
    [
        ("GET", 401, CertificateRefused, "credential-refused"),
        ("GET", 403, PermissionDenied, "permission"),
        ("GET", 404, PathNotFound, "path-not-found"),
        ("GET", 410, PathNotFound, "path-not-found"),
        ("PUT", 409, EndpointError, "conflict"),
        ("MKCOL", 409, PathNotFound, "path-not-found"),
        ("MKCOL", 405, PathExists, "exists"),
        ("PUT", 405, EndpointError, f"{WEBDAV.code}-refused"),
        ("MOVE", 412, PathExists, "exists"),
        ("PUT", 413, EndpointError, "too-large"),
        ("PUT", 507, EndpointError, "full"),
        ("PUT", 500, ServerFailed, "server-failed"),
        ("PUT", 999, EndpointError, f"{WEBDAV.code}-refused"),
    ],
)
def test_a_status_is_an_error_of_its_class(method: str, status: int, kind: type[EndpointError], code: str) -> None:
    error = refused(status, method=method)
    assert (type(error), error.code, error.subject, bool(error.hint)) == (kind, code, "/a", True)
    assert f"answers {status}" in error.message
    assert f"to {method}" in error.message


@pytest.mark.parametrize(
    ("status", "passes"), [(408, True), (423, True), (429, True), (502, True), (503, True), (504, True), (500, False)]
)
def test_what_a_server_says_for_now_may_pass(status: int, passes: bool) -> None:
    assert refused(status).transient is passes


def test_the_words_of_a_server_are_shown_but_for_a_page() -> None:
    assert "to GET: no\\nspace" in refused(507, words=b"no\nspace\n").message
    assert refused(507, words=b"<html>no space</html>").message.endswith("to GET")
    assert refused(404, words="é".encode("latin-1")).message.endswith("to GET: \ufffd")


def test_a_redirect_is_told_without_its_query() -> None:
    error = refused(307, Location="https://elsewhere.example/a?signature=s3cret")
    assert error.message.endswith('leads to "https://elsewhere.example/a", where no credential is sent')
    assert (error.code, "s3cret" in error.message) == (f"{WEBDAV.code}-redirect", False)
