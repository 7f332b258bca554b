"""The token file, and the faults of Globus Auth that a login, a logout and a look at who is logged in meet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from globus_sdk.token_storage import TokenStorageData

from goclient.errors import EndpointError, GoclientError, LoginNeeded
from goclient.errors.findings import login_command
from goclient.services.globus import app
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.consents import Consents
from goclient.services.globus.login import LoginRequest, login, logout, whoami
from goclient.services.globus.login_flow import Person
from goclient.services.globus.token_file import TokenFile
from tests.commands import TIMEOUT
from tests.sandboxes import Sandbox

TRANSFER, AUTH = "transfer.api.globus.org", "auth.globus.org"


def token(server: str = TRANSFER, **more: Any) -> TokenStorageData:
    values: dict[str, Any] = {
        "resource_server": server, "identity_id": "me", "scope": "s", "access_token": f"access-{server}",
        "refresh_token": f"refresh-{server}", "expires_at_seconds": 1, "token_type": "Bearer",
    }  # fmt: skip
    return TokenStorageData(**{**values, **more})


def by_server(*tokens: TokenStorageData) -> dict[str, TokenStorageData]:
    return {one.resource_server: one for one in tokens}


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "app" / "goclient" / "tokens.json")


# --- faults of Globus Auth ----------------------------------------------------------------------------------


class Typist:
    """A person who opens what is shown, and types the code."""

    def __init__(self) -> None:
        self._code = ""
        self.person = Person(browser=False, show=self._open, ask=lambda: self._code)

    def _open(self, url: str) -> None:
        self._code = requests.get(url, timeout=TIMEOUT).headers.get("X-Sandbox-Code", "")


@pytest.fixture
def access(shared_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GlobusAccess:
    """A native client of a sandbox without trouble, with nobody logged in."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in shared_sandbox.env.items():
        if name.startswith("GLOBUS_SDK_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(app, "RETRIES", 0)  # how often the SDK tries is the SDK's to test
    requests.delete(f"{shared_sandbox.url}/sandbox/trouble", timeout=TIMEOUT)
    return GlobusAccess(shared_sandbox.env["SANDBOX_NATIVE_CLIENT_ID"])


def trouble(sandbox: Sandbox, route: str, **kind: Any) -> None:
    made = requests.post(f"{sandbox.url}/sandbox/trouble", json={"route": route, **kind}, timeout=TIMEOUT)
    assert made.ok, made.text


FAULTS = [
    pytest.param({"kind": "error", "status": 503, "document": "<html>"}, id="away"),
    pytest.param({"kind": "error", "status": 200, "document": {"unknown": 1}}, id="undocumented"),
    pytest.param({"kind": "error", "status": 200, "document": "[1, 2"}, id="half a JSON"),
    pytest.param({"kind": "reset"}, id="reset"),
    pytest.param({"kind": "truncate"}, id="truncated"),
]
ROUTES = ["POST /v2/oauth2/token", "GET /v2/oauth2/userinfo", "GET /v2/api/identities/*/consents", "GET /jwk.json"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", ROUTES)
def test_a_fault_of_globus_auth_at_a_login_is_the_service_s(
    shared_sandbox: Sandbox, access: GlobusAccess, route: str, fault: dict[str, Any]
) -> None:
    trouble(shared_sandbox, route, **fault)
    with pytest.raises(EndpointError) as raised:
        login(access, LoginRequest({}), Typist().person)
    assert raised.value.transient
    assert "the login" in raised.value.message


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_globus_auth_at_a_look_is_the_service_s_and_keeps_the_login(
    shared_sandbox: Sandbox, access: GlobusAccess, fault: dict[str, Any]
) -> None:
    me = login(access, LoginRequest({}), Typist().person)
    trouble(shared_sandbox, "GET /v2/oauth2/userinfo", times=1, **fault)
    with pytest.raises(EndpointError):
        whoami(access)
    assert whoami(access) == me


@pytest.mark.parametrize("fault", [FAULTS[0], FAULTS[3]])
def test_a_logout_that_globus_auth_does_not_hear_of_removes_the_tokens(
    shared_sandbox: Sandbox, access: GlobusAccess, fault: dict[str, Any]
) -> None:
    login(access, LoginRequest({}), Typist().person)
    trouble(shared_sandbox, "POST /v2/oauth2/token/revoke", **fault)
    done = logout(access)
    assert (done.removed, done.revoked) == (True, False)
    assert done.problem
    assert not app.token_file(access).path.exists()


def test_a_consent_that_is_not_given_is_no_success(
    shared_sandbox: Sandbox, access: GlobusAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Consents, "are_given", lambda *_: False)
    with pytest.raises(LoginNeeded) as raised:
        login(access, LoginRequest({"my data": "CONSENT1"}), Typist().person)
    assert raised.value.code == "consent-needed"
    assert raised.value.hint == "type: goclient login --endpoint 'my data'"


def test_an_identity_that_is_not_signed_for_us_is_not_believed(
    access: GlobusAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("globus_sdk.IDTokenDecoder.get_jwt_audience", lambda *_: "somebody-else")
    with pytest.raises(LoginNeeded, match="is not valid"):
        login(access, LoginRequest({}), Typist().person)
    assert app.token_file(access).get_token_data_by_resource_server() == {}


def test_a_login_without_refresh_tokens_lasts_as_long_as_its_access_tokens(access: GlobusAccess) -> None:
    login(access, LoginRequest({}), Typist().person)
    file = app.token_file(access)
    stored = file.get_token_data_by_resource_server()
    for one in stored.values():
        one.refresh_token = None
    stored[AUTH].expires_at_seconds = 4_102_444_800
    stored[TRANSFER].expires_at_seconds = 4_102_444_799
    file.store_token_data_by_resource_server(stored)
    expires = whoami(access).expires
    assert expires is not None
    assert expires.isoformat() == "2099-12-31T23:59:59+00:00"
    stored[TRANSFER].expires_at_seconds = 1
    file.store_token_data_by_resource_server(stored)
    with pytest.raises(LoginNeeded, match="nobody is logged in"):
        whoami(access)


# --- the command that a hint names --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "command"),
    [
        pytest.param([], "goclient login", id="nothing"),
        pytest.param([("--endpoint", "A"), ("--session", "mfa"), ("--endpoint", "A")],
                     "goclient login --endpoint A --session mfa", id="each once"),
        pytest.param([("--endpoint", "my data#1")], "goclient login --endpoint 'my data#1'", id="quotes"),
        pytest.param([("--endpoint", "-x")], "goclient login --endpoint=-x", id="a dash"),
    ],
)  # fmt: skip
def test_the_command_of_several_needs_is_one(options: list[tuple[str, str]], command: str) -> None:
    assert login_command(options) == command


def test_an_error_of_a_login_says_what_it_takes_in_words_and_as_options() -> None:
    error: GoclientError = LoginNeeded.to_globus("m", options=[("--endpoint", "A")] * 2, subject="A")
    assert isinstance(error, LoginNeeded)
    assert (error.hint, error.login) == ("type: goclient login --endpoint A", (("--endpoint", "A"),))
