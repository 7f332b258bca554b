"""Errors of Globus become what a user can act on: the kind of error, its code, and whether it may pass."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import globus_sdk
import pytest

from goclient.config.connections import Connections
from goclient.errors import EndpointError, GoclientError, LoginNeeded, RequestError
from goclient.errors.conditions import (
    Disconnected,
    EndpointNotFound,
    NotADirectory,
    PathExists,
    PathNotFound,
    PermissionDenied,
    StorageDenied,
    TooManyTasks,
)
from goclient.model.endpoint import GlobusEndpoint
from goclient.services.globus import app, json_service
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.errors import Redirected
from goclient.services.globus.json_service import Manner
from goclient.services.globus.login import whoami
from goclient.services.globus.rest import RestTransfer
from goclient.services.globus.sdk import Globus
from goclient.services.globus.transfers import Transfers
from tests import faults
from tests.faults import FaultyServer
from tests.web_server import Request, Response, answering

ID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"
AT = GlobusEndpoint(ID)
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
        self.moved = (0, "")  # a redirect of everything that is no route to a token: its status, and where to
        self.token_moved = (0, "")
        self.url = ""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with served() as state:
        for name in ("AUTH", "TRANSFER"):
            monkeypatch.setenv(f"GLOBUS_SDK_SERVICE_URL_{name}", f"{state.url}/")
        monkeypatch.setenv("GLOBUS_SDK_ENVIRONMENT", "goclient-test")
        monkeypatch.setattr(json_service, "RETRIES", 0)
        yield state


@pytest.fixture
def elsewhere() -> Iterator[Service]:
    """A second server, which nobody may ask."""
    with served() as state:
        yield state


@contextmanager
def served() -> Iterator[Service]:
    state = Service()

    def answer(request: Request) -> Response:
        state.requests.append(f"{request.method} {request.path.split('?')[0]}")
        token = request.path.startswith("/v2/oauth2/token")
        status, document = state.token if token else (state.status, state.document)
        moved, location = state.token_moved if token else state.moved
        return Response(document, moved or status, location=location + request.path if moved else "")

    with answering(answer) as state.url:
        yield state


def globus() -> Globus:
    asked = Globus(GlobusAccess(ID, "secret"))
    asked._client.retry_config.max_retries = 0  # how often the SDK tries is the SDK's to test
    return asked


def on_a_node() -> RestTransfer:
    url = globus_sdk.config.get_service_url("transfer")
    return RestTransfer(url, lambda *, refused="", scopes=(): "token", Manner(patience=0.0))


def refused(ask: Callable[[Transfers], object]) -> GoclientError:
    """The error of globus-sdk's client, and of a node's: the same."""
    raised = []
    for asked in (globus(), on_a_node()):
        with pytest.raises(GoclientError) as one:
            ask(asked)
        raised.append(one.value)
    first, second = raised
    assert (type(first), first.transient, first.findings) == (type(second), second.transient, second.findings)
    return first


def asked_once(collection_id: str) -> None:
    """Asks for a collection; the login is not tried again either."""
    asked = globus()
    asked._client._app._login_client.retry_config.max_retries = 0  # type: ignore[union-attr]
    asked.collection(GlobusEndpoint(collection_id))


def error(status: int, code: str, **more: Any) -> tuple[int, Any]:
    return status, {"code": code, "message": "its words", "request_id": "r1", "resource": "/x", **more}


ERRORS = [
    pytest.param(error(404, "EndpointNotFound"), EndpointNotFound, "endpoint-not-found", False, id="no collection"),
    pytest.param(error(404, "ClientError.NotFound"), PathNotFound, "path-not-found", False, id="no path"),
    pytest.param(error(403, "EndpointPermissionDenied"), StorageDenied, "permission", False, id="storage denies"),
    pytest.param(error(403, "PermissionDenied"), PermissionDenied, "permission", False, id="roles deny"),
    pytest.param(
        error(502, "ExternalError.DirListingFailed.NotDirectory"), NotADirectory, "not-a-directory", False, id="a file"
    ),
    pytest.param(
        error(502, "ExternalError.DirListingFailed.GCDisconnected"), Disconnected, "disconnected", False, id="asleep"
    ),
    pytest.param(
        error(502, "ExternalError.DirListingFailed.LoginFailed"), EndpointError, "storage-login", False, id="no login"
    ),
    pytest.param(error(502, "EndpointError"), EndpointError, "globus", True, id="storage in trouble"),
    pytest.param(error(503, "ServiceUnavailable"), EndpointError, "globus", True, id="service away"),
    pytest.param(error(429, "TooManyRequests"), EndpointError, "globus", True, id="too many requests"),
    pytest.param(error(409, "Conflict"), EndpointError, "globus", False, id="something else"),
    pytest.param(
        error(409, "ClientError.Conflict.TooManyPendingJobs"), TooManyTasks, "too-many-tasks", True, id="too many tasks"
    ),
    pytest.param(error(502, "ExternalError.RenameFailed.Exists"), PathExists, "exists", False, id="a taken name"),
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
    raised = refused(lambda asked: asked.listing(GlobusEndpoint(ID, "SITE1"), "/data/"))
    assert (type(raised), raised.code, raised.transient) == (kind, code, transient)
    assert "SITE1:/data/" in raised.message + raised.subject
    if isinstance(answer[1], dict) and "message" in answer[1] and code != "login-needed":
        assert "its words" in raised.message


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
    raised = refused(lambda asked: asked.listing(GlobusEndpoint(ID, "my site"), "/data/"))
    assert isinstance(raised, LoginNeeded)
    assert raised.code == code
    assert raised.hint == f"type: goclient login {options}".rstrip()


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


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "GLOBUS_SDK_VERIFY_SSL"])
def test_a_private_authority_counts_for_a_pilot_s_transfers(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    made = faults.certificate(tmp_path)
    (bundle,) = made.trusting.glob("*.0")
    with FaultyServer(faults.replies(faults.document({"value": ID})), tls=made.context) as transfer:
        monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_TRANSFER", transfer.url)
        monkeypatch.setenv("GOCLIENT_CLIENT_ID", ID)
        monkeypatch.setenv("GOCLIENT_CLIENT_SECRET", "secret of a client")
        with pytest.raises(EndpointError, match="is not trusted"):
            Connections().transfer(60.0).submission_id()
        assert transfer.requests == []
        monkeypatch.setenv(name, str(bundle))
        assert Connections().transfer(60.0).submission_id() == ID


# --- redirects ----------------------------------------------------------------------------------------------

REDIRECTS = [300, 301, 302, 303, 307, 308]


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda asked: asked.listing(AT, "/"), id="get"),
        pytest.param(lambda asked: asked.mkdir(AT, "/x"), id="post"),
    ],
)
def test_a_redirect_of_transfer_is_not_followed(
    service: Service, elsewhere: Service, status: int, ask: Callable[[Transfers], object]
) -> None:
    service.moved = status, elsewhere.url
    raised = refused(ask)
    assert f'"{elsewhere.url}/v0.10/' in raised.message
    assert raised.code == "redirected"
    assert elsewhere.requests == []
    assert len(service.requests) == 3, "the token, and one request of each"


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_of_a_service_s_token_request_is_not_followed(
    service: Service, elsewhere: Service, status: int
) -> None:
    service.token_moved = status, elsewhere.url
    with pytest.raises(EndpointError, match="which is not followed"):
        asked_once(ID)
    assert (service.requests, elsewhere.requests) == (["POST /v2/oauth2/token"], [])


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_of_a_code_a_refresh_token_or_a_token_to_revoke_is_not_followed(
    service: Service, elsewhere: Service, status: int
) -> None:
    service.token_moved = status, elsewhere.url
    with app.native_client(GlobusAccess(ID)) as client:
        asks: list[Callable[[], object]] = [
            lambda: client.oauth2_refresh_token("secret"),
            lambda: client.oauth2_revoke_token("secret"),
            lambda: client.oauth2_token({"grant_type": "authorization_code", "code": "secret"}),
        ]
        for ask in asks:
            with pytest.raises(Redirected, match="which is not followed") as raised:
                ask()
            assert "secret" not in str(raised.value)
    assert (len(service.requests), elsewhere.requests) == (3, [])


@pytest.mark.parametrize("where", ["", "http://[::1", "//", "?code=secret"])
def test_a_redirect_to_nowhere_is_one(service: Service, where: str) -> None:
    service.moved = 302, where
    raised = refused(lambda asked: asked.submission_id())
    assert "which is not followed" in raised.message
    assert "secret" not in raised.message


# --- answers of a wrong type, and which service it was --------------------------------------------------------


@pytest.mark.parametrize("value", [None, 3, True, [], {}, "x", [3], [{}], [{"scope_name": 3, "status": "approved"}]])
@pytest.mark.parametrize("field", ["sub", "preferred_username", "consents"])
def test_an_identity_of_a_wrong_type_is_the_service_s_fault(service: Service, field: str, value: Any) -> None:
    good = {"sub": ID, "preferred_username": "me@x.org", "consents": [{"scope_name": "s", "status": "approved"}]}
    token = {**TOKEN, "resource_server": "auth.globus.org", "scope": "openid profile email"}
    service.token = 200, token
    service.document = good
    assert whoami(GlobusAccess(ID, "secret")).consents == ("s",)
    service.document = {**good, field: value}
    if (field, value) in [("preferred_username", "x"), ("consents", [])]:
        assert whoami(GlobusAccess(ID, "secret")).id == ID
        return
    with pytest.raises(EndpointError) as raised:
        whoami(GlobusAccess(ID, "secret"))
    assert raised.value.code == "globus-answer"


@pytest.mark.parametrize(
    "answer", [{"DATA": 3}, {"DATA": None}, {"DATA": [3]}, {"DATA": {}}, {"DATA": [{"name": 3, "type": "dir"}]}, [], 3]
)
def test_a_list_of_a_wrong_type_is_the_service_s_fault(service: Service, answer: Any) -> None:
    service.document = answer
    asks: list[Callable[[Globus], object]] = [
        lambda asked: asked.listing(AT, "/"),
        lambda asked: asked.access_rules(AT),
        lambda asked: asked.resolve("x"),
        lambda asked: asked.search("x"),
        lambda asked: asked.tasks_labelled("x"),
        lambda asked: asked.submission_id(),
    ]
    for ask in asks:
        with pytest.raises(EndpointError) as raised:
            ask(globus())
        assert raised.value.code == "globus-answer"


@pytest.mark.parametrize("field", ["code", "message", "request_id", "required_scopes", "authorization_parameters"])
@pytest.mark.parametrize("value", [None, 3, True, [], {}, "\u001b[31m"])
def test_an_error_of_a_wrong_type_is_an_error(service: Service, field: str, value: Any) -> None:
    status, document = error(403, "ConsentRequired")
    service.status, service.document = status, {**document, field: value}
    refused(lambda asked: asked.submission_id())
    service.status = 200
    service.token = 400, {"error": value}
    with pytest.raises(GoclientError):
        asked_once(ID)


def test_a_login_that_is_over_says_so(service: Service) -> None:
    service.token = 400, {"error": "invalid_grant"}
    with pytest.raises(LoginNeeded, match="invalid_grant; it is over, or was taken back"):
        asked_once(ID)
    service.token = 401, {"error": "invalid_client"}
    with pytest.raises(LoginNeeded, match=r"refused the login: invalid_client$"):
        asked_once(ID)


def test_too_many_requests_name_the_service(service: Service) -> None:
    service.status, service.document = error(429, "TooManyRequests")
    with pytest.raises(EndpointError, match="Globus Transfer: TooManyRequests"):
        globus().collection(AT)
    service.token = 429, {"error": "slow down"}
    with pytest.raises(EndpointError, match="Globus Auth: slow down") as raised:
        asked_once(ID)
    assert raised.value.transient
    assert "later" in raised.value.hint
    service.token = 429, b"<html>"
    with pytest.raises(EndpointError, match="Globus Auth: HTTP 429"):
        asked_once(ID)


@pytest.mark.parametrize(("name", "said"), [("AUTH", "Globus Auth"), ("TRANSFER", "Globus Transfer")])
def test_a_time_out_names_the_service(service: Service, monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv(f"GLOBUS_SDK_SERVICE_URL_{name}", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        asked = globus()
        login_client = asked._client._app._login_client  # type: ignore[union-attr]
        login_client.retry_config.max_retries = 0
        silent_one = login_client if name == "AUTH" else asked._client  # the other answers when it can
        silent_one.transport.http_timeout = 0.3
        with pytest.raises(EndpointError, match=f"could not be reached for .*: {said}: .*timed out"):
            asked.collection(AT)


@pytest.mark.parametrize("called", ["", "SITE1"])
def test_what_a_user_calls_a_collection_is_in_the_errors_of_changes(
    service: Service, monkeypatch: pytest.MonkeyPatch, called: str
) -> None:
    monkeypatch.setattr(Globus, "submission_id", lambda *_: ID)
    service.status, service.document = error(403, "PermissionDenied")
    for ask in (globus().mkdir, globus().remove):
        with pytest.raises(EndpointError) as raised:
            ask(GlobusEndpoint(ID, called), "/x")
        assert f'"{called or ID}:/x"' in raised.value.message


@pytest.mark.parametrize("said", [None, True, False])
def test_storage_that_says_so_cannot_rename(service: Service, said: bool | None) -> None:
    service.status, service.document = 200, {"DATA": [], **({} if said is None else {"rename_supported": said})}
    assert globus().listing(AT, "/").can_rename is (said is not False)
