"""What Globus answers becomes what a user can act on: the kind of error, its code, and whether it may pass."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from goclient.errors import EndpointError, GoclientError, LoginNeeded, RequestError
from goclient.model.access import GlobusAccess
from goclient.services.globus import Globus

ID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"
TOKEN = {
    "access_token": "t", "scope": "urn:globus:auth:scope:transfer.api.globus.org:all", "expires_in": 3600,
    "token_type": "Bearer", "resource_server": "transfer.api.globus.org", "other_tokens": [],
}  # fmt: skip


class Service:
    """Globus Auth and Transfer on loopback: a token for everybody, and the one answer that a test sets."""

    def __init__(self) -> None:
        self.status, self.document = 200, {}  # type: int, Any
        self.token: tuple[int, Any] = (200, TOKEN)
        self.requests: list[str] = []


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.requests.append(f"{self.command} {self.path.split('?')[0]}")
            token = self.path.startswith("/v2/oauth2/token")
            status, document = state.token if token else (state.status, state.document)
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    for name in ("AUTH", "TRANSFER"):
        monkeypatch.setenv(f"GLOBUS_SDK_SERVICE_URL_{name}", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("GLOBUS_SDK_ENVIRONMENT", "goclient-test")
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def globus() -> Globus:
    asked = Globus(GlobusAccess(ID, "secret"))
    asked._client.retry_config.max_retries = 0  # how often the SDK tries is the SDK's to test
    return asked


def asked_once(collection_id: str) -> None:
    """Asks for a collection; the login is not tried again either."""
    asked = globus()
    asked._client._app._login_client.retry_config.max_retries = 0  # type: ignore[union-attr]
    asked.collection(collection_id)


def error(status: int, code: str, **more: Any) -> tuple[int, Any]:
    return status, {"code": code, "message": "its words", "request_id": "r1", "resource": "/x", **more}


ERRORS = [
    pytest.param(error(404, "EndpointNotFound"), EndpointError, "endpoint-not-found", False, id="no collection"),
    pytest.param(error(404, "ClientError.NotFound"), EndpointError, "path-not-found", False, id="no path"),
    pytest.param(error(403, "EndpointPermissionDenied"), EndpointError, "permission", False, id="storage denies"),
    pytest.param(error(403, "PermissionDenied"), EndpointError, "permission", False, id="roles deny"),
    pytest.param(
        error(502, "ExternalError.DirListingFailed.NotDirectory"), EndpointError, "not-a-directory", False, id="a file"
    ),
    pytest.param(
        error(502, "ExternalError.DirListingFailed.GCDisconnected"), EndpointError, "disconnected", False, id="asleep"
    ),
    pytest.param(
        error(502, "ExternalError.DirListingFailed.LoginFailed"), EndpointError, "storage-login", False, id="no login"
    ),
    pytest.param(error(502, "EndpointError"), EndpointError, "globus", True, id="storage in trouble"),
    pytest.param(error(503, "ServiceUnavailable"), EndpointError, "globus", True, id="service away"),
    pytest.param(error(429, "TooManyRequests"), EndpointError, "globus", True, id="too many requests"),
    pytest.param(error(409, "Conflict"), EndpointError, "globus", False, id="something else"),
    pytest.param(error(401, "AuthenticationFailed"), LoginNeeded, "login-needed", False, id="token refused"),
    pytest.param(error(400, "ClientError.AuthenticationFailed"), LoginNeeded, "login-needed", False, id="no token"),
    pytest.param(
        error(403, "Forbidden", authorization_parameters={"session_message": "log in again"}),
        LoginNeeded, "login-needed", False, id="session",
    ),
    pytest.param((500, b"<html>gateway</html>"), EndpointError, "globus", True, id="HTML"),
    pytest.param((200, {"unknown": 1}), EndpointError, "globus-answer", True, id="an undocumented answer"),
    pytest.param((200, b"[1, 2"), EndpointError, "globus-answer", True, id="half a JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "kind", "code", "transient"), ERRORS)
def test_an_answer_that_is_an_error_is_ours_with_its_words_and_the_subject(
    service: Service, answer: tuple[int, Any], kind: type[GoclientError], code: str, transient: bool
) -> None:
    service.status, service.document = answer
    with pytest.raises(GoclientError) as raised:
        globus().listing(ID, "/data/", called="SITE1")
    assert (type(raised.value), raised.value.code, raised.value.transient) == (kind, code, transient)
    assert "SITE1:/data/" in raised.value.message + raised.value.subject
    if isinstance(answer[1], dict) and "message" in answer[1] and code != "login-needed":
        assert "its words" in raised.value.message


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        pytest.param((401, {"error": "invalid_client"}), LoginNeeded, id="unknown client"),
        pytest.param((400, {"error": "invalid_grant"}), LoginNeeded, id="refused grant"),
        pytest.param((500, {"error": "away"}), EndpointError, id="in trouble"),
    ],
)
def test_a_token_that_is_not_given_is_a_login_or_the_service_s_trouble(
    service: Service, token: tuple[int, Any], kind: type[GoclientError]
) -> None:
    service.token = token
    with pytest.raises(GoclientError) as raised:
        asked_once(ID)
    assert type(raised.value) is kind
    assert str(token[1]["error"]) in raised.value.message
    assert "secret" not in raised.value.message.replace("GOCLIENT_CLIENT_SECRET", "")


CONSENT = f"urn:globus:auth:scope:transfer.api.globus.org:all[*https://auth.globus.org/scopes/{ID}/data_access]"
NEEDS = [
    pytest.param({"required_scopes": [CONSENT]}, "consent-needed", "--endpoint 'my site'", id="consent"),
    pytest.param({"required_scopes": [CONSENT, CONSENT.replace("9e", "8e")]}, "consent-needed",
                 f"--endpoint {ID} --endpoint {ID.replace('9e', '8e')}", id="two consents"),
    pytest.param({"authorization_parameters": {"required_scopes": [CONSENT], "session_required_mfa": True}},
                 "login-needed", "--endpoint 'my site' --session mfa", id="consent and session"),
    pytest.param({"authorization_parameters": {"session_required_identities": ["a", "b"]}}, "login-needed",
                 "--session identity=a --session identity=b", id="identities"),
    pytest.param({"authorization_parameters": {"session_required_policies": "p,q"}}, "login-needed",
                 "--session policy=p --session policy=q", id="policies"),
    pytest.param({"authorization_parameters": {"session_required_single_domain": ["x.org"], "session_message": "now"}},
                 "login-needed", "--session domain=x.org", id="domain"),
    pytest.param({"authorization_parameters": {"session_required_mfa": "yes"}}, "login-needed", "", id="nonsense"),
    pytest.param({}, "login-needed", "", id="no scopes"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "code", "options"), NEEDS)
def test_the_hint_of_a_missing_consent_or_session_is_the_command_that_gives_it(
    service: Service, more: dict[str, Any], code: str, options: str
) -> None:
    service.status, service.document = error(403, "ConsentRequired", **more)
    with pytest.raises(LoginNeeded) as raised:
        globus().listing(ID, "/data/", called="my site")
    assert raised.value.code == code
    assert raised.value.hint == f"type: goclient login {options}".rstrip()


def test_an_endpoint_is_created_once_even_if_the_answer_is_an_error(service: Service) -> None:
    service.status, service.document = error(503, "ServiceUnavailable")
    asked = Globus(GlobusAccess(ID, "secret"))  # with the retries that it has
    with pytest.raises(EndpointError):
        asked.create_personal("node")
    assert service.requests.count("POST /v0.10/endpoint") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("GLOBUS_SDK_VERIFY_SSL", "maybe", id="verification"),
        pytest.param("GLOBUS_SDK_SERVICE_URL_TRANSFER", "", id="a service without a place"),
    ],
)
def test_settings_that_the_sdk_cannot_use_are_named(
    service: Service, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    if value:
        monkeypatch.setenv(name, value)
    else:
        monkeypatch.delenv(name)
    with pytest.raises(RequestError, match="globus-sdk cannot be set up"):
        globus()


@pytest.mark.parametrize("value", ["no", "0", "false"])
def test_no_variable_switches_the_verification_of_certificates_off(
    service: Service, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("GLOBUS_SDK_VERIFY_SSL", value)
    asked = globus()
    assert asked._client.transport.verify_ssl is True
    assert asked._client._app._login_client.transport.verify_ssl is True  # type: ignore[union-attr]
